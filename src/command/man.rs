//! `halftone man`: manual pages of these commands.
//!
//! Owns the command line alone; clap writes the pages from the commands as they are.

use std::{fs, io::Write, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_mangen::{Man, generate_to};

use super::Arguments;

/// Options of `halftone man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone man | man -l -
  halftone man --out ~/.local/share/man/man1")]
pub(crate) struct ManArguments {
    /// Write a page for every command into this directory instead, made when missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the page of `halftone`, or writes all of them.
///
/// # Errors
/// They cannot be written.
pub(super) fn run(arguments: &ManArguments, output: &mut dyn Write) -> Result<()> {
    match &arguments.out {
        None => Man::new(Arguments::command()).render(output)?,
        Some(directory) => {
            let write = || {
                fs::create_dir_all(directory)?;
                generate_to(Arguments::command(), directory)
            };
            write().with_context(|| format!("cannot write to {}", directory.display()))?;
        }
    }
    Ok(())
}
