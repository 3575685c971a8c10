//! Issuers of tokens: their keys, from files and URLs to gateways.
//!
//! Owns whose tokens are believed and which keys each source said last, on a thread of its own. Does not send them
//! ([`crate::link`] does, to each gateway on a connection of its own) and does not verify tokens: workers do.
//!
//! Invariants:
//! - a document that cannot be read, or has no key that is served, is told once and changes nothing: the last good keys stay;
//! - an issuer is believed for what was said at the start; nothing that is fetched adds one.

use std::{io, time::Duration};

use halftone_core::{
    limits::JWKS_BYTES_MAX,
    signal::jwt::{Issuer, Jwk, jwks::parse_jwks},
};
use tokio::sync::watch;

use crate::followed::{FollowedSource, Following, Newest, Watched};

/// How long one answer may take: the keys of all other issuers wait for it.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// An issuer, and where its keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSource {
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// Who its tokens have to be meant for; without any, that is not looked at.
    pub audiences: Vec<String>,
    /// Where its JWKS document is.
    pub source: FollowedSource,
}

/// An issuer as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Its name, who its tokens are for, and the last good keys: none before the first.
    pub(crate) told: Issuer,
    /// The file or the URL.
    pub(crate) source: String,
    /// Keys of the document that are not served.
    pub(crate) left_out: usize,
    /// Why what the source has now is not used.
    pub(crate) error: Option<String>,
}

/// Every issuer, in the order they were given.
pub(crate) type Believed = Newest<Shown>;

/// Starts to follow `issuers`, asking URLs anew every so often; the thread ends when `stopped` says so.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn start(
    issuers: Vec<IssuerSource>,
    ask_every: Duration,
    stopped: watch::Receiver<bool>,
) -> io::Result<Believed> {
    let (keys, receiver) = keys(issuers, ask_every);
    keys.start("issuers", stopped)?;
    Ok(receiver)
}

fn keys(issuers: Vec<IssuerSource>, ask_every: Duration) -> (Watched<Shown>, Believed) {
    let following = Following {
        every: ask_every,
        bytes_max: JWKS_BYTES_MAX,
        answer_max: ANSWER_MAX,
        obeys_max_age: true,
        gives_way: false,
    };
    let sources = issuers.into_iter().map(|IssuerSource { issuer, audiences, source }| {
        if audiences.is_empty() {
            tracing::warn!(
                issuer,
                "tokens of an issuer are believed whoever they are meant for: name an audience"
            );
        }
        if source.is_readable_on_the_way() {
            tracing::warn!(issuer, %source, "keys come over plain http: whoever is on the way can make tokens");
        }
        let told = Issuer { issuer, audiences, keys: Vec::new() };
        let shown = Shown { told, source: source.to_string(), left_out: 0, error: None };
        (source, shown)
    });
    Watched::new(sources, following, take)
}

/// Takes what a source has; returns whether anything has changed.
fn take(all: &mut [Shown], at: usize, found: Result<Vec<u8>, String>) -> bool {
    let shown = &mut all[at];
    let judged = found.and_then(|bytes| parse_jwks(&bytes).map_err(|error| error.to_string()));
    let (issuer, source) = (shown.told.issuer.as_str(), shown.source.as_str());
    match judged {
        Ok((keys, left_out)) => {
            let same = keys == shown.told.keys && shown.error.is_none();
            if keys != shown.told.keys {
                tracing::info!(issuer, source, keys = ?ids(&keys), left_out, "an issuer has other keys");
            }
            (shown.told.keys, shown.left_out, shown.error) = (keys, left_out, None);
            !same
        }
        Err(error) if shown.error.as_ref() == Some(&error) => false,
        Err(error) => {
            tracing::error!(issuer, source, %error, "the keys of an issuer are not used; the last good ones are kept");
            shown.error = Some(error);
            true
        }
    }
}

fn ids(keys: &[Jwk]) -> Vec<&str> {
    keys.iter().map(|key| key.kid.as_deref().unwrap_or("-")).collect()
}

#[cfg(test)]
mod tests;
