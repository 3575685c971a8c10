//! `halftone completions`: what a shell needs to complete these commands.
//!
//! Owns the command line alone; clap writes the script from the commands as they are.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Arguments;

/// Options of `halftone completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone completions bash > ~/.local/share/bash-completion/completions/halftone
  halftone completions zsh > ~/.zfunc/_halftone
  halftone completions fish > ~/.config/fish/completions/halftone.fish")]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// The output cannot be written.
pub(super) fn run(arguments: &CompletionsArguments, output: &mut dyn Write) -> Result<()> {
    // clap panics when it cannot write; to memory it can.
    let mut script = Vec::new();
    generate(arguments.shell, &mut Arguments::command(), "halftone", &mut script);
    output.write_all(&script)?;
    Ok(())
}
