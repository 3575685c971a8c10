//! Upstreams.

use super::Found;
use crate::policy::{Address, STABLE, Upstream};

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
        found.lacking(
            &format!("{path}.variants"),
            &[STABLE],
            "expected a variant named \"stable\"",
        );
    }
    for (name, variant) in &upstream.variants {
        let path = format!("{path}.variants.{name}");
        found.name(&path, name);
        let given = [variant.select.is_empty(), variant.addresses.is_empty()];
        let given = given.iter().filter(|is_empty| !**is_empty).count();
        found.one_of(&path, &["select", "addresses"], given);
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
