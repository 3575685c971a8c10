//! `halftone push`: a bundle to a gateway, with no control plane.
//!
//! Owns its options and what is told; `halftone_controlplane::push` does the work.

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use halftone_controlplane::{document::Document, push::push};

use crate::{VERSION, document::Text, usage::Usage};

/// Options of `halftone push`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  halftone push bundle.yaml --socket ~/.local/state/halftone/gateway.sock

The bundle replaces its tenant's and is applied to the ranges the gateway serves, so that nobody whose
variant's weight does not fall changes version. Instances are the addresses in the bundle, and those the
gateway knows already. A control plane that is connected replaces it all with its next change.")]
pub(crate) struct PushArguments {
    /// The bundle, YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The control socket of the gateway
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// Pushes a bundle and tells what is served.
///
/// # Errors
/// The bundle has mistakes, or the gateway does not take it; what it serves is unchanged then.
pub(super) fn run(arguments: &PushArguments, output: &mut dyn Write) -> Result<()> {
    let text = Text::read(&arguments.file)?;
    let judgement = text.judge();
    let Some(Document::Bundle(bundle)) = judgement.document else {
        if judgement.problems.is_empty() {
            return Err(
                Usage(format!("{} is no bundle: only bundles are pushed", text.name)).into()
            );
        }
        let told: Vec<String> = judgement.problems.iter().map(ToString::to_string).collect();
        bail!("{} is not pushed:\n  {}", text.name, told.join("\n  "));
    };
    let pushed = push(&bundle, &arguments.socket, VERSION)?;
    if pushed.control_planes > 0 {
        tracing::warn!(
            control_planes = pushed.control_planes,
            "A control plane is connected to this gateway: it replaces what was pushed with its next change."
        );
    }
    for variant in &pushed.without_instances {
        tracing::warn!(%variant, "The variant has no instance: give it addresses, or register one.");
    }
    if arguments.json {
        let json = serde_json::to_string_pretty(&pushed).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
    } else {
        let workers = pushed.applied + pushed.missing;
        writeln!(
            output,
            "{} is served as revision {} by {} of {workers} workers (rules epoch {}, instances epoch {}), after {}.{:03} ms",
            pushed.tenant,
            pushed.revision,
            pushed.applied,
            pushed.rules_epoch,
            pushed.instances_epoch,
            pushed.took_us / 1000,
            pushed.took_us % 1000
        )?;
    }
    if pushed.missing > 0 {
        bail!("{} workers have not taken it in time", pushed.missing);
    }
    Ok(())
}
