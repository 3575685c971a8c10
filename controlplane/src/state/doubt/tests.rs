//! What is told and shown of a write that failed at its end, on a disk that kept it, or did not.

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use halftone_core::policy::Instance;

use crate::{
    healing::Kept as _,
    state::{State, StateError, instances::Registered},
    store::{
        Embedded,
        database::{DatabaseFile, faults::Faults},
    },
};

fn start(directory: &Path) -> (Arc<Faults>, State) {
    let faults = Arc::new(Faults::default());
    let file = DatabaseFile::on_a_bad_disk(directory.join("control.redb"), &faults);
    let state = State::load(Box::new(Embedded::of(file)), Instant::now()).expect("loaded");
    register(&state, 1).expect("registered");
    (faults, state)
}

fn register(state: &State, port: u16) -> Result<Registered, StateError> {
    let addr = format!("127.0.0.1:{port}");
    let instance = Instance { service: "a".to_owned(), addr, metadata: [].into() };
    state.register(instance, "30s".parse().ok(), Instant::now())
}

/// Returns the ports that are shown, with the number of the newest change; each has a lease.
fn shown(state: &State) -> (Vec<u16>, u64) {
    let port = |addr: &str| addr.rsplit(':').next().and_then(|port| port.parse().ok());
    let instances = state.instances(None, Instant::now());
    let ports = instances.iter().map(|(record, left)| {
        assert!(left.is_some(), "{record:?} would stay for ever");
        port(&record.instance.addr).expect("a port")
    });
    (ports.collect(), *state.changes().borrow())
}

/// Returns what is shown after a restart.
fn restarted(directory: &Path, state: State) -> (Vec<u16>, u64) {
    drop(state);
    let store = Embedded::open(directory).expect("opened");
    shown(&State::load(Box::new(store), Instant::now()).expect("loaded"))
}

/// Tries to register `port` until the store is opened again.
fn until_registered(state: &State, port: u16) -> Registered {
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match register(state, port) {
            Ok(registered) => return registered,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_write_that_failed_and_is_there_was_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let (faults, state) = start(directory.path());
    faults.sync_once.store(true, Ordering::Relaxed);
    let registered = register(&state, 2).expect("it is found on the disk");
    assert!(!registered.replaced && registered.change == 2);
    assert!(state.health().problem().is_some(), "the disk has failed");
    state.probe().expect("it works again");
    assert_eq!(shown(&state), (vec![1, 2], 2));
    assert_eq!(register(&state, 3).expect("registered").change, 3);
    assert_eq!(restarted(directory.path(), state), (vec![1, 2, 3], 3));
}

#[test]
fn a_write_that_failed_and_is_not_there_was_not_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let (faults, state) = start(directory.path());
    faults.write_once.store(true, Ordering::Relaxed);
    let error = register(&state, 2).expect_err("it was not written");
    assert!(!error.is_unknown(), "{error}");
    assert_eq!(shown(&state), (vec![1], 1));
    assert_eq!(until_registered(&state, 3).change, 2);
    assert_eq!(restarted(directory.path(), state), (vec![1, 3], 2));
}

#[test]
fn a_write_of_which_nobody_knows_is_looked_for_before_the_next() {
    let directory = tempfile::tempdir().expect("a directory");
    let (faults, state) = start(directory.path());
    faults.from_sync_on.store(true, Ordering::Relaxed);
    let error = register(&state, 2).expect_err("the disk is gone");
    assert!(error.is_unknown(), "{error}");
    assert_eq!(shown(&state), (vec![1], 1), "nobody knows");
    let refused = register(&state, 3).expect_err("the disk is gone still");
    assert!(!refused.is_unknown(), "that was not even tried: {refused}");
    state.probe().expect_err("the disk is gone still");
    faults.end();
    let registered = until_registered(&state, 3);
    assert_eq!(shown(&state), (vec![1, 2, 3], 3), "what was found, and what came then");
    assert_eq!(registered.change, 3);
    assert_eq!(restarted(directory.path(), state), (vec![1, 2, 3], 3));
}

#[test]
fn what_is_found_is_shown_without_another_change() {
    let directory = tempfile::tempdir().expect("a directory");
    let (faults, state) = start(directory.path());
    faults.from_sync_on.store(true, Ordering::Relaxed);
    assert!(register(&state, 2).expect_err("the disk is gone").is_unknown());
    faults.end();
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    while let Err(error) = state.probe() {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::yield_now();
    }
    assert_eq!(shown(&state), (vec![1, 2], 2));
    assert_eq!(restarted(directory.path(), state), (vec![1, 2], 2));
}
