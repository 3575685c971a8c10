//! What an id and its tags may be.

use super::*;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn bounds_are_kept_and_told() {
    let long = "x".repeat(UNIT_BYTES_MAX);
    let many: Tags = (0..=TAGS_MAX).map(|at| (format!("t{at}"), String::new())).collect();
    let value = "v".repeat(TAG_VALUE_BYTES_MAX);
    let large = tags(&[("a", &value), ("b", &value), ("c", &value), ("d", &value)]);
    for (id, tags, expected) in [
        ("u7", tags(&[("level", "vip"), ("age", "30"), ("empty", "")]), None),
        ("北京-用户 / any text", tags(&[]), None),
        (long.as_str(), tags(&[("a", &value)]), None),
        ("", tags(&[]), Some(TagError::Id(0))),
        (&format!("{long}x"), tags(&[]), Some(TagError::Id(UNIT_BYTES_MAX + 1))),
        ("u7", tags(&[("a b", "1")]), Some(TagError::Name("a b".to_owned()))),
        ("u7", tags(&[("", "1")]), Some(TagError::Name(String::new()))),
        (
            "u7",
            tags(&[("a", &format!("{value}v"))]),
            Some(TagError::Value { name: "a".to_owned(), found: TAG_VALUE_BYTES_MAX + 1 }),
        ),
        ("u7", many, Some(TagError::Count(TAGS_MAX + 1))),
        ("u7", large, Some(TagError::Size(TAG_BYTES_MAX + 4))),
    ] {
        assert_eq!(check(id, &tags).err(), expected, "{id}");
    }
}
