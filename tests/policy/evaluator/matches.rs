//! Whether a match of a bundle holds for a request.
//!
//! Owns paths, hosts, address ranges and regular expressions, each by the simplest code that can be right.

use std::{cell::RefCell, collections::HashMap, net::IpAddr};

use serde_json::Value;

use super::{list, seen::Seen, text};

impl Seen<'_> {
    pub(super) fn matches(&self, matched: &Value) -> bool {
        let all = |field: &str, found: &dyn Fn(&str) -> Option<String>| {
            list(&matched[field]).iter().all(|one| {
                let found = found(one["name"].as_str().expect("a name"));
                if one["type"] == "RegularExpression" {
                    return found.is_some_and(|found| is_match(&text(&one["value"]), &found));
                }
                found.as_deref() == one["value"].as_str()
            })
        };
        let hosts = list(&matched["hostnames"]);
        let ranges = list(&matched["sourceRanges"]);
        (matched["method"].is_null() || matched["method"] == self.request.method.as_str())
            && (matched["path"].is_null() || self.path_matches(&matched["path"]))
            && all("headers", &|name| self.header(name))
            && all("queryParams", &|name| self.query(name))
            && all("cookies", &|name| self.cookie(name))
            && (hosts.is_empty() || hosts.iter().any(|name| host_matches(&text(name), &self.host)))
            && (ranges.is_empty() || ranges.iter().any(|range| self.is_from(&text(range))))
    }

    fn path_matches(&self, matched: &Value) -> bool {
        let value = text(&matched["value"]);
        if matched["type"] == "Exact" {
            return self.path == value;
        }
        if matched["type"] == "RegularExpression" {
            return is_match(&value, &self.path);
        }
        // Per segment: every segment of the prefix is the path's at the same place.
        let prefix = value.strip_suffix('/').unwrap_or(&value).to_owned();
        let wanted: Vec<&str> = prefix.split('/').collect();
        let found: Vec<&str> = self.path.split('/').collect();
        found.len() >= wanted.len() && found[..wanted.len()] == wanted[..]
    }

    fn is_from(&self, range: &str) -> bool {
        self.request.client_ip.parse().is_ok_and(|address| is_in(address, range))
    }
}

pub(super) fn is_in(address: IpAddr, range: &str) -> bool {
    let (network, length) = range.split_once('/').expect("a length");
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("{:032b}", u32::from(address)),
        IpAddr::V6(address) => format!("{:0128b}", u128::from(address)),
    };
    let (network, address) = (bits(network.parse().expect("an address")), bits(address));
    let length: usize = length.parse().expect("a number");
    network.len() == address.len() && network[..length] == address[..length]
}

/// Whether the whole of `value` matches: by a library's own engine, not by an automaton of ours.
fn is_match(pattern: &str, value: &str) -> bool {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, regex::Regex>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let regex = known.entry(pattern.to_owned()).or_insert_with(|| {
            regex::Regex::new(&format!("^(?:{pattern})$")).expect("a generated expression is good")
        });
        regex.is_match(value)
    })
}

pub(super) fn host_matches(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => {
            host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => name == host,
    }
}
