//! Lists of CPUs: the value of `--cpus`.
//!
//! Owns the kernel's list format (`0,2-3`). Whether this process may use a CPU is the gateway's
//! business: it says so when it starts.
//!
//! Invariant: a list is never empty, sorted, and names no CPU twice.

use std::{fmt, str::FromStr};

use rustix::thread::CpuSet;

/// CPUs to run workers on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CpuList(Vec<u32>);

impl CpuList {
    /// Returns the CPUs.
    pub(crate) fn into_vec(self) -> Vec<u32> {
        self.0
    }
}

impl FromStr for CpuList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("expected CPUs such as 0,2-3, got {text:?}");
        let mut cpus = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) =
                (first.parse().map_err(|_| error())?, last.parse().map_err(|_| error())?);
            if first > last || last as usize >= CpuSet::MAX_CPU {
                return Err(error());
            }
            cpus.extend(first..=last);
        }
        cpus.sort_unstable();
        cpus.dedup();
        Ok(Self(cpus))
    }
}

impl fmt::Display for CpuList {
    /// Writes runs as ranges, as the kernel does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|cpu, next| *next == cpu + 1);
        for (at, run) in runs.enumerate() {
            let separator = if at == 0 { "" } else { "," };
            match run {
                [only] => write!(f, "{separator}{only}")?,
                [first, .., last] => write!(f, "{separator}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
