//! Findings as a table that a person reads in a terminal.
//!
//! Does not colour and does not fold: what is printed can be piped and searched.

use std::fmt::Write;

use crate::finding::with_causes;
use crate::{Finding, Status};

/// What stands where nothing could be read.
const NOTHING: &str = "-";

/// Writes one row per finding, under those that are not ok why they matter and what to run, and
/// a count at the end.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let knob_width = width("KNOB", findings.iter().map(|finding| finding.knob.as_str()));
    let current_width = width("CURRENT", findings.iter().map(current));
    let mut table =
        format!("{:<8} {:<knob_width$} {:<current_width$} WANTED\n", "STATUS", "KNOB", "CURRENT");
    for finding in findings {
        let Finding { knob, wanted, status, .. } = finding;
        let row = format!(
            "{status:<8} {knob:<knob_width$} {:<current_width$} {wanted}",
            current(finding)
        );
        line(&mut table, &row);
        for (label, text) in notes(finding) {
            line(&mut table, &format!("{:<8} {label:<7}{text}", ""));
        }
    }
    let count = |status| findings.iter().filter(|finding| finding.status == status).count();
    let (ok, low, unknown) = (count(Status::Ok), count(Status::Low), count(Status::Unknown));
    line(&mut table, &format!("{ok} ok, {low} low, {unknown} unknown"));
    table
}

fn notes(finding: &Finding) -> Vec<(&'static str, String)> {
    if finding.status == Status::Ok {
        return Vec::new();
    }
    let mut notes = vec![("why", finding.reason.to_owned())];
    notes.extend(finding.unread.as_ref().map(|error| ("unread", with_causes(error))));
    notes.extend(finding.how.clone().map(|command| ("how", command)));
    notes.extend(finding.undo.clone().map(|command| ("undo", command)));
    notes
}

fn current(finding: &Finding) -> &str {
    finding.current.as_deref().unwrap_or(NOTHING)
}

fn width<'a>(head: &'a str, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.chain([head]).map(|cell| cell.chars().count()).max().unwrap_or_default()
}

fn line(table: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(table, "{}", text.trim_end());
}

#[cfg(test)]
mod tests;
