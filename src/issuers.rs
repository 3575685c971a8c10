//! Issuers of tokens, as options of every command that starts a control plane, and as `status` shows them.
//!
//! Owns the options and the words. Reading and following keys is the control plane's.

use std::{str::FromStr, time::Duration};

use halftone_controlplane::{FollowedSource, IssuerSource};
use halftone_core::{
    limits::{JWT_AUDIENCES_MAX, JWT_ISSUERS_MAX},
    policy::Timeout,
    signal::jwt::{IssuerState, issuers::is_name},
};

use crate::{api::Issuer, usage::Usage};

/// Whose tokens are believed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct IssuerArguments {
    /// Whose JSON Web Tokens are believed, and its JWKS document: what they say in `iss`, and a file that is followed or
    /// an http:// URL
    #[arg(long, value_name = "ISSUER=SOURCE", num_args = 1..)]
    pub(crate) jwks: Vec<Pair>,
    /// Whom tokens of an issuer have to be meant for: one of these has to be in `aud`
    #[arg(long, value_name = "ISSUER=AUDIENCE", num_args = 1.., requires = "jwks")]
    pub(crate) audience: Vec<Pair>,
    /// How often URLs are asked for other keys; sooner where they ask for it [default: 5m]
    #[arg(long, value_name = "TIME", requires = "jwks")]
    pub(crate) jwks_every: Option<Timeout>,
}

/// An issuer and what is said of it, as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    issuer: String,
    value: String,
}

impl FromStr for Pair {
    type Err = String;

    /// The first `=` that is no part of the issuer's name ends it: names are URLs without a query, mostly.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((issuer, value)) = text.split_once('=').filter(|(_, value)| !value.is_empty())
        else {
            return Err("expected an issuer, '=', and what is said of it".to_owned());
        };
        if !is_name(issuer) {
            return Err(format!("expected the name of an issuer before '=', got {issuer:?}"));
        }
        Ok(Self { issuer: issuer.to_owned(), value: value.to_owned() })
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.issuer, self.value)
    }
}

/// How often URLs are asked unless somebody says otherwise: new keys are published well before they sign.
const EVERY: Duration = Duration::from_secs(300);
/// The least there is between two questions.
const EVERY_MIN: Duration = Duration::from_millis(100);

impl IssuerArguments {
    /// Returns how often URLs are asked.
    pub(crate) fn every(&self) -> Duration {
        let asked = self.jwks_every.map(|every| Duration::from_millis(every.ms().into()));
        asked.unwrap_or(EVERY).max(EVERY_MIN)
    }

    /// Returns the issuers that are named.
    ///
    /// # Errors
    /// An issuer is named twice or not at all, or a source is none.
    pub(crate) fn issuers(&self) -> Result<Vec<IssuerSource>, Usage> {
        let mut issuers: Vec<IssuerSource> = Vec::with_capacity(self.jwks.len());
        for Pair { issuer, value } in &self.jwks {
            if issuers.iter().any(|known| known.issuer == *issuer) {
                return Err(Usage(format!("--jwks: the issuer {issuer:?} is there twice")));
            }
            let source = value.parse::<FollowedSource>();
            let source = source.map_err(|error| Usage(format!("--jwks {issuer}: {error}")))?;
            issuers.push(IssuerSource { issuer: issuer.clone(), audiences: Vec::new(), source });
        }
        for Pair { issuer, value } in &self.audience {
            let Some(known) = issuers.iter_mut().find(|known| known.issuer == *issuer) else {
                let message = format!("--audience: no --jwks names the issuer {issuer:?}");
                return Err(Usage(message));
            };
            if !is_name(value) {
                return Err(Usage(format!("--audience: expected an audience, got {value:?}")));
            }
            known.audiences.push(value.clone());
            if known.audiences.len() > JWT_AUDIENCES_MAX {
                let most = JWT_AUDIENCES_MAX;
                return Err(Usage(format!("--audience: expected at most {most} for one issuer")));
            }
        }
        if issuers.len() > JWT_ISSUERS_MAX {
            let (most, found) = (JWT_ISSUERS_MAX, issuers.len());
            return Err(Usage(format!("--jwks: expected at most {most} issuers, got {found}")));
        }
        Ok(issuers)
    }
}

/// Writes whose tokens a gateway believes, and by which keys.
pub(crate) fn believed(state: &IssuerState) -> String {
    if state.keys.is_empty() {
        return format!("{}: NO KEYS yet", state.issuer);
    }
    let plural = if state.keys.len() == 1 { "key" } else { "keys" };
    format!("{}, {plural} {}", state.issuer, state.keys.join(", "))
}

/// Writes where the keys of an issuer come from, and why what is there now is not used.
pub(crate) fn source(issuer: &Issuer) -> String {
    let mut text = format!("issuer {}\n  keys from {}\n", issuer.issuer, issuer.source);
    if !issuer.audiences.is_empty() {
        text.push_str(&format!("  for {}\n", issuer.audiences.join(", ")));
    }
    if let Some(error) = &issuer.error {
        text.push_str(&format!("  not used: {error}\n"));
    }
    text
}

#[cfg(test)]
mod tests;
