//! Runs a comparison without the `halftone` binary around it: to try the generator on a machine, or
//! to compare other gateways with each other (`--subject nginx --peers direct`).

use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: halftone_bench::compare::CompareOptions,
}

fn main() -> anyhow::Result<()> {
    let command = Command::parse();
    halftone_bench::compare::run(&command.options, &mut std::io::stdout().lock())?;
    Ok(())
}
