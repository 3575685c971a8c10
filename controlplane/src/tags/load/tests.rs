//! Portions, numbers of lines, and ends.

use super::*;

fn ids(loader: &mut Loader) -> Vec<String> {
    loader.portion().into_iter().map(|(id, _)| id).collect()
}

#[test]
fn bytes_may_come_in_any_pieces() {
    let text = "{\"id\":\"a\",\"tags\":{\"x\":1}}\n\n{\"id\":\"北\",\"tags\":{}}\r\nbad\n{\"id\":\"c\",\"tags\":{}}";
    for size in 1..text.len() {
        let mut loader = Loader::default();
        text.as_bytes().chunks(size).for_each(|piece| loader.push(piece));
        loader.finish();
        assert_eq!(ids(&mut loader), ["a", "北", "c"], "in pieces of {size}");
        let lines: Vec<u64> = loader.refused().iter().map(|one| one.line).collect();
        assert_eq!((lines, loader.ended_at()), (vec![4], None));
    }
}

#[test]
fn the_form_is_seen_or_said() {
    let mut seen = Loader::default();
    seen.push(b"\nid,level\nu7,vip\n");
    assert_eq!(ids(&mut seen), ["u7"]);
    let mut said = Loader::ndjson();
    said.push(b"id,level\n");
    assert_eq!(said.refused().len(), 1);
    let mut said = Loader::csv();
    said.push(b"{\"id\":\"a\",\"tags\":{}}\n");
    assert_eq!((said.refused().len(), said.ended_at()), (1, Some(1)), "no columns, no rows");
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    let mut loader = Loader::ndjson();
    let long = vec![b'x'; TAG_LINE_BYTES_MAX];
    loader.push(&long);
    loader.push(b"x");
    loader.push(b"x\n{\"id\":\"a\",\"tags\":{}}\n");
    assert_eq!(ids(&mut loader), ["a"]);
    assert_eq!(loader.refused()[0].line, 1);
    assert!(loader.refused()[0].message.contains("at most"));
}

#[test]
fn a_portion_is_bounded_and_a_wrong_file_ends() {
    let mut loader = Loader::csv();
    loader.push(b"id,level\n");
    for at in 0..TAG_BATCH_LINES {
        assert!(!loader.is_full());
        loader.push(format!("u{at},vip\n").as_bytes());
    }
    assert!(loader.is_full());
    assert_eq!(loader.portion().len(), TAG_BATCH_LINES);
    assert!(!loader.is_full());
    for _ in 0..2 * TAG_REFUSALS_MAX {
        loader.push(b"1,2,3\n");
    }
    let last = (1 + TAG_BATCH_LINES + TAG_REFUSALS_MAX) as u64;
    assert_eq!((loader.refused().len(), loader.ended_at()), (TAG_REFUSALS_MAX, Some(last)));
}
