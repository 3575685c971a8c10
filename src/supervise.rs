//! Supervision: child processes that are started again when they die and stopped together.
//!
//! Owns the children of `up` and `demo`, from their start to their end, by process id. Does not know
//! what they do: a companion thread does what the command is for, and is told when to stop.
//!
//! Invariants:
//! - children are started by the thread that calls [`run`], which outlives them: the kernel ends a
//!   child with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG);
//! - children have process groups of their own, so that Ctrl-C reaches them once, as SIGTERM;
//! - on every way out each child was waited for.

mod child;
mod restarts;
mod signals;
mod stopping;

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use rustix::process::Signal;

pub(crate) use child::{Output, Program, SupervisorArgument};
pub(crate) use stopping::Stopping;

use child::Child;
use restarts::Verdict;

/// How long children may take to stop: what a gateway drains in, and a little.
const STOP_MAX: Duration = Duration::from_secs(35);
/// How often children are looked at when no signal says that one has ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the companion leaves behind when it has done its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// The children run on until a signal.
    Run,
    /// Everything stops.
    Stop,
}

/// What the supervisor is told.
enum Event {
    /// A signal came: one to stop, or SIGCHLD.
    Signal(i32),
    /// The companion has ended.
    Companion(Result<Afterwards>),
}

/// Runs `programs` until a signal, the end of the companion, or a child that cannot start.
///
/// # Errors
/// A child cannot start, the companion failed, or signals cannot be received.
pub(crate) fn run<C>(programs: Vec<Program>, companion: C) -> Result<()>
where
    C: FnOnce(&Stopping) -> Result<Afterwards> + Send,
{
    let (sender, events) = channel();
    // Signals are caught before the first child is started, so that none is left behind.
    let signals = signals::forward(sender.clone())?;
    let stopping = Stopping::default();
    let ended = thread::scope(|scope| {
        let mut children: Vec<Child> = programs.into_iter().map(Child::new).collect();
        let told = stopping.clone();
        let spawned = thread::Builder::new()
            .name("companion".to_owned())
            .spawn_scoped(scope, move || report(companion(&told), &sender));
        let ended = match spawned {
            Ok(_) => keep_running(&mut children, &events),
            Err(error) => Err(anyhow!("cannot start a thread: {error}")),
        };
        stopping.set();
        stop(&mut children, &events);
        ended
    });
    signals.close();
    ended
}

fn report(ended: Result<Afterwards>, sender: &Sender<Event>) {
    // Nobody listens any more when the supervisor has stopped by itself.
    let _ = sender.send(Event::Companion(ended));
}

/// Starts the children, and those that die again, until there is a reason to stop.
fn keep_running(children: &mut [Child], events: &Receiver<Event>) -> Result<()> {
    loop {
        let now = Instant::now();
        for child in children.iter_mut() {
            child.start_if_due(now)?;
        }
        let due = children.iter().filter_map(Child::starts_at).min();
        let wait = due.map_or(LOOK_EVERY, |due| due.saturating_duration_since(now).min(LOOK_EVERY));
        match events.recv_timeout(wait) {
            Ok(Event::Signal(signal)) if signals::asks_to_stop(signal) => {
                tracing::info!(signal = signals::name(signal), "stopping");
                return Ok(());
            }
            Ok(Event::Companion(Ok(Afterwards::Stop))) => return Ok(()),
            Ok(Event::Companion(Err(error))) => return Err(error),
            _ => {}
        }
        for child in children.iter_mut() {
            if let Some(Verdict::GiveUp) = child.look()? {
                return Err(child.cannot_start());
            }
        }
    }
}

/// Stops every child: SIGTERM, then SIGKILL after a while or at a second signal.
fn stop(children: &mut [Child], events: &Receiver<Event>) {
    for child in children.iter() {
        child.signal(Signal::TERM);
    }
    let deadline = Instant::now() + STOP_MAX;
    // Every child is asked, so that none that has ended stays unwaited for.
    while children.iter_mut().filter_map(Child::if_running).count() > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = events.recv_timeout(left.min(LOOK_EVERY));
        let is_impatient =
            matches!(event, Ok(Event::Signal(signal)) if signals::asks_to_stop(signal));
        if is_impatient || left.is_zero() {
            tracing::warn!("not every process has stopped; they are killed");
            children.iter().for_each(|child| child.signal(Signal::KILL));
            children.iter_mut().for_each(Child::wait);
            return;
        }
    }
}
