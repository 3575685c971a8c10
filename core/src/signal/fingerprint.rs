//! Device fingerprints: what a browser that was consented to tells of itself, and the id that comes of it.
//!
//! Owns the features a browser may tell ([`Features`]), their likeness ([`sketch`]) and the cookie that carries an id
//! ([`cookie`]). Decision 0027 says what may be done with one. Does not read requests, clocks or keys: whoever issues
//! passes them.
//!
//! Invariants:
//! - features are read, compared and dropped: what is kept of them is keyed, and kept by their own browser alone;
//! - nothing here shows a feature: neither `Debug` nor an error has a word of one;
//! - total: no body is too strange to be refused.

pub mod cookie;
pub mod sketch;

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

use crate::limits::{
    FINGERPRINT_BODY_BYTES_MAX, FINGERPRINT_WORD_BYTES_MAX, FINGERPRINT_WORDS_MAX,
};

/// The features, in the order of [`sketch::WEIGHTS_PPM`]: the agent, text on a canvas, and what WebGL says and draws.
pub const FEATURES: [&str; 3] = ["ua", "canvas", "webgl"];

/// Why a body tells no features. What it says is not repeated.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FeaturesError {
    /// It is larger than any that our script sends.
    #[error("the body has more than {FINGERPRINT_BODY_BYTES_MAX} bytes")]
    Size,
    /// It is not what our script sends.
    #[error("expected an object of consent, ua, canvas and webgl; it is wrong at column {column}")]
    Form {
        /// Where, from 1.
        column: usize,
    },
    /// Nobody has said yes.
    #[error("there is no consent")]
    NoConsent,
    /// A feature has too many words.
    #[error("{feature} has more than {FINGERPRINT_WORDS_MAX} words")]
    Words {
        /// Which.
        feature: &'static str,
    },
    /// A word is empty or too long.
    #[error("a word of {feature} is empty or longer than {FINGERPRINT_WORD_BYTES_MAX} bytes")]
    Word {
        /// Of which feature.
        feature: &'static str,
    },
    /// Every browser has an agent.
    #[error("ua has no words")]
    NoAgent,
}

/// What our script sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    consent: bool,
    ua: Vec<String>,
    canvas: Vec<String>,
    webgl: Vec<String>,
}

/// What a browser tells of itself: three sets of words, each sorted and without doubles. A browser that does not let
/// itself be asked has an empty one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Features {
    sets: [Vec<String>; 3],
}

/// Shows how many words there are, and none of them.
impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sets.iter().map(Vec::len)).finish()
    }
}

impl Features {
    /// Reads the body that our script sends.
    ///
    /// # Errors
    /// [`FeaturesError`].
    pub fn read(body: &[u8]) -> Result<Self, FeaturesError> {
        if body.len() > FINGERPRINT_BODY_BYTES_MAX {
            return Err(FeaturesError::Size);
        }
        let body: Body = serde_json::from_slice(body)
            .map_err(|error| FeaturesError::Form { column: error.column() })?;
        if !body.consent {
            return Err(FeaturesError::NoConsent);
        }
        if body.ua.is_empty() {
            return Err(FeaturesError::NoAgent);
        }
        let mut sets = [body.ua, body.canvas, body.webgl];
        for (feature, words) in FEATURES.into_iter().zip(&mut sets) {
            if words.len() > FINGERPRINT_WORDS_MAX {
                return Err(FeaturesError::Words { feature });
            }
            if words.iter().any(|word| !(1..=FINGERPRINT_WORD_BYTES_MAX).contains(&word.len())) {
                return Err(FeaturesError::Word { feature });
            }
            words.sort_unstable();
            words.dedup();
        }
        Ok(Self { sets })
    }
}

#[cfg(test)]
mod tests;
