//! An engine that panics when a test asks for it.
//!
//! Owns a wrapper of any engine whose streams panic as soon as [`TRIP`] has arrived on them: a fault of ours in the
//! middle of a connection, wherever that waits. Everything else is the engine's own.

use std::{future::Future, io, net::SocketAddr, ops::Range, os::fd::OwnedFd, time::Instant};

use crate::engine::{Engine, Halves, Listener, Reader, Writer};

/// What panics who reads it.
pub(super) const TRIP: &str = "a panic that this test asks for";

/// The engine.
#[derive(Clone)]
pub(super) struct Tripping<T>(pub(super) T);

fn wrap<E: Engine>(halves: Halves<E>) -> Halves<Tripping<E>> {
    let Halves { reader, writer, fd } = halves;
    Halves { reader: Tripping(reader), writer: Tripping(writer), fd }
}

impl<E: Engine> Engine for Tripping<E> {
    type Reader = Tripping<E::Reader>;
    type Writer = Tripping<E::Writer>;
    type Listener = Tripping<E::Listener>;
    const SPLICES: bool = E::SPLICES;
    const LISTENS: bool = E::LISTENS;

    fn adopt(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        self.0.adopt(socket).map(wrap)
    }

    async fn adopt_connecting(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        self.0.adopt_connecting(socket).await.map(wrap)
    }

    fn listen(&self, socket: OwnedFd) -> io::Result<Self::Listener> {
        self.0.listen(socket).map(Tripping)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.spawn(task);
    }

    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl<R: Reader> Reader for Tripping<R> {
    async fn read(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        let (result, buffer) = self.0.read(buffer).await;
        let tripped = buffer.windows(TRIP.len()).any(|window| window == TRIP.as_bytes());
        assert!(!tripped, "{TRIP}");
        (result, buffer)
    }

    async fn readable(&mut self) -> io::Result<()> {
        self.0.readable().await
    }
}

impl<W: Writer> Writer for Tripping<W> {
    async fn write_all(
        &mut self,
        buffer: Vec<u8>,
        range: Range<usize>,
    ) -> (io::Result<()>, Vec<u8>) {
        self.0.write_all(buffer, range).await
    }

    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_now(bytes)
    }

    async fn writable(&mut self) -> io::Result<()> {
        self.0.writable().await
    }
}

impl<E: Engine, L: Listener<E>> Listener<Tripping<E>> for Tripping<L> {
    async fn accept(&mut self) -> io::Result<(Halves<Tripping<E>>, SocketAddr)> {
        let (halves, address) = self.0.accept().await?;
        Ok((wrap(halves), address))
    }
}
