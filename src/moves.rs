//! Who would move, as a person reads it in a terminal: a line per move, the largest first, and a few of its requests.
//!
//! Owns the words, for `shadow` and `replay` alike. Does not print and asks nobody. Invariant: what a caller sent cannot
//! change how a terminal looks.

use std::fmt::Write as _;

use halftone_core::telemetry::{
    moves::{Report, ReportRow, Rule, Sample},
    users::UserCount,
};

/// Writes who would move, of the requests that were decided both ways.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} of {} requests{} and {} of {} users{} would move",
        report.moved_requests,
        report.requests,
        share(report.moved_requests, report.requests),
        users(report.moved_users),
        users(report.users),
        share(report.moved_users.count, report.users.count),
    );
    for row in &report.moves {
        moved(row, &mut text);
    }
    if report.not_shown > 0 {
        let _ =
            writeln!(text, "  {} requests would move by other rules, not shown", report.not_shown);
    }
    if report.undecided > 0 {
        let _ = writeln!(
            text,
            "{} requests could not be decided: what the rules read of them is not known",
            report.undecided
        );
    }
    if report.without_user > 0 {
        let _ = writeln!(text, "{} requests have no user to be told by", report.without_user);
    }
    if !(report.users.exact && report.moved_users.exact) {
        text.push_str("~ is an estimate, to about 3%\n");
    }
    text
}

fn moved(row: &ReportRow, text: &mut String) {
    let (from, to) = (rule(row.rules.from.as_ref()), rule(row.rules.to.as_ref()));
    let (requests, count) = (row.requests, users(row.users));
    let _ = writeln!(text, "  {from} -> {to}: {requests} requests of {count} users");
    for Sample { method, host, path, user } in &row.samples {
        let user = user.as_deref().unwrap_or("-");
        let line = format!("{method} {host}{path} user {user}");
        let _ = writeln!(text, "      {}", shown(&line));
    }
}

/// Names a rule: `tenant/route release target[/cell] = variant`.
fn rule(rule: Option<&Rule>) -> String {
    let Some(rule) = rule else { return "no route".to_owned() };
    let mut text = format!("{}/{}", rule.tenant, rule.route);
    if let Some(release) = &rule.release {
        let _ = write!(text, " {release}");
        match (&rule.target, &rule.cell) {
            (Some(target), Some(cell)) => {
                let _ = write!(text, " {target}/{cell}");
            }
            (Some(target), None) => {
                let _ = write!(text, " {target}");
            }
            (None, _) => text.push_str(" (default)"),
        }
    }
    let _ = write!(text, " = {}", rule.variant);
    shown(&text)
}

fn users(users: UserCount) -> String {
    format!("{}{}", if users.exact { "" } else { "~" }, users.count)
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!(" ({}.{}%)", tenths / 10, tenths % 10)
}

/// Writes what would change how a line looks as escapes.
pub(crate) fn shown(text: &str) -> String {
    let is_odd = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_odd(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests;
