//! Mistakes that people make often, and what they are told.

use super::*;

#[test]
fn an_expression_without_quotes_is_told_to_have_some() {
    let check = |target: &str, hint: bool| {
        let text = format!("releases:\n  a:\n    targets:\n      - {target}\n");
        let found = said(&text, Format::Yaml);
        let hinted = found.iter().any(|found| found.contains("put the expression in quotes, as a"));
        assert_eq!(hinted, hint, "{target}: {found:#?}");
    };
    for target in [
        "{ id: t, when: age > 18 && city in ['北京','上海'], variant: canary }",
        "{ id: t, when: 'a' in ['b'], variant: canary }",
        "{ id: t, when: \"a\" == city, variant: canary }",
        "{ id: t, variant: canary, when: size({a) }",
        "when: 'a' == city",
        "when: age > 18 ? true: false",
        "{ id: t,\n          when: age > 18 && city in ['a','b'],\n          variant: canary }",
        "when: !staff() && beta()",
        "{ id: t, when: !staff() && beta(), variant: canary }",
        "{ id: t, when: !staff(), variant: canary }",
        "when: !(staff()) && beta()",
        "when: !(staff() && beta())",
        "when: !has(user.id) && beta()",
        "when: !staff() beta()",
        "when:\n          # not them\n          !staff() && beta()",
        "when: &them !staff() && beta()",
    ] {
        check(target, true);
    }
    for target in [
        "{ id: t, when: 'age > 18', variant: [ }",
        "{ id: t, when: \"city == 'a'\" , variant: [ }",
        "{ id: t, when: 'it''s', variant: [ }",
        "when: '!staff()'",
        "when: 'beta() && !staff()'",
        "when: beta() && !staff()",
        "when: # not them!\n          beta()",
        "when: |\n          !staff() && beta()",
        "{ note: 'when: !staff()', when: beta() }",
        "{ id: t, match: ], variant: canary }",
    ] {
        check(target, false);
    }
}

#[test]
fn bytes_that_are_no_utf8_have_a_place() {
    for (bytes, expected) in [
        (b"kind: Bundle\n# \xe5\x8c\x97\xff".as_slice(), r"2:4: expected UTF-8, got \xff"),
        (b"\xb1\xb1\xbe\xa9", r"1:1: expected UTF-8, got \xb1"),
        (b"{\"a\": \"b\xe5\x8c", r"1:9: expected UTF-8, got \xe5\x8c"),
        (b"\xff\xfek\0i\0", "1:1: expected UTF-8, got UTF-16"),
    ] {
        for format in [Format::Yaml, Format::Json] {
            assert_eq!(said(bytes, format), [expected], "{bytes:?}");
        }
    }
}

#[test]
fn names_of_what_could_not_be_read_are_not_unknown() {
    let text = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
attributes:
  user.id: { type: string, from: [{ header: x-user-id }] }
  user.age: { type: int, from: [{ header: x-age }], alias: age }
  user.vip: { type: bool, from: [{ tags: vip }] }
segments:
  top-tier: { when: user.vip }
  staff: { members: staff }
upstreams:
  web: { variants: { stable: { addresses: ['127.0.0.1:1'] }, canary: { addresses: ['127.0.0.1:2'] } } }
releases:
  web:
    upstream: web
    unit: [user.id]
    targets: [{ id: a, when: age > 18 && user.age < 90 && top_tier() || segment('top-tier'), variant: canary }]
    default: { variant: stable }
";
    assert_eq!(said(text, Format::Yaml), [""; 0]);
    for (from, to, problem) in [
        ("type: int", "type: integer", "type: expected one of"),
        ("type: int", "typ: int", "unknown field"),
        ("type: string", "type: text", "type: expected one of"),
        ("type: bool", "type: [bool]", "type: expected one of"),
        ("when: user.vip", "when: [user.vip]", "when: expected text"),
    ] {
        let found = said(text.replace(from, to), Format::Yaml);
        assert!(
            found.iter().all(|found| found.contains(problem) || found.contains("missing field")),
            "{found:#?}"
        );
        let found = said(text.replace(from, to).replace("age > 18", "agee > 18"), Format::Yaml);
        assert!(
            found.iter().any(|found| found.contains("unknown attribute \"agee\"")),
            "{found:#?}"
        );
    }
}

#[test]
fn a_release_that_has_nobody_to_move_requests_to_is_told_by_what_is_written() {
    let release = "releases:\n  web: { upstream: web, default: { variant: stable } }\nupstreams:";
    let text = GOOD.replace("upstreams:", release);
    let found = said(&text, Format::Yaml);
    let expected = "6:20: releases.web.upstream: upstream \"web\" has no variant beside stable";
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    let other = text.replace("variants: { ", "variants: { blue: { addresses: ['127.0.0.1:2'] }, ");
    let found = said(&other, Format::Yaml);
    let expected = "6:20: releases.web.upstream: upstream \"web\" has no variant canary, which";
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    assert!(found[0].ends_with("name another by `canary:`, such as blue"), "{found:?}");
    let named = other.replace("{ upstream: web, default", "{ upstream: web, canary: bleu, default");
    let found = said(&named, Format::Yaml);
    let expected = "6:33: releases.web.canary: unknown variant \"bleu\"; did you mean \"blue\"?";
    assert_eq!(found, [expected]);
    assert_eq!(said(named.replace("bleu", "blue"), Format::Yaml), [""; 0]);
}
