//! What is told stays in its line, whatever was read.

use super::*;

fn written(value: &str) -> String {
    let mut out = Vec::new();
    string(value, &mut out);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn strings_are_those_of_structured_fields() {
    for (value, expected) in [
        ("canary", r#""canary""#),
        (r#"a"b\c"#, r#""a\"b\\c""#),
        ("北京", r#"%"%e5%8c%97%e4%ba%ac""#),
        ("a\r\nSet-Cookie: b", r#"%"a%0d%0aSet-Cookie: b""#),
        ("é%\"", r#"%"%c3%a9%25%22""#),
    ] {
        assert_eq!(written(value), expected);
    }
}

#[test]
fn values_are_few_short_and_told_once() {
    let unit = |at: usize| Step::Unit {
        part: format!("query {}", at / 2),
        found: Some("é".repeat(100)),
        outcome: halftone_core::route::trace::Keyed::Used,
    };
    let mut trace = Trace::default();
    trace.steps.extend((0..100).map(unit));
    let values = values(&trace);
    assert_eq!((values.len(), values[1].name.as_str()), (TOLD_VALUES_MAX, "query 1"));
    let mut out = Vec::new();
    let mut line = Members { out: &mut out, is_first: true };
    line.value("a", values[0].found.as_deref());
    line.value("b", None);
    let expected =
        format!("\"a\";is=%\"{}\", \"b\";found=?0", "%c3%a9".repeat(TOLD_VALUE_BYTES_MAX / 2));
    assert_eq!(String::from_utf8(out).expect("ASCII"), expected);
}
