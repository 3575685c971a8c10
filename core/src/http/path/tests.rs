//! Normal forms.

use super::*;

#[test]
fn normal_forms() {
    for (path, expected) in [
        ("/", Some("/")),
        ("/a/b", Some("/a/b")),
        ("/a//b/", Some("/a//b/")),
        ("/%61%2Db", Some("/a-b")),
        ("/a%2fb", Some("/a%2Fb")),
        ("/a%00", Some("/a%00")),
        ("/a/./b", Some("/a/b")),
        ("/a/../b", Some("/b")),
        ("/a/b/..", Some("/a/")),
        ("/a/.", Some("/a/")),
        ("/..", Some("/")),
        ("/../../x", Some("/x")),
        ("/%2e%2e/x", Some("/x")),
        ("/a/%2E%2e", Some("/")),
        ("/.well-known/x", Some("/.well-known/x")),
        ("/a/...", Some("/a/...")),
        ("/a/.b/../c", Some("/a/c")),
        ("//..//x", Some("//x")),
        ("/%E5%8c%97", Some("/%E5%8C%97")),
        ("/%", None),
        ("/%1", None),
        ("/%zz", None),
    ] {
        let normal = normal_path(path.as_bytes());
        let text = normal.as_deref().map(|normal| std::str::from_utf8(normal).expect("ascii"));
        assert_eq!(text, expected, "{path}");
        if let Some(normal) = text {
            assert_eq!(
                normal_path(normal.as_bytes()).as_deref(),
                Some(normal.as_bytes()),
                "idempotent: {path}"
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_path_is_brought_to_one_form(path in "/[a-c./%2eE0-9]{0,24}") {
        if let Some(once) = normal_path(path.as_bytes()) {
            proptest::prop_assert_eq!(normal_path(&once), Some(once.clone()));
            proptest::prop_assert!(once.starts_with(b"/") && !has_dot_segment(&once));
        }
    }
}
