//! `halftone tune`: the kernel settings a gateway depends on.
//!
//! Owns the command line alone; `halftone_kernel_tuning` reads and judges.

use std::io::Write;

use anyhow::{Context as _, Result};
use halftone_kernel_tuning::{Root, check, render};

/// Options of `halftone tune`.
#[derive(Debug, clap::Args)]
pub(crate) struct TuneArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show each setting, what it should be, why, and the command that sets it; changes nothing
    #[command(after_help = "\
Examples:
  halftone tune check
  halftone tune check --json | jq '.[] | select(.status == \"low\")'

The exit code is 0 also when settings are low: this informs, it does not judge.")]
    Check {
        /// Print the findings as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Prints what was found.
///
/// # Errors
/// The output cannot be written.
pub(super) fn run(arguments: &TuneArguments, output: &mut dyn Write) -> Result<()> {
    let What::Check { json } = arguments.what;
    let findings = check(&Root::default());
    if json {
        let json = serde_json::to_string_pretty(&findings).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
    } else {
        output.write_all(render(&findings).as_bytes())?;
    }
    Ok(())
}
