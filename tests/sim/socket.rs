//! Sockets of the world: Unix sockets that can also be reset.
//!
//! Owns what a Unix socket lacks of TCP: a reset, asked for by closing without lingering as everywhere,
//! which the other end sees after the bytes that were on their way. Invariant: one end knows of the other
//! only what the kernel tells it, and whether it was reset.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    rc::{Rc, Weak},
};

use rustix::{event::PollFlags, net::Shutdown, net::sockopt};

use crate::world::World;

/// What both ends share.
#[derive(Default)]
pub(crate) struct Link {
    reset: Cell<bool>,
    /// By end: whether it is writing.
    writing: [Cell<bool>; 2],
    ends: RefCell<[Weak<Socket>; 2]>,
}

/// One end.
pub(crate) struct Socket {
    pub(crate) stream: UnixStream,
    pub(crate) world: Rc<World>,
    number: u64,
    link: Rc<Link>,
    end: usize,
    /// Whether the worker holds it.
    of_worker: bool,
}

impl Socket {
    /// Makes ends of `streams`: the first is the worker's.
    pub(crate) fn link(
        world: &Rc<World>,
        streams: (UnixStream, UnixStream),
    ) -> (Rc<Self>, Rc<Self>) {
        let link = Rc::new(Link::default());
        let one = |stream: UnixStream, end| {
            stream.set_nonblocking(true).expect("a flag");
            // Small buffers, so that a slow reader is felt soon.
            let bytes = world.chance.pick(&[4 * 1024, 16 * 1024, 208 * 1024]);
            sockopt::set_socket_send_buffer_size(&stream, bytes).expect("a size");
            let (world, link) = (Rc::clone(world), Rc::clone(&link));
            let number = world.number();
            let of_worker = end == 0;
            let held = world.worker_sockets.get() + usize::from(of_worker);
            world.worker_sockets.set(held);
            Rc::new(Self { stream, world, number, link, end, of_worker })
        };
        let (first, second) = (one(streams.0, 0), one(streams.1, 1));
        *link.ends.borrow_mut() = [Rc::downgrade(&first), Rc::downgrade(&second)];
        (first, second)
    }

    /// Reads at most `most` bytes and appends them to `buffer`; none are the end.
    pub(crate) async fn read(
        self: &Rc<Self>,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> io::Result<usize> {
        let mut bytes = vec![0; most];
        loop {
            self.world.until(self, PollFlags::IN).await;
            match (&self.stream).read(&mut bytes) {
                Ok(0) if self.is_reset() => return Err(io::ErrorKind::ConnectionReset.into()),
                Ok(read) => {
                    self.world.trace(self.number << 32 | read as u64);
                    buffer.extend_from_slice(&bytes[..read]);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes all of `bytes`, at most `most` at a time.
    pub(crate) async fn write(self: &Rc<Self>, bytes: &[u8], most: usize) -> io::Result<()> {
        self.link.writing[self.end].set(true);
        let result = self.write_pieces(bytes, most).await;
        self.link.writing[self.end].set(false);
        result
    }

    async fn write_pieces(self: &Rc<Self>, mut bytes: &[u8], most: usize) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = &bytes[self.write_now(&bytes[..most.min(bytes.len())])?..];
            if !bytes.is_empty() {
                self.world.until(self, PollFlags::OUT).await;
            }
        }
        Ok(())
    }

    /// Writes what there is room for.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match (&self.stream).write(bytes) {
            Ok(written) => {
                self.world.trace(self.number << 32 | written as u64);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(_) if self.is_reset() => Err(io::ErrorKind::ConnectionReset.into()),
            Err(error) => Err(error),
        }
    }

    /// Returns whether nothing is on its way to this end and nobody is writing to it.
    pub(crate) fn is_quiet(&self) -> bool {
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        let seen = rustix::net::recv(&self.stream, &mut [0u8; 1][..], flags);
        matches!(seen, Err(rustix::io::Errno::AGAIN)) && !self.link.writing[1 - self.end].get()
    }

    /// Says that nothing more will be written.
    pub(crate) fn end_write(&self) {
        let _ = rustix::net::shutdown(&self.stream, Shutdown::Write);
    }

    /// Returns whether the other end broke the connection, or will not linger now that it ends it.
    fn is_reset(&self) -> bool {
        let other = self.link.ends.borrow()[1 - self.end].upgrade();
        self.link.reset.get() || other.is_some_and(|other| other.lingers_not())
    }

    fn lingers_not(&self) -> bool {
        sockopt::socket_linger(&self.stream).is_ok_and(|linger| linger.is_some())
    }

    /// Breaks the connection.
    pub(crate) fn reset(&self) {
        self.link.reset.set(true);
        let _ = rustix::net::shutdown(&self.stream, Shutdown::Both);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.lingers_not() {
            self.link.reset.set(true);
        }
        if self.of_worker {
            self.world.worker_sockets.set(self.world.worker_sockets.get() - 1);
        }
    }
}
