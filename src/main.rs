//! The binary `halftone`: one program, its commands, and the exit code of each.
//!
//! Owns the command line and what every command shares: the allocator, the log on standard error,
//! and the way an error is told. Does not own what a command does: [`command`] has one file each,
//! and the packages below do the work. Each process takes its part in the life of a request or of a
//! rule as its command says.
//!
//! Invariants:
//! - exit codes: 0 done, 1 failed, 2 called wrongly;
//! - results go to standard output, logs and errors to standard error;
//! - a reader of standard output that goes away ends the command quietly.

mod api;
mod command;
mod config;
mod cpus;
mod demo;
mod document;
mod explained;
mod issuers;
mod moves;
mod place;
mod random;
mod regions;
mod sources;
mod stack;
mod supervise;
mod table;
mod usage;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use usage::Usage;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The version that `--version` prints and that both processes tell each other.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    log_to_stderr();
    match command::run(arguments.command, &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Sends the log to standard error: information and above, unless `RUST_LOG` says otherwise.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // What cannot be written would be told to standard error in a way that panics when that fails, too.
        .log_internal_errors(false)
        .init();
}

/// Says what an error is and what caused it, without what has been said already: an error of a library
/// says its cause itself.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told.push_str(": ");
            told.push_str(&cause);
        }
    }
    told
}

/// Tells why a command failed, and returns its exit code.
fn report(error: &anyhow::Error) -> ExitCode {
    let is_reader_gone = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if error.downcast_ref::<io::Error>().is_some_and(is_reader_gone) {
        return ExitCode::SUCCESS;
    }
    // Nobody is left to tell that standard error is closed.
    let _ = writeln!(io::stderr(), "error: {}", told(error));
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open the door: {source}")]
        struct Door {
            #[source]
            source: io::Error,
        }
        let error = Err::<(), _>(Door { source: io::Error::other("it is locked") });
        let error = error.context("the house cannot be entered").expect_err("an error");
        let expected = "the house cannot be entered: cannot open the door: it is locked";
        assert_eq!(told(&error), expected);
        assert_eq!(told(&anyhow::anyhow!("alone")), "alone");
    }
}
