//! Slots: where connections are served while they have something to do.
//!
//! Owns the pooled futures of [`super::http1::serve_until_idle`]. A future that parses, forwards and answers takes
//! kilobytes; a connection that waits for its next request needs none of that. So the task of a connection is small,
//! and borrows a slot whenever its caller speaks. Invariants:
//! - a slot that comes back holds nothing of the connection it served;
//! - taking one allocates only when more connections are busy than ever before (up to the bound of the list).

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use halftone_core::limits::FREE_SLOTS_MAX;

use super::http1::{Downstream, Pause, serve_until_idle};
use crate::{engine::Engine, worker::Worker};

/// A future that can be used again.
trait Slot<E: Engine> {
    /// Begins to serve `downstream`.
    fn start(&mut self, worker: Rc<Worker<E>>, downstream: Downstream<E>);
    /// Goes on with it; the connection comes back when it pauses.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Downstream<E>, Pause)>;
}

struct Place<F, Make> {
    future: Pin<Box<Option<F>>>,
    make: Make,
}

impl<E, F, Make> Slot<E> for Place<F, Make>
where
    E: Engine,
    F: Future<Output = (Downstream<E>, Pause)>,
    Make: Fn(Rc<Worker<E>>, Downstream<E>) -> F,
{
    fn start(&mut self, worker: Rc<Worker<E>>, downstream: Downstream<E>) {
        self.future.set(Some((self.make)(worker, downstream)));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Downstream<E>, Pause)> {
        let Some(future) = self.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = future.poll(context);
        if output.is_ready() {
            self.future.set(None);
        }
        output
    }
}

/// A worker's free slots.
pub struct Slots<E: Engine> {
    free: RefCell<Vec<Box<dyn Slot<E>>>>,
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
        slot.start(Rc::clone(worker), downstream);
        let paused = poll_fn(|context| slot.poll(context)).await;
        let mut free = self.free.borrow_mut();
        if free.len() < FREE_SLOTS_MAX {
            free.push(slot);
        }
        paused
    }

    fn take(&self) -> Box<dyn Slot<E>> {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| Box::new(Place { future: Box::pin(None), make: serve_until_idle }))
    }
}
