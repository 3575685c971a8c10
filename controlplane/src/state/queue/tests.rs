//! What is written together, who is told what, and what becomes of those who built on a write that failed.

use std::{
    thread,
    time::{Duration, Instant},
};

use halftone_core::{limits::NAME_BYTES_MAX, policy::Instance};

use super::*;
use crate::{
    state::instances::Registered,
    store::{RevisionKey, Store, Stored},
};

/// A store whose writes wait until they are let through.
#[derive(Default)]
struct Gate {
    inner: Mutex<Doors>,
    changed: Condvar,
}

#[derive(Default)]
struct Doors {
    /// Writes that may end, and how.
    verdicts: Vec<bool>,
    /// The number of changes in each write, as they begin.
    begun: Vec<usize>,
    panics: bool,
}

impl Gate {
    fn doors(&self) -> MutexGuard<'_, Doors> {
        self.inner.lock().expect("not poisoned")
    }

    fn let_through(&self, well: bool) {
        self.doors().verdicts.push(well);
        self.changed.notify_all();
    }

    fn until(&self, what: &str, condition: impl Fn(&Doors) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut doors = self.doors();
        while !condition(&doors) {
            assert!(Instant::now() < deadline, "{what} did not come");
            doors = self
                .changed
                .wait_timeout(doors, Duration::from_millis(10))
                .expect("not poisoned")
                .0;
        }
    }
}

impl Store for Arc<Gate> {
    fn load(&self) -> Result<Stored, StoreError> {
        Ok(Stored::default())
    }

    fn write(&self, counters: Counters, changes: &[Numbered]) -> Result<(), StoreError> {
        assert_eq!(changes.last().map(|(last, _)| *last), Some(counters));
        let mut doors = self.doors();
        doors.begun.push(changes.len());
        if doors.panics {
            drop(doors);
            panic!("on demand");
        }
        self.changed.notify_all();
        while doors.verdicts.is_empty() {
            doors = self.changed.wait(doors).expect("not poisoned");
        }
        if doors.verdicts.remove(0) { Ok(()) } else { Err(StoreError::Ended) }
    }

    fn counters(&self, _: Duration) -> Result<Counters, StoreError> {
        Ok(Counters::default())
    }

    fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn text(&self, _: &RevisionKey) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}

fn start() -> (Arc<Gate>, State) {
    let gate = Arc::new(Gate::default());
    let state = State::load(Box::new(Arc::clone(&gate)), Instant::now()).expect("loaded");
    (gate, state)
}

fn register(state: &State, port: u16) -> Result<Registered, StateError> {
    let addr = format!("127.0.0.1:{port}");
    let instance = Instance { service: "a".to_owned(), addr, metadata: [].into() };
    state.register(instance, None, Instant::now())
}

fn count(state: &State) -> usize {
    state.instances(None, Instant::now()).len()
}

/// Waits until as many changes were checked, durable or not.
fn until_asked(state: &State, change: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while state.newest().counters.change < change {
        assert!(Instant::now() < deadline, "change {change} was not asked for");
        thread::yield_now();
    }
}

#[test]
fn changes_that_come_while_one_is_written_are_written_together() {
    let (gate, state) = start();
    thread::scope(|scope| {
        let first = scope.spawn(|| register(&state, 1));
        gate.until("the first write", |doors| doors.begun == [1]);
        let others: Vec<_> = (2..=9)
            .map(|port| {
                let state = &state;
                scope.spawn(move || register(state, port))
            })
            .collect();
        until_asked(&state, 9);
        // Too long to be served: refused, and nobody's loss but its own.
        let long = scope.spawn(|| {
            let addr = format!("{}:65535", "n".repeat(NAME_BYTES_MAX));
            let instance = Instance { service: "a".to_owned(), addr, metadata: [].into() };
            state.register(instance, None, Instant::now())
        });
        // The same again: nothing to write, and not durable yet either.
        let again = scope.spawn(|| register(&state, 1));
        assert_eq!(count(&state), 0, "nothing is shown that is not durable");
        assert!(!first.is_finished() && !again.is_finished());
        gate.let_through(true);
        assert!(!first.join().expect("no panic").expect("stored").replaced);
        gate.until("the second write", |doors| doors.begun.len() == 2);
        gate.let_through(true);
        let mut changes: Vec<u64> = others
            .into_iter()
            .map(|one| one.join().expect("no panic").expect("stored").change)
            .collect();
        changes.sort_unstable();
        assert_eq!(changes, (2..=9).collect::<Vec<_>>());
        assert!(again.join().expect("no panic").expect("there").replaced);
        long.join().expect("no panic").expect_err("refused");
    });
    assert_eq!(gate.doors().begun, [1, 8]);
    assert_eq!((count(&state), *state.changes().borrow()), (9, 9));
}

#[test]
fn what_builds_on_a_write_that_fails_fails_with_it() {
    let (gate, state) = start();
    thread::scope(|scope| {
        let first = scope.spawn(|| register(&state, 1));
        gate.until("the first write", |doors| doors.begun == [1]);
        let second = scope.spawn(|| state.deregister("a@127.0.0.1:1"));
        until_asked(&state, 2);
        gate.let_through(false);
        first.join().expect("no panic").expect_err("failed");
        second.join().expect("no panic").expect_err("there is nothing to remove");
    });
    assert_eq!((count(&state), *state.changes().borrow()), (0, 0));
    gate.let_through(true);
    let registered = register(&state, 1).expect("stored");
    assert_eq!((registered.replaced, registered.change, count(&state)), (false, 1, 1));
    assert_eq!(gate.doors().begun, [1, 1]);
}

#[test]
fn a_store_that_panics_leaves_nobody_waiting() {
    let (gate, state) = start();
    gate.doors().panics = true;
    thread::scope(|scope| {
        scope.spawn(|| register(&state, 1)).join().expect_err("the panic");
    });
    gate.doors().panics = false;
    assert_eq!(count(&state), 0);
    gate.let_through(true);
    assert_eq!(register(&state, 1).expect("stored").change, 1);
}
