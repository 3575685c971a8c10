//! One run: a worker, its instances and callers, a drain, and the verdict.

use std::{cell::Cell, collections::BTreeMap, os::unix::net::UnixStream, rc::Rc, sync::Arc};

use crossbeam::channel::{Receiver, Sender, unbounded};
use halftone_core::{
    compile::{Allocations, allocate, compile_instances, compile_rules},
    policy::{Address, Bundle, validate},
    signal::{geo::Databases, jwt::Issuers, lists::IdLists, trust::Trusted},
    table::{AddressRow, archive::Archive, epoch::EpochCell},
};
use halftone_dataplane::{
    tables::{Loaded, Tables},
    telemetry::{counters::Merged, log::AccessLog},
    worker::{self, Command, Start, TICK, WAKE},
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    caller::Caller, chance::Chance, engine::Sim, model::Model, service::Service, world::World,
};

/// No run lasts longer than this, microseconds.
const END_US: u64 = 1_200_000_000;
const TICK_US: u64 = 100_000;

/// What a run has shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What must not have happened.
    pub(crate) broken: Vec<String>,
    /// What happened.
    pub(crate) happened: BTreeMap<&'static str, u64>,
    /// The trace of every step.
    pub(crate) trace: u64,
}

/// The ends of the worker's channels that are ours.
struct Strings {
    wake: UnixStream,
    commands: Sender<Command>,
    lines: Receiver<Vec<u8>>,
    ended: Rc<Cell<bool>>,
}

/// Runs `seed`.
pub(crate) fn run(seed: u64) -> Verdict {
    // One seed in four meets no fault, so that there every request has to succeed.
    let world = World::new(seed, !seed.is_multiple_of(4));
    let model = Model::new(&world);
    let engine = Sim::new(&world);
    let folder = tempfile::tempdir().expect("a folder");
    let (listening, knock) = UnixStream::pair().expect("a pair");
    let cell = Arc::new(EpochCell::new(Some(tables(&folder, 1, &world.chance))));
    let strings = start(&world, &engine, listening, &cell);
    for (name, variant) in [("s1", "stable"), ("s2", "stable"), ("c1", "canary")] {
        let chance = world.chance.fork();
        let (model, world) = (Rc::clone(&model), Rc::clone(&world));
        let service =
            Service { name: instance(name), variant, chance, model, world: Rc::clone(&world) };
        let service = Rc::new(service);
        let serve = move |socket| world.spawn(Rc::clone(&service).serve(socket));
        engine.instance(&path(&folder, name), Rc::new(serve));
    }
    let (calling, knock) = (Rc::new(Cell::new(0)), Rc::new(knock));
    for _ in 0..2 + world.chance.below(6) {
        let (engine, knock) = (engine.clone(), Rc::clone(&knock));
        let (chance, model) = (world.chance.fork(), Rc::clone(&model));
        let caller = Caller { engine, knock, chance, model, world: Rc::clone(&world) };
        let calling = Rc::clone(&calling);
        calling.set(calling.get() + 1);
        world.spawn(async move {
            caller.call().await;
            calling.set(calling.get() - 1);
        });
    }
    let wake = strings.wake.try_clone().expect("the same socket");
    world.spawn(keep_time(Rc::clone(&world), wake, cell, folder));
    play(&world, &model, &strings, &calling);
    engine.clear();
    judge(&world, &model, &strings)
}

fn start(
    world: &Rc<World>,
    engine: &Sim,
    listening: UnixStream,
    tables: &Arc<EpochCell<Option<Tables>>>,
) -> Strings {
    let (wake, woken) = UnixStream::pair().expect("a pair");
    wake.set_nonblocking(true).expect("a flag");
    let (commands, received) = unbounded();
    let (full, lines) = unbounded();
    let start = Start {
        id: 0,
        listeners: vec![listening.into()],
        sockets: 10_000,
        wake: woken.into(),
        commands: received,
        applied: unbounded().0,
        tables: Arc::clone(tables),
        trusted: Trusted::default(),
        limits: world.limits,
        log: Some(AccessLog::new(full, unbounded().1, world.now())),
        asker: None,
        databases: Arc::new(EpochCell::new(Databases::default())),
        lists: Arc::new(EpochCell::new(IdLists::default())),
        issuers: Arc::new(EpochCell::new(Issuers::default())),
        seed: world.chance.below(u64::MAX),
        signing: halftone_dataplane::signing::Given::without_keys(),
        fingerprint: false,
    };
    let ended = Rc::new(Cell::new(false));
    let (engine, end) = (engine.clone(), Rc::clone(&ended));
    world.spawn(async move {
        worker::run(engine, start).await;
        end.set(true);
    });
    Strings { wake, commands, lines, ended }
}

/// Passes time on, and publishes new tables now and then.
async fn keep_time(
    world: Rc<World>,
    wake: UnixStream,
    cell: Arc<EpochCell<Option<Tables>>>,
    folder: TempDir,
) {
    let mut epoch = 1;
    loop {
        world.sleep(TICK_US).await;
        let _ = std::io::Write::write(&mut &wake, &[TICK]);
        if world.chance.one_in(40) {
            epoch += 1;
            cell.publish(Some(tables(&folder, epoch, &world.chance)));
            let _ = std::io::Write::write(&mut &wake, &[WAKE]);
        }
    }
}

/// Lets the callers come and go, and drains: in some runs while they are there.
fn play(world: &Rc<World>, model: &Model, strings: &Strings, calling: &Rc<Cell<u64>>) {
    let until = if world.faults && world.chance.one_in(3) {
        world.chance.below(4_000_000)
    } else {
        END_US / 2
    };
    if !world.run(until, || calling.get() == 0) && until == END_US / 2 {
        world.broken(&format!("{} callers still wait", calling.get()));
    }
    let (reply, reports) = unbounded();
    for command in [Command::Report(reply), Command::Drain] {
        strings.commands.send(command).expect("it listens");
    }
    std::io::Write::write(&mut &strings.wake, &[WAKE]).expect("it listens");
    if !world.run(END_US, || strings.ended.get()) {
        world.broken("the drain does not end");
    }
    let (_, snapshot) = reports.try_recv().expect("a report");
    let merged = Merged::of(vec![snapshot]);
    if let Some(count) = merged.errors.get("proxy_internal_error") {
        world.broken(&format!("{count} connections panicked"));
    }
    // The gateway would end here; the worker's last tasks are given the time to.
    world.run(world.now_us() + 30_000_000, || world.worker_tasks.get() == 0);
    model.happened("a drain");
}

fn judge(world: &Rc<World>, model: &Rc<Model>, strings: &Strings) -> Verdict {
    let (tasks, sockets) = (world.worker_tasks.get(), world.worker_sockets.get());
    if (tasks, sockets) != (0, 0) {
        world.broken(&format!("{tasks} tasks and {sockets} sockets are left"));
    }
    let log: Vec<u8> = strings.lines.try_iter().flatten().collect();
    let log = String::from_utf8(log).expect("the log is text");
    model.check_log(&log);
    if world.is_traced() {
        println!("{log}");
    }
    let verdict = Verdict {
        broken: world.take_broken(),
        happened: model.happenings(),
        trace: world.traced(),
    };
    world.clear();
    verdict
}

fn instance(name: &str) -> String {
    let number = match name {
        "s1" => 1,
        "s2" => 2,
        _ => 3,
    };
    format!("10.0.0.{number}:80")
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("text").to_owned()
}

/// Returns tables of generation `epoch`: stable has one or two instances, and perhaps one that is not there.
fn tables(folder: &TempDir, epoch: u64, chance: &Chance) -> Tables {
    let mut stable = vec![instance("s1")];
    if chance.one_in(2) {
        stable.push(instance("s2"));
    }
    if chance.one_in(3) {
        stable.insert(0, "10.0.0.9:80".to_owned());
    }
    let canary = [instance("c1")];
    let headers = json!([{ "name": "x-group", "value": "canary" }]);
    let targets = json!([{ "id": "canary", "match": { "headers": headers }, "variant": "canary" }]);
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": stable }, "canary": { "addresses": canary },
        } } },
        "routes": [{ "name": "all", "rules": [{ "release": "r" }] }],
        "releases": { "r": {
            "upstream": "u", "targets": targets, "default": { "variant": "stable" },
        } },
    }))
    .expect("the shape is right");
    assert_eq!(validate(&bundle), [], "{bundle:#?}");
    let mut allocations = Allocations::new();
    allocate(&bundle, &mut allocations).expect("weights fit");
    let rules = compile_rules(&[&bundle], &allocations).expect("compiles");
    let resolve = |address: &Address| {
        let names = ["s1", "s2", "c1"];
        let name = names.iter().find(|name| instance(name) == address.to_string());
        vec![AddressRow::Unix(path(folder, name.unwrap_or(&"nobody")))]
    };
    let instances = compile_instances(&[&bundle], &[], &resolve);
    Tables::join(
        Arc::new(Loaded { epoch, archive: Archive::build(&rules, epoch).expect("verifies") }),
        Arc::new(Loaded { epoch, archive: Archive::build(&instances, epoch).expect("verifies") }),
    )
}
