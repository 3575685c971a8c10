//! `halftone shadow`: a bundle that is not served, decided beside what is, on the requests that come.
//!
//! Owns its options, when it ends, and what is told. `halftone_controlplane::shadow` speaks to gateways, workers decide,
//! [`crate::moves`] has the words. Invariant: nothing is changed, and gateways forget it when this process ends.

use std::{
    collections::BTreeSet,
    io::Write,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use halftone_controlplane::shadow::{Asked, Shadow};
use halftone_core::{
    limits::SHADOW_MS_MAX,
    policy::{Bundle, Percent, Timeout},
    telemetry::moves::{Report, Tally},
};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::{
    VERSION,
    api::{self, Client},
    document::Text,
    moves, random,
    usage::Usage,
};

/// How often gateways are asked what they counted.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Options of `halftone shadow`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  halftone shadow bundle.yaml
  halftone shadow bundle.yaml --sample 10% --for 10m --json | jq .moves
  halftone shadow bundle.yaml --socket ~/.local/state/halftone/gateway.sock --requests 10000

Every worker decides each request a second time, with the bundle instead of what is served, after its caller
has the answer. Nothing else is done: what is served, counted and logged stays as it is. Split weights are
applied to the ranges that are served now, as an apply would do it. A request moves when another variant
would serve it. The last line says how to put the bundle in place, as long as it is the one that was looked
at. Ctrl-C ends it early and tells what was counted.
Exit codes: 0 told, whoever would move, 1 failed, 2 called wrongly.")]
pub(crate) struct ShadowArguments {
    /// The bundle, YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The API of the control plane whose gateways are asked, on this host
    #[arg(long, value_name = "URL", default_value = api::DEFAULT, value_parser = api::place)]
    api: String,
    /// The control socket of the gateway to ask, without a control plane
    #[arg(long, value_name = "PATH", conflicts_with = "api")]
    socket: Option<PathBuf>,
    /// The share of requests to decide
    #[arg(long, value_name = "PERCENT", default_value = "100%")]
    sample: String,
    /// How long
    #[arg(long = "for", value_name = "DURATION", default_value = "60s")]
    lasts: Timeout,
    /// End as soon as this many requests were decided
    #[arg(long, value_name = "NUMBER")]
    requests: Option<u64>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    tenant: String,
    digest: String,
    /// Gateways that were asked.
    gateways: usize,
    /// Workers that counted.
    workers: u32,
    /// Workers that did not.
    missing: u32,
    /// How long, milliseconds.
    took_ms: u64,
    sample_ppm: u32,
    /// Whether other rules are served by now than at its beginning.
    served_changed: bool,
    without_instances: BTreeSet<String>,
    #[serde(flatten)]
    report: Report,
    /// What puts the bundle in place.
    promote: String,
}

/// Shadows a bundle and tells who would move.
///
/// # Errors
/// The bundle has mistakes, or a gateway cannot be asked.
pub(super) fn run(arguments: &ShadowArguments, output: &mut dyn Write) -> Result<()> {
    let for_ms = u64::from(arguments.lasts.ms());
    let sample_ppm = Percent::parse(&arguments.sample).map_or(0, Percent::ppm);
    if sample_ppm == 0 {
        let told = format!("--sample: expected 0.0001% to 100%, got {:?}", arguments.sample);
        return Err(Usage(told).into());
    }
    if !(1..=SHADOW_MS_MAX).contains(&for_ms) {
        return Err(Usage("--for: expected at most 1h, and more than nothing".to_owned()).into());
    }
    let text = Text::read(&arguments.file)?;
    let bundle = text.bundle("shadowed")?;
    let stop = stopping().context("cannot receive signals")?;
    let asked = Asked { sample_ppm, for_ms, key: random::key()? };
    let begun = Instant::now();
    let begin = |socket: PathBuf| {
        Shadow::begin(&bundle, &socket, VERSION, asked)
            .with_context(|| format!("the gateway at {}", socket.display()))
    };
    let mut shadows =
        sockets(arguments)?.into_iter().map(begin).collect::<Result<Vec<Shadow>>>()?;
    let without_instances: BTreeSet<String> =
        shadows.iter().flat_map(|shadow| shadow.without_instances.clone()).collect();
    for variant in &without_instances {
        tracing::warn!(%variant, "The variant has no instance: give it addresses, or register one.");
    }
    tracing::info!(
        gateways = shadows.len(),
        "The bundle is decided beside what is served; Ctrl-C ends it."
    );
    let seen = follow(&mut shadows, arguments.requests, &stop)?;
    let told = Told {
        tenant: bundle.metadata.tenant.clone(),
        digest: shadows.first().map(|shadow| shadow.digest.clone()).unwrap_or_default(),
        gateways: shadows.len(),
        workers: seen.workers,
        missing: seen.missing,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        sample_ppm,
        served_changed: seen.served_changed,
        without_instances,
        report: seen.tally.report(),
        promote: promote(arguments, &text.name, shadows.first()),
    };
    tell(&told, &bundle, arguments.json, output)
}

/// What was seen last.
#[derive(Default)]
struct Seen {
    tally: Tally,
    workers: u32,
    missing: u32,
    served_changed: bool,
}

/// Asks until it is over, enough was decided, or somebody has seen enough.
fn follow(shadows: &mut [Shadow], requests: Option<u64>, stop: &AtomicBool) -> Result<Seen> {
    loop {
        let stopped = stop.load(Ordering::Relaxed);
        let (mut seen, mut running) = (Seen::default(), false);
        for shadow in &mut *shadows {
            let shadowed =
                shadow.ask().context("the gateway is gone, and with it what it counted")?;
            running |= shadowed.running;
            seen.workers += shadowed.workers;
            seen.missing += shadowed.missing;
            seen.served_changed |= shadowed.rules_epoch != shadow.base;
            seen.tally.merge(&shadowed.tally);
        }
        let enough = requests.is_some_and(|most| seen.tally.requests >= most);
        if stopped || !running || enough {
            return Ok(seen);
        }
        thread::sleep(ASK_EVERY);
    }
}

/// Returns the gateways to ask.
fn sockets(arguments: &ShadowArguments) -> Result<Vec<PathBuf>> {
    if let Some(socket) = &arguments.socket {
        return Ok(vec![socket.clone()]);
    }
    let gateways = Client::new(&arguments.api).gateways()?;
    let connected: Vec<PathBuf> =
        gateways.into_iter().filter(|one| one.connected).map(|one| one.socket).collect();
    if connected.is_empty() {
        bail!("no gateway is connected to the control plane at {}", arguments.api);
    }
    Ok(connected)
}

/// Returns what puts the bundle in place.
fn promote(arguments: &ShadowArguments, name: &str, shadow: Option<&Shadow>) -> String {
    let digest = shadow.map(|shadow| shadow.digest.as_str()).unwrap_or_default();
    let name = quoted(name);
    match &arguments.socket {
        Some(socket) => {
            let socket = quoted(&socket.display().to_string());
            format!("halftone push {name} --socket {socket} --if-digest {digest}")
        }
        None if arguments.api == api::DEFAULT => {
            format!("halftone apply {name} --if-digest {digest}")
        }
        None => {
            format!("halftone apply {name} --api {} --if-digest {digest}", quoted(&arguments.api))
        }
    }
}

/// Writes a word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn tell(told: &Told, bundle: &Bundle, json: bool, output: &mut dyn Write) -> Result<()> {
    if json {
        let json = serde_json::to_string_pretty(told).context("cannot write JSON")?;
        writeln!(output, "{json}")?;
        return Ok(());
    }
    let (seconds, tenths) = (told.took_ms / 1000, told.took_ms % 1000 / 100);
    writeln!(
        output,
        "{} {} beside what is served, for {seconds}.{tenths} s by {} workers",
        bundle.metadata.tenant, told.digest, told.workers
    )?;
    output.write_all(moves::text(&told.report).as_bytes())?;
    if told.missing > 0 {
        writeln!(
            output,
            "{} workers did not count: they were started again, or did not answer",
            told.missing
        )?;
    }
    if told.served_changed {
        writeln!(output, "other rules are served by now than those it was compared with at first")?;
    }
    writeln!(output, "promote: {}", told.promote)?;
    Ok(())
}

/// Returns what becomes true when a signal asks to stop.
fn stopping() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one() {
        for (word, expected) in
            [("a/b.yaml", "a/b.yaml"), ("a b", "'a b'"), ("", "''"), ("it's;rm", r"'it'\''s;rm'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
