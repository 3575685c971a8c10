//! Slots: where connections are served while they have something to do.
//!
//! Owns the pooled futures of [`super::http1::serve_until_idle`]. A future that parses, forwards and answers takes
//! kilobytes; a connection that waits for its next request needs none of that. So the task of a connection is small,
//! and borrows a slot whenever its caller speaks. Invariants:
//! - a slot that comes back holds nothing of the connection it served;
//! - taking one allocates only when more connections are busy than ever before (up to the bound of the list).

use std::{cell::RefCell, future::poll_fn, rc::Rc};

use halftone_core::limits::FREE_SLOTS_MAX;

use super::http1::{Downstream, Pause, serve_until_idle};
use crate::{
    engine::Engine,
    io::reused::{Reused, reused},
    worker::Worker,
};

/// A place where one connection at a time is served; it comes back when it pauses.
type Slot<E> = Box<dyn Reused<(Rc<Worker<E>>, Downstream<E>), (Downstream<E>, Pause)>>;

/// A worker's free slots.
pub struct Slots<E: Engine> {
    free: RefCell<Vec<Slot<E>>>,
}

impl<E: Engine> Default for Slots<E> {
    fn default() -> Self {
        Self { free: RefCell::new(Vec::with_capacity(FREE_SLOTS_MAX)) }
    }
}

impl<E: Engine> Slots<E> {
    /// Serves `downstream` in a slot until it pauses.
    pub async fn serve(
        &self,
        worker: &Rc<Worker<E>>,
        downstream: Downstream<E>,
    ) -> (Downstream<E>, Pause) {
        let mut slot = self.take();
        slot.start((Rc::clone(worker), downstream));
        let paused = poll_fn(|context| slot.poll(context)).await;
        let mut free = self.free.borrow_mut();
        if free.len() < FREE_SLOTS_MAX {
            free.push(slot);
        }
        paused
    }

    fn take(&self) -> Slot<E> {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| reused(|(worker, downstream)| serve_until_idle(worker, downstream)))
    }
}
