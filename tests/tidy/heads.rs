//! Every file says at its top what it owns.

use crate::offence::{Offence, assert_none};
use crate::repository;

#[test]
fn every_rust_file_opens_with_its_head() {
    assert_none("module heads", &headless(&repository::rust_files()));
}

fn headless(files: &[(String, String)]) -> Vec<Offence> {
    let headless = files.iter().filter(|(_, text)| !text.starts_with("//!"));
    headless
        .map(|(path, text)| {
            let line = text.lines().next().unwrap_or_default();
            Offence::new(format!("{path}:1"), "//!", format!("{line:?}"))
        })
        .collect()
}

#[test]
fn a_file_without_a_head_is_found() {
    let check = |text: &str, found: Option<&str>| {
        let offences = headless(&[("a.rs".to_owned(), text.to_owned())]);
        assert_eq!(offences.first().map(|offence| offence.found.as_str()), found, "{text:?}");
    };
    check("//! Owns a.\nfn a() {}\n", None);
    check("fn a() {}\n//! Owns a.\n", Some("\"fn a() {}\""));
    check("// Owns a.\n", Some("\"// Owns a.\""));
    check("\n//! Owns a.\n", Some("\"\""));
    check("", Some("\"\""));
}
