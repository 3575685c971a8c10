//! Programs of this machine: where they are, and which version they say they are.
//!
//! Owns the look-up only. Invariant: a program that is not there is an error that says how to get it.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Where `tests/setup.sh bench` puts programs that are no packages of the system.
const TOOLS: &str = "target/tools/bin";

/// Returns what to call for `name`: the program below the working directory's `target/tools/bin`, or
/// else whatever the path has.
pub(super) fn find(name: &str) -> PathBuf {
    let own = PathBuf::from(TOOLS).join(name);
    if own.exists() { own } else { PathBuf::from(name) }
}

/// Returns the first line that is not empty of what `program flag` says.
///
/// # Errors
/// It is not installed, and `how` says how to install it.
pub(super) fn version(program: impl AsRef<OsStr>, flag: &str, how: &str) -> Result<String> {
    let program = program.as_ref();
    let name = program.display();
    let output = match Command::new(program).arg(flag).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("{name} is not installed: {how}, or leave it out of --peers")
        }
        Err(error) => return Err(error).with_context(|| format!("running {name} {flag}")),
    };
    // Some say it on one, some on the other.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    Ok(line.unwrap_or("version unknown").to_owned())
}
