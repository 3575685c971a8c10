//! `halftone check`: exit codes, places, and the form of both reports.

use std::{fs, path::Path, process::Output};

use serde_json::Value;

use crate::{readme::CANARY_BUNDLE, stack::halftone};

fn check(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = halftone(&["check"]);
    let Output { status, stdout, stderr } =
        command.args(arguments).current_dir(directory).output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn files_are_checked_before_they_are_served() {
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let open = CANARY_BUNDLE.replace("requires: trusted", "requires: any");
    let bad = open.replace("20%", "200%").replace("routes:", "ruotes:");
    for (name, text) in [("good.yaml", CANARY_BUNDLE), ("open.yaml", &open), ("bad.yaml", &bad)] {
        fs::write(here.join(name), text).expect("written");
    }

    let (code, said, _) = check(here, &["good.yaml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("good.yaml: ok: the bundle sha256:"), "{said}");

    let warning = "open.yaml:24:55: warning: releases.hello-v2.overrides[0].requires: any client";
    let (code, said, _) = check(here, &["open.yaml"]);
    assert!(code == Some(0) && said.starts_with(warning), "{said}");
    let (code, said, error) = check(here, &["--strict", "open.yaml", "good.yaml"]);
    assert_eq!((code, error.as_str()), (Some(1), "error: 1 problem in 2 files\n"), "{said}");
    assert!(said.starts_with(&warning.replace("warning", "error")), "{said}");

    let (code, said, _) = check(here, &["good.yaml", "bad.yaml"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((code, lines.len()), (Some(1), 4), "{said}");
    assert!(lines[1].starts_with("bad.yaml:15:1: error: ruotes: unknown field"), "{said}");
    assert!(lines[2].starts_with("bad.yaml:25:33: error: releases.hello-v2.default"), "{said}");
    assert!(lines[3].starts_with("bad.yaml:24:55: warning: "), "{said}");

    let (code, said, _) = check(here, &["--json", "bad.yaml", "good.yaml"]);
    let report: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((code, &report[0]["ok"], &report[1]["ok"]), (Some(1), &false.into(), &true.into()));
    assert_eq!(report[0]["problems"][0]["line"], 15, "{said}");
    assert_eq!(report[0]["warnings"][0]["file"], "bad.yaml", "{said}");
    assert_eq!((&report[1]["kind"], &report[1]["tenant"]), (&"Bundle".into(), &"demo".into()));

    for wrong in [&["missing.yaml"][..], &["."], &[], &["--quietly", "good.yaml"]] {
        let (code, said, error) = check(here, wrong);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{wrong:?}: {error}");
    }
}
