//! The world: tasks, time and waits, all in one thread.
//!
//! Owns the order in which tasks run and how long everything takes. Bytes lie in the kernel, in Unix
//! sockets, which are synchronous within one thread; time is a number that moves only when nothing can
//! run. Invariants:
//! - what happens is a function of the seed: tasks run in drawn order, readiness arrives after a drawn time;
//! - the trace is a hash of every step, so that two runs of one seed can be compared.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use halftone_dataplane::limits::Limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{chance::Chance, socket::Socket};

/// A task; some are the worker's, the others are actors of the test.
type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Where it all happens.
pub(crate) struct World {
    /// Draws delays and orders.
    pub(crate) chance: Chance,
    /// Whether anything may go wrong.
    pub(crate) faults: bool,
    /// What the worker bears; whoever takes less time than that is no fault.
    pub(crate) limits: Limits,
    begun: Instant,
    now_us: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, Option<Task>>>,
    woken: Arc<Mutex<Vec<u64>>>,
    waits: RefCell<BTreeMap<u64, Wait>>,
    numbers: Cell<u64>,
    trace: Cell<u64>,
    /// Tasks of the worker that have not ended.
    pub(crate) worker_tasks: Rc<Cell<usize>>,
    /// Sockets that the worker holds.
    pub(crate) worker_sockets: Cell<usize>,
    broken: RefCell<Vec<String>>,
    traced_aloud: bool,
}

/// Short ones, so that a run meets all of them, and each its own, so that none stands in for another.
fn limits(chance: &Chance) -> Limits {
    let drawn = || chance.pick(&[1_500, 4_000, 12_000]);
    Limits {
        head_ms: 1_500,
        idle_ms: 16_000,
        stall_ms: drawn(),
        connect_ms: 700,
        first_byte_ms: drawn(),
        upstream_idle_ms: drawn(),
        pool_idle_ms: 2_000,
        linger_ms: 1_000,
        ..Limits::default()
    }
}

struct Wait {
    /// What is waited for, and nothing when it is a time.
    socket: Option<(Rc<Socket>, PollFlags)>,
    due_us: Option<u64>,
    waker: Waker,
    fired: Rc<Cell<bool>>,
}

struct Alarm {
    task: u64,
    woken: Arc<Mutex<Vec<u64>>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.lock().expect("one thread");
        if !woken.contains(&self.task) {
            woken.push(self.task);
        }
    }
}

impl World {
    /// Returns an empty world.
    pub(crate) fn new(seed: u64, faults: bool) -> Rc<Self> {
        let chance = Chance::new(seed);
        Rc::new(Self {
            limits: limits(&chance),
            chance,
            faults,
            begun: Instant::now(),
            now_us: Cell::new(0),
            tasks: RefCell::default(),
            woken: Arc::default(),
            waits: RefCell::default(),
            numbers: Cell::new(0),
            trace: Cell::new(0),
            worker_tasks: Rc::default(),
            worker_sockets: Cell::new(0),
            broken: RefCell::default(),
            traced_aloud: std::env::var_os("HALFTONE_SIM_TRACE").is_some(),
        })
    }

    /// Returns the time since the beginning, microseconds.
    pub(crate) fn now_us(&self) -> u64 {
        self.now_us.get()
    }

    /// Returns the time as the worker sees it.
    pub(crate) fn now(&self) -> Instant {
        self.begun + Duration::from_micros(self.now_us.get())
    }

    /// Returns a number that was not returned before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// Notes something that must not happen.
    pub(crate) fn broken(&self, what: &str) {
        self.broken.borrow_mut().push(format!("at {} ms: {what}", self.now_us() / 1000));
    }

    /// Returns what was noted, and forgets it.
    pub(crate) fn take_broken(&self) -> Vec<String> {
        self.broken.take()
    }

    /// Adds to the trace.
    pub(crate) fn trace(&self, step: u64) {
        let mixed = (self.trace.get() ^ step ^ self.now_us()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.trace.set(mixed.rotate_left(23));
        if self.traced_aloud {
            println!("{} {step:x}", self.now_us());
        }
    }

    /// Returns whether every step is printed.
    pub(crate) fn is_traced(&self) -> bool {
        self.traced_aloud
    }

    /// Returns the trace so far.
    pub(crate) fn traced(&self) -> u64 {
        self.trace.get()
    }

    /// Starts a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let number = self.number();
        self.tasks.borrow_mut().insert(number, Some(Box::pin(task)));
        self.woken.lock().expect("one thread").push(number);
    }

    /// Waits until `socket` has one of `events`, and for as long after that as is drawn.
    pub(crate) fn until(self: &Rc<Self>, socket: &Rc<Socket>, events: PollFlags) -> Waiting {
        self.wait(Some((Rc::clone(socket), events)), None)
    }

    /// Waits for a part of `ms` milliseconds that leaves room for what else there is to do in them.
    pub(crate) fn pause(self: &Rc<Self>, chance: &Chance, ms: u64) -> Waiting {
        self.sleep(chance.below(ms * 1_000 / 3))
    }

    /// Waits for `us` microseconds.
    pub(crate) fn sleep(self: &Rc<Self>, us: u64) -> Waiting {
        self.wait(None, Some(self.now_us() + us))
    }

    fn wait(
        self: &Rc<Self>,
        socket: Option<(Rc<Socket>, PollFlags)>,
        due_us: Option<u64>,
    ) -> Waiting {
        let (number, fired) = (self.number(), Rc::new(Cell::new(false)));
        let wait = Wait { socket, due_us, waker: Waker::noop().clone(), fired: Rc::clone(&fired) };
        self.waits.borrow_mut().insert(number, wait);
        Waiting { world: Rc::clone(self), number, fired }
    }

    /// Runs until `done` says so, at most until `end_us`; returns whether it did.
    pub(crate) fn run(&self, end_us: u64, done: impl Fn() -> bool) -> bool {
        while !done() {
            if self.now_us() > end_us {
                return false;
            }
            let runnable = std::mem::take(&mut *self.woken.lock().expect("one thread"));
            if runnable.is_empty() {
                if !self.advance() {
                    return done();
                }
                continue;
            }
            self.run_one(runnable);
        }
        true
    }

    /// Drops whatever still runs.
    pub(crate) fn clear(&self) {
        while let Some((_, task)) = { self.tasks.borrow_mut().pop_first() } {
            drop(task);
        }
    }

    fn run_one(&self, mut runnable: Vec<u64>) {
        let task = runnable.swap_remove(self.chance.index(runnable.len()));
        self.woken.lock().expect("one thread").extend(runnable);
        let Some(mut running) = self.tasks.borrow_mut().get_mut(&task).and_then(Option::take)
        else {
            return;
        };
        self.trace(task);
        let alarm = Waker::from(Arc::new(Alarm { task, woken: Arc::clone(&self.woken) }));
        let ended = running.as_mut().poll(&mut Context::from_waker(&alarm)).is_ready();
        if ended {
            self.tasks.borrow_mut().remove(&task);
        } else if let Some(place) = self.tasks.borrow_mut().get_mut(&task) {
            *place = Some(running);
        }
    }

    /// Lets time pass until the next thing happens; returns whether there is one.
    fn advance(&self) -> bool {
        self.look_at_sockets();
        let next = self.waits.borrow().values().filter_map(|wait| wait.due_us).min();
        let Some(next) = next else { return false };
        self.now_us.set(self.now_us().max(next));
        for wait in self.waits.borrow_mut().values_mut() {
            if wait.due_us.is_some_and(|due| due <= self.now_us()) && !wait.fired.replace(true) {
                wait.waker.wake_by_ref();
            }
        }
        self.waits.borrow_mut().retain(|_, wait| !wait.fired.get());
        true
    }

    /// Gives every wait whose socket has become ready its time.
    fn look_at_sockets(&self) {
        let mut waits = self.waits.borrow_mut();
        let mut open: Vec<&mut Wait> =
            waits.values_mut().filter(|wait| wait.due_us.is_none()).collect();
        let watched: Vec<(Rc<Socket>, PollFlags)> =
            open.iter().filter_map(|wait| wait.socket.clone()).collect();
        let mut fds: Vec<PollFd<'_>> =
            watched.iter().map(|(socket, events)| PollFd::new(&socket.stream, *events)).collect();
        if fds.is_empty() {
            return;
        }
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).expect("a poll");
        for (wait, fd) in open.iter_mut().zip(&fds) {
            if !fd.revents().is_empty() {
                wait.due_us = Some(self.now_us() + self.delay_us());
            }
        }
    }

    fn delay_us(&self) -> u64 {
        match self.chance.below(if self.faults { 16 } else { 4 }) {
            0..8 => self.chance.below(200),
            8..15 => self.chance.below(5_000),
            _ => self.chance.below(400_000),
        }
    }
}

/// Waits; dropping it waits no more.
pub(crate) struct Waiting {
    world: Rc<World>,
    number: u64,
    fired: Rc<Cell<bool>>,
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.fired.get() {
            return Poll::Ready(());
        }
        if let Some(wait) = self.world.waits.borrow_mut().get_mut(&self.number) {
            wait.waker = context.waker().clone();
        }
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.world.waits.borrow_mut().remove(&self.number);
    }
}
