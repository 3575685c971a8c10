//! Sources that are followed: files that may be replaced under our feet, and URLs.
//!
//! Owns how a change is noticed. A file is read once two looks found it alike, and only whole; a URL is asked with the
//! validators it gave last (RFC 9110 §13.1), and again soon when it does not answer, or when it says that what it sent is
//! old by then. Does not look into what they have; [`watched`] has a thread look at several.
//!
//! Invariants: a file is never mapped, so that nobody can cut it short while it is used; what is read is bounded.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, Instant},
};

use thiserror::Error;
use ureq::{
    Agent,
    http::{HeaderMap, header},
};

use crate::files::scan::{Fingerprint, read};

mod watched;

pub(crate) use watched::{Newest, Watched};

/// How soon a URL is asked again that did not answer.
const RETRY: Duration = Duration::from_secs(60);
/// The soonest that a URL is asked again because its answer was good for less.
const AGE_MIN: Duration = Duration::from_secs(10);
/// How long a server may take to be reached.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Where something comes from that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowedSource {
    /// A file.
    File(PathBuf),
    /// An `http://` URL.
    Url(String),
}

/// Why text is no such place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FollowedSourceError {
    /// What cannot be asked.
    #[error("https is not supported in this build: fetch {0} into a file, which is followed")]
    Https(String),
    /// Nothing.
    #[error("expected a file or an http:// URL")]
    Empty,
}

impl FromStr for FollowedSource {
    type Err = FollowedSourceError;

    fn from_str(text: &str) -> Result<Self, FollowedSourceError> {
        let is_of = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        match text {
            "" => Err(FollowedSourceError::Empty),
            _ if is_of("https://") => Err(FollowedSourceError::Https(text.to_owned())),
            _ if is_of("http://") => Ok(Self::Url(text.to_owned())),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for FollowedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl FollowedSource {
    /// Returns whether somebody between the source and here can read and change what comes from it.
    pub(crate) fn is_readable_on_the_way(&self) -> bool {
        let Self::Url(url) = self else { return false };
        let host = url.get("http://".len()..).unwrap_or_default();
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        let local = ["localhost", "127.0.0.1", "[::1]"];
        !local.iter().any(|name| {
            let rest = host.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    }
}

/// How a source is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Following {
    /// How often a URL is asked.
    pub(crate) every: Duration,
    /// Most bytes that are read.
    pub(crate) bytes_max: usize,
    /// How long one answer may take: others that are followed by the same thread wait for it.
    pub(crate) answer_max: Duration,
    /// Whether a URL is asked sooner when its answer says that it is old by then (`Cache-Control: max-age`).
    pub(crate) obeys_max_age: bool,
    /// Whether the thread that looks lets others go first: what it checks is large.
    pub(crate) gives_way: bool,
}

/// What a look has found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing that is new.
    Same,
    /// Other bytes than before, or the same again.
    Bytes(Vec<u8>),
    /// Why there are none.
    Fault(String),
}

/// A source, and what is known of it.
pub(crate) enum Follower {
    File(FileFollower),
    Url(UrlFollower),
}

impl Follower {
    pub(crate) fn new(source: FollowedSource, following: Following) -> Self {
        match source {
            FollowedSource::File(path) => {
                let bytes_max = following.bytes_max;
                Self::File(FileFollower { path, bytes_max, seen: None, pending: None })
            }
            FollowedSource::Url(url) => Self::Url(UrlFollower::new(url, following)),
        }
    }

    pub(crate) fn look(&mut self, now: Instant) -> Found {
        match self {
            Self::File(file) => file.look(),
            Self::Url(url) => url.look(now),
        }
    }
}

pub(crate) struct FileFollower {
    path: PathBuf,
    bytes_max: usize,
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
        read(path, print, self.bytes_max)
    }
}

pub(crate) struct UrlFollower {
    url: String,
    agent: Agent,
    following: Following,
    due: Option<Instant>,
    /// How long the last answer said it was good for.
    max_age: Option<Duration>,
    /// What the server called what it sent last.
    etag: Option<String>,
    modified: Option<String>,
}

impl UrlFollower {
    fn new(url: String, following: Following) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(following.answer_max))
            .timeout_connect(Some(CONNECT_MAX))
            .http_status_as_error(false)
            .build();
        let (due, max_age) = (None, None);
        Self { url, agent: config.into(), following, due, max_age, etag: None, modified: None }
    }

    fn look(&mut self, now: Instant) -> Found {
        if self.due.is_some_and(|due| now < due) {
            return Found::Same;
        }
        let found = self.ask();
        let every = self.following.every;
        let pause = match (&found, self.max_age) {
            (Err(_), _) => every.min(RETRY),
            (Ok(_), Some(age)) if self.following.obeys_max_age => every.min(age.max(AGE_MIN)),
            (Ok(_), _) => every,
        };
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
        let mut answer = request.call().map_err(|error| match error {
            ureq::Error::TlsRequired => {
                "it leads to https, which is not supported in this build: fetch it into a file, which is followed".to_owned()
            }
            error => format!("it does not answer: {error}"),
        })?;
        self.max_age = max_age(answer.headers());
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
        let body = answer
            .body_mut()
            .with_config()
            .limit(self.following.bytes_max as u64 + 1)
            .read_to_vec();
        let bytes = body.map_err(|error| format!("its answer breaks off: {error}"))?;
        (self.etag, self.modified) = (etag, modified);
        Ok(Some(bytes))
    }
}

/// Returns how long an answer is good for (RFC 9111 §5.2.2.1), if it says so.
fn max_age(fields: &HeaderMap) -> Option<Duration> {
    let fields =
        fields.get_all(header::CACHE_CONTROL).iter().filter_map(|field| field.to_str().ok());
    let mut directives = fields.flat_map(|field| field.split(','));
    directives.find_map(|directive| {
        let (name, seconds) = directive.trim().split_once('=')?;
        let is_age = name.eq_ignore_ascii_case("max-age");
        let seconds = seconds.trim_matches('"').parse().ok().filter(|_| is_age)?;
        Some(Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests;
