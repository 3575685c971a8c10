//! Issuers of tokens: their keys, from files and URLs to gateways.
//!
//! Owns whose tokens are believed and which keys each source said last, on a thread of its own. Does not send them
//! ([`crate::link`] does, to each gateway on a connection of its own) and does not verify tokens: workers do.
//!
//! Invariants:
//! - a document that cannot be read, or has no key that is served, is told once and changes nothing: the last good keys stay;
//! - an issuer is believed for what was said at the start; nothing that is fetched adds one.

use std::{io, sync::Arc, thread, time::Duration, time::Instant};

use halftone_core::{
    limits::JWKS_BYTES_MAX,
    signal::jwt::{Issuer, Jwk, jwks::parse_jwks},
};
use tokio::sync::watch;

use crate::followed::{FollowedSource, Follower, Following, Found};

/// How often files are looked at, and whether a URL is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
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
pub(crate) type Believed = watch::Receiver<Arc<[Shown]>>;

/// Starts to follow `issuers`, asking URLs anew every so often; the thread ends when `stopped` says so.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn start(
    issuers: Vec<IssuerSource>,
    ask_every: Duration,
    stopped: watch::Receiver<bool>,
) -> io::Result<Believed> {
    let (keys, receiver) = Keys::new(issuers, ask_every);
    if !keys.followers.is_empty() {
        thread::Builder::new().name("issuers".to_owned()).spawn(move || keys.run(&stopped))?;
    }
    Ok(receiver)
}

struct Keys {
    followers: Vec<Follower>,
    /// By follower.
    shown: Vec<Shown>,
    newest: watch::Sender<Arc<[Shown]>>,
}

impl Keys {
    fn new(issuers: Vec<IssuerSource>, ask_every: Duration) -> (Self, Believed) {
        let (mut followers, mut shown) = (Vec::new(), Vec::new());
        for IssuerSource { issuer, audiences, source } in issuers {
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
            shown.push(Shown { told, source: source.to_string(), left_out: 0, error: None });
            let following = Following {
                every: ask_every,
                bytes_max: JWKS_BYTES_MAX,
                answer_max: ANSWER_MAX,
                obeys_max_age: true,
            };
            followers.push(Follower::new(source, following));
        }
        let (newest, receiver) = watch::channel(Arc::from(shown.as_slice()));
        (Self { followers, shown, newest }, receiver)
    }

    fn run(mut self, stopped: &watch::Receiver<bool>) {
        while !*stopped.borrow() && stopped.has_changed().is_ok() {
            for at in 0..self.followers.len() {
                if self.look(at) {
                    self.newest.send_replace(Arc::from(self.shown.as_slice()));
                }
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Looks at one source; returns whether anything has changed.
    fn look(&mut self, at: usize) -> bool {
        let shown = &mut self.shown[at];
        let judged = match self.followers[at].look(Instant::now()) {
            Found::Same => return false,
            Found::Bytes(bytes) => parse_jwks(&bytes).map_err(|error| error.to_string()),
            Found::Fault(fault) => Err(fault),
        };
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
}

fn ids(keys: &[Jwk]) -> Vec<&str> {
    keys.iter().map(|key| key.kid.as_deref().unwrap_or("-")).collect()
}

#[cfg(test)]
mod tests;
