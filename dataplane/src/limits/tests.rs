//! Defaults are within their ranges; what is not is named.

use super::*;

#[test]
fn defaults_can_be_run_with() {
    assert_eq!(Limits::default().problems(), []);
}

#[test]
fn every_problem_is_told() {
    let limits = Limits {
        head_bytes: HEAD_BYTES_MAX + 1,
        headers: 0,
        head_ms: 1,
        request_ms: Some(TIMEOUT_MS_MAX + 1),
        ..Limits::default()
    };
    let told: Vec<String> = limits.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "head_bytes: expected 1024 to 32768, got 32769",
            "headers: expected 1 to 100, got 0",
            "head_ms: expected 100 to 86400000, got 1",
            "request_ms: expected 100 to 86400000, got 86400001",
        ]
    );
}
