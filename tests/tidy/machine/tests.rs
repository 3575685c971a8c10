//! Files with and without names of a machine.

use super::*;

#[test]
fn a_name_is_found_by_its_line() {
    let check = |path: &str, text: &str, found: &[&str]| {
        let offences = foreign(&[(path.to_owned(), text.to_owned())]);
        let places: Vec<&str> = offences.iter().map(|offence| offence.place.as_str()).collect();
        assert_eq!(places, found, "{path}: {text:?}");
    };
    check("a.md", "one\nsee /work/here\n", &["a.md:2"]);
    check("a.md", "/root/.cargo and /work/x\n", &["a.md:1", "a.md:1"]);
    check("a.sh", "ls .library\n", &["a.sh:1"]);
    check("a.md", "work/here, the root / of it, a library\n", &[]);
    check("tests/tidy/machine.rs", "/work/\n", &[]);
    check("tests/other.rs", "/work/\n", &["tests/other.rs:1"]);
}
