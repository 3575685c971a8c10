//! Documents that name what is and what is not there.

use super::*;

const PRESENT: [&str; 7] = [
    "Cargo.toml",
    "README.md",
    "core/src/limits.rs",
    "docs",
    "docs/decisions/",
    "docs/a.md",
    "tests/tidy",
];

fn check(document: &str, text: &str, expected: &[&str]) {
    let offences = absent(document, text, |path| PRESENT.contains(&path));
    let found: Vec<&str> = offences.iter().map(|offence| offence.found.as_str()).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_span_that_looks_like_a_path_must_exist() {
    check("README.md", "See `core/src/limits.rs` and `tests/tidy`.", &[]);
    check("README.md", "See `core/src/gone.rs`.", &["core/src/gone.rs"]);
    check("README.md", "`./core/src/gone.rs`, `./core/src/limits.rs`", &["core/src/gone.rs"]);
    check("README.md", "`core/src/limits.rs:12`, `core/src/limits.rs::HEAD_BYTES_MAX`", &[]);
    check("README.md", "`Cargo.toml`, `LICENSE`, `SECURITY.md`", &["LICENSE", "SECURITY.md"]);
    check("README.md", "`docs/decisions/NNNN-title.md`, `docs/decisions/*.md`", &[]);
    check("README.md", "`dataplane/src/**`", &["dataplane/src/"]);
}

#[test]
fn other_spans_are_no_paths() {
    check(
        "README.md",
        "`core::limits`, `limits.rs`, `policy.yaml`, `bundle.toml`, `notes.md`",
        &[],
    );
    check("README.md", "`/v1/instances`, `/etc/halftone/x.toml`, `application/json`", &[]);
    check("README.md", "`cargo test -p core/src/gone.rs`, core/src/gone.rs", &[]);
    check("README.md", "```\n`core/src/gone.rs`\n```\n`core/src/limits.rs`", &[]);
    check("README.md", "```\nx\n```\n`core/src/gone.rs`", &["core/src/gone.rs"]);
}

#[test]
fn a_link_within_the_repository_must_lead_somewhere() {
    check("README.md", "[a](docs/a.md), [b](docs/a.md#top \"title\"), [c](#top)", &[]);
    check("README.md", "[a](docs/b.md), [`b`](docs/c.md)", &["docs/b.md", "docs/c.md"]);
    check("README.md", "`table[0](docs/b.md)`", &[]);
    check("docs/a.md", "[a](a.md), [r](../README.md), [l](../core/src/limits.rs)", &[]);
    check("docs/a.md", "[a](docs/a.md)", &["docs/docs/a.md"]);
    check("docs/a.md", "[a](../../README.md)", &["../../README.md"]);
    check("README.md", "[w](https://example.org/core/x.rs), [m](mailto:a@example.org)", &[]);
}
