//! Files that people write, judged without a control plane that runs: what `halftone check` tells.
//!
//! Owns the choice by `kind`. Reads by [`crate::source`] and lets in by [`crate::tenants`], as a
//! control plane does: there is no second parser and no second opinion.
//!
//! Invariant: a document without problems is one that a control plane of this build takes, other
//! tenants aside.

use std::path::Path;

use halftone_core::policy::{Bundle, Diagnostic, Gateway, Judged, validate_gateway};

use crate::{
    source::{Format, Root, SourceError, TextProblem, read_tree},
    stages::Stages,
    tenants::Tenants,
};

/// What a text is.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A tenant's policy.
    Bundle(Box<Bundle>),
    /// How a gateway is run.
    Gateway(Box<Gateway>),
}

/// What is to be said of one file.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What it is, if nothing is wrong with it.
    pub document: Option<Document>,
    /// What is wrong, in the order of the text.
    pub problems: Vec<Diagnostic>,
    /// What should be looked at.
    pub warnings: Vec<Diagnostic>,
}

/// What a gateway's configuration is judged by besides its own words: the machine's and the data
/// plane's.
pub type JudgeGateway<'a> = &'a dyn Fn(&Gateway) -> Vec<Diagnostic>;

/// Judges the text of the file at `path`, which tells its format; every diagnostic names it.
#[must_use]
pub fn judge(text: &[u8], path: &Path, gateway: JudgeGateway<'_>) -> Judgement {
    let root = read_tree(text, Format::of_path(path));
    let mut judgement = match root {
        Ok(root) => judge_by_kind(&root, gateway),
        Err(error) => refused(in_words(error)),
    };
    let file = path.display().to_string();
    for diagnostic in judgement.problems.iter_mut().chain(&mut judgement.warnings) {
        diagnostic.file = Some(file.clone());
    }
    judgement
}

/// Returns the tenant that the text of a bundle names, whatever else is wrong with it.
#[must_use]
pub fn tenant(text: &[u8], path: &Path) -> Option<String> {
    let root = read_tree(text, Format::of_path(path)).ok()?;
    let is_bundle = root.text(&["kind"]) == Some("Bundle");
    root.text(&["metadata", "tenant"]).filter(|_| is_bundle).map(str::to_owned)
}

fn judge_by_kind(root: &Root, gateway: JudgeGateway<'_>) -> Judgement {
    match root.text(&["kind"]) {
        Some("Bundle") => judge_bundle(root),
        Some("Gateway") => {
            let both = |one: &Gateway| [validate_gateway(one), gateway(one)].concat();
            let judged = root.judge::<Gateway>(both);
            let document = judged.value.filter(|_| judged.problems.is_empty());
            Judgement {
                document: document.map(|gateway| Document::Gateway(Box::new(gateway))),
                problems: judged.problems,
                warnings: judged.warnings,
            }
        }
        found => {
            let found = found.map_or("none".to_owned(), |found| format!("{found:?}"));
            let problem =
                Diagnostic::new("kind", format!("expected \"Bundle\" or \"Gateway\", got {found}"));
            refused(vec![root.place(problem)])
        }
    }
}

fn judge_bundle(root: &Root) -> Judgement {
    let judged = root.judge_bundle();
    let mut problems = judged.problems;
    let bundle = judged.value.filter(|_| problems.is_empty());
    // What only shows when tables are made is about the bundle as a whole.
    let good = bundle.clone().map(Judged::of_good);
    let admitted = good.map(|judged| Tenants::default().admit(&judged, 0, &Stages::default()));
    if let Some(Err(error)) = admitted {
        problems.push(Diagnostic::new("", error.to_string()));
    }
    let document = bundle.filter(|_| problems.is_empty());
    Judgement {
        document: document.map(|bundle| Document::Bundle(Box::new(bundle))),
        problems,
        warnings: judged.warnings,
    }
}

fn refused(problems: Vec<Diagnostic>) -> Judgement {
    Judgement { document: None, problems, warnings: Vec::new() }
}

fn in_words(error: SourceError) -> Vec<Diagnostic> {
    match error {
        SourceError::Invalid(problems) => problems,
        SourceError::Syntax(TextProblem { message, line, column }) => {
            vec![Diagnostic { line, column, ..Diagnostic::new("", message) }]
        }
    }
}

#[cfg(test)]
mod tests;
