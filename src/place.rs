//! Where files live: the state directory and its parts.
//!
//! Owns the defaults and the modes. What lies in each file is its owner's business.
//!
//! Invariants:
//! - a directory that is made is readable by its owner alone;
//! - gateway and control plane never share a directory of their own.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::usage::Usage;

/// A state directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    /// Opens `data`, or the default when none is given; makes it if it is missing.
    ///
    /// # Errors
    /// There is no default, or the directory cannot be made.
    pub(crate) fn open(data: Option<PathBuf>) -> Result<Self> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let root = match data {
            Some(data) => data,
            None => default_root(variable("XDG_STATE_HOME"), variable("HOME")).ok_or_else(|| {
                Usage("neither XDG_STATE_HOME nor HOME is set; say with --data where state is kept".to_owned())
            })?,
        };
        make(&root)?;
        Ok(Self { root })
    }

    /// Returns the directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where the gateway serves its control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.root.join("gateway.sock")
    }

    /// Returns where the gateway writes its access log.
    pub(crate) fn access_log(&self) -> PathBuf {
        self.root.join("access.log")
    }

    /// Returns where the gateway's keys are, where there are some.
    pub(crate) fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// Makes and returns the gateway's own directory.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn gateway(&self) -> Result<PathBuf> {
        self.part("gateway")
    }

    /// Makes and returns the control plane's own directory.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn control(&self) -> Result<PathBuf> {
        self.part("control")
    }

    fn part(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join(name);
        make(&path)?;
        Ok(path)
    }
}

/// Returns the default: below XDG_STATE_HOME when that is absolute (as its specification asks), else
/// below HOME.
fn default_root(state_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let given = |path: &PathBuf| path.is_absolute();
    let state_home = state_home.filter(given);
    let base = state_home.or_else(|| Some(home.filter(given)?.join(".local/state")))?;
    Some(base.join("halftone"))
}

fn make(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the directory {}", path.display()))
}

#[cfg(test)]
mod tests;
