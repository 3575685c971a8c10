//! The parts of the scale bench that need no processes.

use serde_json::Value;

use super::*;

fn options() -> ScaleOptions {
    ScaleOptions {
        routes: 60,
        hosts: 7,
        targets: 40,
        releases: 5,
        segments: 3,
        changes: 1,
        change: Vec::new(),
        load: 1,
        stack: StackOptions {
            connections: 1,
            engine: "auto".to_owned(),
            json: false,
            halftone: None,
        },
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_bundle_has_what_was_asked_for() {
    let bundle = read(&Bundle::new(&options(), ([127, 0, 0, 1], 80).into()).text());
    let count = |name: &str| bundle[name].as_object().expect("a map").len();
    assert_eq!((count("releases"), count("segments")), (5, 3));
    let routes = bundle["routes"].as_array().expect("a list");
    assert_eq!(routes.len(), 61);
    let hosts: std::collections::BTreeSet<String> =
        routes[..60].iter().map(|route| route["hostnames"][0].to_string()).collect();
    assert_eq!(hosts.len(), 7);
    let targets = bundle["releases"].as_object().expect("a map").values();
    let targets: usize = targets.map(|one| one["targets"].as_array().expect("a list").len()).sum();
    assert_eq!(targets, 40);
}

#[test]
fn each_change_is_one_line_of_the_bundle() {
    let mut bundle = Bundle::new(&options(), ([127, 0, 0, 1], 80).into());
    let mut before = bundle.text();
    for number in 0..3 {
        let (path, whole) = bundle.change(ChangeKind::Bundle, number);
        assert_eq!(path, "/v1/tenants/bench/bundle");
        let differs = whole.lines().zip(before.lines()).filter(|(now, then)| now != then).count();
        assert_eq!((differs, whole.lines().count()), (1, before.lines().count()));
        for kind in [ChangeKind::Route, ChangeKind::Release, ChangeKind::Segment] {
            let (path, object) = bundle.change(kind, number);
            assert!(path.starts_with("/v1/tenants/bench/bundle/"), "{path}");
            let again = bundle.change(kind, number).1;
            assert_ne!(read(&object), read(&again), "each is another one");
        }
        before = bundle.text();
    }
}
