//! Texts that are bundles, and what is said of those that are not.

use super::*;

mod mistakes;

/// Reads a bundle as the first of its tenant.
fn read_bundle(text: &[u8], format: Format) -> Result<(Bundle, Vec<Diagnostic>), SourceError> {
    let (judged, warnings) = super::read_bundle(text, format, &|_| None)?;
    Ok(((**judged.bundle()).clone(), warnings))
}

const GOOD: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  web: { variants: { stable: { addresses: ['127.0.0.1:1'] } } }
routes:
  - { name: web, rules: [{ upstream: web }] }
";

fn json(yaml: &str) -> String {
    let value: serde_json::Value = serde_saphyr::from_str(yaml).expect("good");
    value.to_string()
}

#[test]
fn yaml_and_json_are_the_same_bundle() {
    let yaml = read_bundle(GOOD.as_bytes(), Format::Yaml).expect("good");
    let text = json(GOOD);
    assert_eq!(read_bundle(text.as_bytes(), Format::Json).expect("good"), yaml);
    assert_eq!(read_bundle(text.as_bytes(), Format::Yaml).expect("good"), yaml);
}

#[test]
fn syntax_errors_have_a_place() {
    for (text, format, line, column) in [
        ("{\n  \"a\": 1,\n  \"b\" 2\n}", Format::Json, 3, 7),
        ("", Format::Json, 0, 0),
        ("a:\n  - b\n c: d: e\n", Format::Yaml, 3, 0),
        ("a: [1, 2", Format::Yaml, 1, 0),
        ("a: *nowhere", Format::Yaml, 1, 0),
    ] {
        let error = read_bundle(text.as_bytes(), format).expect_err("refused");
        let SourceError::Syntax(problem) = error else { panic!("{text:?}: {error:?}") };
        assert!(!problem.message.is_empty());
        for (expected, found) in [(line, problem.line), (column, problem.column)] {
            assert!(expected == 0 || found == Some(expected), "{text:?}: {problem:?}");
        }
    }
}

/// Returns what is said of a text: `line:column: path: message`, in order.
fn said(text: impl AsRef<[u8]>, format: Format) -> Vec<String> {
    match read_bundle(text.as_ref(), format) {
        Ok(_) => Vec::new(),
        Err(SourceError::Syntax(problem)) => {
            let place = |number: Option<u64>| number.unwrap_or_default();
            vec![format!("{}:{}: {}", place(problem.line), place(problem.column), problem.message)]
        }
        Err(SourceError::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn wrong_shapes_have_a_place() {
    for (text, expected) in [
        (
            GOOD.replace("routes:", "ruotes:"),
            "7:1: ruotes: unknown field \"ruotes\"; did you mean \"routes\"?",
        ),
        (
            GOOD.replace("routes:", "quite:"),
            "7:1: quite: unknown field \"quite\"; expected one of apiVersion",
        ),
        (GOOD.replace("kind: Bundle", "kind: [Bundle]"), "3:7: kind: expected text, got a list"),
        (
            GOOD.replace("kind: Bundle", "kind: 7"),
            "3:7: kind: expected text, got 7; put it in quotes",
        ),
        (GOOD.replace("kind: Bundle\n", ""), "2:1: missing field `kind`"),
        (GOOD.replace("kind: Bundle", "kind: Bundle\nkind: Bundle"), "4:1: "),
        (GOOD.to_owned() + "---\nmore: 1\n", ""),
        ("[]".to_owned(), "1:1: expected a map, got a list"),
        (
            GOOD.replace("{ upstream: web }", "{ upstream: wep }"),
            "8:38: routes[0].rules[0].upstream: unknown upstream \"wep\"; did you",
        ),
        (
            GOOD.replace("[{ upstream: web }]", "[]"),
            "8:18: routes[0].rules: expected at least one rule",
        ),
    ] {
        let found = said(&text, Format::Yaml);
        assert!(found.first().is_some_and(|first| first.contains(expected)), "{text}: {found:#?}");
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
    }
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_text() {
    let text = r#"{
  "apiVersion": "v0", "kind": ["Bundle"],
  "metadata": { "tenant": "北京", "tenant": "shop", "nmae": 1 },
  "upstreams": { "web.v2": { "variants": { "stable": { "addresses": ["nowhere", 7] } }, "balance": "x" } },
  "routes": [ { "name": "web", "rules": "all" }, { "name": "w b", "rules": [ { "upstream": "web" } ] } ]
}"#;
    assert_eq!(
        said(text, Format::Json),
        [
            "2:31: kind: expected text, got a list",
            "3:33: metadata.tenant: the key \"tenant\" is given twice",
            "3:51: metadata.nmae: unknown field \"nmae\"; expected one of tenant",
            "4:81: upstreams.web.v2.variants.stable.addresses[1]: expected text, got 7; put it in quotes",
            "5:41: routes[0].rules: expected a list, got \"all\"",
        ]
    );
    let text = text
        .replace(r#""kind": ["Bundle"]"#, r#""kind": "Bundle""#)
        .replace(r#""rules": "all""#, r#""rules": [{ "upstream": "web.v2" }]"#)
        .replace(", 7]", "]");
    assert_eq!(
        said(&text, Format::Json),
        [
            "2:17: apiVersion: expected \"halftone/v1\", got \"v0\"",
            "3:27: metadata.tenant: expected letters, digits, '.', '_' and '-', got \"北京\"",
            "3:33: metadata.tenant: the key \"tenant\" is given twice",
            "3:51: metadata.nmae: unknown field \"nmae\"; expected one of tenant",
            "4:70: upstreams.web.v2.variants.stable.addresses[0]: expected \"ip:port\", \"name:port\" or \"unix:/path\", got \"nowhere\"",
            "4:97: upstreams.web.v2.balance: not supported in this build: balance",
            "5:81: routes[1].name: expected letters, digits, '.', '_' and '-', got \"w b\"",
            "5:113: routes[1].rules[0].upstream: unknown upstream \"web\"",
        ]
    );
}

/// A release, a rule and a variant that each lack something.
const LACKING: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  web: { variants: { stable: { addresses: ['127.0.0.1:1'] }, b: {} } }
routes:
  - { name: web, rules: [{ release: v2 }, {}] }
releases:
  r: { upstream: nowhere, unit: [a.b], default: {}, targets: [{ id: a, match: {}, variant: b }] }
";
const LACKS: [&str; 8] = [
    "variants.b: expected exactly one of select, addresses",
    "rules[0].release: unknown release \"v2\"",
    "rules[1]: expected exactly one of release, upstream",
    "r.upstream: unknown upstream \"nowhere\"",
    "r.unit[0]: unknown attribute \"a.b\"",
    "r.default: expected exactly one of variant, split",
    "targets[0].match: expected at least one condition",
    "targets[1].id: \"a\" is the id of targets[0] already",
];

#[test]
fn a_problem_hides_no_other_one() {
    let two = "variant: b }, { id: a, match: { method: GET }, variant: b }";
    let lacking = LACKING.replace("variant: b }", two);
    // Each is wrong about something else, near what is lacking or named alike.
    for (from, to) in [
        ("{ name: web,", "{ name: web, v2: 1,"),
        ("{ name: web,", "{ name: web, foo-v2x: 1,"),
        ("{ release: v2 }", "{ release: v2, nowhere: { a.b: 1 } }"),
        ("b: {}", "b: { bogus: 1 }"),
        (", {}]", ", { timeouts: { request: 7 } }]"),
        (", {}]", ", { upstream: null, matches: [{ path: 7 }] }]"),
        (", {}]", ", {}, { release: 7 }]"),
        ("unit: [a.b]", "unit: [a.b, 7]"),
        ("r: {", "r.v2: 7\n  r: {"),
        ("upstreams:", "upstreams:\n  nowhere.v2: 7"),
        ("routes:", "attributes: { a: 7 }\nroutes:"),
        ("routes:", "attributes: { a: { b: 7 } }\nroutes:"),
        ("default: {}", "default: { vairant: b }"),
    ] {
        let found = said(lacking.replacen(from, to, 1), Format::Yaml);
        for lack in LACKS {
            assert!(found.iter().any(|found| found.contains(lack)), "{to}: {lack}: {found:#?}");
        }
        assert!(found.len() > LACKS.len(), "{to}: {found:#?}");
    }
}

#[test]
fn what_only_follows_from_another_problem_is_not_told() {
    for (from, to) in [
        ("{ upstream: web }", "{ upstream: 7 }"),
        ("[{ upstream: web }]", "[7]"),
        ("[{ upstream: web }]", "[{ upstream: web, matches: 7 }]"),
        ("{ addresses: ['127.0.0.1:1'] }", "7"),
        ("{ addresses: ['127.0.0.1:1'] }", "{ addresses: [7] }"),
        ("{ variants: { stable: { addresses: ['127.0.0.1:1'] } } }", "7"),
        ("\n  web: {", "\n  web: 7\n  other: {"),
        ("upstreams:", "releases:\n  web: { upstream: web, default: { variant: 7 } }\nupstreams:"),
        (
            "upstreams:",
            "releases:\n  web: { upstream: web, unit: [7], default: { variant: stable } }\nupstreams:",
        ),
    ] {
        let found = said(GOOD.replace(from, to), Format::Yaml);
        let alone = found.iter().filter(|found| !found.contains("has no variant beside stable"));
        assert_eq!(alone.count(), 1, "{to}: {found:#?}");
    }
}

#[test]
fn every_wrong_type_is_told_however_many_there_are() {
    let rule = "{ upstream: web, timeouts: { request: 0 } }";
    let rules = [rule; 500].join(", ");
    let found = said(GOOD.replace("{ upstream: web }", &rules), Format::Yaml);
    assert_eq!(found.len(), 500);
    assert!(
        found.iter().all(|one| one.contains("request: expected a duration of at most 24h")),
        "{found:?}"
    );
    let rules = [rule; 10_000].join(", ");
    let found = said(GOOD.replace("{ upstream: web }", &rules), Format::Yaml);
    assert!(found.len() > 64, "{}", found.len());
    assert!(found.iter().any(|one| one.contains("these are not all")), "{found:?}");
}

#[test]
fn what_only_yaml_can_write_is_told_in_our_words_and_all_at_once() {
    let text = GOOD.replace(
        "metadata: { tenant: shop }",
        "metadata: { tenant: shop }\nmetadata: { tenant: pub, tenant: bar }\nreleases:\n  a: { upstream: web, canary: stable, default: { split: { b: .nan, b: .inf } } }\n  b: { upstream: web, stickiness: [hash], unitMissing: never, disabled: 1e999, default: {} }",
    );
    let expected = [
        "5:1: metadata: the key \"metadata\" is given twice",
        "7:62: releases.a.default.split.b: expected a percentage from 0% to 100% with at most four \
         decimals, such as 2.5%, got \".nan\"",
        "7:68: releases.a.default.split.b: the key \"b\" is given twice",
        "8:35: releases.b.stickiness: expected one of hash, pinned, none, got a list",
        "8:56: releases.b.unitMissing: expected one of stable, mint, random, got \"never\"",
        "8:73: releases.b.disabled: expected true or false, got \".inf\"",
    ];
    let found = said(&text, Format::Yaml);
    for one in expected {
        assert!(found.iter().any(|found| found == one), "{one}: {found:#?}");
    }
}

#[test]
fn json_and_yaml_say_the_same_of_the_same_text() {
    for text in [
        r#"{"metadata":{"tenant":3},"x":1}"#,
        "[1, -2, 1.5, \"\\u00e9\\n\", null, true]",
        "{\n\t\"kind\" :\n  { \"a\": [ { } , [ ] ] }\n}\n",
    ] {
        assert_eq!(said(text, Format::Json), said(text, Format::Yaml), "{text}");
    }
}

#[test]
fn hostile_texts_are_refused_without_harm() {
    let deep = "[".repeat(100_000);
    let billion_laughs = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| {
        let before = at - 1;
        text + &format!("a{at}: &a{at} [*a{before}, *a{before}]\n")
    });
    for text in [deep.as_str(), &billion_laughs, "\0", "\u{feff}", "%TAG ! x\n--- !y z", "? a\n: b"]
    {
        for format in [Format::Yaml, Format::Json] {
            assert!(read_bundle(text.as_bytes(), format).is_err(), "{:.40}", text);
        }
    }
    assert!(read_bundle(&[0xff, 0xfe, 0x00, 0xd8], Format::Yaml).is_err());
    assert!(read_bundle(&[0xc3, 0x28], Format::Yaml).is_err());
}

#[test]
fn a_bundle_of_the_promised_size_is_read() {
    let route = |at: usize| {
        format!(
            "  - {{ name: r{at}, rules: [{{ matches: [{{ path: {{ type: Exact, value: /p{at} }} }}], upstream: web }}] }}\n"
        )
    };
    let text = GOOD.to_owned() + &(0..10_000).map(route).collect::<String>();
    let (bundle, _) = read_bundle(text.as_bytes(), Format::Yaml).expect("good");
    assert_eq!(bundle.routes.len(), 10_001);
}

#[test]
fn media_types_name_formats() {
    for (media_type, format) in [
        (None, Some(Format::Yaml)),
        (Some("application/yaml"), Some(Format::Yaml)),
        (Some("Text/X-YAML; charset=utf-8"), Some(Format::Yaml)),
        (Some("application/json;charset=utf-8"), Some(Format::Json)),
        (Some("application/x-www-form-urlencoded"), Some(Format::Yaml)),
        (Some("text/plain"), None),
        (Some("multipart/form-data"), None),
        (Some(""), None),
    ] {
        assert_eq!(Format::of_media_type(media_type), format, "{media_type:?}");
    }
}

/// The quick way and the one with places take and refuse the same.
#[test]
fn json_is_read_alike_with_and_without_places() {
    let good: serde_json::Value =
        serde_json::to_value(read_bundle(GOOD.as_bytes(), Format::Yaml).expect("good").0)
            .expect("JSON");
    let text = good.to_string();
    let fast = |text: &str| super::fast::read(text.as_bytes());
    let slow = |text: &str| {
        let root = read_tree(text.as_bytes(), Format::Json).ok()?;
        let shape = read_shape::<Bundle>(&root.node);
        let is_good = shape.problems.is_empty() && root.duplicates.is_empty();
        shape.value.filter(|_| is_good)
    };
    assert!(fast(&text).is_some());
    let twice = text.replacen('{', "{\"kind\":\"Bundle\",", 1);
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let many: Vec<String> =
        (0..40).map(|at| format!("\"s{}\":{{\"when\":\"true\"}}", at % 39)).collect();
    let escaped = text.replacen("\"routes\"", "\"ro\\u0075tes\"", 1);
    let texts = [
        text.clone(),
        twice,
        text.replacen("\"name\"", "\"nam\"", 1),
        text.replacen('{', "{\"weight\":1e400,", 1),
        text.replacen('{', &format!("{{\"more\":{deep},"), 1),
        text.replacen('{', &format!("{{\"segments\":{{{}}},", many.join(",")), 1),
        text.replace("halftone/v1", "halftone/v1\u{0}"),
        format!("{text} "),
        format!("{text}]"),
        escaped.clone(),
        escaped.replacen('{', "{\"routes\":[],", 1),
        "null".to_owned(),
        String::new(),
    ];
    for text in texts {
        assert_eq!(fast(&text), slow(&text), "{text:.200}");
    }
}
