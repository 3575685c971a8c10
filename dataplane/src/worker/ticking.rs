//! What a worker does once per tick.
//!
//! Owns the order of it. Invariant: nothing here waits.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Worker;
use crate::engine::Engine;

/// Every so many ticks, upstream connections that were idle for too long are closed.
const SWEEP_TICKS: u64 = 10;

pub(super) fn wall_clock_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(super) fn tick<E: Engine>(worker: &Worker<E>) {
    worker.ticks.set(worker.ticks.get() + 1);
    worker.unix_s.set(wall_clock_s());
    worker.wheel.turn();
    worker.tags.turn();
    worker.shadows.turn(worker.ticks.get());
    worker.tokens.turn();
    if worker.ticks.get().is_multiple_of(SWEEP_TICKS) {
        worker.pools.sweep(&worker.buffers);
    }
    if worker.draining.get() {
        worker.wheel.end_idle();
    }
    if let Some(log) = &worker.log {
        log.flush(worker.engine.now());
    }
    worker.wake_waiting();
}
