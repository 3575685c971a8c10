//! The demo: a canary release of a small service, with traffic, as a newcomer sees it.
//!
//! Owns the steps (register, apply, send, show) and the services' names. The processes are started
//! by the same supervisor as those of `up`; what is shown comes from the API, as for anyone.
//!
//! Invariants:
//! - nothing is simulated: every figure was counted by the gateway, every failure met by a caller;
//! - the summary is shown after the gateway has reported every request that was sent.

mod screen;
mod traffic;

use std::{
    collections::BTreeMap,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use halftone_core::policy::{Label, Registration};

use crate::{
    api::{Client, Gateway, Variant},
    stack::Stack,
    supervise::{Afterwards, Stopping},
};
use screen::{Moment, Screen};
use traffic::Traffic;

/// The bundle that is applied: one user in five to the canary.
const BUNDLE: &str = include_str!("../docs/examples/canary.yaml");
/// The tenant of [`BUNDLE`].
const TENANT: &str = "demo";
/// The service that [`BUNDLE`] selects.
const SERVICE: &str = "hello";
/// The release of [`BUNDLE`]: the salt of its buckets.
const RELEASE: &str = "hello-v2";
/// The canary's share in [`BUNDLE`], parts per million.
const CANARY_PPM: u32 = 200_000;

/// How often the view is drawn.
const DRAW_EVERY: Duration = Duration::from_secs(1);
/// How long the gateway's last figures are waited for.
const SETTLE_MAX: Duration = Duration::from_secs(5);
/// How often they are asked for meanwhile.
const SETTLE_EVERY: Duration = Duration::from_millis(100);

/// One version of the demo service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    /// What people call its process.
    pub(crate) name: &'static str,
    /// What its answers name.
    pub(crate) version: &'static str,
    /// The group it registers in.
    pub(crate) group: &'static str,
    /// Whether the demo registers it, or leaves that to be tried.
    pub(crate) registered: bool,
}

/// The versions the demo runs.
pub(crate) const VERSIONS: [Version; 3] = [
    Version { name: "hello v1", version: "v1", group: "stable", registered: true },
    Version { name: "hello v2", version: "v2", group: "canary", registered: true },
    Version { name: "hello v3", version: "v3", group: "canary", registered: false },
];

/// What the demo is shown with.
#[derive(Debug)]
pub(crate) struct Demo {
    /// Gateway and control plane.
    pub(crate) stack: Stack,
    /// Where each of [`VERSIONS`] listens.
    pub(crate) services: [SocketAddr; VERSIONS.len()],
    /// How long it runs; until it is stopped when absent.
    pub(crate) length: Option<Duration>,
    /// Whether the view is redrawn in place.
    pub(crate) in_place: bool,
    /// How this binary was called, for the lines to try.
    pub(crate) binary: String,
}

impl Demo {
    /// Runs the demo beside its processes, until its time is over or the word to stop.
    ///
    /// # Errors
    /// The API refuses what the demo asks for, or the output cannot be written.
    pub(crate) fn run(&self, stopping: &Stopping, output: &mut dyn Write) -> Result<Afterwards> {
        writeln!(output, "starting a gateway, a control plane and versions of a service …")?;
        output.flush()?;
        if !self.stack.wait_until_ready(stopping) {
            return Ok(Afterwards::Stop);
        }
        let client = self.stack.client();
        let bundle = self.prepare(&client)?;
        let mut screen = Screen::new(self, &bundle, output);
        let traffic = Traffic::start(self.stack.listen, stopping)?;
        let shown = self.show(&client, &traffic, stopping, &mut screen);
        let counts = traffic.stop();
        shown?;
        let last = if stopping.is_set() { None } else { settled(&client, counts.answered) };
        screen.summary(last, &counts)?;
        Ok(Afterwards::Stop)
    }

    /// Registers the services and applies the bundle; returns where the bundle lies, to be edited.
    fn prepare(&self, client: &Client) -> Result<PathBuf> {
        let registered =
            VERSIONS.iter().zip(self.services).filter(|(version, _)| version.registered);
        for (version, address) in registered {
            client.register(&registration(version, address))?;
        }
        client.put_bundle(TENANT, BUNDLE)?;
        let path = self.stack.place.root().join("canary.yaml");
        std::fs::write(&path, BUNDLE)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn show(
        &self,
        client: &Client,
        traffic: &Traffic,
        stopping: &Stopping,
        screen: &mut Screen<'_>,
    ) -> Result<()> {
        let start = Instant::now();
        let end = self.length.map(|length| start + length);
        for tick in 1.. {
            let draw = start + DRAW_EVERY * tick;
            let until = end.map_or(draw, |end| end.min(draw));
            if stopping.wait(until.saturating_duration_since(Instant::now())) {
                return Ok(());
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(());
            }
            let moment = Moment {
                gateway: first(client),
                counts: traffic.counts(),
                running: start.elapsed(),
            };
            screen.draw(moment)?;
        }
        Ok(())
    }
}

/// Returns what registers `version` at `address`.
fn registration(version: &Version, address: SocketAddr) -> Registration {
    let label = |text: &str| Label::Text(text.to_owned());
    Registration {
        service: SERVICE.to_owned(),
        addr: address.to_string(),
        metadata: BTreeMap::from([
            ("group".to_owned(), label(version.group)),
            ("version".to_owned(), label(version.version)),
        ]),
        ttl: None,
    }
}

/// Returns what is known of the demo's one gateway; nothing while the API is away.
fn first(client: &Client) -> Option<Gateway> {
    client.gateways().ok()?.into_iter().next()
}

/// Waits until the gateway has reported `answered` requests; returns the last that was heard.
fn settled(client: &Client, answered: u64) -> Option<Gateway> {
    let deadline = Instant::now() + SETTLE_MAX;
    loop {
        let gateway = first(client);
        let counted = gateway.as_ref().map(variants).unwrap_or_default();
        let reported: u64 = counted.values().map(|counts| counts.requests).sum();
        if reported >= answered || Instant::now() >= deadline {
            return gateway;
        }
        std::thread::sleep(SETTLE_EVERY);
    }
}

/// Returns what was counted of the demo's own variants.
fn variants(gateway: &Gateway) -> BTreeMap<String, Variant> {
    let is_own = |key: &String| key.starts_with(&format!("{TENANT}/"));
    let all = gateway.stats.variants.iter().filter(|(key, _)| is_own(key));
    all.map(|(key, counts)| (key.clone(), counts.clone())).collect()
}
