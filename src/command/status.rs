//! `halftone status`: the gateways of a control plane, and what they counted.
//!
//! Owns its options and the order of what is shown; [`crate::table`] owns the rows.

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};

use crate::{
    api::{self, Client},
    issuers, regions, table,
};

/// Options of `halftone status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone status
  halftone status --json | jq '.[].gateway.engine'")]
pub(crate) struct StatusArguments {
    /// The API to ask
    #[arg(long, value_name = "URL", default_value = api::DEFAULT)]
    api: String,
    /// Print what the API answers
    #[arg(long)]
    json: bool,
}

/// Prints the state of every gateway.
///
/// # Errors
/// The API does not answer.
pub(super) fn run(arguments: &StatusArguments, output: &mut dyn Write) -> Result<()> {
    let client = Client::new(&arguments.api);
    if arguments.json {
        let json = client.gateways_as_json()?;
        let json = serde_json::to_string_pretty(&json).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
        return Ok(());
    }
    let gateways = client.gateways()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if gateways.is_empty() {
        writeln!(output, "the control plane leads no gateway")?;
    }
    for (at, gateway) in gateways.iter().enumerate() {
        if at > 0 {
            writeln!(output)?;
        }
        let variants = table::variants(&gateway.stats.variants);
        let gateway = table::gateway(gateway, now.as_secs());
        output.write_all(format!("{gateway}\n{variants}").as_bytes())?;
    }
    for issuer in client.issuers()? {
        write!(output, "\n{}", issuers::source(&issuer))?;
    }
    for source in client.regions()? {
        write!(output, "\n{}", regions::source(&source, now.as_secs()))?;
    }
    Ok(())
}
