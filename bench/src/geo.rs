//! `halftone bench geo`: region databases of full size.
//!
//! Owns three measurements: what accepting a file takes (reading, verifying, comparing it with the one before), what a
//! lookup takes, cold and warm, and what requests meet while the file is replaced under load. Lookups are timed in this
//! process, on the code that workers call; the rest of the stack is [`crate::stack`]'s.
//!
//! Invariants:
//! - a lookup is everything that a worker does of an address it has not met: search, decode, and a copy of the text;
//! - cold addresses are each looked up once, drawn at random, by a seed that is printed; warm ones are looked up again;
//! - a time includes reading the clock, whose own time is in the report;
//! - the file is replaced by a rename, as operators do it, and counts as served when the gateway says so.

mod report;
mod synthetic;

use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use halftone_core::signal::geo::{
    Database, GeoField, GeoLang,
    difference::{Difference, difference},
};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::compare::workload::Workload;
use crate::stack::{
    Asking, Counts, Extra, Pace, Stack, StackOptions, TENANT, caller, histogram, plain, tell,
    with_backend,
};
pub use report::{AcceptReport, GeoReport, LookupReport, SwapReport};

/// Addresses that are looked up again and again: as many as a worker remembers.
const WARM: usize = 4096;
/// How often.
const WARM_TIMES: usize = 25;
/// Which random addresses.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
/// How long a database may take to be served.
const SERVED_MAX: Duration = Duration::from_secs(120);

/// Options of `halftone bench geo`.
#[derive(Debug, Clone, Serialize, clap::Args)]
pub struct GeoOptions {
    /// A City database in MaxMind's format; without one, one is made
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// Networks of the database that is made
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=4_000_000), conflicts_with = "database")]
    pub networks: u32,
    /// Addresses that are looked up once
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub lookups: u32,
    /// Requests per second while the file is replaced
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub load: u32,
    /// How long the load goes on before and after that, seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// What every measurement of the stack has.
    #[command(flatten)]
    #[serde(flatten)]
    pub stack: StackOptions,
}

/// Measures and writes the report to `output`.
///
/// # Errors
/// The database is none, or is not served in time; the stack does not start, or ends; `output` fails. Requests that fail
/// are no error here: the report counts them.
pub fn run(options: &GeoOptions, output: &mut dyn Write) -> Result<GeoReport> {
    let (bytes, next) = files(options)?;
    let (accepted, database) = accept(&bytes, &next)?;
    let looked_up = look_up(&database, options.lookups);
    // What is served is what a gateway holds, not we.
    drop(database);
    let measure = |backend: &[SocketAddr], directory: &Path| {
        swap(options, backend[0], directory, [&bytes, &next])
    };
    let swapped = with_backend(Workload::Plain.answers(), measure)?;
    let report = GeoReport::new(options, &accepted, &looked_up, &swapped);
    tell(&report, options.stack.json, output, GeoReport::write_text)?;
    Ok(report)
}

/// Returns the database, and one that takes its place.
fn files(options: &GeoOptions) -> Result<(Vec<u8>, Vec<u8>)> {
    let Some(path) = &options.database else {
        let file = |later| synthetic::city(options.networks, later);
        return Ok((file(false), file(true)));
    };
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    // There is one file of theirs: the other is made, and has as many networks as ours has by default.
    Ok((bytes, synthetic::city(options.networks, true)))
}

/// What accepting a file took.
struct Accepted {
    bytes: usize,
    verify: Duration,
    compare: Duration,
    difference: Difference,
}

/// What lookups took.
struct LookedUp {
    found: u64,
    cold: Histogram<u64>,
    warm: Histogram<u64>,
    /// Reading the clock twice, as every time includes.
    clock: Histogram<u64>,
}

fn accept(bytes: &[u8], next: &[u8]) -> Result<(Accepted, Database)> {
    let begun = Instant::now();
    let database = Database::open(bytes.to_vec()).context("opening the database")?;
    let verify = begun.elapsed();
    let next = Database::open(next.to_vec()).context("opening the one that takes its place")?;
    let begun = Instant::now();
    let difference = difference(Some(&database), &next);
    let compare = begun.elapsed();
    Ok((Accepted { bytes: bytes.len(), verify, compare, difference }, database))
}

fn look_up(database: &Database, lookups: u32) -> LookedUp {
    let mut random = Random(SEED);
    let mut looked_up =
        LookedUp { found: 0, cold: histogram(), warm: histogram(), clock: histogram() };
    for _ in 0..lookups {
        let found = timed(database, random.address(), &mut looked_up.cold);
        looked_up.found += u64::from(found);
    }
    let warm: Vec<IpAddr> = (0..WARM).map(|_| random.address()).collect();
    let mut unmeasured = histogram();
    for address in &warm {
        timed(database, *address, &mut unmeasured);
    }
    for address in std::iter::repeat_n(&warm, WARM_TIMES).flatten() {
        timed(database, *address, &mut looked_up.warm);
        looked_up.clock.saturating_record(ns(Instant::now()));
    }
    looked_up
}

/// Looks an address up as a worker does that has not met it; returns whether it has a city.
fn timed(database: &Database, address: IpAddr, took: &mut Histogram<u64>) -> bool {
    let begun = Instant::now();
    let city = black_box(database).field(black_box(address), GeoField::City, GeoLang::ZhCn);
    took.saturating_record(ns(begun));
    black_box(city).is_some()
}

fn ns(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Random numbers of Marsaglia ("Xorshift RNGs", 2003): one seed, one sequence.
struct Random(u64);

impl Random {
    fn address(&mut self) -> IpAddr {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let [a, b, c, d, ..] = self.0.to_be_bytes();
        // What callers come from: neither `0.0.0.0/8` nor multicast.
        IpAddr::from(Ipv4Addr::new(1 + a % 223, b, c, d))
    }
}

/// What the load met before, while and after the file was replaced.
struct Swapped {
    /// From the rename until the gateway said that it serves the new file.
    served: Duration,
    loads: [(&'static str, Counts); 3],
}

fn swap(
    options: &GeoOptions,
    backend: SocketAddr,
    directory: &Path,
    [bytes, next]: [&[u8]; 2],
) -> Result<Swapped> {
    let file = directory.join("cities.mmdb");
    std::fs::write(&file, bytes).context("writing the database")?;
    let staged = directory.join("staged.mmdb");
    std::fs::write(&staged, next).context("writing the one that takes its place")?;
    let geo = ["--geo".to_owned(), file.to_string_lossy().into_owned()];
    let extra = Extra { control: geo.into(), ..Extra::default() };
    let mut stack = Stack::start(&options.stack, &extra, directory)?;
    stack.until_serving(&bundle(backend))?;
    let first = until_served(&mut stack, None)?;
    let pace = Pace { per_second: options.load, connections: options.stack.connections };
    let addresses = Mutex::new(Random(SEED));
    let request = || {
        let address = addresses.lock().unwrap_or_else(PoisonError::into_inner).address();
        Workload::Plain.request(&format!("X-Forwarded-For: {address}\r\n"))
    };
    let asking = Asking { request: &request, ..plain() };
    let length = Duration::from_secs(u64::from(options.seconds));
    let alone = |_: &mut Stack| thread::sleep(length);
    let ((), [before]) = stack.under_loads([(pace, &asking)], alone)?;
    let replace = |stack: &mut Stack| {
        let begun = Instant::now();
        std::fs::rename(&staged, &file).context("replacing the database")?;
        until_served(stack, Some(first))?;
        Ok::<_, anyhow::Error>(begun.elapsed())
    };
    let (served, [during]) = stack.under_loads([(pace, &asking)], replace)?;
    let ((), [after]) = stack.under_loads([(pace, &asking)], alone)?;
    stack.check_alive()?;
    let loads = [("before", before), ("during", during), ("after", after)];
    Ok(Swapped { served: served?, loads })
}

/// Waits until the gateway serves a database, another one than was built at `other`; returns when it was built.
fn until_served(stack: &mut Stack, other: Option<u64>) -> Result<u64> {
    let deadline = Instant::now() + SERVED_MAX;
    loop {
        stack.check_alive()?;
        let built = caller::gateway(stack.api)?["geo"][0]["builtUnixS"].as_u64();
        if let Some(built) = built.filter(|_| built != other) {
            return Ok(built);
        }
        if Instant::now() > deadline {
            bail!("no database was served in {SERVED_MAX:?}; the gateway has {built:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns a bundle by which every request asks for its city.
fn bundle(backend: SocketAddr) -> String {
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {TENANT} }}
attributes: {{ geo.city: {{ type: string, from: [ {{ geoip: city, lang: zh-CN }} ], alias: city }} }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{backend}\"] }}, canary: {{ addresses: [\"{backend}\"] }} }} }}
routes: [ {{ name: web, rules: [ {{ release: web-v2 }} ] }} ]
releases:
  web-v2:
    upstream: web
    targets: [ {{ id: city, when: \"city in ['城市7', 'Beijing']\", variant: canary }} ]
    default: {{ variant: stable }}
"
    )
}

#[cfg(test)]
mod tests;
