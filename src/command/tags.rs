//! `halftone tags`: what is known of a tenant's users.
//!
//! Owns its options and what is told of a load. The file is read by the control plane that is asked, as it comes: it
//! may be larger than any memory.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::Value;

use crate::{
    api::{self, Client},
    document::{Severity, count, line, open, told_of},
};

/// Options of `halftone tags`.
#[derive(Debug, clap::Args)]
pub(crate) struct TagsArguments {
    #[command(subcommand)]
    command: TagsCommand,
}

/// What to do with tags.
#[derive(Debug, Subcommand)]
enum TagsCommand {
    /// Load the tags of many users from a file
    Load(LoadArguments),
}

/// Options of `halftone tags load`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone tags load users.csv --tenant shop
  zcat users.ndjson.gz | halftone tags load - --tenant shop --json | jq .errors

CSV has a first line that names its columns: `id` and tags. NDJSON has a line such as
{\"id\": \"u7\", \"tags\": {\"level\": \"vip\", \"age\": 30}} for each id. A line replaces all tags of its id;
one without tags forgets it.
Exit codes: 0 every line was taken, 1 some were refused, or none, 2 called wrongly.")]
struct LoadArguments {
    /// A file; `.csv`, `.ndjson` and `.jsonl` say what it is, else its first byte; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose users they are
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The API to ask
    #[arg(long, value_name = "URL", default_value = api::DEFAULT, value_parser = api::place)]
    api: String,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Does what is asked.
///
/// # Errors
/// The file cannot be read, the API does not answer, or lines are refused.
pub(super) fn run(arguments: &TagsArguments, output: &mut dyn Write) -> Result<()> {
    let TagsCommand::Load(arguments) = &arguments.command;
    load(arguments, output)
}

fn load(arguments: &LoadArguments, output: &mut dyn Write) -> Result<()> {
    let mut file = open(&arguments.file)?;
    let media_type = media_type(&arguments.file);
    let client = Client::new(&arguments.api);
    let loaded = client.load_tags(&arguments.tenant, media_type, &mut file)?;
    let errors = loaded["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.json {
        let json = serde_json::to_string_pretty(&loaded).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
    } else {
        output.write_all(told(&arguments.file, &loaded, errors).as_bytes())?;
    }
    match errors.len() {
        0 => Ok(()),
        refused => bail!("{} of {} refused", count(refused, "line"), arguments.file.display()),
    }
}

fn told(file: &Path, loaded: &Value, errors: &[Value]) -> String {
    let (mut told, file) = (String::new(), file.display());
    for warning in told_of(&file.to_string(), &loaded["warnings"]) {
        told.push_str(&format!("{}\n", line(Severity::Warning, &warning)));
    }
    for error in errors {
        let message = error["message"].as_str().unwrap_or_default();
        told.push_str(&format!("{file}:{}: {message}\n", error["line"]));
    }
    if let Some(line) = loaded["endedAt"].as_u64() {
        told.push_str(&format!("{file}: nothing behind line {line} was read\n"));
    }
    let (rows, ids, revision) = (&loaded["loaded"], &loaded["ids"], &loaded["revision"]);
    told.push_str(&format!("{rows} rows loaded; {ids} ids have tags, revision {revision}\n"));
    told
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => "text/csv",
        Some("ndjson" | "jsonl") => "application/x-ndjson",
        _ => "application/octet-stream",
    }
}
