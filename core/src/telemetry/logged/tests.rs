//! A line says what was decided and what it takes to decide it again, or why it does not.

use super::*;

const LINE: &str = r#"{"time":"2026-11-25T10:00:01.250Z","client_ip":"192.0.2.1","method":"GET","host":"a","target":"/x?q=\u0041","status":200,"bytes_sent":9,"duration_us":2300000,"worker":0,"route":"r","tenant":"t","release":"v","variant":"stable","fallback_from":"canary","reason":"TARGETING_MATCH","target_id":"vip","cell":"a/b","protocol":"HTTP/1.1","scheme":"https","trusted":true,"values":{"cookie uid":"u\"7","header x-a":null},"rules_epoch":3,"instances_epoch":4,"later":[1]}"#;

#[test]
fn a_line_is_its_request_and_its_rule() {
    let logged = Logged::read(LINE.as_bytes()).expect("a line");
    let rule = logged.rule().expect("a rule");
    assert_eq!((rule.tenant.as_str(), rule.variant.as_str()), ("t", "canary"));
    assert_eq!((rule.target.as_deref(), rule.cell.as_deref()), (Some("vip"), Some("a/b")));
    let recorded = logged.recorded().expect("whole");
    assert_eq!(
        (recorded.target.as_str(), recorded.trusted, recorded.https),
        ("/x?q=A", true, true)
    );
    assert_eq!(recorded.unix_s, Timestamp::parse("2026-11-25T09:59:59Z").expect("a time").unix_s());
    assert_eq!(recorded.values["cookie uid"].as_deref(), Some("u\"7"));
    assert_eq!(recorded.values["header x-a"], None);
}

#[test]
fn what_does_not_say_enough_is_told() {
    let check = |line: String, expected: &str| {
        let read = Logged::read(line.as_bytes()).and_then(Logged::recorded);
        let told = read.expect_err(&line).to_string();
        assert!(told.contains(expected), "{told}: {line}");
    };
    check(LINE.replace("\"rules_epoch\":3", "\"rules_epoch\":0"), "nothing was decided");
    check(LINE.replace("\"values\"", "\"other\""), "no values");
    check(LINE.replace("\"trusted\"", "\"other\""), "no trusted");
    check(LINE.replace("\"protocol\"", "\"other\""), "no protocol");
    check(LINE.replace("\"scheme\"", "\"other\""), "no scheme");
    check(LINE.replace("2026-11-25T", "yesterday "), "no time");
    check(LINE.replace("\"method\"", "\"other\""), "no line of an access log");
    check(LINE[..99].to_owned(), "no line of an access log");
    check("[]".to_owned(), "no line of an access log");
    check(LINE.replace("u\\\"7\"", "u7\",\"x\":{}"), "no line of an access log");
}
