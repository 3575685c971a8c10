//! Futures that are used again: the place of one that ended is where the next of its kind runs.
//!
//! Owns the place. Does not wake or schedule anything: whoever holds it polls it. Invariants: what ended leaves
//! nothing behind; to start again allocates nothing.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A place for one future at a time.
pub trait Reused<In, Out> {
    /// Begins with `input`; whatever ran before is dropped.
    fn start(&mut self, input: In);
    /// Goes on; pending for ever when nothing runs.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Out>;
}

struct Place<F, Make> {
    future: Pin<Box<Option<F>>>,
    make: Make,
}

impl<In, F, Make> Reused<In, F::Output> for Place<F, Make>
where
    F: Future,
    Make: Fn(In) -> F,
{
    fn start(&mut self, input: In) {
        self.future.set(Some((self.make)(input)));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = self.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = future.poll(context);
        if output.is_ready() {
            self.future.set(None);
        }
        output
    }
}

/// Returns a place for what `make` makes.
pub fn reused<In, F>(make: impl Fn(In) -> F + 'static) -> Box<dyn Reused<In, F::Output>>
where
    In: 'static,
    F: Future + 'static,
{
    Box::new(Place { future: Box::pin(None), make })
}
