//! Lines, good and bad.

use super::*;

fn row(id: &str, tags: &[(&str, &str)]) -> Row {
    let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (id.to_owned(), tags.collect())
}

#[test]
fn an_object_is_a_row() {
    for (line, expected) in [
        (
            r#"{"id":"u7","tags":{"level":"vip","age":30,"beta":true}}"#,
            Ok(Some(row("u7", &[("age", "30"), ("beta", "true"), ("level", "vip")]))),
        ),
        ("{\"tags\":{},\"id\":\"北京\"}\r", Ok(Some(row("北京", &[])))),
        ("", Ok(None)),
        ("  \r", Ok(None)),
        (r#"{"id":"u7"}"#, Err("column 11: missing field `tags`")),
        (r#"{"id":"u7","tags":{},"x":1}"#, Err("column 24: unknown field `x`")),
        (r#"{"id":"u7","tags":{"a":1.5}}"#, Err("column 26: invalid type")),
        (r#"{"id":"","tags":{}}"#, Err("id: expected 1 to 1024 bytes, got 0")),
        (r#"{"id":"u7","tags":{"a b":""}}"#, Err("tags: expected names of letters")),
        ("u7,vip", Err("column 1: expected value")),
    ] {
        let found = Form::Ndjson.read(line.as_bytes());
        match (&found, &expected) {
            (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
            _ => assert_eq!(found.as_ref().ok(), expected.as_ref().ok(), "{line}: {found:?}"),
        }
    }
    assert_eq!(Form::Ndjson.read(b"{\"id\":\"\xff\"}"), Err("expected UTF-8".to_owned()));
}

#[test]
fn a_record_is_a_row() {
    let mut form = Form::Csv(Vec::new());
    assert!(form.is_lost());
    assert_eq!(form.read("\u{feff}level,id,note\r".as_bytes()), Ok(None));
    assert!(!form.is_lost());
    for (line, expected) in [
        ("vip,u7,", Ok(row("u7", &[("level", "vip")]))),
        ("\"a,\"\"b\"\"\",u8,\"\"\r", Ok(row("u8", &[("level", "a,\"b\"")]))),
        (",u9,", Ok(row("u9", &[]))),
        ("vip,u7", Err("expected 3 fields, got 2")),
        ("vip,,x", Err("id: expected 1 to 1024 bytes, got 0")),
        ("\"vip,u7,x", Err("a quoted field does not end on its line")),
        ("\"vip\"x,u7,x", Err("expected a comma behind a quoted field")),
        ("vi\"p,u7,x", Err("a quote stands inside a field that is not quoted")),
    ] {
        let expected = expected.map(Some).map_err(str::to_owned);
        assert_eq!(form.read(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn columns_are_named() {
    for (line, expected) in [
        ("level,age", "expected a column \"id\" among level, age"),
        ("id,level,level", "column \"level\" is there twice"),
        ("id,,x", "expected names of columns, one of them \"id\", got \"\""),
    ] {
        let mut form = Form::Csv(Vec::new());
        assert_eq!(form.read(line.as_bytes()), Err(expected.to_owned()));
        assert!(form.is_lost());
    }
}
