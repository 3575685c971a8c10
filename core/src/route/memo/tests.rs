//! What is read once, and what again.

use super::*;
use crate::route::value::{Fault, Value};

#[test]
fn an_attribute_is_read_once() {
    let (memo, reads) = (Memo::default(), Cell::new(0));
    let count = || reads.set(reads.get() + 1);
    for _ in 0..3 {
        for (row, text) in [(0, Some(&b"30"[..])), (7, None)] {
            let present = memo.present(row, || {
                count();
                text
            });
            assert_eq!(present, text);
        }
    }
    assert_eq!(reads.get(), 2, "what is not there is known, too");
    for (row, value) in [(0, Ok(Value::Int(30))), (7, Err(Fault::Missing))] {
        assert_eq!(memo.value(row), None);
        memo.keep(row, value);
        assert_eq!(memo.value(row), Some(value));
    }
    assert_eq!(memo.present(0, || None), Some(&b"30"[..]), "it is still known");
}

#[test]
fn attributes_of_one_place_are_not_taken_for_each_other() {
    let memo = Memo::default();
    let other = u32::try_from(PLACES).expect("few");
    for _ in 0..2 {
        assert_eq!(memo.present(0, || Some(b"a")), Some(&b"a"[..]));
        memo.keep(0, Ok(Value::Text("a")));
        assert_eq!(memo.value(0), Some(Ok(Value::Text("a"))));
        assert_eq!(memo.present(other, || Some(b"b")), Some(&b"b"[..]));
        assert_eq!(memo.value(other), None, "what was kept was said of the first");
        memo.keep(other, Ok(Value::Text("b")));
        assert_eq!(memo.value(other), Some(Ok(Value::Text("b"))));
        // Nobody has said what the first is since the other took its place.
        memo.keep(0, Err(Fault::Type));
        assert_eq!(memo.value(0), None);
        assert_eq!(memo.value(other), Some(Ok(Value::Text("b"))));
    }
}
