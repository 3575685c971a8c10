//! A line of the access log, read again.
//!
//! Owns which of its members are needed to decide its request again. Does not write lines: the data plane does. Fields
//! that are not needed are passed over, so that lines of a later build are read, too.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use thiserror::Error;

use super::moves::Rule;
use crate::{policy::Timestamp, route::Recorded};

/// Why a line cannot be decided again.
#[derive(Debug, Error)]
pub enum LineError {
    /// It is no line of an access log.
    #[error("no line of an access log: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Its request was refused before anything was decided.
    #[error("nothing was decided")]
    Undecided,
    /// It does not say enough.
    #[error("the line has no {0}")]
    Missing(&'static str),
}

/// What is read of a line.
#[derive(Debug, Deserialize)]
pub struct Logged<'l> {
    #[serde(borrow)]
    time: Cow<'l, str>,
    #[serde(borrow)]
    client_ip: Cow<'l, str>,
    #[serde(borrow)]
    method: Cow<'l, str>,
    #[serde(borrow)]
    host: Cow<'l, str>,
    #[serde(borrow)]
    target: Cow<'l, str>,
    duration_us: u64,
    rules_epoch: u64,
    #[serde(borrow, default)]
    route: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    tenant: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    release: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    variant: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    fallback_from: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    target_id: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    cell: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    protocol: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    scheme: Option<Cow<'l, str>>,
    #[serde(default)]
    trusted: Option<bool>,
    #[serde(default)]
    values: Option<BTreeMap<String, Option<String>>>,
}

impl<'l> Logged<'l> {
    /// Reads a line.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read(line: &'l [u8]) -> Result<Self, LineError> {
        let logged: Self = serde_json::from_slice(line)?;
        // The first tables have epoch 1; without values nothing was decided, or they were switched off.
        match logged.rules_epoch {
            0 => Err(LineError::Undecided),
            _ => Ok(logged),
        }
    }

    /// Returns what decided then; nothing when no route matched.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Some(Rule {
            tenant: text(&self.tenant).unwrap_or_default(),
            route: text(&self.route)?,
            release: text(&self.release),
            target: text(&self.target_id),
            cell: text(&self.cell),
            // What stood in for a variant was not decided.
            variant: text(&self.fallback_from).or_else(|| text(&self.variant)).unwrap_or_default(),
        })
    }

    /// Returns the request, as far as it was recorded.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn recorded(self) -> Result<Recorded, LineError> {
        let ended = Timestamp::parse(&self.time).ok_or(LineError::Missing("time"))?;
        let values = self.values.ok_or(LineError::Missing("values"))?;
        let trusted = self.trusted.ok_or(LineError::Missing("trusted"))?;
        let protocol = self.protocol.ok_or(LineError::Missing("protocol"))?;
        let scheme = self.scheme.ok_or(LineError::Missing("scheme"))?;
        Ok(Recorded {
            method: self.method.into_owned(),
            host: self.host.into_owned(),
            target: self.target.into_owned(),
            protocol: protocol.into_owned(),
            https: scheme == "https",
            client_ip: self.client_ip.into_owned(),
            trusted,
            // A line is written at the end; it was decided at the beginning.
            unix_s: ended.unix_s().saturating_sub(self.duration_us / 1_000_000),
            values,
        })
    }
}

#[cfg(test)]
mod tests;
