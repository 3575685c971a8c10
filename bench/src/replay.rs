//! `halftone bench replay`: how fast a long access log is decided again, by two bundles.
//!
//! Owns the log, written here in the form that gateways write (`tests/e2e/measured.rs` has every line of it replayed), and
//! the measuring of the command that reads it. The rules are those of `bench compare --workload dimensions`.
//!
//! Invariants:
//! - equal options make equal logs; each line has the values that its decisions read: user, level, city and system;
//! - the command is the one that people run, and its time includes its start and both bundles;
//! - its memory is the kernel's high-water mark of it, read until it ends.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::compare::workload::HOST;
use crate::contender::{USER_HEADER, dimensions};
use crate::stack::tell;

/// How often the memory of the command is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Options of `halftone bench replay`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct ReplayOptions {
    /// Lines of the log
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub lines: u32,
    /// Users they are of
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub users: u32,
    /// Prints the report as JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// The halftone binary, if not the running one
    #[arg(long, hide = true)]
    pub halftone: Option<PathBuf>,
}

/// A whole measurement.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayReport {
    /// What was asked for.
    pub options: ReplayOptions,
    /// Length of the log, bytes.
    pub log_bytes: u64,
    /// From the start of the command to its end.
    pub seconds: f64,
    /// Lines per second.
    pub lines_per_second: f64,
    /// The most memory the command had, bytes.
    pub peak_bytes: u64,
    /// Requests that were decided by both bundles.
    pub requests: u64,
    /// Those of them that would move.
    pub moved: u64,
    /// Lines that could not be decided again.
    pub lacking: u64,
}

/// Measures and writes the report to `output`.
///
/// # Errors
/// The log cannot be written, or the command fails; `output` fails.
pub fn run(options: &ReplayOptions, output: &mut dyn Write) -> Result<ReplayReport> {
    let directory = tempfile::tempdir().context("making a directory for the log")?;
    let log = directory.path().join("access.log");
    write_log(options, &log).context("writing the log")?;
    let bundles = dimensions::bundles();
    let files = ["against.yaml", "and.yaml"].map(|name| directory.path().join(name));
    for (file, bundle) in files.iter().zip(&bundles) {
        fs::write(file, bundle).context("writing the bundles")?;
    }
    let report = measure(options, &log, &files)?;
    tell(&report, options.json, output, ReplayReport::write_text)?;
    Ok(report)
}

fn write_log(options: &ReplayOptions, path: &Path) -> io::Result<()> {
    let mut log = BufWriter::new(File::create(path)?);
    for number in 0..options.lines {
        writeln!(log, "{}", line(number, options.users))?;
    }
    log.flush()
}

/// Returns the line of a request, as a gateway writes it.
fn line(number: u32, users: u32) -> String {
    // A large step, so that a user's requests lie far apart.
    let user = u64::from(number) * 7919 % u64::from(users);
    let asking = dimensions::asking(usize::try_from(user).unwrap_or(0));
    let dimensions::Asking { path, address, city, system, level, .. } = asking;
    let service = path.split('/').nth(1).unwrap_or_default();
    let second = number / 10_000;
    format!(
        r#"{{"time":"2026-01-01T{:02}:{:02}:{:02}.{:03}Z","client_ip":"{address}","method":"GET","host":"{HOST}","target":"{path}","status":200,"bytes_sent":274,"duration_us":412,"worker":0,"route":"{service}","tenant":"{}","release":"{service}","variant":"stable","reason":"SPLIT","upstream":"127.0.0.1:1","bucket":500000,"protocol":"HTTP/1.1","scheme":"http","trusted":true,"values":{{"header {}":"{level}","geoip city in zh-CN":"{city}","device os":"{system}","header {USER_HEADER}":"u{user}"}},"rules_epoch":1,"instances_epoch":1}}"#,
        second / 3600 % 24,
        second / 60 % 60,
        second % 60,
        number / 10 % 1000,
        dimensions::TENANT,
        dimensions::LEVEL_HEADER,
    )
}

fn measure(options: &ReplayOptions, log: &Path, files: &[PathBuf; 2]) -> Result<ReplayReport> {
    let binary = match &options.halftone {
        Some(path) => path.clone(),
        None => std::env::current_exe().context("finding the running binary")?,
    };
    let told = log.with_extension("json");
    let mut command = Command::new(binary);
    command.arg("replay").arg(log).arg("--against").arg(&files[0]).arg("--and").arg(&files[1]);
    command.arg("--json").stdin(Stdio::null());
    command.stdout(File::create(&told).context("making a file for the report")?);
    let begun = Instant::now();
    let mut child = command.spawn().context("starting the replay")?;
    let (mut peak_bytes, status) = (0, format!("/proc/{}/status", child.id()));
    let ended = loop {
        // One that has ended has no memory any more.
        peak_bytes =
            peak_bytes.max(high_water_bytes(&fs::read_to_string(&status).unwrap_or_default()));
        if let Some(ended) = child.try_wait().context("waiting for the replay")? {
            break ended;
        }
        thread::sleep(LOOK_EVERY);
    };
    let seconds = begun.elapsed().as_secs_f64();
    if !ended.success() {
        bail!("the replay has failed ({ended})");
    }
    let text = fs::read(&told).context("reading the report")?;
    let told: Value = serde_json::from_slice(&text).context("reading the report")?;
    let count = |name: &str| told[name].as_u64().with_context(|| format!("no {name}: {told}"));
    let lacking = told["unreplayable"].as_object().into_iter().flat_map(|kinds| kinds.values());
    Ok(ReplayReport {
        options: options.clone(),
        log_bytes: fs::metadata(log).context("looking at the log")?.len(),
        seconds,
        lines_per_second: f64::from(options.lines) / seconds,
        peak_bytes,
        requests: count("requests")?,
        moved: count("movedRequests")?,
        lacking: lacking.filter_map(Value::as_u64).sum(),
    })
}

/// Reads `VmHWM` of `/proc/<pid>/status` (proc_pid_status(5)); nothing is zero.
fn high_water_bytes(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

impl ReplayReport {
    /// Writes the report for people.
    ///
    /// # Errors
    /// `output` fails.
    pub fn write_text(&self, output: &mut dyn Write) -> io::Result<()> {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        writeln!(
            output,
            "{} lines, {} MiB: {:.2} s, {:.0} lines/s, at most {} MiB of memory",
            self.options.lines,
            mib(self.log_bytes),
            self.seconds,
            self.lines_per_second,
            mib(self.peak_bytes)
        )?;
        writeln!(
            output,
            "{} requests decided by both, {} would move, {} lines cannot be decided again",
            self.requests, self.moved, self.lacking
        )
    }
}

#[cfg(test)]
mod tests;
