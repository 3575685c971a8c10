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

#[test]
fn ids_come_alone_or_among_others() {
    let read = |text: &str, form| {
        let mut loader = Loader::of_ids(form);
        loader.push(text.as_bytes());
        loader.finish();
        let refused = loader.refused().iter().map(|one| (one.line, one.message.clone())).collect();
        (ids(&mut loader), refused)
    };
    let none: Vec<(u64, String)> = Vec::new();
    for (text, expected) in [
        ("u7\n\n  u8 \r\n北京\n", &["u7", "u8", "北京"][..]),
        ("\u{feff}u7\nu8", &["u7", "u8"]),
        ("u7\nLi, Wei\n", &["u7", "Li, Wei"]),
        ("id\nu7\n", &["u7"]),
        ("name,id\r\n\"Li, Wei\",u7\r\n,u8\r\n", &["u7", "u8"]),
        ("\n{\"id\":\"u7\",\"age\":30}\n{\"id\":\"u8\"}\n", &["u7", "u8"]),
        ("", &[]),
        ("\n \n", &[]),
    ] {
        assert_eq!(
            read(text, None),
            (expected.iter().map(|id| (*id).to_owned()).collect(), none.clone()),
            "{text:?}"
        );
    }
    for (text, form, line, told) in [
        ("u7,vip\nu8,new\n", None, 1, "expected a column \"id\""),
        ("u7\n", Some(IdForm::Csv), 1, "expected a column \"id\""),
        ("u7\n", Some(IdForm::Ndjson), 1, "column 1: "),
        ("{\"id\":\"u7\"}\n{\"uid\":\"u8\"}\n", None, 2, "missing field `id`"),
        ("{\"id\":7}\n", None, 1, "expected a string"),
        ("id,x\n,1\n", None, 2, "id: expected 1 to"),
        ("u7\n\u{feff}\n", None, 2, "id: expected 1 to"),
    ] {
        let (_, refused): (Vec<String>, Vec<(u64, String)>) = read(text, form);
        assert!(refused[0].0 == line && refused[0].1.contains(told), "{text:?}: {refused:?}");
    }
}
