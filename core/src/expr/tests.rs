//! Expressions: what is refused and where, and what they mean, beside the `cel` crate's interpreter.

use std::collections::BTreeMap;

use crate::{
    http::Header,
    policy::{Bundle, validate},
    route::{Reason, RequestView, bare::Bare, route},
    table::{RuleTable, archive::Archive},
};
use serde_json::{Value, json};

mod oracle;

fn bundle(expression: &str) -> Value {
    let header = |kind: &str, name: &str| json!({ "type": kind, "from": [{ "header": name, "trusted": true }] });
    let alias = |mut attribute: Value, alias: &str| {
        attribute["alias"] = json!(alias);
        attribute
    };
    json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": {
            "user.age": alias(header("int", "x-age"), "age"),
            "geo.city": alias(header("string", "x-city"), "city"),
            "user.score": alias(header("double", "x-score"), "score"),
            "user.vip": alias(header("bool", "x-vip"), "vip"),
            "level": header("string", "x-level"),
        },
        "segments": {
            "adults-tier1": { "when": "age > 18 && city in ['北京','上海']" },
            "vips": { "when": "vip && adults_tier1()" },
        },
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": [{ "name": "r", "rules": [{ "release": "v" }] }],
        "releases": { "v": { "upstream": "u", "default": { "variant": "stable" },
            "targets": [{ "id": "e", "when": expression, "variant": "canary" }] } },
    })
}

/// What a request carries besides its line.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn compiled(expression: &str) -> Archive<RuleTable> {
    let bundle: Bundle = serde_json::from_value(bundle(expression)).expect("the shape is right");
    assert_eq!(validate(&bundle), [], "{expression}");
    let rules = crate::compile::compile_rules(&[&bundle], &BTreeMap::new()).expect("compiles");
    Archive::build(&rules, 1).expect("verifies")
}

/// Returns whether the target takes a request.
fn takes(table: &Archive<RuleTable>, fields: Fields<'_>) -> bool {
    let headers: Vec<Header<'_>> =
        fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let bare = Bare::default();
    let view = RequestView {
        host: b"shop.example.com",
        path: b"/user/7/orders",
        query: b"q=1&name=x",
        headers: &headers,
        client_ip: "10.1.2.3",
        trusted: true,
        ..bare.view()
    };
    let decision = route(table.rules(), &view, 0, 0).expect("a route");
    assert_eq!(decision.reason == Reason::TargetingMatch, decision.target.is_some());
    decision.target.is_some()
}

fn problems(expression: &str) -> Vec<String> {
    let bundle: Bundle = serde_json::from_value(bundle(expression)).expect("the shape is right");
    validate(&bundle)
        .into_iter()
        .map(|problem| format!("{}: {}", problem.path, problem.message))
        .collect()
}

#[test]
fn the_example_of_the_mission_means_what_it_says() {
    for expression in [
        "age > 18 && city in ['北京','上海']",
        r#"age > 18 && city in ["北京","上海"]"#,
        r#"segment("adults-tier1")"#,
        "adults_tier1()",
        "user.age > 18 && geo.city in ['北京', '上海']",
    ] {
        let table = compiled(expression);
        for (age, city, expected) in [
            ("19", "北京", true),
            ("19", "上海", true),
            ("18", "北京", false),
            ("19", "深圳", false),
            ("nineteen", "北京", false),
            ("", "上海", false),
        ] {
            let fields = [("X-Age", age), ("X-City", city)];
            assert_eq!(takes(&table, &fields), expected, "{expression}: {age} {city}");
        }
        assert!(!takes(&table, &[("X-City", "北京")]), "{expression}");
    }
    assert!(takes(&compiled("vips()"), &[("x-vip", "true"), ("x-age", "30"), ("x-city", "上海")]));
}

#[test]
fn values_of_the_request_have_names() {
    for (expression, expected) in [
        ("request.method == 'GET' && request.host.endsWith('.example.com')", true),
        ("request.path.startsWith('/user/') && request.scheme == 'http'", true),
        ("request.protocol == 'HTTP/1.1'", true),
        ("request.headers['X-A'] == 'one, two'", true),
        ("'x-a' in request.headers && !('x-b' in request.headers)", true),
        ("request.query['q'] == '1' && request.query['name'] == 'x'", true),
        ("'missing' in request.query", false),
        ("request.cookies['uid'] == 'u7'", true),
        ("client.ip.inCidr('10.0.0.0/8') && !client.ip.inCidr('10.2.0.0/16')", true),
        ("client.ip.inCidr('fd00::/8')", false),
        ("request.headers['x-a'].inCidr('10.0.0.0/8')", false),
        ("has(request.headers['x-a']) && !has(user.age) && !has(city)", true),
        ("request.path.matches('[0-9]+') && !request.path.matches('^[0-9]+')", true),
        ("size(request.method) == 3 && request.method.size() < 4", true),
    ] {
        let fields = [("x-a", "one"), ("X-A", "two"), ("Cookie", "a=b; uid=u7")];
        assert_eq!(takes(&compiled(expression), &fields), expected, "{expression}");
    }
}

#[test]
fn a_missing_value_is_no_match_unless_the_rest_decides() {
    for (expression, expected) in [
        ("age > 18", false),
        ("!(age > 18)", false),
        ("age > 18 || level == 'gold'", true),
        ("level == 'gold' || age > 18", true),
        ("age > 18 && level == 'gold'", false),
        ("!(age > 18 && level == 'iron')", true),
        ("!(level == 'iron' && age > 18)", true),
        ("age > 18 ? true : true", false),
        ("has(age) ? age > 18 : level == 'gold'", true),
        ("1 / 0 == 1 || true", true),
        ("9223372036854775807 + 1 > 0", false),
        // Not a number compares as IEEE 754 has it, as the definition of CEL says.
        ("0.0 / 0.0 >= 0.0 / 0.0 || 0.0 / 0.0 == 0.0 / 0.0", false),
        ("!(0.0 / 0.0 < 1.0) && 0.0 / 0.0 != 0.0 / 0.0", true),
        ("1.0 / 0.0 > 9000000000000000000.0 && -1.0 / 0.0 < age", false),
        ("1.0 / 0.0 > 9000000000000000000.0 && -1.0 / 0.0 < 3", true),
    ] {
        assert_eq!(takes(&compiled(expression), &[("x-level", "gold")]), expected, "{expression}");
    }
}

#[test]
fn every_problem_is_told_with_its_place() {
    for (expression, expected) in [
        ("age > 1 && aeg > 1", &["1:12: unknown attribute \"aeg\"; did you mean \"age\"?"][..]),
        (
            "aeg > 1 || ctiy == 'x'",
            &[
                "1:1: unknown attribute \"aeg\"; did you mean \"age\"?",
                "1:12: unknown attribute \"ctiy\"; did you mean \"city\"?",
            ],
        ),
        ("city == '北京' &&\n  age == '18'", &["2:7: int cannot be compared with string"]),
        ("age", &["1:1: expected true or false, got int"]),
        ("age = 1", &["1:5: cannot read \"=\"; did you mean \"==\"?"]),
        ("age > 1 and vip", &["1:9: did not expect \"and\" here; did you mean \"&&\"?"]),
        ("age >", &["1:6: the expression ends where a value is expected"]),
        ("", &["1:1: expected an expression such as age > 18, got nothing"]),
        ("city == 'x", &["1:9: cannot read \"'x\": the quote is not closed"]),
        ("age && vip", &["1:1: expected bool, got int"]),
        ("age in ['a']", &["1:9: expected an integer, written out"]),
        ("age in [1, age]", &["1:12: expected an integer, written out"]),
        ("age in level", &["1:8: expected a list behind `in`, as in x in [1, 2]"]),
        ("city.matches('(')", &["1:14: no regular expression: unclosed group"]),
        (
            "city.startWith('x')",
            &["1:15: unknown function \"startWith\"; did you mean \"startsWith\"?"],
        ),
        (
            "city.startsWith()",
            &[
                "1:16: startsWith is written text.startsWith(\"x\"), and endsWith, contains, matches like it",
            ],
        ),
        ("[1].all(x, x > 0)", &["1:8: loops are not supported: all"]),
        (
            "adults_tier2()",
            &["1:13: unknown segment \"adults_tier2\"; did you mean \"adults-tier1\"?"],
        ),
        ("segment('adult')", &["1:9: unknown segment \"adult\""]),
        (
            "age + 1.5 > 2.0",
            &[
                "1:5: expected two numbers of one type, got int and double; write the integer as a double, such as 1.0",
            ],
        ),
        ("city + 'x' == 'y'", &["1:6: expected two numbers of one type, got string and string"]),
        ("request.headers.host == 'x'", &["1:1: write request.headers[\"host\"]"]),
        (
            "client.ip.inCidr('10.0.0.0/33')",
            &[
                "1:18: expected an address range such as 10.0.0.0/8 or fd00::/8, got \"10.0.0.0/33\"",
            ],
        ),
        ("age == null", &["1:8: null is not supported: ask with has(…) whether a value is there"]),
        ("age == 99999999999999999999", &["1:8: expected an integer of 64 bits"]),
        (
            "geo.within(1.0, 2.0)",
            &[
                "1:11: within is written geo.within(31.2, 121.5, 50), in degrees north and east, and kilometres",
            ],
        ),
        (
            "geo.within(91, -180.5, age)",
            &[
                "1:12: expected degrees to the north, a number from -90 to 90",
                "1:17: expected degrees to the east, a number from -180 to 180",
                "1:24: expected kilometres, a number from 0 to 20016",
            ],
        ),
        ("geohsah == ''", &["1:1: unknown attribute \"geohsah\"; did you mean \"geohash\"?"]),
        ("geohash > 3", &["1:9: string cannot be compared with int"]),
    ] {
        let expected: Vec<String> =
            expected.iter().map(|one| format!("releases.v.targets[0].when: {one}")).collect();
        assert_eq!(problems(expression), expected, "{expression}");
    }
}

#[test]
fn hostile_texts_are_refused_before_they_are_parsed() {
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}vip{}", open.repeat(count), close.repeat(count))
    };
    for text in [
        nested("(", ")", 10_000),
        nested("!(", ")", 9),
        nested("vip ? ", " : vip", 5_000),
        vec!["1"; 5_000].join("+"),
        format!("{} > 0", vec!["1"; 500].join("+")),
        vec!["vip"; 600].join("&&"),
        format!("city{}", ".a".repeat(5_000)),
        format!("city == '{}'", "x".repeat(40_000)),
        "(".repeat(30_000),
        format!("r'\\' == '{}", "(".repeat(1_000)),
        format!("// '\n{}", "(".repeat(1_000)),
        format!("'''a'b''' == {}", "-".repeat(1_000)),
    ] {
        assert!(!problems(&text).is_empty(), "{}", &text[..20]);
    }
    // As deep and as long as it may be, on the 2 MiB of stack that a thread has.
    for text in [
        nested("(", ")", 8),
        nested("!(", ")", 8),
        nested("vip ? vip : ", "", 8),
        vec!["vip"; 256].join("||"),
        vec!["(vip ? vip : vip)"; 30].join("||"),
        format!("{} > 0", vec!["1"; 120].join("+")),
    ] {
        assert!(compiled(&text).table().releases.len() == 1, "{}", &text[..20]);
    }
    // Brackets and operators inside literals are text.
    let table = compiled(
        "city == '((((((((((((((((((((((((' || level.matches('((((((((((((((((((x))))))))))))))))))')",
    );
    assert!(takes(&table, &[("x-level", "x"), ("x-city", "a")]));
    let many = (0..1024).map(|at| format!("'c{at}'")).collect::<Vec<_>>().join(",");
    assert!(takes(&compiled(&format!("city in [{many}]")), &[("x-city", "c1023")]));
}

#[test]
fn segments_may_name_each_other_but_not_in_a_circle() {
    let mut circle = bundle("a()");
    circle["segments"] = json!({ "a": { "when": "b()" }, "b": { "when": "vip || segment('c')" }, "c": { "when": "a()" } });
    let circle: Bundle = serde_json::from_value(circle).expect("the shape is right");
    let found = validate(&circle);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].to_string(), "segments.a.when: segments name each other: a → b → c → a");
    // Each twice as costly as the one before it.
    let mut costly = bundle("s30()");
    let mut segments = json!({ "s0": { "when": "vip" } });
    for at in 1..=30 {
        segments[format!("s{at}")] = json!({ "when": format!("s{0}() || s{0}()", at - 1) });
    }
    costly["segments"] = segments;
    let costly: Bundle = serde_json::from_value(costly).expect("the shape is right");
    assert!(validate(&costly).iter().any(|problem| problem.message.contains("too costly")));
}
