//! `halftone push`: a bundle to a gateway, with no control plane.
//!
//! Owns its options and what is told; `halftone_controlplane::push` does the work.

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use halftone_controlplane::push::push;
use halftone_core::policy::digest;

use crate::{VERSION, document::Text};

/// Options of `halftone push`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  halftone push bundle.yaml --socket ~/.local/state/halftone/gateway.sock

The bundle replaces its tenant's and is applied to the ranges the gateway serves, so that nobody whose
variant's weight does not fall changes version. Instances are the addresses in the bundle, and those the
gateway knows already. A control plane that is connected replaces it all with its next change.
When it ends well, all workers serve the bundle and the gateway has it on disk.")]
pub(crate) struct PushArguments {
    /// The bundle, YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The control socket of the gateway
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Only when the file is the bundle of this digest, as `halftone shadow` tells it
    #[arg(long, value_name = "DIGEST")]
    if_digest: Option<String>,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// Pushes a bundle and tells what is served.
///
/// # Errors
/// The bundle has mistakes, or the gateway does not take it; what it serves is unchanged then. Or not every worker serves
/// it yet, or it is not on the gateway's disk; the message says so.
pub(super) fn run(arguments: &PushArguments, output: &mut dyn Write) -> Result<()> {
    let text = Text::read(&arguments.file)?;
    let bundle = text.bundle("pushed")?;
    if let Some(wanted) = &arguments.if_digest
        && *wanted != digest(&bundle)
    {
        bail!("{} is another bundle, {}: it is not pushed", text.name, digest(&bundle));
    }
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
    if let Some(not_kept) = &pushed.not_kept {
        bail!("{not_kept}: restarted, the gateway serves what it has on disk; push again");
    }
    Ok(())
}
