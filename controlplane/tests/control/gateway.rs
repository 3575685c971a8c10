//! A gateway's side of the control socket, without workers.

use std::{
    collections::BTreeMap,
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use halftone_core::{
    compile::{allocations_of, replace_ranges},
    table::{InstanceTable, RuleTable, TableKind, archive::Archive},
    telemetry::{GatewayStats, VariantStats},
    wire::{Explained, Frame, GatewayState, Hello, Role, WorkerState},
};
use halftone_link::{Channel, Received, bind, read_sealed};

const DEADLINE: Duration = Duration::from_secs(20);
const WORKERS: u32 = 2;

/// What the rules say, as far as these tests ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rules {
    pub(crate) revision: u64,
    pub(crate) digest: String,
    pub(crate) variants: Vec<String>,
    pub(crate) overrides: Vec<String>,
    pub(crate) hosts: Vec<String>,
    /// What each variant has of each split, parts per million, as `release/split/variant`.
    pub(crate) weights: BTreeMap<String, u32>,
}

/// What a gateway knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Connections greeted.
    pub(crate) greeted: usize,
    /// Rules archives received, instance archives received.
    pub(crate) prepared: (usize, usize),
    /// Allocations received, and those of them that were refused.
    pub(crate) moved: (usize, usize),
    /// Commits.
    pub(crate) commits: usize,
    /// The committed rules.
    pub(crate) rules: Rules,
    /// The committed instances, by variant key.
    pub(crate) instances: BTreeMap<String, Vec<String>>,
    /// Rejects rules with this reason.
    pub(crate) reject: Option<String>,
    /// Commits other tables before it answers a `Commit` of instances alone, once.
    pub(crate) interfere: bool,
    epoch: u64,
    epochs: (u64, u64),
    /// The committed rules, and those that are not yet.
    tables: (RuleTable, RuleTable),
    staged: (Option<Rules>, Option<BTreeMap<String, Vec<String>>>),
    peer: Option<Arc<UnixStream>>,
}

impl Seen {
    /// Returns the names of the instances of a variant of the implicit bundle.
    pub(crate) fn of(&self, upstream: &str, variant: &str) -> Vec<String> {
        let key = format!("implicit/{upstream}/{variant}");
        self.instances.get(&key).cloned().unwrap_or_default()
    }
}

/// A fake gateway: it serves until the test ends.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) socket: PathBuf,
    shared: Arc<(Mutex<Seen>, Condvar)>,
}

impl Gateway {
    pub(crate) fn start(directory: &Path) -> Self {
        let socket = directory.join("run/gateway.sock");
        let gateway = Self { socket, shared: Arc::default() };
        let listener = bind(&gateway.socket).expect("bound");
        let serving = gateway.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serving, stream) = (serving.clone(), stream.expect("accepted"));
                thread::spawn(move || serving.serve(stream));
            }
        });
        gateway
    }

    /// Waits until `condition` holds.
    pub(crate) fn wait(&self, what: &str, condition: impl Fn(&Seen) -> bool) -> Seen {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.seen();
        while !condition(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not come; the gateway has {seen:#?}");
            seen = self.shared.1.wait_timeout(seen, left).expect("not poisoned").0;
        }
        seen.clone()
    }

    /// Rejects rules from now on, or no more.
    pub(crate) fn reject(&self, reason: Option<&str>) {
        self.seen().reject = reason.map(str::to_owned);
    }

    /// Pretends that another peer commits its rules right before the next instances.
    pub(crate) fn interfere(&self) {
        self.seen().interfere = true;
    }

    /// Pretends that another peer has its rules served.
    pub(crate) fn serve_others(&self) {
        let mut seen = self.seen();
        seen.epoch += 1;
        seen.epochs.0 = seen.epoch;
        (seen.rules, seen.tables) = Default::default();
    }

    /// Closes the connection, as a gateway that is restarted does.
    pub(crate) fn disconnect(&self) {
        let peer = self.seen().peer.clone().expect("connected");
        peer.shutdown(Shutdown::Both).expect("closed");
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.0.lock().expect("not poisoned")
    }

    fn serve(&self, stream: UnixStream) {
        let own = Arc::new(stream.try_clone().expect("a clone"));
        let mut channel = Channel::new(stream);
        // Whatever ends a connection, the next one starts anew.
        while let Ok(Some(received)) = channel.receive() {
            if matches!(&received.frame, Frame::Hello(hello) if hello.role == Role::ControlPlane) {
                self.seen().peer = Some(Arc::clone(&own));
            }
            for answer in self.answer(received) {
                if channel.send(&answer).is_err() {
                    return;
                }
            }
            self.shared.1.notify_all();
        }
    }

    fn answer(&self, received: Received) -> Vec<Frame> {
        let mut seen = self.seen();
        match received.frame {
            Frame::Hello(hello) => {
                hello.check("test").expect("the same build");
                seen.greeted += usize::from(hello.role == Role::ControlPlane);
                let state = GatewayState { engine: "fake".to_owned(), ..GatewayState::default() };
                vec![Frame::Hello(Hello::new("test", 1, Some(state)))]
            }
            Frame::Prepare { kind, revision, digest } => {
                let bytes = read_sealed(received.table.expect("a table")).expect("sealed");
                seen.epoch += 1;
                match kind {
                    TableKind::Rules => {
                        let archive = Archive::<RuleTable>::open(bytes).expect("verified");
                        assert_eq!(archive.revision(), revision);
                        seen.prepared.0 += 1;
                        seen.tables.1 = archive.read().expect("readable");
                        seen.staged.0 = Some(read_rules(&archive, digest));
                        if let Some(reason) = seen.reject.clone() {
                            return vec![Frame::Reject { reason }];
                        }
                    }
                    TableKind::Tags | TableKind::List => panic!("{kind:?} is not prepared"),
                    TableKind::Instances => {
                        let archive = Archive::<InstanceTable>::open(bytes).expect("verified");
                        assert_eq!(archive.revision(), revision);
                        seen.prepared.1 += 1;
                        seen.staged.1 = Some(read_instances(&archive));
                    }
                }
                vec![Frame::Prepared { kind, epoch: seen.epoch }]
            }
            Frame::Allocation { base, revision, splits } => {
                seen.moved.0 += 1;
                if base != seen.epochs.0 {
                    seen.moved.1 += 1;
                    return vec![Frame::Reject { reason: "others are served".to_owned() }];
                }
                let mut table = seen.tables.0.clone();
                let splits = splits.iter().map(|one| (&one.split, &one.ranges));
                replace_ranges(&mut table, splits).expect("they are there");
                let archive = Archive::build(&table, revision).expect("good");
                let digest = seen.rules.digest.clone();
                seen.staged.0 = Some(read_rules(&archive, digest));
                (seen.tables.1, seen.epoch) = (table, seen.epoch + 1);
                vec![Frame::Prepared { kind: TableKind::Rules, epoch: seen.epoch }]
            }
            // It is brought no list and no database, believes nobody's tokens, and is told so.
            Frame::ListNames { .. } | Frame::GeoKinds { .. } => vec![Frame::Pong],
            Frame::Issuers { issuers } => {
                assert!(issuers.is_empty(), "{issuers:?}");
                vec![Frame::IssuersServed { issuers: Vec::new() }]
            }
            Frame::Commit { rules, instances, .. } => {
                seen.commits += 1;
                if rules.is_some() {
                    seen.tables.0 = std::mem::take(&mut seen.tables.1);
                    seen.rules = seen.staged.0.take().expect("prepared");
                }
                if instances.is_some() {
                    seen.instances = seen.staged.1.take().expect("prepared");
                }
                seen.epochs = (rules.unwrap_or(seen.epochs.0), instances.unwrap_or(seen.epochs.1));
                if rules.is_none() && std::mem::take(&mut seen.interfere) {
                    seen.epoch += 1;
                    seen.epochs.0 = seen.epoch;
                    seen.rules = Rules::default();
                }
                let (rules, instances) = seen.epochs;
                let applied = (0..WORKERS).map(|worker| {
                    let ns = 1000 + u64::from(worker);
                    Frame::Applied { worker, rules, instances, ns }
                });
                applied.chain([Frame::Committed { applied: WORKERS, missing: 0 }]).collect()
            }
            Frame::QueryStats => {
                let mut stats = VariantStats::default();
                stats.record(200, 1500);
                let variants =
                    BTreeMap::from([("implicit/user-api/canary".to_owned(), stats.report())]);
                vec![Frame::Stats(GatewayStats { variants, ..GatewayStats::default() })]
            }
            Frame::QueryState => {
                let (rules_epoch, instances_epoch) = seen.epochs;
                let worker = WorkerState { rules_epoch, instances_epoch };
                let workers = vec![worker; WORKERS as usize];
                vec![Frame::State(GatewayState {
                    workers,
                    control_planes: 1,
                    ..GatewayState::default()
                })]
            }
            Frame::Explain(asked) if asked.url.is_empty() => {
                vec![Frame::Reject { reason: "url: expected one".to_owned() }]
            }
            Frame::Explain(asked) => {
                let explained = Explained { route: Some(asked.url), ..Explained::default() };
                vec![Frame::Explained(Box::new(explained))]
            }
            Frame::TagFilter => Vec::new(),
            other => panic!("a control plane does not say {other:?}"),
        }
    }
}

fn read_rules(archive: &Archive<RuleTable>, digest: String) -> Rules {
    let table = archive.table();
    let overrides = table.releases.iter().flat_map(|release| release.overrides.iter());
    Rules {
        revision: archive.revision(),
        digest,
        variants: table.variants.iter().map(|variant| variant.key.to_string()).collect(),
        overrides: overrides.map(|rule| rule.header.to_string()).collect(),
        hosts: table.hosts.iter().map(|host| host.name.to_string()).collect(),
        weights: weights(&archive.read().expect("readable")),
    }
}

fn weights(table: &RuleTable) -> BTreeMap<String, u32> {
    let mut weights = BTreeMap::new();
    for (key, ranges) in allocations_of(table) {
        for (variant, weight) in ranges.weights() {
            weights.insert(format!("{}/{}/{variant}", key.release, key.split), weight);
        }
    }
    weights
}

fn read_instances(archive: &Archive<InstanceTable>) -> BTreeMap<String, Vec<String>> {
    let sets = archive.table().sets.iter();
    sets.map(|set| {
        let names = set.instances.iter().map(|instance| instance.name.to_string()).collect();
        (set.key.to_string(), names)
    })
    .collect()
}
