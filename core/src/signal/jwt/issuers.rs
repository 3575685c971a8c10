//! Issuers of tokens: whose tokens are believed, for whom they have to be meant, and their keys.
//!
//! Owns the list as control planes send it and gateways keep it, and its check. Does not fetch keys and does not verify.
//!
//! Invariants:
//! - a list that came from a socket or a disk is hostile until [`Issuers::open`] has returned;
//! - an issuer is there once, and a token is verified by the keys of its own issuer only;
//! - what a token was verified by can be told from any other ([`Key::mark`]), so that what is remembered of it lives as
//!   long as that stays.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128;

use super::{
    Rejected,
    jwks::{Algorithm, Decoded, Jwk},
};
use crate::limits::{JWT_AUDIENCES_MAX, JWT_ISSUERS_MAX, JWT_KEYS_MAX, JWT_NAME_BYTES_MAX};

/// Why a list of issuers is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IssuersError {
    /// More than are served.
    #[error("expected at most {JWT_ISSUERS_MAX} issuers, got {found}")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A name is none.
    #[error("expected an issuer of 1 to {JWT_NAME_BYTES_MAX} printable bytes, got {found:?}")]
    Name {
        /// The name.
        found: String,
    },
    /// It is there twice.
    #[error("the issuer {issuer:?} is there twice")]
    Twice {
        /// The name.
        issuer: String,
    },
    /// An audience is none, or there are too many.
    #[error(
        "expected at most {JWT_AUDIENCES_MAX} audiences of 1 to {JWT_NAME_BYTES_MAX} printable bytes for the issuer {issuer:?}"
    )]
    Audiences {
        /// The name.
        issuer: String,
    },
    /// There are too many keys.
    #[error("expected at most {JWT_KEYS_MAX} keys of the issuer {issuer:?}, got {found}")]
    TooManyKeys {
        /// The name.
        issuer: String,
        /// How many.
        found: usize,
    },
    /// A key is not one that is served.
    #[error("key {at} of the issuer {issuer:?} is not one that is served")]
    Key {
        /// The name.
        issuer: String,
        /// Its place, from 0.
        at: usize,
    },
}

/// An issuer as it travels and is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    /// What its tokens say in `iss`, exactly.
    pub issuer: String,
    /// One of these has to be among what a token says in `aud`; without any, that is not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Its keys; none where they are not known yet: then those that were known before are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Jwk>,
}

/// What is told of an issuer that is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IssuerState {
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// Who they have to be meant for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// The ids of its keys, or a dash for one without.
    pub keys: Vec<String>,
}

/// The issuers that are believed; without any, no token is.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    issuers: Vec<Known>,
}

/// An issuer, its keys ready to be used.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) told: Issuer,
    keys: Vec<Key>,
}

/// A key, ready to be used.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) numbers: Decoded,
    /// Tells issuer, audiences and key from all others.
    pub(super) mark: u128,
}

impl Issuers {
    /// Checks a list.
    ///
    /// # Errors
    /// [`IssuersError`]: the first that is wrong.
    pub fn open(list: Vec<Issuer>) -> Result<Self, IssuersError> {
        if list.len() > JWT_ISSUERS_MAX {
            return Err(IssuersError::TooMany { found: list.len() });
        }
        let mut names = BTreeSet::new();
        for issuer in &list {
            check(issuer)?;
            if !names.insert(issuer.issuer.as_str()) {
                return Err(IssuersError::Twice { issuer: issuer.issuer.clone() });
            }
        }
        let issuers = list.into_iter().map(Known::of).collect::<Result<_, _>>()?;
        Ok(Self { issuers })
    }

    /// Checks a list whose issuers without keys keep those they have here.
    ///
    /// # Errors
    /// [`IssuersError`].
    pub fn renewed(&self, mut list: Vec<Issuer>) -> Result<Self, IssuersError> {
        for issuer in list.iter_mut().filter(|issuer| issuer.keys.is_empty()) {
            if let Some(known) = self.known(&issuer.issuer) {
                issuer.keys.clone_from(&known.told.keys);
            }
        }
        Self::open(list)
    }

    /// Returns the list as it travels and is kept.
    #[must_use]
    pub fn list(&self) -> Vec<Issuer> {
        self.issuers.iter().map(|known| known.told.clone()).collect()
    }

    /// Returns how many are believed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.issuers.len()
    }

    /// Returns whether nobody is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Returns what is told of each.
    #[must_use]
    pub fn states(&self) -> Vec<IssuerState> {
        let state = |known: &Known| IssuerState {
            issuer: known.told.issuer.clone(),
            audiences: known.told.audiences.clone(),
            keys: known
                .told
                .keys
                .iter()
                .map(|key| key.kid.clone().unwrap_or_else(|| "-".to_owned()))
                .collect(),
        };
        self.issuers.iter().map(state).collect()
    }

    /// Returns whether tokens are verified by what has this mark.
    #[must_use]
    pub fn has(&self, mark: u128) -> bool {
        self.issuers.iter().any(|known| known.keys.iter().any(|key| key.mark == mark))
    }

    pub(super) fn known(&self, issuer: &str) -> Option<&Known> {
        self.issuers.iter().find(|known| known.told.issuer == issuer)
    }
}

impl Known {
    fn of(told: Issuer) -> Result<Self, IssuersError> {
        let mut keys = Vec::with_capacity(told.keys.len());
        for (at, jwk) in told.keys.iter().enumerate() {
            let refused = || IssuersError::Key { issuer: told.issuer.clone(), at };
            let numbers = jwk.material.decoded().filter(|_| jwk.is_served()).ok_or_else(refused)?;
            let marked = serde_json::to_vec(&(&told.issuer, &told.audiences, jwk));
            // What was read from JSON can be written as it.
            keys.push(Key { numbers, mark: xxh3_128(&marked.unwrap_or_default()) });
        }
        Ok(Self { told, keys })
    }

    /// Returns the key that a token names, or the only one it can mean when it names none.
    pub(super) fn key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<(&Jwk, &Key), Rejected> {
        let keys = self.told.keys.iter().zip(&self.keys);
        let mut named = keys.filter(|(jwk, _)| kid.is_none() || jwk.kid.as_deref() == kid);
        let mut fit = named.clone().filter(|(jwk, _)| jwk.serves(algorithm));
        match (fit.next(), fit.next()) {
            // Ids need not be unique (RFC 7517 §4.5), but then nobody can tell which is meant.
            (Some(key), None) => Ok(key),
            (None, _) if kid.is_some() && named.next().is_some() => Err(Rejected::Algorithm),
            _ => Err(Rejected::UnknownKey),
        }
    }

    /// Returns whether a token for these audiences is meant for us.
    pub(super) fn is_meant<'a>(&self, mut audiences: impl Iterator<Item = &'a str>) -> bool {
        let own = &self.told.audiences;
        own.is_empty() || audiences.any(|audience| own.iter().any(|one| one == audience))
    }
}

fn check(issuer: &Issuer) -> Result<(), IssuersError> {
    if !is_name(&issuer.issuer) {
        return Err(IssuersError::Name { found: issuer.issuer.clone() });
    }
    let named = || issuer.issuer.clone();
    let audiences = &issuer.audiences;
    if audiences.len() > JWT_AUDIENCES_MAX || !audiences.iter().all(|audience| is_name(audience)) {
        return Err(IssuersError::Audiences { issuer: named() });
    }
    match issuer.keys.len() {
        found if found > JWT_KEYS_MAX => Err(IssuersError::TooManyKeys { issuer: named(), found }),
        _ => Ok(()),
    }
}

/// Returns whether `text` can name an issuer or an audience.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=JWT_NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
