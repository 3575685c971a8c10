//! Lists as people write them.

use super::*;

#[test]
fn text_and_back() {
    let check = |text: &str, expected: Option<&str>| {
        let shown = text.parse::<CpuList>().map(|list| list.to_string());
        assert_eq!(shown.as_deref().ok(), expected, "{text:?}");
    };
    check("0", Some("0"));
    check("0,2-3", Some("0,2-3"));
    check("3,1,2,2", Some("1-3"));
    check("0,1,5", Some("0-1,5"));
    check("", None);
    check("0,", None);
    check("3-1", None);
    check("0-", None);
    check("-1", None);
    check("all", None);
    check("0-4000000000", None);
}
