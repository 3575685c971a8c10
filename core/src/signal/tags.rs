//! Tags: what is known of a user beside the request.
//!
//! Owns what an id and its tags may be. Does not keep them: the control plane's store does.
//!
//! Invariant: what [`check`] finds nothing wrong with is within the bounds that everything downstream is made for.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::{
    limits::{NAME_BYTES_MAX, TAG_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_MAX, UNIT_BYTES_MAX},
    policy::is_name,
};

/// The tags of one id: names and values.
pub type Tags = BTreeMap<String, String>;

/// Why an id cannot have these tags.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TagError {
    /// The id is empty or too long.
    #[error("id: expected 1 to {UNIT_BYTES_MAX} bytes, got {0}")]
    Id(usize),
    /// The name is none.
    #[error(
        "tags: expected names of letters, digits, '.', '_' and '-', {NAME_BYTES_MAX} bytes at most, got {0:?}"
    )]
    Name(String),
    /// The value is too long.
    #[error("tags.{name}: expected at most {TAG_VALUE_BYTES_MAX} bytes, got {found}")]
    Value {
        /// The tag.
        name: String,
        /// The length of its value, bytes.
        found: usize,
    },
    /// There are too many.
    #[error("tags: expected at most {TAGS_MAX}, got {0}")]
    Count(usize),
    /// They are too large together.
    #[error("tags: expected at most {TAG_BYTES_MAX} bytes of names and values, got {0}")]
    Size(usize),
}

/// Checks that `id` can have `tags`.
///
/// # Errors
/// The first [`TagError`] found.
pub fn check(id: &str, tags: &Tags) -> Result<(), TagError> {
    check_id(id)?;
    if tags.len() > TAGS_MAX {
        return Err(TagError::Count(tags.len()));
    }
    for (name, value) in tags {
        if !is_name(name) {
            return Err(TagError::Name(name.chars().take(NAME_BYTES_MAX).collect()));
        }
        if value.len() > TAG_VALUE_BYTES_MAX {
            return Err(TagError::Value { name: name.clone(), found: value.len() });
        }
    }
    let bytes = size(tags);
    if bytes <= TAG_BYTES_MAX { Ok(()) } else { Err(TagError::Size(bytes)) }
}

/// Checks that `id` can have tags at all.
///
/// # Errors
/// [`TagError::Id`].
pub fn check_id(id: &str) -> Result<(), TagError> {
    let good = (1..=UNIT_BYTES_MAX).contains(&id.len());
    if good { Ok(()) } else { Err(TagError::Id(id.len())) }
}

/// Returns how many bytes the names and the values of `tags` have.
#[must_use]
pub fn size(tags: &Tags) -> usize {
    tags.iter().map(|(name, value)| name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests;
