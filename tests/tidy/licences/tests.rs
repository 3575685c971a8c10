//! Licence expressions that may and may not be built on.

use super::*;

#[test]
fn an_expression_is_satisfied_by_what_is_allowed() {
    let check = |expression: &str, expected: Option<bool>| {
        assert_eq!(allows(expression), expected, "{expression:?}");
    };
    check("MIT", Some(true));
    check("MIT OR Apache-2.0", Some(true));
    check("MIT/Apache-2.0", Some(true));
    check("GPL-3.0-only", Some(false));
    check("AGPL-3.0-or-later OR MIT", Some(true));
    check("AGPL-3.0-or-later AND MIT", Some(false));
    check("MIT OR GPL-2.0-only AND ISC", Some(true));
    check("(MIT OR GPL-2.0-only) AND ISC", Some(true));
    check("(MIT OR Apache-2.0) AND GPL-2.0-only", Some(false));
    check("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", Some(true));
    check("Apache-2.0 WITH LLVM-exception", Some(true));
    check("GPL-2.0-only WITH Classpath-exception-2.0", Some(false));
    check("MIT WITH Classpath-exception-2.0", Some(false));
    check("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true));
    check("MPL-2.0+", Some(true));
    check("GPL-2.0+", Some(false));
    check("mit", Some(false));
    check("", None);
    check("MIT OR", None);
    check("OR MIT", None);
    check("MIT Apache-2.0", None);
    check("(MIT", None);
    check("MIT)", None);
    check("Apache-2.0 WITH", None);
}

#[test]
fn an_offence_names_the_package_and_what_it_says() {
    let check = |licence: Option<&str>, found: Option<&str>| {
        let offence = refused("x 1.0.0".to_owned(), licence);
        let offence = offence.as_ref().map(|offence| (&*offence.place, &*offence.found));
        assert_eq!(offence, found.map(|found| ("x 1.0.0", found)));
    };
    check(Some("MIT"), None);
    check(Some("SSPL-1.0"), Some("SSPL-1.0"));
    check(Some("MIT OR"), Some("MIT OR"));
    check(None, Some("no licence expression"));
}
