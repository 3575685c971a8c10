//! Defaults by environment, and modes.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn the_default_follows_the_environment() {
    let check = |state_home: Option<&str>, home: Option<&str>, expected: Option<&str>| {
        let found = default_root(state_home.map(PathBuf::from), home.map(PathBuf::from));
        assert_eq!(found, expected.map(PathBuf::from), "{state_home:?} {home:?}");
    };
    check(Some("/state"), Some("/home/a"), Some("/state/halftone"));
    check(None, Some("/home/a"), Some("/home/a/.local/state/halftone"));
    check(Some("state"), Some("/home/a"), Some("/home/a/.local/state/halftone"));
    check(Some(""), Some("/home/a"), Some("/home/a/.local/state/halftone"));
    check(None, None, None);
}

#[test]
fn what_is_made_belongs_to_its_owner_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = Place::open(Some(directory.path().join("a/b"))).expect("it can be made");
    let parts =
        [place.root().to_owned(), place.gateway().expect("made"), place.control().expect("made")];
    for part in parts {
        let mode = part.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", part.display());
    }
}
