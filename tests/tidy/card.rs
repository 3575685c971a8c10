//! The folders and files that the product's card promises.

use crate::offence::{Offence, assert_none};
use crate::repository;

/// Folders at the top.
pub(crate) const FOLDERS: [&str; 8] =
    ["core", "dataplane", "controlplane", "bench", "kernel-tuning", "tests", "src", "docs"];

/// Files at the top.
pub(crate) const FILES: [&str; 6] =
    ["Cargo.toml", "Makefile", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"];

#[test]
fn the_top_level_is_complete() {
    assert_none(
        "entries of the card",
        &missing(
            |path| repository::root().join(path).is_dir(),
            |path| repository::root().join(path).is_file(),
        ),
    );
}

fn missing(is_folder: impl Fn(&str) -> bool, is_file: impl Fn(&str) -> bool) -> Vec<Offence> {
    let folders = FOLDERS.iter().filter(|path| !is_folder(path)).map(|path| (path, "a folder"));
    let files = FILES.iter().filter(|path| !is_file(path)).map(|path| (path, "a file"));
    folders.chain(files).map(|(&path, kind)| Offence::new(path, kind, "none")).collect()
}

#[test]
fn what_is_not_there_is_missing() {
    let offences = missing(|path| path != "bench", |path| path != "LICENSE" && path != "Makefile");
    let places: Vec<&str> = offences.iter().map(|offence| offence.place.as_str()).collect();
    assert_eq!(places, ["bench", "Makefile", "LICENSE"]);
}
