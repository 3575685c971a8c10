//! `halftone replay`: the requests of an access log, decided again by other bundles.
//!
//! Owns its options, the way through the log and what is told. `halftone_core::route` decides what lines recorded;
//! [`crate::moves`] has the words.
//!
//! Invariants: the log is read once, a line at a time, within bounds; a line that does not say enough is counted by what
//! it lacks, never guessed at.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    limits::{REPLAY_REASONS_MAX, REPLAYED_LINE_BYTES_MAX},
    policy::{Bundle, digest},
    route::{Decision, Replay, Unreplayable},
    table::{RuleTable, Rules, archive::Archive},
    telemetry::{
        logged::{LineError, Logged},
        moves::{Counter, Move, Report, Rule, Sample, rows, user_hash},
    },
};
use serde::Serialize;

use crate::{document::Text, moves, random, usage::Usage};

/// Options of `halftone replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone replay access.log --against bundle.yaml
  halftone replay access.log --against old.yaml --and new.yaml --json | jq .moves
  zcat access.log.*.gz | halftone replay - --against old.yaml --and new.yaml

Each request is decided by the bundle --against, and compared with what the log says was decided then, or with
what the bundle --and decides. Splits are laid out as on a gateway that never served anything: of --against from
the lowest bucket, of --and as an apply over that; scheduled ones have no weight. A line has the values that its
decision read; one that a bundle would have to know more of is counted by what it lacks.
Exit codes: 0 told, whoever would move, 1 failed, 2 called wrongly.")]
pub(crate) struct ReplayArguments {
    /// The access log of a gateway; `-` is standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The bundle that decides each request again, YAML or JSON
    #[arg(long, value_name = "FILE")]
    against: PathBuf,
    /// Another bundle of the same tenant: who would move from the one to the other
    #[arg(long, value_name = "FILE")]
    and: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    tenant: String,
    /// The digest of the bundle --against.
    against: String,
    /// The digest of the bundle --and; what decided then, when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    and: Option<String>,
    lines: u64,
    /// Lines of other tenants' requests.
    others: u64,
    /// Lines that could not be decided again, by what they lack.
    unreplayable: BTreeMap<String, u64>,
    #[serde(flatten)]
    report: Report,
}

/// Replays a log and tells who would move.
///
/// # Errors
/// A bundle has mistakes, or the log cannot be read.
pub(super) fn run(arguments: &ReplayArguments, output: &mut dyn Write) -> Result<()> {
    let against = Text::read(&arguments.against)?.bundle("replayed")?;
    let and =
        arguments.and.as_deref().map(|and| Text::read(and)?.bundle("replayed")).transpose()?;
    let tenant = &against.metadata.tenant;
    if let Some(other) =
        and.as_ref().map(|and| &and.metadata.tenant).filter(|other| *other != tenant)
    {
        let told = format!("--and: expected a bundle of tenant {tenant:?}, got one of {other:?}");
        return Err(Usage(told).into());
    }
    let mut allocations = Allocations::new();
    let first = compiled(&against, &mut allocations)?;
    let second = and.as_ref().map(|and| compiled(and, &mut allocations)).transpose()?;
    let mut pass = Pass {
        tenant,
        against: first.rules(),
        and: second.as_ref().map(Archive::rules),
        key: random::key()?,
        counter: Counter::default(),
        others: 0,
        lines: 0,
        unreplayable: BTreeMap::new(),
    };
    read(&arguments.log, |line| pass.line(line))?;
    let told = Told {
        tenant: tenant.clone(),
        against: digest(&against),
        and: and.as_ref().map(digest),
        lines: pass.lines,
        others: pass.others,
        unreplayable: pass.unreplayable,
        report: pass.counter.tally.report(),
    };
    tell(&told, arguments.json, output)
}

/// Makes a table of a bundle, over the ranges there are.
fn compiled(bundle: &Bundle, allocations: &mut Allocations) -> Result<Archive<RuleTable>> {
    allocate(bundle, allocations)?;
    Ok(Archive::build(&compile_rules(&[bundle], allocations)?, 1)?)
}

/// Gives each line of a log, without its end; of one that is too long, nothing.
fn read(path: &Path, line: impl FnMut(&[u8])) -> Result<()> {
    let name = path.display();
    if path.as_os_str() == "-" {
        return lines(io::stdin().lock(), line).context("standard input breaks off");
    }
    let file =
        File::open(path).map_err(|error| Usage(format!("{name} cannot be read: {error}")))?;
    lines(BufReader::with_capacity(1 << 20, file), line)
        .with_context(|| format!("{name} breaks off"))
}

fn lines(mut from: impl BufRead, mut line: impl FnMut(&[u8])) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(4 * 1024);
    loop {
        bytes.clear();
        let most = REPLAYED_LINE_BYTES_MAX as u64;
        if from.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        if bytes.pop_if(|byte| *byte == b'\n').is_none() && bytes.len() as u64 == most {
            from.skip_until(b'\n')?;
            bytes.clear();
            bytes.push(b'!');
        }
        if !bytes.trim_ascii().is_empty() {
            line(&bytes);
        }
    }
}

/// One way through a log.
struct Pass<'t> {
    tenant: &'t str,
    against: Rules<'t>,
    and: Option<Rules<'t>>,
    key: [u64; 2],
    counter: Counter,
    lines: u64,
    others: u64,
    unreplayable: BTreeMap<String, u64>,
}

impl Pass<'_> {
    fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        let decided = Logged::read(line).and_then(|logged| {
            let rule = logged.rule();
            Ok((rule, logged.recorded()?))
        });
        let (rule, recorded) = match decided {
            Ok(decided) => decided,
            Err(LineError::Malformed(_)) => return self.lacks("a line of an access log"),
            Err(LineError::Undecided) => return self.lacks("a decision"),
            Err(LineError::Missing(what)) => return self.lacks(what),
        };
        if self.and.is_none() && rule.as_ref().is_some_and(|rule| rule.tenant != self.tenant) {
            self.others += 1;
            return;
        }
        let told = recorded.replay(|replay| match self.and {
            None => self.with_log(replay, rule),
            Some(and) => self.with(replay, and),
        });
        if let Err(Unreplayable(what)) = told.and_then(|told| told) {
            self.lacks(&what);
        }
    }

    /// Compares what was decided then with what would be now.
    fn with_log(&mut self, replay: &Replay<'_>, then: Option<Rule>) -> Result<(), Unreplayable> {
        let now = replay.route(self.against)?;
        if then.is_none() && now.is_none() {
            self.others += 1;
            return Ok(());
        }
        let user = self.user(replay, [(self.against, now)]);
        self.counter.count(user);
        let now = now.map(|decision| Rule::of(self.against.table, &decision));
        let place = |rule: &Option<Rule>| {
            rule.as_ref().map(|rule| (rule.release.clone(), rule.variant.clone()))
        };
        if place(&then) != place(&now) {
            let rules = || Move { from: then, to: now };
            self.counter.moved(None, user, rules, || sample(replay, user));
        }
        Ok(())
    }

    /// Compares what one bundle decides with what another does.
    fn with(&mut self, replay: &Replay<'_>, and: Rules<'_>) -> Result<(), Unreplayable> {
        let (from, to) = (replay.route(self.against)?, replay.route(and)?);
        if from.is_none() && to.is_none() {
            self.others += 1;
            return Ok(());
        }
        let user = self.user(replay, [(and, to), (self.against, from)]);
        self.counter.count(user);
        if key(self.against, from.as_ref()) != key(and, to.as_ref()) {
            let name = |rules: Rules<'_>, decision: Option<Decision>| {
                decision.map(|decision| Rule::of(rules.table, &decision))
            };
            let rules = || Move { from: name(self.against, from), to: name(and, to) };
            let pair = (rows(from.as_ref()), rows(to.as_ref()));
            self.counter.moved(Some(pair), user, rules, || sample(replay, user));
        }
        Ok(())
    }

    fn user<const N: usize>(
        &self,
        replay: &Replay<'_>,
        decisions: [(Rules<'_>, Option<Decision>); N],
    ) -> Option<u64> {
        let unit =
            decisions.iter().find_map(|(rules, decision)| replay.user(*rules, decision.as_ref()?));
        unit.map(|unit| user_hash(self.key, &unit))
    }

    fn lacks(&mut self, what: &str) {
        let known = self.unreplayable.contains_key(what);
        let what =
            if known || self.unreplayable.len() < REPLAY_REASONS_MAX { what } else { "others" };
        *self.unreplayable.entry(what.to_owned()).or_default() += 1;
    }
}

/// Returns what instances are known by.
fn key<'t>(rules: Rules<'t>, decision: Option<&Decision>) -> Option<&'t str> {
    Some(&rules.table.variants[decision?.variant as usize].key)
}

fn sample(replay: &Replay<'_>, user: Option<u64>) -> Sample {
    let view = replay.view();
    Sample::of(view.method, view.host, view.path, view.query, user)
}

fn tell(told: &Told, json: bool, output: &mut dyn Write) -> Result<()> {
    if json {
        let json = serde_json::to_string_pretty(told).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
        return Ok(());
    }
    let than = told.and.as_deref().unwrap_or("what was decided then");
    writeln!(output, "{}: {} lines, {} against {than}", told.tenant, told.lines, told.against)?;
    output.write_all(moves::text(&told.report).as_bytes())?;
    if told.others > 0 {
        writeln!(output, "{} lines are other tenants'", told.others)?;
    }
    for (what, count) in &told.unreplayable {
        writeln!(
            output,
            "{count} lines cannot be decided again, for want of {}",
            moves::shown(what)
        )?;
    }
    if told.lines == 0 {
        bail!("the log has no lines");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let long = "x".repeat(REPLAYED_LINE_BYTES_MAX);
        for (text, expected) in [
            ("a\nb", vec!["a", "b"]),
            ("\n\r\na\r\n", vec!["a\r"]),
            ("", vec![]),
            (&format!("a\n{long}y\nb\n"), vec!["a", "!", "b"]),
            (&format!("{}\nb", &long[1..]), vec![&long[1..], "b"]),
            (&long, vec!["!"]),
        ] {
            let mut found = Vec::new();
            lines(text.as_bytes(), |line| found.push(String::from_utf8_lossy(line).into_owned()))
                .expect("bytes can be read");
            assert_eq!(found, expected);
        }
    }
}
