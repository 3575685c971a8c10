//! The kernel's release and what io_uring can be expected to do on it.
//!
//! Owns the parse of `uname -r` and the versions at which the kernel gained what an engine uses.
//! Does not probe: a distributor may take a feature back into an older kernel or forbid
//! io_uring altogether, so the gateway asks the kernel at start and this is what it expects.

use std::fmt;
use std::num::ParseIntError;

use crate::finding::{Finding, Knob};
use crate::{ReadError, Root};

const PATH: &str = "proc/sys/kernel/osrelease";

/// The two numbers of a kernel release that features follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

/// Says why a text is not a kernel release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// There is no second number.
    #[error("kernel release {text:?} is not of the form MAJOR.MINOR…")]
    Form {
        /// The text.
        text: String,
    },
    /// A number is missing or too large.
    #[error("kernel release {text:?} has a part that is no number")]
    Number {
        /// The text.
        text: String,
        /// What is wrong with the number.
        #[source]
        source: ParseIntError,
    },
}

impl Release {
    /// Parses what `uname -r` prints, as in `6.18.44-fc` or `4.19.90-52.22.v2207.ky10.x86_64`.
    ///
    /// Only the two leading numbers count; what follows them is the distributor's.
    ///
    /// # Errors
    /// The text does not begin with two numbers joined by a dot.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let (major, rest) =
            text.split_once('.').ok_or_else(|| ReleaseError::Form { text: text.to_owned() })?;
        let minor_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = |digits: &str| {
            // `u32::from_str` takes a sign, a release has none.
            let digits = if digits.starts_with('+') { "" } else { digits };
            digits.parse().map_err(|source| ReleaseError::Number { text: text.to_owned(), source })
        };
        Ok(Self { major: number(major)?, minor: number(&rest[..minor_end])? })
    }

    /// Tells whether io_uring can carry a gateway: sockets, poll and cancel all work from 5.10.
    #[must_use]
    pub fn io_uring(self) -> bool {
        self.at_least(5, 10)
    }

    /// Tells whether `IORING_SETUP_COOP_TASKRUN` is there: completions without interrupts, 5.19.
    #[must_use]
    pub fn coop_taskrun(self) -> bool {
        self.at_least(5, 19)
    }

    /// Tells whether `IORING_SETUP_SINGLE_ISSUER` is there: one thread owns the ring, 6.0.
    #[must_use]
    pub fn single_issuer(self) -> bool {
        self.at_least(6, 0)
    }

    /// Tells whether `IORING_SETUP_DEFER_TASKRUN` is there: completions run when waited for, 6.1.
    #[must_use]
    pub fn defer_taskrun(self) -> bool {
        self.at_least(6, 1)
    }

    fn at_least(self, major: u32, minor: u32) -> bool {
        self >= Self { major, minor }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Judges the running kernel by what io_uring can be expected to do on it.
pub(crate) fn check(root: &Root) -> Finding {
    let knob = Knob {
        name: "kernel.osrelease".to_owned(),
        wanted: "6.1 or newer".to_owned(),
        reason: "From 6.1 on io_uring runs completions when the worker waits for them, which \
                 cost a proxied request 18.4 instead of 23.9 µs of CPU at 25 000 requests a \
                 second.",
    };
    match read(root) {
        Ok(release) if release.defer_taskrun() => knob.ok(release.to_string()),
        Ok(release) => knob.low(release.to_string(), None),
        Err(error) => knob.unknown(error),
    }
}

fn read(root: &Root) -> Result<Release, ReadError> {
    root.parse(PATH, "a kernel release", |text| Release::parse(text).ok())
}

#[cfg(test)]
mod tests;
