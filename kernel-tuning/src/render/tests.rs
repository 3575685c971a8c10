//! The table, letter by letter.

use super::*;
use crate::ReadError;
use crate::finding::{Commands, Knob};

fn knob(name: &str) -> Knob {
    Knob { name: name.to_owned(), wanted: "2 or more".to_owned(), reason: "It matters." }
}

#[test]
fn a_table_has_a_row_per_finding_and_notes_where_something_is_amiss() {
    let commands = Commands { how: "set 2".to_owned(), undo: "set 1".to_owned() };
    let findings = [
        knob("a.long.name").ok("2".to_owned()),
        knob("b").low("1 of many".to_owned(), Some(commands)),
        knob("c").low("1".to_owned(), None),
        knob("d").unknown(ReadError::Empty { path: "/d".into() }),
    ];
    let expected = "\
STATUS   KNOB        CURRENT   WANTED
ok       a.long.name 2         2 or more
low      b           1 of many 2 or more
         why    It matters.
         how    set 2
         undo   set 1
low      c           1         2 or more
         why    It matters.
unknown  d           -         2 or more
         why    It matters.
         unread \"/d\" is empty
1 ok, 2 low, 1 unknown
";
    assert_eq!(render(&findings), expected);
}

#[test]
fn no_findings_are_a_head_and_a_count() {
    assert_eq!(render(&[]), "STATUS   KNOB CURRENT WANTED\n0 ok, 0 low, 0 unknown\n");
}
