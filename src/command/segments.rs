//! `halftone segments`: the lists of ids that segments name as their members.
//!
//! Owns its options and what is told of lists. The file is read by the control plane that is asked, as it comes: it may be
//! larger than any memory.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use halftone_core::signal::lists::ListState;

use crate::{
    api::{self, Client},
    document::{Severity, count, line, open, told_of},
};

/// Options of `halftone segments`.
#[derive(Debug, clap::Args)]
pub(crate) struct SegmentsArguments {
    #[command(subcommand)]
    command: SegmentsCommand,
}

/// What to do with lists.
#[derive(Debug, Subcommand)]
enum SegmentsCommand {
    /// Replace a list of ids by those in a file, wholly or not at all
    Load(LoadArguments),
    /// Show the lists of a tenant
    List(ListArguments),
    /// Forget a list: who is on it can no longer be told
    Remove(RemoveArguments),
}

/// Options of `halftone segments load`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone segments load staff ids.txt --tenant shop
  zcat beta.csv.gz | halftone segments load beta - --tenant shop

The file has an id a line; or it is CSV with a column `id`, or NDJSON with a field `id`, whatever else is in it.
A bundle asks for the list with `segments: { staff: { members: staff } }`, of who has its `user.id` from anything but
a default.
Exit codes: 0 the list is replaced, 1 it is not, and every bad line is told, 2 called wrongly.")]
struct LoadArguments {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// A file; `.csv`, `.ndjson` and `.jsonl` say what it is, else its first line; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: PlaceArguments,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Options of `halftone segments list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone segments list --tenant shop
  halftone segments list --tenant shop --json")]
struct ListArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Options of `halftone segments remove`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone segments remove beta --tenant shop")]
struct RemoveArguments {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Whose lists, and where.
#[derive(Debug, clap::Args)]
struct PlaceArguments {
    /// Whose users they are
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The API to ask
    #[arg(long, value_name = "URL", default_value = api::DEFAULT, value_parser = api::place)]
    api: String,
}

/// Does what is asked.
///
/// # Errors
/// The file cannot be read, the API does not answer, or it refuses.
pub(super) fn run(arguments: &SegmentsArguments, output: &mut dyn Write) -> Result<()> {
    match &arguments.command {
        SegmentsCommand::Load(arguments) => load(arguments, output),
        SegmentsCommand::List(arguments) => list(arguments, output),
        SegmentsCommand::Remove(arguments) => {
            let PlaceArguments { tenant, api } = &arguments.place;
            Client::new(api).remove_list(tenant, &arguments.list)?;
            Ok(writeln!(output, "{tenant}/{} is removed", arguments.list)?)
        }
    }
}

fn load(arguments: &LoadArguments, output: &mut dyn Write) -> Result<()> {
    let LoadArguments { list, file, place, json } = arguments;
    let mut lines = open(file)?;
    let loaded =
        Client::new(&place.api).load_list((&place.tenant, list), media_type(file), &mut lines)?;
    if *json {
        return write_json(&loaded, output);
    }
    for warning in told_of(&file.display().to_string(), &loaded["warnings"]) {
        writeln!(output, "{}", line(Severity::Warning, &warning))?;
    }
    let state = serde_json::from_value(loaded).context("the API answers in another form")?;
    Ok(writeln!(output, "{}", told(&state))?)
}

fn list(arguments: &ListArguments, output: &mut dyn Write) -> Result<()> {
    let PlaceArguments { tenant, api } = &arguments.place;
    let states = Client::new(api).lists(tenant)?;
    if arguments.json {
        return write_json(&states, output);
    }
    for state in states {
        writeln!(output, "{}", told(&state))?;
    }
    Ok(())
}

fn write_json(what: &impl serde::Serialize, output: &mut dyn Write) -> Result<()> {
    let json = serde_json::to_string_pretty(what).context("cannot write JSON")?;
    Ok(writeln!(output, "{json}")?)
}

fn told(ListState { name, revision, ids }: &ListState) -> String {
    let ids = count(usize::try_from(*ids).unwrap_or(usize::MAX), "id");
    format!("{}/{}: {ids}, revision {revision}", name.tenant, name.list)
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => "text/csv",
        Some("ndjson" | "jsonl") => "application/x-ndjson",
        _ => "application/octet-stream",
    }
}
