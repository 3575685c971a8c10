//! The conditions a change may be made under (RFC 9110 §13.1).
//!
//! Owns the reading of `If-Match` and `If-None-Match` and their comparison with a digest. Does not
//! own when they are checked: [`crate::state`] does it in the turn of the change.

/// What has to hold of the current digest; by default, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// One of these is current.
    pub(crate) matches: Option<Tags>,
    /// None of these is current.
    pub(crate) matches_none: Option<Tags>,
}

/// A list of entity tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// `*`: whatever there is.
    Any,
    /// Digests; those of weak tags are kept apart, as RFC 9110 §8.8.3.2 compares them.
    These(Vec<Tag>),
}

/// One entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    weak: bool,
    digest: String,
}

impl Conditions {
    /// Returns whether they hold; `current` is the digest of what is there, if anything is.
    #[must_use]
    pub(crate) fn hold(&self, current: Option<&str>) -> bool {
        self.matches.as_ref().is_none_or(|tags| tags.hold(current, true))
            && self.matches_none.as_ref().is_none_or(|tags| !tags.hold(current, false))
    }
}

impl Tags {
    /// Reads the value of a header field: `*`, or tags in quotes with commas between them.
    #[must_use]
    pub(crate) fn parse(value: &str) -> Option<Self> {
        if value.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value.trim_start();
        while !rest.is_empty() {
            let (weak, opaque) = match rest.strip_prefix("W/") {
                Some(opaque) => (true, opaque),
                None => (false, rest),
            };
            let (digest, after) = opaque.strip_prefix('"')?.split_once('"')?;
            tags.push(Tag { weak, digest: digest.to_owned() });
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
        (!tags.is_empty()).then_some(Self::These(tags))
    }

    fn hold(&self, current: Option<&str>, strong: bool) -> bool {
        let Some(current) = current else { return false };
        match self {
            Self::Any => true,
            Self::These(tags) => {
                tags.iter().any(|tag| tag.digest == current && !(strong && tag.weak))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_as_the_rfc_says() {
        for (matches, matches_none, on_a, on_nothing) in [
            (None, None, true, true),
            (Some("\"a\""), None, true, false),
            (Some("\"b\", \"a\""), None, true, false),
            (Some("\"b\""), None, false, false),
            (Some("W/\"a\""), None, false, false),
            (Some("*"), None, true, false),
            (None, Some("*"), false, true),
            (None, Some("\"a\""), false, true),
            (None, Some("W/\"a\""), false, true),
            (None, Some("\"b\""), true, true),
        ] {
            let tags = |text: Option<&str>| text.map(|text| Tags::parse(text).expect("tags"));
            let conditions =
                Conditions { matches: tags(matches), matches_none: tags(matches_none) };
            let held = (conditions.hold(Some("a")), conditions.hold(None));
            assert_eq!(held, (on_a, on_nothing), "{matches:?} {matches_none:?}");
        }
        for bad in ["", "a", "\"a", "\"a\" \"b\"", "\"a\",b", ","] {
            assert_eq!(Tags::parse(bad), None, "{bad:?}");
        }
    }
}
