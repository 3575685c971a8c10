//! `halftone schema`: the shape of what people write, for editors.
//!
//! Owns the command line alone; `halftone_core::policy` has the types and their schemas.

use std::io::Write;

use anyhow::{Context as _, Result};
use halftone_core::policy::{bundle_schema, gateway_schema};

/// Options of `halftone schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  halftone schema bundle > bundle.schema.json

An editor with a YAML language server follows a first line such as
  # yaml-language-server: $schema=bundle.schema.json")]
pub(crate) struct SchemaArguments {
    /// Of what
    #[arg(value_name = "KIND")]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// A tenant's policy
    Bundle,
    /// How a gateway is run
    Gateway,
}

/// Prints the schema.
///
/// # Errors
/// The output cannot be written.
pub(super) fn run(arguments: &SchemaArguments, output: &mut dyn Write) -> Result<()> {
    let schema = match arguments.kind {
        Kind::Bundle => bundle_schema(),
        Kind::Gateway => gateway_schema(),
    };
    let schema = serde_json::to_string_pretty(&schema).context("cannot write JSON")?;
    writeln!(output, "{schema}")?;
    Ok(())
}
