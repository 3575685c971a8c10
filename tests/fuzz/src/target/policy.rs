//! Text of a policy: YAML that people write, JSON that machines send.
//!
//! Owns the promise that a document without problems is one that can be served: it compiles, its tables verify, its
//! canonical form is a document without problems that has the same digest.

use std::path::Path;

use halftone_controlplane::document::{Document, judge};
use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    policy::{Bundle, canonical_text, digest},
    table::archive::Archive,
};
use serde_json::json;

use super::decide_by;

/// Reads the text of a policy; one that starts with a brace is JSON.
pub(crate) fn read(text: &[u8]) {
    let name = if text.trim_ascii_start().first() == Some(&b'{') { "a.json" } else { "a.yaml" };
    let Some(bundle) = bundle(text, name) else { return };
    let again = canonical_text(&bundle);
    let same = self::bundle(again.as_bytes(), "a.json").unwrap_or_else(|| panic!("{again}"));
    assert_eq!(digest(&same), digest(&bundle), "{again}");
    serve(&bundle);
}

/// Reads the text of an expression, as the condition of a target.
pub(crate) fn read_expression(text: &[u8]) {
    let Ok(when) = std::str::from_utf8(text) else { return };
    let header = |kind: &str, name: &str| json!({ "type": kind, "from": [{ "header": name }] });
    let document = json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
        "attributes": {
            "user.id": header("string", "x-user-id"), "age": header("int", "x-age"), "score": header("double", "x-age"),
            "beta": header("bool", "x-beta"), "city": { "type": "string", "from": [{ "query": "city" }], "default": "北京" },
        },
        "segments": { "adults": { "when": "age > 18" } },
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": [{ "name": "r", "rules": [{ "release": "v2" }] }],
        "releases": { "v2": { "upstream": "u", "unit": ["user.id"], "targets": [{ "id": "t", "when": when, "variant": "canary" }] } },
    });
    if let Some(bundle) = bundle(document.to_string().as_bytes(), "a.json") {
        serve(&bundle);
    }
}

fn bundle(text: &[u8], name: &str) -> Option<Bundle> {
    match judge(text, Path::new(name), &|_| Vec::new()).document {
        Some(Document::Bundle(bundle)) => Some(*bundle),
        _ => None,
    }
}

fn serve(bundle: &Bundle) {
    let mut allocations = Allocations::new();
    allocate(bundle, &mut allocations).expect("its weights fit");
    let rules = compile_rules(&[bundle], &allocations).expect("it compiles");
    decide_by(&Archive::build(&rules, 1).expect("it verifies"));
}

/// The documents that users are shown.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples");
    let files = folder.read_dir().expect("the examples are there").flatten();
    files.map(|file| std::fs::read(file.path()).expect("an example")).collect()
}

/// Expressions with every kind of node.
pub(crate) fn expressions() -> Vec<Vec<u8>> {
    let texts = [
        "age > 18 && city in ['北京','上海']",
        "!(age in [1, 2, 3]) || score >= 1.5 ? has(city) : beta",
        r#"request.path.startsWith("/user") && size(city) < 3 && city.matches("^[a-z]+$")"#,
        r#"client.ip.inCidr("10.0.0.0/8") || geo.within(31.2, 121.5, 50.0)"#,
        r#"segment("adults") && adults() && request.headers["x-a"] == 'b' && -age + 2 * 3 % 4 != 5 / 6"#,
        r#"request.query["q"].contains('a') || request.cookies["c"].endsWith("d") || request.method == "GET""#,
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
