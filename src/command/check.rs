//! `halftone check`: what is wrong with files, before anything is asked to serve them.
//!
//! Owns its options and the report. Judging is the control plane's own ([`crate::document`]).

use std::{io::Write, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use halftone_controlplane::document::{Document, Judgement};
use halftone_core::policy::digest;
use serde_json::{Value, json};

use crate::document::{Severity, Text, count, line};

/// Options of `halftone check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone check docs/examples/canary.yaml
  halftone check --strict --json *.yaml | jq '.[].problems'

Every problem is told at once, as FILE:LINE:COLUMN: error: PATH: MESSAGE. No control plane is asked: a
host name that another tenant has is found when the bundle is applied.
Exit codes: 0 nothing is wrong, 1 something is, 2 called wrongly, as with a file that cannot be read.")]
pub(crate) struct CheckArguments {
    /// Bundles and gateway configurations, as YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Count warnings as problems
    #[arg(long)]
    strict: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Prints everything that is wrong.
///
/// # Errors
/// Something is wrong, or a file cannot be read.
pub(super) fn run(arguments: &CheckArguments, output: &mut dyn Write) -> Result<()> {
    let texts: Vec<Text> =
        arguments.files.iter().map(|path| Text::read(path)).collect::<Result<_>>()?;
    let judged: Vec<(String, Judgement)> = texts
        .iter()
        .map(|text| {
            let mut judgement = text.judge();
            if arguments.strict {
                judgement.problems.append(&mut judgement.warnings);
                judgement.problems.sort_by_key(|problem| (problem.line, problem.column));
            }
            (text.name.clone(), judgement)
        })
        .collect();
    if arguments.json {
        let report: Vec<Value> = judged.iter().map(|(name, one)| as_json(name, one)).collect();
        let report = serde_json::to_string_pretty(&report).context("cannot write JSON")?;
        writeln!(output, "{report}")?;
    } else {
        for (name, judgement) in &judged {
            output.write_all(in_words(name, judgement).as_bytes())?;
        }
    }
    let problems: usize = judged.iter().map(|(_, judgement)| judgement.problems.len()).sum();
    if problems > 0 {
        bail!("{} in {}", count(problems, "problem"), count(judged.len(), "file"));
    }
    Ok(())
}

fn as_json(name: &str, judgement: &Judgement) -> Value {
    let mut report = json!({
        "file": name,
        "ok": judgement.problems.is_empty(),
        "problems": judgement.problems,
        "warnings": judgement.warnings,
    });
    match &judgement.document {
        Some(Document::Bundle(bundle)) => {
            report["kind"] = "Bundle".into();
            report["tenant"] = bundle.metadata.tenant.as_str().into();
            report["digest"] = digest(bundle).into();
        }
        Some(Document::Gateway(_)) => report["kind"] = "Gateway".into(),
        None => {}
    }
    report
}

fn in_words(name: &str, judgement: &Judgement) -> String {
    let mut text = String::new();
    for problem in &judgement.problems {
        text.push_str(&format!("{}\n", line(Severity::Error, problem)));
    }
    for warning in &judgement.warnings {
        text.push_str(&format!("{}\n", line(Severity::Warning, warning)));
    }
    match &judgement.document {
        Some(_) | None if !judgement.problems.is_empty() => {}
        Some(Document::Bundle(bundle)) => {
            let (tenant, digest) = (&bundle.metadata.tenant, digest(bundle));
            text.push_str(&format!("{name}: ok: the bundle {digest} of tenant {tenant:?}\n"));
        }
        Some(Document::Gateway(_)) => {
            text.push_str(&format!("{name}: ok: the configuration of a gateway\n"));
        }
        None => {}
    }
    text
}
