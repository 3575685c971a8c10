//! Attributes and upstreams.

use super::{Found, check_token};
use crate::policy::{Address, Attribute, CLIENT_IP, STABLE, Upstream};

pub(super) fn check_attribute(found: &mut Found, path: &str, name: &str, attribute: &Attribute) {
    found.name(path, name);
    if name == CLIENT_IP {
        found.add(path, "client.ip is always there and cannot be declared");
    }
    found.served(&format!("{path}.alias"), attribute.alias);
    if attribute.from.is_empty() {
        found.add(&format!("{path}.from"), "expected at least one source");
    }
    for (index, source) in attribute.from.iter().enumerate() {
        let path = format!("{path}.from[{index}]");
        for (field, value) in [
            ("jwt", source.jwt),
            ("tags", source.tags),
            ("geoip", source.geoip),
            ("device", source.device),
            ("signed", source.signed),
        ] {
            found.served(&format!("{path}.{field}"), value);
        }
        let other =
            [source.jwt, source.tags, source.geoip, source.device].iter().any(Option::is_some);
        let named = [&source.header, &source.cookie, &source.query]
            .iter()
            .filter(|place| place.is_some())
            .count();
        if named + usize::from(other) != 1 {
            found.add(&path, "expected exactly one of header, cookie, query");
        }
        if let Some(header) = &source.header {
            check_token(found, &format!("{path}.header"), header);
        }
        if let Some(cookie) = &source.cookie {
            check_token(found, &format!("{path}.cookie"), cookie);
        }
    }
}

pub(super) fn check_upstream(found: &mut Found, path: &str, name: &str, upstream: &Upstream) {
    found.name(path, name);
    for (field, value) in
        [("balance", upstream.balance), ("health", upstream.health), ("retry", upstream.retry)]
    {
        found.served(&format!("{path}.{field}"), value);
    }
    let timeouts = upstream.timeouts.unwrap_or_default();
    for (field, timeout) in
        [("connect", timeouts.connect), ("firstByte", timeouts.first_byte), ("idle", timeouts.idle)]
    {
        // Without an end, one instance that hangs would hold every connection there is.
        if timeout.is_some_and(|timeout| timeout.ms() == 0) {
            found.add(&format!("{path}.timeouts.{field}"), "expected at least 1ms, got \"0s\"");
        }
    }
    if !upstream.variants.contains_key(STABLE) {
        found.add(&format!("{path}.variants"), "expected a variant named \"stable\"");
    }
    for (name, variant) in &upstream.variants {
        let path = format!("{path}.variants.{name}");
        found.name(&path, name);
        if variant.select.is_empty() == variant.addresses.is_empty() {
            found.add(&path, "expected exactly one of select, addresses");
        }
        for (index, address) in variant.addresses.iter().enumerate() {
            if Address::parse(address).is_none() {
                let expected = "expected \"ip:port\", \"name:port\" or \"unix:/path\"";
                found.add(
                    &format!("{path}.addresses[{index}]"),
                    format!("{expected}, got {address:?}"),
                );
            }
        }
    }
}
