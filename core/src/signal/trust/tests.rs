//! Ranges, and the caller behind chains of proxies.

use super::*;

#[test]
fn ranges() {
    for (range, address, inside) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("0.0.0.0/0", "1.2.3.4", true),
        ("0.0.0.0/0", "::1", false),
        ("fd00::/8", "fd12::1", true),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false),
    ] {
        let range: Cidr = range.parse().expect("a range");
        assert_eq!(
            range.contains(address.parse().expect("an address")),
            inside,
            "{range:?} {address}"
        );
    }
    for text in ["", "10.0.0.0/33", "10.0.0/8", "x", "10.0.0.0/", "::/129"] {
        assert!(text.parse::<Cidr>().is_err(), "{text:?}");
    }
}

#[test]
fn default_trusts_this_host_and_none_trusts_nobody() {
    let parse = |values: &[&str]| {
        Trusted::parse(&values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>())
    };
    let local = Some(IpAddr::from([127, 3, 0, 1]));
    let other = Some(IpAddr::from([10, 0, 0, 1]));
    let default = parse(&[]).expect("default");
    assert!(default.contains(local) && default.contains(None) && !default.contains(other));
    let none = parse(&["none"]).expect("none");
    assert!(!none.contains(local) && !none.contains(None));
    let ranges = parse(&["10.0.0.0/8"]).expect("range");
    assert!(ranges.contains(other) && !ranges.contains(local));
    assert!(parse(&["10.0.0.0/8", "none"]).is_err());
}

#[test]
fn the_caller_behind_proxies() {
    let trusted = Trusted::parse(&["10.0.0.0/8".to_owned()]).expect("range");
    for (fields, expected) in [
        (&[][..], "10.0.0.1"),
        (&["192.0.2.1"][..], "192.0.2.1"),
        (&["6.6.6.6, 192.0.2.1, 10.0.0.2"][..], "192.0.2.1"),
        (&["6.6.6.6", "192.0.2.1"][..], "192.0.2.1"),
        (&["10.0.0.3, 10.0.0.2"][..], "10.0.0.3"),
        (&["192.0.2.1, unknown"][..], "10.0.0.1"),
        (&["unknown, 10.0.0.2"][..], "10.0.0.2"),
        (&["[2001:db8::1]:443"][..], "2001:db8::1"),
        (&["192.0.2.1:99"][..], "192.0.2.1"),
        (&[""][..], "10.0.0.1"),
    ] {
        let forwarded = fields.iter().map(|field| field.as_bytes());
        let client = trusted.client_ip("10.0.0.1".parse().expect("an address"), forwarded);
        assert_eq!(client.to_string(), expected, "{fields:?}");
    }
}
