//! `halftone status`: the gateways of a control plane, what they counted, and which releases are disabled; or one release,
//! split by split.
//!
//! Owns its options and the order of what is shown; [`crate::table`] owns the rows.

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{
    api::{self, Client},
    issuers, regions, table,
};

/// Options of `halftone status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone status
  halftone status --release shop/shop-v2
  halftone status --json | jq '.[].gateway.engine'")]
pub(crate) struct StatusArguments {
    /// The API to ask
    #[arg(long, value_name = "URL", default_value = api::DEFAULT, value_parser = api::place)]
    api: String,
    /// Show the splits of this release, with their weights and who met what
    #[arg(long, value_name = "TENANT/RELEASE")]
    release: Option<String>,
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
    if let Some(release) = &arguments.release {
        let Some((tenant, release)) = release.split_once('/') else {
            bail!("--release: expected TENANT/RELEASE, got {release:?}");
        };
        let shown = client.release(tenant, release)?;
        if arguments.json {
            return print(&shown, output);
        }
        output.write_all(table::splits(&shown).as_bytes())?;
        return Ok(());
    }
    if arguments.json {
        return print(&client.gateways_as_json()?, output);
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
    let disabled = table::disabled(&client.tenants()?);
    if !disabled.is_empty() {
        write!(output, "\n{disabled}")?;
    }
    Ok(())
}

fn print(json: &Value, output: &mut dyn Write) -> Result<()> {
    let json = serde_json::to_string_pretty(json).context("cannot write JSON")?;
    writeln!(output, "{json}")?;
    Ok(())
}
