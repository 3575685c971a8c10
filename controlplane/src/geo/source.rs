//! Where region databases come from: files that may be replaced under our feet, and URLs.
//!
//! Owns how a change is noticed. A file is read once two looks found it alike, and only whole; a URL is asked with the
//! validators it gave last (RFC 9110 §13.1), and again soon when it does not answer. Does not look into databases.
//!
//! Invariants: a file is never mapped, so that nobody can cut it short while it is used; what is read is bounded.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, Instant},
};

use halftone_core::limits::GEO_BYTES_MAX;
use thiserror::Error;
use ureq::{
    Agent,
    http::{HeaderMap, header},
};

use crate::files::scan::{Fingerprint, read};

/// How soon a URL is asked again that did not answer.
const RETRY: Duration = Duration::from_secs(60);
/// How long one answer may take: full-size databases, over slow lines.
const ANSWER_MAX: Duration = Duration::from_secs(600);
/// How long a server may take to be reached.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Where a region database comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeoSource {
    /// A file.
    File(PathBuf),
    /// An `http://` URL.
    Url(String),
}

/// Why text is no place of a region database.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GeoSourceError {
    /// What cannot be asked.
    #[error("https is not supported in this build: fetch {0} into a file, which is followed")]
    Https(String),
    /// Nothing.
    #[error("expected a file or an http:// URL")]
    Empty,
}

impl FromStr for GeoSource {
    type Err = GeoSourceError;

    fn from_str(text: &str) -> Result<Self, GeoSourceError> {
        let is_of = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        match text {
            "" => Err(GeoSourceError::Empty),
            _ if is_of("https://") => Err(GeoSourceError::Https(text.to_owned())),
            _ if is_of("http://") => Ok(Self::Url(text.to_owned())),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for GeoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// What a look has found.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing that is new.
    Same,
    /// Other bytes than before, or the same again.
    Bytes(Vec<u8>),
    /// Why there are none.
    Fault(String),
}

/// A source, and what is known of it.
pub(super) enum Follower {
    File(FileFollower),
    Url(UrlFollower),
}

impl Follower {
    pub(super) fn new(source: GeoSource, ask_every: Duration) -> Self {
        match source {
            GeoSource::File(path) => Self::File(FileFollower { path, seen: None, pending: None }),
            GeoSource::Url(url) => Self::Url(UrlFollower::new(url, ask_every)),
        }
    }

    pub(super) fn look(&mut self, now: Instant) -> Found {
        match self {
            Self::File(file) => file.look(),
            Self::Url(url) => url.look(now),
        }
    }
}

pub(super) struct FileFollower {
    path: PathBuf,
    /// What was read last, or that there was nothing.
    seen: Option<Option<Fingerprint>>,
    /// What is there now and has to stay as it is for one more look.
    pending: Option<Fingerprint>,
}

impl FileFollower {
    fn look(&mut self) -> Found {
        let found = Fingerprint::take(&self.path);
        if self.seen == Some(found.as_ref().ok().copied()) {
            self.pending = None;
            return Found::Same;
        }
        let print = match found {
            Ok(print) => print,
            Err(error) => {
                (self.seen, self.pending) = (Some(None), None);
                return Found::Fault(format!("it cannot be read: {error}"));
            }
        };
        // At the start there is nobody to wait for.
        if self.seen.is_some() && self.pending.replace(print) != Some(print) {
            return Found::Same;
        }
        match self.read(&self.path, &print) {
            Ok(None) => Found::Same,
            Ok(Some(bytes)) => {
                (self.seen, self.pending) = (Some(Some(print)), None);
                Found::Bytes(bytes)
            }
            Err(error) => {
                (self.seen, self.pending) = (Some(Some(print)), None);
                Found::Fault(format!("it cannot be read: {error}"))
            }
        }
    }

    fn read(&self, path: &Path, print: &Fingerprint) -> io::Result<Option<Vec<u8>>> {
        read(path, print, GEO_BYTES_MAX)
    }
}

pub(super) struct UrlFollower {
    url: String,
    agent: Agent,
    ask_every: Duration,
    due: Option<Instant>,
    /// What the server called what it sent last.
    etag: Option<String>,
    modified: Option<String>,
}

impl UrlFollower {
    fn new(url: String, ask_every: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .timeout_connect(Some(CONNECT_MAX))
            .http_status_as_error(false)
            .build();
        Self { url, agent: config.into(), ask_every, due: None, etag: None, modified: None }
    }

    fn look(&mut self, now: Instant) -> Found {
        if self.due.is_some_and(|due| now < due) {
            return Found::Same;
        }
        let found = self.ask();
        let pause = if found.is_ok() { self.ask_every } else { self.ask_every.min(RETRY) };
        self.due = Some(now + pause);
        match found {
            Ok(Some(bytes)) => Found::Bytes(bytes),
            Ok(None) => Found::Same,
            Err(fault) => Found::Fault(fault),
        }
    }

    /// Asks for what is new; nothing when the server says that there is nothing.
    fn ask(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut request = self.agent.get(&self.url);
        if let Some(etag) = &self.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        } else if let Some(modified) = &self.modified {
            request = request.header(header::IF_MODIFIED_SINCE, modified);
        }
        let mut answer = request.call().map_err(|error| format!("it does not answer: {error}"))?;
        match answer.status().as_u16() {
            304 => return Ok(None),
            200 => {}
            status => return Err(format!("it answers {status}; expected 200 or 304")),
        }
        let field = |fields: &HeaderMap, name| {
            fields.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let etag = field(answer.headers(), header::ETAG);
        let modified = field(answer.headers(), header::LAST_MODIFIED);
        let body = answer.body_mut().with_config().limit(GEO_BYTES_MAX as u64 + 1).read_to_vec();
        let bytes = body.map_err(|error| format!("its answer breaks off: {error}"))?;
        (self.etag, self.modified) = (etag, modified);
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests;
