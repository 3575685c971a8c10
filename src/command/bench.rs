//! `halftone bench`: measurements.
//!
//! Owns the command line alone; `halftone_bench` does the work.

use std::io::Write;

use anyhow::Result;
use halftone_bench::compare::{self, CompareOptions};

/// Options of `halftone bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Load this gateway and others side by side on this machine
    #[command(after_help = "\
Example:
  halftone bench compare --peers nginx --rounds 5 --seconds 5

Peers are those installed on this machine. Two CPUs are used: one is measured, one drives.")]
    Compare(CompareOptions),
}

/// Runs a measurement and prints its report.
///
/// # Errors
/// It cannot be made.
pub(super) fn run(arguments: &BenchArguments, output: &mut dyn Write) -> Result<()> {
    match &arguments.what {
        What::Compare(options) => compare::run(options, output).map(drop),
    }
}
