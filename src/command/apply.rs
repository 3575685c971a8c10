//! `halftone apply`: a bundle is put in the place of its tenant's.
//!
//! Owns its options and what is told of the answer. The file is judged by the control plane that is
//! asked, not here: it has the last word, and may be of another build.

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use halftone_controlplane::document;
use serde_json::{Value, json};

use crate::{
    api::{self, Client, Put, Refusal},
    document::{Severity, Text, count, line, told_of},
    usage::Usage,
};

/// Options of `halftone apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone apply docs/examples/canary.yaml
  halftone apply --dry-run --strict --json bundle.yaml | jq .changed
  halftone apply --if-match \"$(halftone check --json old.yaml | jq -r '.[].digest')\" new.yaml

The tenant is the one that the file names. All of the bundle is taken, or nothing.
Exit codes: 0 taken (or, with --dry-run, it would be), 1 refused, 2 called wrongly.")]
pub(crate) struct ApplyArguments {
    /// A bundle, as YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The API to ask
    #[arg(long, value_name = "URL", default_value = api::DEFAULT, value_parser = api::place)]
    api: String,
    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Refuse a bundle with warnings
    #[arg(long)]
    strict: bool,
    /// Only when the tenant has the bundle of this digest, or `none`
    #[arg(long, value_name = "DIGEST")]
    if_match: Option<String>,
    /// Only when the file is the bundle of this digest, as `halftone shadow` tells it
    #[arg(long, value_name = "DIGEST")]
    if_digest: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Applies a file and tells what became of it.
///
/// # Errors
/// It is refused, cannot be read, or the API does not answer.
pub(super) fn run(arguments: &ApplyArguments, output: &mut dyn Write) -> Result<()> {
    let text = Text::read(&arguments.file)?;
    let Some(tenant) = document::tenant(&text.bytes, text.name.as_ref()) else {
        return without_tenant(&text, output);
    };
    let put = Put {
        tenant: &tenant,
        is_json: text.name.ends_with(".json"),
        text: &text.bytes,
        dry_run: arguments.dry_run,
        strict: arguments.strict,
        condition: arguments.if_match.as_deref(),
    };
    let client = Client::new(&arguments.api);
    let refused_before = is_other(&client, &put, arguments.if_digest.as_deref(), &text.name)?;
    let answer = match refused_before {
        Some(refusal) => Err(refusal),
        None => client.put(&put)?,
    };
    if arguments.json {
        let report = match &answer {
            Ok(answer) => with(answer, &text.name, &tenant, true),
            Err(refusal) => with(&refusal.problem, &text.name, &tenant, false),
        };
        let report = serde_json::to_string_pretty(&report).context("cannot write JSON")?;
        writeln!(output, "{report}")?;
    } else if let Ok(answer) = &answer {
        output.write_all(taken(&text.name, &tenant, answer).as_bytes())?;
    }
    answer.map(drop).or_else(|refusal| refused(&text.name, &refusal, arguments.json, output))
}

/// Asks the control plane whether the file is the bundle of this digest; returns its refusal when it is none at all.
///
/// # Errors
/// It is another one.
fn is_other(
    client: &Client,
    put: &Put<'_>,
    wanted: Option<&str>,
    name: &str,
) -> Result<Option<Refusal>> {
    let Some(wanted) = wanted else { return Ok(None) };
    match client.put(&Put { dry_run: true, ..*put })? {
        Err(refusal) => Ok(Some(refusal)),
        Ok(answer) if answer["digest"] == wanted => Ok(None),
        Ok(answer) => bail!("{name} is another bundle, {}: nothing is changed", answer["digest"]),
    }
}

/// Tells why a file is no bundle that could be asked for.
fn without_tenant(text: &Text, output: &mut dyn Write) -> Result<()> {
    let judgement = text.judge();
    for problem in &judgement.problems {
        writeln!(output, "{}", line(Severity::Error, problem))?;
    }
    if judgement.problems.is_empty() {
        let message = format!("{} is no bundle: only bundles are applied", text.name);
        return Err(Usage(message).into());
    }
    bail!("{} in {}", count(judgement.problems.len(), "problem"), text.name)
}

fn with(answer: &Value, file: &str, tenant: &str, ok: bool) -> Value {
    let mut report = json!({ "file": file, "tenant": tenant, "ok": ok });
    match (answer, &mut report) {
        (Value::Object(members), Value::Object(report)) => report.extend(members.clone()),
        (other, report) => report["answer"] = other.clone(),
    }
    report
}

fn taken(file: &str, tenant: &str, answer: &Value) -> String {
    let mut told = String::new();
    for warning in told_of(file, &answer["warnings"]) {
        told.push_str(&format!("{}\n", line(Severity::Warning, &warning)));
    }
    let text = |name: &str| answer[name].as_str();
    let digest = text("digest").unwrap_or_default();
    told.push_str(&format!("{file}: "));
    if answer["dryRun"] == true {
        let now = text("currentDigest").unwrap_or("no bundle");
        told.push_str(&match answer["changed"] == true {
            true => format!("dry run: tenant {tenant:?} would have {digest} instead of {now}\n"),
            false => format!("dry run: tenant {tenant:?} has {digest} already\n"),
        });
    } else {
        let served = match answer["applied"] == true {
            true => "every connected gateway serves it",
            false => "stored; not every gateway serves it yet, see `halftone status`",
        };
        let revision = &answer["revision"];
        told.push_str(&format!("revision {revision} of tenant {tenant:?}, {digest}: {served}\n"));
    }
    told
}

fn refused(file: &str, refusal: &Refusal, json: bool, output: &mut dyn Write) -> Result<()> {
    let problems = told_of(file, &refusal.problem["errors"]);
    if !json {
        for problem in &problems {
            writeln!(output, "{}", line(Severity::Error, problem))?;
        }
    }
    let mut told = refusal.problem["detail"].as_str().unwrap_or(&refusal.text).to_owned();
    if let (Some(line), Some(column)) =
        (refusal.problem["line"].as_u64(), refusal.problem["column"].as_u64())
    {
        told = format!("{file}:{line}:{column}: {told}");
    }
    bail!("the API refuses ({}): {told}", refusal.status)
}
