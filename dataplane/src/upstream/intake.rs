//! The reading end of an upstream connection, which can listen while nobody waits for it.
//!
//! Owns the one read that may be in flight between two requests. Does not know what is read. Invariants:
//! - while it listens it has no reader to lend: a second read cannot begin;
//! - what it heard is given out once, to whoever asks first;
//! - to listen again allocates nothing.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, Waker, ready},
};

use crate::{
    engine::{Engine, Reader as _},
    io::reused::{Reused, reused},
};

/// What a read brought, and its buffer.
pub(super) type Heard = (io::Result<usize>, Vec<u8>);

/// A place for a read, which has the reader while it runs.
type Listening<R> = Box<dyn Reused<(R, Vec<u8>), (R, Heard)>>;

/// The reading end of a connection.
pub struct Intake<E: Engine> {
    /// Nothing while it listens.
    reader: Option<E::Reader>,
    /// Made when it listens for the first time.
    listening: Option<Listening<E::Reader>>,
}

impl<E: Engine> Intake<E> {
    /// Returns an intake that does not listen.
    pub fn new(reader: E::Reader) -> Self {
        Self { reader: Some(reader), listening: None }
    }

    /// Begins to read into `buffer`, and does not wait; ready when there is something already.
    pub fn listen(&mut self, buffer: Vec<u8>) -> Poll<Heard> {
        if let Some(reader) = self.reader.take() {
            let listening = self.listening.get_or_insert_with(|| reused(read::<E>));
            listening.start((reader, buffer));
        }
        self.hear_now()
    }

    /// Returns whether a read is in flight, or has ended and was not asked for yet.
    pub fn is_listening(&self) -> bool {
        self.reader.is_none()
    }

    /// Asks, without waiting, what was heard since [`Intake::listen`].
    pub fn hear_now(&mut self) -> Poll<Heard> {
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Waits for what was begun by [`Intake::listen`]; pending for ever without that.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        let Some(listening) = self.listening.as_mut().filter(|_| self.reader.is_none()) else {
            return Poll::Pending;
        };
        let (reader, heard) = ready!(listening.poll(context));
        self.reader = Some(reader);
        Poll::Ready(heard)
    }

    /// Waits for what was begun by [`Intake::listen`]; nothing without that.
    pub async fn hear(&mut self) -> Option<Heard> {
        match self.is_listening() {
            true => Some(poll_fn(|context| self.poll(context)).await),
            false => None,
        }
    }

    /// Returns the reader, unless it listens.
    pub fn reader(&mut self) -> Option<&mut E::Reader> {
        self.reader.as_mut()
    }
}

async fn read<E: Engine>((mut reader, buffer): (E::Reader, Vec<u8>)) -> (E::Reader, Heard) {
    let heard = reader.read(buffer).await;
    (reader, heard)
}
