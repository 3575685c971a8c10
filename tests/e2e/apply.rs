//! `halftone apply`: what is taken, what is refused, and how both are told.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    ports::free_address,
    readme::CANARY_BUNDLE,
    stack::{Engine, Stack, halftone},
};

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).expect("written");
}

#[test]
fn a_bundle_is_applied_from_its_file() {
    let stack = Stack::start(Engine::Epoll, &[]);
    let api = format!("http://{}", stack.api.address);
    let directory = tempfile::tempdir().expect("a directory");
    let apply = |arguments: &[&str]| {
        let mut command = halftone(&["apply", "--api", &api]);
        run(command.args(arguments).current_dir(directory.path()))
    };
    let open = CANARY_BUNDLE.replace("requires: trusted", "requires: any");
    let bad = CANARY_BUNDLE.replace("20%", "200%").replace("routes:", "ruotes:");
    write(directory.path(), "good.yaml", CANARY_BUNDLE);
    write(directory.path(), "open.yaml", &open);
    write(directory.path(), "bad.yaml", &bad);

    let (code, said, error) = apply(&["--dry-run", "good.yaml"]);
    assert!(said.ends_with(" instead of no bundle\n"), "{said}{error}");
    let stored = stack.api.call("GET", "/v1/tenants/demo/bundle", "").map(|(status, _)| status);
    assert_eq!((code, stored), (Some(0), Some(404)));

    let (code, said, error) = apply(&["good.yaml"]);
    assert_eq!(code, Some(0), "{said}{error}");
    for variant in ["canary", "stable"] {
        let path = format!(
            "good.yaml: warning: upstreams.hello.variants.{variant}: the variant has no instance"
        );
        assert!(said.contains(&path), "{said}");
    }
    assert!(said.contains("good.yaml: revision 2 of tenant \"demo\", sha256:"), "{said}");
    assert!(said.ends_with(": every connected gateway serves it\n"), "{said}");
    let (_, said, _) = apply(&["--dry-run", "good.yaml"]);
    assert!(said.contains("good.yaml: dry run: tenant \"demo\" has sha256:"), "{said}");

    let (code, said, error) = apply(&["bad.yaml"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((code, lines.len()), (Some(1), 2), "{said}{error}");
    assert!(lines[0].starts_with("bad.yaml:15:1: error: ruotes: unknown field"), "{said}");
    assert!(lines[1].starts_with("bad.yaml:25:33: error: releases.hello-v2.default"), "{said}");
    assert!(error.contains("the API refuses (422)"), "{error}");

    let warning = ["24:55: warning: releases.hello-v2", "24:55: error: releases.hello-v2"];
    let (code, said, error) = apply(&["--strict", "open.yaml"]);
    assert!(code == Some(1) && said.contains(warning[1]), "{said}{error}");
    let (code, said, error) = apply(&["--if-match", "none", "open.yaml"]);
    assert!(code == Some(1) && error.contains("(412)"), "{said}{error}");
    let digest = |said: &str| {
        let report: Value = serde_json::from_str(said).expect("JSON");
        report["digest"].as_str().expect("a digest").to_owned()
    };
    let (_, said, _) = apply(&["--json", "good.yaml"]);
    let (code, said, error) = apply(&["--if-match", &digest(&said), "open.yaml"]);
    assert!(code == Some(0) && said.contains(warning[0]), "{said}{error}");

    let (code, said, _) = apply(&["--json", "bad.yaml"]);
    let report: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, &report["ok"], &report["status"]), (Some(1), &false.into(), &422.into()));
    assert_eq!(report["errors"][0]["line"], 15, "{said}");
}

#[test]
fn what_cannot_be_asked_for_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let nobody = format!("http://{}", free_address());
    let apply = |name: &str| {
        run(halftone(&["apply", "--api", &nobody, name]).current_dir(directory.path()))
    };
    write(directory.path(), "good.yaml", CANARY_BUNDLE);
    write(directory.path(), "broken.yaml", "kind: [");
    write(directory.path(), "nobody.yaml", "kind: Bundle");
    for (name, code, expected) in [
        ("good.yaml", 1, "does not answer"),
        ("missing.yaml", 2, "missing.yaml cannot be read"),
        ("broken.yaml", 1, "1 problem in broken.yaml"),
        ("nobody.yaml", 1, "1 problem in nobody.yaml"),
    ] {
        let (found, said, error) = apply(name);
        assert!(found == Some(code) && error.contains(expected), "{name}: {said}{error}");
    }
}
