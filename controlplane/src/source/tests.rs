//! Texts that are bundles, and what is said of those that are not.

use super::*;

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

#[test]
fn wrong_shapes_have_a_place() {
    for (text, line, said) in [
        (GOOD.replace("routes:", "ruotes:"), 7, "ruotes"),
        (GOOD.replace("kind: Bundle", "kind: [Bundle]"), 3, "string"),
        (GOOD.replace("kind: Bundle", "kind: Bundle\nkind: Bundle"), 4, "kind"),
        (GOOD.replace("tenant: shop", "name: shop"), 4, "name"),
        (GOOD.to_owned() + "---\nmore: 1\n", 0, ""),
        ("[]".to_owned(), 1, ""),
    ] {
        let error = read_bundle(text.as_bytes(), Format::Yaml).expect_err("refused");
        let (SourceError::Shape(problem) | SourceError::Syntax(problem)) = error else {
            panic!("{text}: {error:?}")
        };
        assert!(line == 0 || problem.line == Some(line), "{text}: {problem:?}");
        assert!(problem.message.contains(said), "{text}: {problem:?}");
    }
}

#[test]
fn every_problem_of_meaning_is_told() {
    let text = GOOD.replace("halftone/v1", "v0").replace("upstream: web", "upstream: wep");
    let error = read_bundle(text.as_bytes(), Format::Yaml).expect_err("refused");
    let SourceError::Invalid(problems) = error else { panic!("{error:?}") };
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["apiVersion", "routes[0].rules[0].upstream"]);
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
    let text = GOOD.to_owned() + &(0..20_000).map(route).collect::<String>();
    let bundle = read_bundle(text.as_bytes(), Format::Yaml).expect("good");
    assert_eq!(bundle.routes.len(), 20_001);
}

#[test]
fn media_types_name_formats() {
    for (media_type, format) in [
        (None, Some(Format::Yaml)),
        (Some("application/yaml"), Some(Format::Yaml)),
        (Some("Text/X-YAML; charset=utf-8"), Some(Format::Yaml)),
        (Some("application/json;charset=utf-8"), Some(Format::Json)),
        (Some("application/x-www-form-urlencoded"), None),
        (Some("text/plain"), None),
        (Some(""), None),
    ] {
        assert_eq!(Format::of_media_type(media_type), format, "{media_type:?}");
    }
}
