//! The probe: which engine this machine lets a worker run, found by trying.
//!
//! Owns the choice and its reason. A wrong ring flag is not an error later but a spinning worker
//! (monoio ignores park errors), so every ring is built here once, before any worker starts.

use std::{fmt, io, str::FromStr};

use thiserror::Error;

/// The value of `--engine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Request {
    /// The fastest that works here.
    #[default]
    Auto,
    /// io_uring or nothing.
    IoUring,
    /// epoll.
    Epoll,
    /// glommio or nothing; never chosen by itself.
    Glommio,
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "io_uring" => Ok(Self::IoUring),
            "epoll" => Ok(Self::Epoll),
            "glommio" => Ok(Self::Glommio),
            other => Err(format!("expected auto, io_uring, epoll or glommio, got {other:?}")),
        }
    }
}

/// The settings of a ring (io_uring_setup(2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingFlags {
    /// Linux 6.0: only this thread submits.
    pub single_issuer: bool,
    /// Linux 6.1: completions are delivered when the worker asks for them.
    pub defer_taskrun: bool,
    /// Linux 5.19: completions do not interrupt the worker.
    pub coop_taskrun: bool,
    /// Linux 5.18: one failed entry does not stop a batch.
    pub submit_all: bool,
}

/// What workers will run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// monoio on io_uring.
    IoUring(RingFlags),
    /// monoio on epoll.
    Epoll,
    /// glommio.
    Glommio,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IoUring(_) => "io_uring",
            Self::Epoll => "epoll",
            Self::Glommio => "glommio",
        })
    }
}

/// The engine that was asked for does not work here.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// No ring can be built.
    #[error(
        "io_uring does not work here ({0}); use --engine epoll, or allow io_uring (kernel.io_uring_disabled, seccomp)"
    )]
    IoUring(io::Error),
    /// No executor can be built.
    #[error(
        "glommio does not work here ({0}); use --engine auto, or allow io_uring (kernel.io_uring_disabled, seccomp)"
    )]
    Glommio(io::Error),
}

/// The settings tried, best first, each with the reason it is reported under.
const RINGS: [(RingFlags, &str); 3] = [
    (
        RingFlags {
            single_issuer: true,
            defer_taskrun: true,
            coop_taskrun: false,
            submit_all: true,
        },
        "single_issuer and defer_taskrun (Linux 6.1)",
    ),
    (
        RingFlags {
            single_issuer: false,
            defer_taskrun: false,
            coop_taskrun: true,
            submit_all: true,
        },
        "coop_taskrun (Linux 5.19): defer_taskrun was refused",
    ),
    (
        RingFlags {
            single_issuer: false,
            defer_taskrun: false,
            coop_taskrun: false,
            submit_all: false,
        },
        "plain rings: this kernel knows no task-run flags",
    ),
];

/// Chooses an engine; returns it with the reason in words.
///
/// # Errors
/// [`ProbeError`] when the engine that was asked for does not work here.
pub fn probe(request: Request) -> Result<(Choice, String), ProbeError> {
    match request {
        Request::Epoll => return Ok((Choice::Epoll, "asked for".to_owned())),
        Request::Glommio => {
            super::glommio::check().map_err(ProbeError::Glommio)?;
            return Ok((Choice::Glommio, "asked for".to_owned()));
        }
        Request::Auto | Request::IoUring => {}
    }
    let mut refusal = io::Error::from(io::ErrorKind::Unsupported);
    for (flags, reason) in RINGS {
        match super::monoio::ring(flags).build(8).and_then(|ring| ring.submit()) {
            Ok(_) => return Ok((Choice::IoUring(flags), reason.to_owned())),
            Err(error) => refusal = error,
        }
    }
    match request {
        Request::IoUring => Err(ProbeError::IoUring(refusal)),
        _ => Ok((Choice::Epoll, format!("io_uring was refused: {refusal}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!("io_uring".parse(), Ok(Request::IoUring));
        assert_eq!("glommio".parse(), Ok(Request::Glommio));
        assert!("iouring".parse::<Request>().is_err());
    }

    #[test]
    fn auto_always_finds_one() {
        let (choice, reason) = probe(Request::Auto).expect("auto cannot fail");
        assert!(!reason.is_empty() && choice != Choice::Glommio, "{choice}");
    }
}
