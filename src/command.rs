//! The commands: one file each, with its options and what it does with them.
//!
//! Owns the list. Invariant: a command's help has an example that can be pasted.

mod apply;
mod bench;
mod check;
mod completions;
mod control;
mod demo;
mod demo_service;
mod explain;
mod gateway;
mod keys;
mod man;
mod push;
mod replay;
mod schema;
mod segments;
mod shadow;
mod sign;
mod status;
mod tags;
mod tune;
mod up;

use std::io::Write;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// A gateway that replaces nginx at the edge and rolls software out in shades of grey.
#[derive(Debug, Parser)]
#[command(name = "halftone", version, propagate_version = false)]
#[command(after_help = "\
Examples:
  halftone demo
  halftone up --upstream http://localhost:8000

Environment:
  RUST_LOG  what is logged to standard error, such as `debug` (default `info`)

Exit codes: 0 done, 1 failed, 2 called wrongly")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a gateway and a control plane, and keep both running
    Up(up::UpArguments),
    /// Show a canary release of a demo service, live, on this machine
    Demo(demo::DemoArguments),
    /// Show the gateways of a running control plane, and what they counted
    Status(status::StatusArguments),
    /// Put a bundle in the place of its tenant's
    Apply(apply::ApplyArguments),
    /// Load what is known of users
    Tags(tags::TagsArguments),
    /// Load, show and remove lists of users that segments name
    Segments(segments::SegmentsArguments),
    /// Say what is wrong with files, before they are served
    Check(check::CheckArguments),
    /// Tell where a request would go, and why
    Explain(explain::ExplainArguments),
    /// Make, list and rotate the keys that gateways sign and verify with
    Keys(keys::KeysArguments),
    /// Sign a variant, a cookie, or the right to be told decisions
    Sign(sign::SignArguments),
    /// Tell who would move if a bundle were served, on the requests that come
    Shadow(shadow::ShadowArguments),
    /// Tell who would move if a bundle were served, on the requests of an access log
    Replay(replay::ReplayArguments),
    /// Have a gateway serve a bundle, without a control plane
    Push(push::PushArguments),
    /// Run a gateway: the data plane
    Gateway(gateway::GatewayArguments),
    /// Run a control plane: registry, rules and API
    Control(control::ControlArguments),
    /// Measure this gateway beside others
    Bench(bench::BenchArguments),
    /// Look at the kernel settings a gateway depends on
    Tune(tune::TuneArguments),
    /// Print the JSON Schema of what people write
    Schema(schema::SchemaArguments),
    /// Print what a shell needs to complete these commands
    Completions(completions::CompletionsArguments),
    /// Print the manual page, or write one for every command
    Man(man::ManArguments),
    /// Answer requests for `demo`
    #[command(hide = true)]
    DemoService(demo_service::DemoServiceArguments),
}

/// Runs one command; its results go to `output`.
///
/// # Errors
/// What the command could not do.
pub(crate) fn run(command: Command, output: &mut (dyn Write + Send)) -> Result<()> {
    match command {
        Command::Up(arguments) => up::run(arguments, output),
        Command::Demo(arguments) => demo::run(&arguments, output),
        Command::Status(arguments) => status::run(&arguments, output),
        Command::Apply(arguments) => apply::run(&arguments, output),
        Command::Tags(arguments) => tags::run(&arguments, output),
        Command::Segments(arguments) => segments::run(&arguments, output),
        Command::Check(arguments) => check::run(&arguments, output),
        Command::Explain(arguments) => explain::run(&arguments, output),
        Command::Keys(arguments) => keys::run(&arguments, output),
        Command::Sign(arguments) => sign::run(&arguments, output),
        Command::Shadow(arguments) => shadow::run(&arguments, output),
        Command::Replay(arguments) => replay::run(&arguments, output),
        Command::Push(arguments) => push::run(&arguments, output),
        Command::Gateway(arguments) => gateway::run(arguments),
        Command::Control(arguments) => control::run(arguments),
        Command::Bench(arguments) => bench::run(&arguments, output),
        Command::Tune(arguments) => tune::run(&arguments, output),
        Command::Schema(arguments) => schema::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
        Command::Man(arguments) => man::run(&arguments, output),
        Command::DemoService(arguments) => demo_service::run(&arguments),
    }
}

#[cfg(test)]
mod tests;
