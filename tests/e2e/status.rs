//! `status` and `tune check`: what they print, and their exit codes.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    on_each_engine,
    poll::until,
    ports::free_address,
    stack::{Engine, Stack, halftone},
    upstream::Upstream,
};

fn text(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

on_each_engine! {
    fn status_shows_what_was_counted(engine: Engine) {
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let stack = Stack::start(engine, &["--upstream", &format!("http://{}", stable.address())]);
        stack.api.register("user-api", canary.address(), &json!({ "group": "canary" }));
        for at in 0..12 {
            let group = if at < 3 { "canary" } else { "stable" };
            stack.get(&[("X-Release-Group", group)]);
        }
        let url = format!("http://{}", stack.api.address);
        let shown = until("the counts", || {
            let (code, out, _) = text(&mut halftone(&["status", "--api", &url]));
            assert_eq!(code, Some(0));
            out.contains("implicit/user-api/stable").then_some(out).filter(|out| out.contains(" 75.0 %"))
        });
        let row = |key: &str| -> Vec<&str> {
            let line = shown.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {shown}"));
            line.split_whitespace().collect()
        };
        assert_eq!(row("implicit/user-api/canary")[1..5], ["3", "25.0", "%", "3"]);
        assert_eq!(row("implicit/user-api/stable")[1..5], ["9", "75.0", "%", "9"]);
        for part in [engine.name(), "workers", "epochs", &stack.listen.to_string()] {
            assert!(shown.contains(part), "{part:?} is not in {shown}");
        }

        let (code, out, _) = text(&mut halftone(&["status", "--json", "--api", &url]));
        let json: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(code, Some(0));
        assert_eq!(json[0]["stats"]["variants"]["implicit/user-api/canary"]["requests"], 3, "{json}");
    }
}

/// Two releases of one tenant.
const TWO: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams: { u: { variants: { stable: { addresses: ["127.0.0.1:1"] }, canary: { addresses: ["127.0.0.1:1"] } } } }
routes: [{ name: all, rules: [{ release: a }] }]
releases:
  a: { upstream: u, default: { split: { canary: 5% } } }
  b: { upstream: u, disabled: true, default: { split: { canary: 5% } } }
"#;

#[test]
fn a_pulled_kill_switch_is_shown() {
    let stack = Stack::start(Engine::Epoll, &[]);
    let url = format!("http://{}", stack.api.address);
    let status = || text(&mut halftone(&["status", "--api", &url])).1;
    stack.api.put_bundle("shop", TWO);
    let shown = status();
    let told = "release shop/b\n  disabled: everyone goes to stable, whatever the splits say\n";
    assert!(shown.ends_with(told) && !shown.contains("shop/a\n"), "{shown}");
    stack.api.put_bundle("shop", &TWO.replace("disabled: true", "disabled: false"));
    let shown = status();
    assert!(!shown.contains("disabled"), "{shown}");
}

#[test]
fn an_api_that_does_not_answer_is_told() {
    let url = format!("http://{}", free_address());
    let (code, out, err) = text(&mut halftone(&["status", "--api", &url]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains(&url) && err.contains("does not answer"), "{err}");
}

#[test]
fn tune_check_informs() {
    let (code, out, _) = text(&mut halftone(&["tune", "check"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("net.core.somaxconn"), "{out}");
    let (code, out, _) = text(&mut halftone(&["tune", "check", "--json"]));
    let findings: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, Some(0));
    assert!(findings.as_array().is_some_and(|findings| findings.len() > 3), "{out}");
}
