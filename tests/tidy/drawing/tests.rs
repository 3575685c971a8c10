//! Workspaces and trees that break the drawing.

use serde_json::json;

use super::*;

/// The drawing as cargo would write it.
fn drawn() -> Vec<Value> {
    let dependency = |name: &&str| json!({ "name": name, "kind": null });
    let package = |&(name, imports): &(&str, &[&str])| {
        let dependencies: Vec<Value> = imports.iter().map(dependency).collect();
        json!({ "name": name, "dependencies": dependencies })
    };
    let mut members: Vec<Value> = DRAWING.iter().map(package).collect();
    let all: Vec<Value> = DRAWING.iter().map(|(name, _)| dependency(name)).collect();
    members.push(json!({ "name": BINARY, "dependencies": all }));
    members
}

#[test]
fn an_import_that_is_not_drawn_is_found() {
    let check = |package: &str, import: Value, found: Option<&str>| {
        let mut members = drawn();
        let member = members.iter_mut().find(|member| member["name"] == package);
        let member = member.expect("the package is drawn");
        member["dependencies"].as_array_mut().expect("an array").push(import);
        let offences = undrawn(&members);
        let places: Vec<(&str, &str)> = offences
            .iter()
            .map(|offence| (offence.place.as_str(), offence.found.as_str()))
            .collect();
        assert_eq!(places, found.map(|found| (package, found)).into_iter().collect::<Vec<_>>());
    };
    let import = |name: &str, kind: Option<&str>| json!({ "name": name, "kind": kind });
    check("halftone-core", import("halftone-link", None), Some("halftone-link"));
    check("halftone-core", import("halftone-link", Some("build")), Some("halftone-link"));
    check("halftone-core", import("halftone-bench", Some("dev")), None);
    check("halftone-core", import("serde", None), None);
    check(
        "halftone-dataplane",
        import("halftone-controlplane", None),
        Some("halftone-controlplane"),
    );
    check("halftone-controlplane", import("halftone-dataplane", None), Some("halftone-dataplane"));
    check("halftone-link", import("halftone-dataplane", None), Some("halftone-dataplane"));
    check("halftone-bench", import("halftone-link", None), Some("halftone-link"));
    check("halftone-kernel-tuning", import("halftone-core", None), Some("halftone-core"));
    check("halftone-dataplane", import("halftone", None), Some("halftone"));
    check("halftone", import("halftone-bench", None), None);
}

#[test]
fn packages_and_drawing_name_each_other() {
    let mut members = drawn();
    members.retain(|member| member["name"] != "halftone-bench");
    members.push(json!({ "name": "halftone-extra", "dependencies": [] }));
    let offences: Vec<String> = undrawn(&members).iter().map(ToString::to_string).collect();
    assert_eq!(
        offences,
        [
            "workspace: expected package halftone-bench, found none",
            "halftone-extra: expected a package of the drawing, found one that is not in it",
        ]
    );
}

#[test]
fn a_runtime_is_a_feature_and_traits_are_none() {
    let check = |line: &str, found: bool| {
        let tree = format!("halftone-dataplane v0.1.0\n{line}\nserde v1.0.0\n");
        assert_eq!(!runtimes(&tree).is_empty(), found, "{line}");
    };
    check("tokio feature \"rt\"", true);
    check("tokio feature \"rt\" (*)", true);
    check("tokio feature \"rt-multi-thread\"", true);
    check("tokio feature \"io-util\"", false);
    check("tokio v1.54.1", false);
    check("my-tokio feature \"rt\"", false);
    check("other feature \"rt\"", false);
}
