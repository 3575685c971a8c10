//! Addresses, registrations and selection.

use super::*;

#[test]
fn addresses() {
    for (text, expected) in [
        ("127.0.0.1:8000", Some("127.0.0.1:8000")),
        ("[::1]:80", Some("[::1]:80")),
        ("localhost:8000", Some("localhost:8000")),
        ("unix:/run/app.sock", Some("unix:/run/app.sock")),
        ("unix:relative", None),
        ("127.0.0.1", None),
        ("127.0.0.1:0", None),
        ("127.0.0.256:80", None),
        ("localhost:99999", None),
        ("", None),
        (":80", None),
        ("a b:80", None),
    ] {
        assert_eq!(Address::parse(text).map(|a| a.to_string()).as_deref(), expected, "{text:?}");
    }
}

#[test]
fn upstream_urls() {
    for (text, expected) in [
        ("http://localhost:8000", Some("localhost:8000")),
        ("http://localhost:8000/", Some("localhost:8000")),
        ("http://app", Some("app:80")),
        ("http://[::1]", Some("[::1]:80")),
        ("http://[::1]:81", Some("[::1]:81")),
        ("https://app", None),
        ("http://app/path", None),
        ("http://user@app", None),
        ("localhost:8000", None),
    ] {
        assert_eq!(
            Address::parse_url(text).map(|a| a.to_string()).as_deref(),
            expected,
            "{text:?}"
        );
    }
}

fn registration(json: &str) -> Result<Instance, Vec<InstanceError>> {
    Instance::check(serde_json::from_str(json).expect("well-formed"))
}

#[test]
fn the_quick_start_registers() {
    let instance = registration(
        r#"{"service":"user-api","addr":"127.0.0.1:8000","metadata":{"version":"v2.1","group":"canary","weight":30}}"#,
    )
    .expect("valid");
    assert_eq!((instance.group().as_str(), instance.weight()), ("canary", 30));
    let select = |pairs: &[(&str, Label)]| {
        pairs
            .iter()
            .map(|(name, label)| ((*name).to_owned(), label.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let text = |value: &str| Label::Text(value.to_owned());
    assert!(
        instance.is_selected(&select(&[("service", text("user-api")), ("version", text("v2.1"))]))
    );
    assert!(instance.is_selected(&select(&[("weight", text("30"))])));
    assert!(!instance.is_selected(&select(&[("group", text("stable"))])));
    assert!(!instance.is_selected(&select(&[("zone", text("a"))])));
}

#[test]
fn every_fault_is_reported() {
    let errors = registration(
        r#"{"service":"","addr":"nowhere","metadata":{"group":"a b","weight":-1},"ttl":"30"}"#,
    )
    .expect_err("invalid");
    assert_eq!(errors.len(), 5, "{errors:?}");
}

#[test]
fn times_to_live() {
    for (text, expected) in [
        ("30s", Some((30_000, "30s"))),
        ("90s", Some((90_000, "90s"))),
        ("60s", Some((60_000, "1m"))),
        ("5m", Some((300_000, "5m"))),
        ("1h", Some((3_600_000, "1h"))),
        ("24h", Some((86_400_000, "24h"))),
        ("25h", None),
        ("0s", None),
        ("", None),
        ("s", None),
        ("30", None),
        ("+30s", None),
        ("1.5s", None),
        ("500ms", None),
        ("99999999999999999999h", None),
        ("9999999999999999h", None),
    ] {
        let parsed = text.parse::<Ttl>().ok();
        let shown = parsed.map(|ttl| (ttl.duration().as_millis(), ttl.to_string()));
        let shown = shown.as_ref().map(|(ms, text)| (*ms, text.as_str()));
        assert_eq!(shown, expected, "{text:?}");
    }
}
