//! What is told is what was counted, on lines of its own.

use halftone_core::telemetry::moves::Move;

use super::*;

#[test]
fn a_report_is_a_line_per_move() {
    let exact = |count| UserCount { count, exact: true };
    let rule = |target: Option<&str>, variant: &str| Rule {
        tenant: "shop".into(),
        route: "user".into(),
        release: Some("v2".into()),
        target: target.map(str::to_owned),
        cell: target.map(|_| "上海/ios".to_owned()),
        variant: variant.into(),
    };
    let sample = Sample {
        method: "GET".into(),
        host: "a".into(),
        path: "/\u{1b}[2J?q=…".into(),
        user: Some("00ff".into()),
    };
    let rules = Move { from: Some(rule(None, "stable")), to: Some(rule(Some("matrix"), "canary")) };
    let row = ReportRow { rules, requests: 8, users: exact(3), samples: vec![sample] };
    let gone = ReportRow {
        rules: Move { from: Some(rule(None, "stable")), to: None },
        requests: 1,
        ..ReportRow::default()
    };
    let mut report = Report {
        requests: 100,
        users: exact(40),
        moved_requests: 9,
        moved_users: exact(3),
        moves: vec![row, gone],
        ..Report::default()
    };
    assert_eq!(
        text(&report),
        "9 of 100 requests (9.0%) and 3 of 40 users (7.5%) would move\n  \
         shop/user v2 (default) = stable -> shop/user v2 matrix/上海/ios = canary: 8 requests of 3 users\n      \
         GET a/\\u{1b}[2J?q=… user 00ff\n  \
         shop/user v2 (default) = stable -> no route: 1 requests of ~0 users\n"
    );
    report.users = UserCount { count: 5000, exact: false };
    (report.undecided, report.without_user, report.not_shown) = (2, 3, 4);
    let text = text(&report);
    for part in
        ["of ~5000 users", "estimate", "2 requests could", "3 requests have", "4 requests would"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
