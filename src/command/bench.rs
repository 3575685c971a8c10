//! `halftone bench`: measurements.
//!
//! Owns the command line alone; `halftone_bench` does the work.

use std::io::Write;

use anyhow::Result;
use halftone_bench::{
    compare::{self, CompareOptions},
    push::{self, PushOptions},
};

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
    /// Measure how long a change takes until every worker decides with it, under load
    #[command(after_help = "\
Examples:
  halftone bench push --pushes 1000
  halftone bench push --rate 1000 --seconds 60

A push sets a weight at the API, and is answered when every worker decides with it.")]
    Push(PushOptions),
}

/// Runs a measurement and prints its report.
///
/// # Errors
/// It cannot be made.
pub(super) fn run(arguments: &BenchArguments, output: &mut dyn Write) -> Result<()> {
    match &arguments.what {
        What::Compare(options) => compare::run(options, output).map(drop),
        What::Push(options) => push::run(options, output).map(drop),
    }
}
