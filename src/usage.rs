//! Calls that cannot be meant: the values of options, checked before anything is started.
//!
//! Owns the error that ends a command with exit code 2, and the parsers of values that more than one
//! command takes. What clap can check itself, it does.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{self, PathBuf},
};

use halftone_controlplane::ControlError;
use halftone_core::policy::Address;
use halftone_dataplane::engine::probe::Request;
use thiserror::Error;

/// A call that this machine or this build cannot serve as it was made.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Parses the value of `--upstream`.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn upstream(text: &str) -> Result<Address, String> {
    Address::parse_url(text).ok_or_else(|| {
        let wrong = if text.starts_with("https://") {
            "TLS to upstreams is not supported in this build"
        } else if !text.starts_with("http://") {
            "the scheme is missing"
        } else if text["http://".len()..].trim_end_matches('/').contains(['/', '?', '#']) {
            "a path cannot be given: requests keep their own"
        } else if text.contains('@') {
            "a user cannot be given"
        } else {
            "the host or port is not one"
        };
        format!("{wrong}; expected http://host or http://host:port")
    })
}

/// Checks the value of `--api`: there is no authentication yet.
///
/// # Errors
/// It is no loopback address.
pub(crate) fn loopback(api: SocketAddr) -> Result<(), Usage> {
    let told = || Usage(format!("--api: {}", ControlError::NotLoopback(api)));
    if api.ip().is_loopback() { Ok(()) } else { Err(told()) }
}

/// Checks that no two of `paths` lead to the same place.
///
/// # Errors
/// Two of them do.
pub(crate) fn distinct(option: &str, paths: &[PathBuf]) -> Result<(), Usage> {
    let mut places = BTreeMap::new();
    for path in paths {
        let place = fs::canonicalize(path).or_else(|_| path::absolute(path));
        if let Some(first) = places.insert(place.unwrap_or_else(|_| path.clone()), path) {
            let (first, path) = (first.display(), path.display());
            return Err(Usage(format!("{option}: {first} and {path} are the same")));
        }
    }
    Ok(())
}

/// Checks the value of `--engine` and returns it as it was written, for a child's command line.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn engine_name(text: &str) -> Result<String, String> {
    text.parse::<Request>().map(|_| text.to_owned())
}

#[cfg(test)]
mod tests;
