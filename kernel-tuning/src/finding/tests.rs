//! Status words, commands and error texts.

use std::io;

use super::*;

#[test]
fn a_status_has_one_spelling() {
    let spelled = [Status::Ok, Status::Low, Status::Unknown].map(|status| status.to_string());
    assert_eq!(spelled, ["ok", "low", "unknown"]);
}

#[test]
fn files_of_one_value_share_a_command() {
    let check = |settings: &[(&str, &str)], expected: &str| {
        let settings: Vec<(String, String)> =
            settings.iter().map(|&(path, value)| (path.to_owned(), value.to_owned())).collect();
        assert_eq!(write_command(&settings), expected, "{settings:?}");
    };
    check(&[("/a", "1")], "echo 1 | tee /a");
    check(&[("/a", "1"), ("/b", "1")], "echo 1 | tee /a /b");
    check(&[("/a", "1"), ("/b", "2"), ("/c", "1")], "echo 1 | tee /a /c && echo 2 | tee /b");
}

#[test]
fn causes_follow_the_error() {
    let source = io::Error::new(io::ErrorKind::PermissionDenied, "not yours");
    let error = ReadError::Unreadable { path: "/x".into(), source };
    assert_eq!(with_causes(&error), "\"/x\" cannot be read: not yours");
}
