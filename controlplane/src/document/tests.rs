//! What is said of files.

use std::path::Path;

use super::*;

const GOOD: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  web: { variants: { stable: { addresses: ['127.0.0.1:1'] }, canary: { addresses: ['127.0.0.1:2'] } } }
routes:
  - { name: web, rules: [{ release: web-v2 }] }
releases:
  web-v2:
    upstream: web
    targets:
      - { id: qa, match: { cookies: [{ name: qa, value: '1' }] }, variant: canary }
    default: { split: { canary: 5% } }
";

fn said(text: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let judgement = judge(text.as_bytes(), Path::new(name), &|_| Vec::new());
    assert_eq!(judgement.document.is_some(), judgement.problems.is_empty());
    let lines = |list: &[Diagnostic]| list.iter().map(ToString::to_string).collect();
    (lines(&judgement.problems), lines(&judgement.warnings))
}

#[test]
fn every_problem_and_every_warning_has_file_line_and_column() {
    let warning = "shop.yaml:13:28: releases.web-v2.targets[0].match.cookies: any client may take variant \"canary\" by sending the cookie \"qa\"";
    let check = |text: &str, expected: &[&str]| {
        let (problems, warnings) = said(text, "shop.yaml");
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem:?} is not {expected:?}");
        }
        assert!(warnings.iter().all(|found| found.starts_with(warning)), "{warnings:?}");
        warnings.len()
    };
    assert_eq!(check(GOOD, &[]), 1);
    let bad = GOOD.replace("release: web-v2", "release: web-v3").replace("5%", "500%");
    let expected =
        ["shop.yaml:8:37: routes[0].rules[0].release: unknown release", "shop.yaml:14:33: "];
    assert_eq!(check(&bad, &expected), 1);
    assert_eq!(check("kind: [", &["shop.yaml:1:"]), 0);
    assert_eq!(check("a: 1", &["shop.yaml:1:1: kind: expected"]), 0);
    assert_eq!(check("kind: Bundel", &["shop.yaml:1:7: kind: expected"]), 0);
}

#[test]
fn what_only_compiling_finds_is_a_problem_of_the_file() {
    let hosts: Vec<String> = (0..1024).map(|at| format!("h{at}.example")).collect();
    let paths = (0..64).map(|at| format!("{{ path: {{ type: Exact, value: /{at} }} }}"));
    let matches = paths.collect::<Vec<_>>().join(", ");
    let rules = vec![format!("{{ release: web-v2, matches: [{matches}] }}"); 7].join(", ");
    let route = format!("{{ name: web, hostnames: [{}], rules: [{rules}] }}", hosts.join(", "));
    let (problems, _) =
        said(&GOOD.replace("{ name: web, rules: [{ release: web-v2 }] }", &route), "a.yaml");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("a.yaml: "), "{problems:?}");
}

#[test]
fn the_tenant_is_found_in_what_is_otherwise_wrong() {
    let of = |text: &str, name: &str| tenant(text.as_bytes(), Path::new(name));
    assert_eq!(of(&GOOD.replace("5%", "500%"), "a.yaml").as_deref(), Some("shop"));
    assert_eq!(
        of("{\"kind\":\"Bundle\",\"metadata\":{\"tenant\":\"a\"}}", "a.json").as_deref(),
        Some("a")
    );
    assert_eq!(of(&GOOD.replace("kind: Bundle", "kind: Gateway"), "a.yaml"), None);
    assert_eq!(of("kind: [", "a.yaml"), None);
}

#[test]
fn a_wrong_value_of_a_gateway_file_has_its_own_place() {
    let head = "apiVersion: halftone/v1\nkind: Gateway\n";
    let duration =
        "expected a duration of at most 24h such as \"500ms\", \"30s\" or \"1m30s\", got";
    for (text, expected) in [
        ("timeouts: { head: 10 }", format!("g.yaml:3:19: timeouts.head: {duration} 10")),
        (
            "timeouts: { tags: 1ms, head: \"10\" }",
            format!("g.yaml:3:30: timeouts.head: {duration} \"10\""),
        ),
        (
            "limits: { headers: 5, bodyBytes: 5MB }",
            "g.yaml:3:34: limits.bodyBytes: expected a size".to_owned(),
        ),
    ] {
        let (problems, _) = said(&format!("{head}{text}\n"), "g.yaml");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&expected), "{problems:?} is not {expected:?}");
    }
}
