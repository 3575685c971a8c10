//! What we build on may be built on: licences of every package compiled for this platform.

use crate::cargo;
use crate::offence::{Offence, assert_none};

/// SPDX identifiers that a licence expression may rest on.
const ALLOWED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_package_has_an_allowed_licence() {
    let packages = cargo::built_packages();
    let licences = packages.iter().map(|package| {
        let place = format!("{} {}", cargo::text(package, "name"), cargo::text(package, "version"));
        (place, package["license"].as_str())
    });
    let offences: Vec<Offence> =
        licences.filter_map(|(place, licence)| refused(place, licence)).collect();
    assert!(packages.len() > cargo::members().len(), "no package but ours was listed");
    assert_none("licences", &offences);
}

fn refused(place: String, licence: Option<&str>) -> Option<Offence> {
    let found = match licence {
        Some(licence) if allows(licence) == Some(true) => return None,
        Some(licence) => licence,
        None => "no licence expression",
    };
    Some(Offence::new(place, format!("a licence that rests on {}", ALLOWED.join(", ")), found))
}

/// Tells whether an SPDX expression can be satisfied by what is allowed; none is one that cannot
/// be read.
fn allows(expression: &str) -> Option<bool> {
    // Before SPDX expressions, a slash meant OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().collect::<Vec<_>>();
    words.reverse();
    let allowed = any_of(&mut words)?;
    words.is_empty().then_some(allowed)
}

/// Reads alternatives; the words still to read are a stack.
fn any_of(words: &mut Vec<&str>) -> Option<bool> {
    let mut allowed = all_of(words)?;
    while words.pop_if(|word| *word == "OR").is_some() {
        allowed |= all_of(words)?;
    }
    Some(allowed)
}

fn all_of(words: &mut Vec<&str>) -> Option<bool> {
    let mut allowed = one(words)?;
    while words.pop_if(|word| *word == "AND").is_some() {
        allowed &= one(words)?;
    }
    Some(allowed)
}

fn one(words: &mut Vec<&str>) -> Option<bool> {
    let word = words.pop()?;
    if word == "(" {
        let allowed = any_of(words)?;
        return (words.pop()? == ")").then_some(allowed);
    }
    if [")", "OR", "AND", "WITH"].contains(&word) {
        return None;
    }
    if words.pop_if(|word| *word == "WITH").is_some() {
        let licence = format!("{word} WITH {}", words.pop()?);
        return Some(ALLOWED.contains(&licence.as_str()));
    }
    // A plus means: this version or any later one.
    Some(ALLOWED.contains(&word.strip_suffix('+').unwrap_or(word)))
}

#[cfg(test)]
mod tests;
