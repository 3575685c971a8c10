//! The light backend: answers every request head with the same bytes.
//!
//! Owns the listening socket, the keep-alive connections of the contender's upstream pool and the
//! answer. Does not parse requests: the generator sends only requests without a body, so a head's
//! end is a request's end.
//!
//! Invariants:
//! - it lives in the generator's event loop: no thread, no allocation per request;
//! - one answer per head, however the heads are cut into reads;
//! - sockets are edge-triggered; a read that fills less than the buffer has emptied the socket.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;

use anyhow::{Context as _, Result};
use memchr::memmem::Finder;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Socket, Type};

use crate::generator::{lighten, token::Token};

const HEAD_END: &[u8] = b"\r\n\r\n";
/// Pending connections: a contender may open its whole pool at once.
const BACKLOG: i32 = 4096;

/// Answers requests from within the generator's event loop.
#[derive(Debug)]
pub struct Backend {
    listener: TcpListener,
    address: SocketAddr,
    answer: Vec<u8>,
    connections: Vec<Option<BackendConnection>>,
    free: Vec<usize>,
    head_end: Finder<'static>,
    answered: u64,
}

#[derive(Debug)]
struct BackendConnection {
    stream: TcpStream,
    heads: HeadCounter,
}

impl Backend {
    /// Listens on a free port of the loopback interface and registers with `epoll`.
    ///
    /// # Errors
    /// A socket call fails.
    pub fn listen(epoll: BorrowedFd<'_>, answer: Vec<u8>) -> Result<Self> {
        let socket =
            Socket::new(Domain::IPV4, Type::STREAM, None).context("making the backend's socket")?;
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .context("binding the backend")?;
        // Accepted sockets inherit it.
        lighten(&socket);
        socket.listen(BACKLOG).context("listening for the contender")?;
        socket.set_nonblocking(true).context("making the backend's socket non-blocking")?;
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().context("reading the backend's address")?;
        epoll::add(epoll, &listener, EventData::new_u64(Token::Listener.encode()), EventFlags::IN)
            .context("watching the backend's socket")?;
        let head_end = Finder::new(HEAD_END);
        Ok(Self {
            listener,
            address,
            answer,
            connections: Vec::new(),
            free: Vec::new(),
            head_end,
            answered: 0,
        })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many requests it has answered so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// Accepts every pending connection.
    ///
    /// # Errors
    /// A socket call fails for a reason that lies on this side, such as no free descriptor.
    pub(crate) fn on_listener(&mut self, epoll: BorrowedFd<'_>) -> Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error).context("accepting the contender's connection"),
            };
            stream.set_nonblocking(true).context("making a backend connection non-blocking")?;
            stream.set_nodelay(true).context("switching Nagle's algorithm off")?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(epoll, &stream, EventData::new_u64(Token::Backend(index).encode()), flags)
                .context("watching a backend connection")?;
            self.connections[index] =
                Some(BackendConnection { stream, heads: HeadCounter::default() });
        }
    }

    /// Answers what has arrived on connection `index`; a connection that ended is forgotten.
    pub(crate) fn on_connection(&mut self, index: usize, flags: EventFlags, scratch: &mut [u8]) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        let mut open = true;
        while open {
            let length = match recv(&connection.stream, &mut *scratch, RecvFlags::empty()) {
                Ok((_, length)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(_) => 0,
            };
            let heads = connection.heads.count(&self.head_end, &scratch[..length]);
            for _ in 0..heads {
                // The contender reads each answer before it asks again, so the buffer has room; a
                // refused write means that the connection is gone.
                let sent = send(&connection.stream, &self.answer, SendFlags::NOSIGNAL);
                open &= sent == Ok(self.answer.len());
            }
            self.answered += heads;
            open &= length > 0;
            if length < scratch.len() && !ended {
                break;
            }
        }
        if !open {
            self.connections[index] = None;
            self.free.push(index);
        }
    }
}

/// Counts the ends of heads in a stream that arrives in pieces.
#[derive(Debug, Default)]
struct HeadCounter {
    /// How many bytes of the terminator the stream ended with.
    matched: usize,
}

impl HeadCounter {
    fn count(&mut self, head_end: &Finder<'_>, bytes: &[u8]) -> u64 {
        let mut heads = 0;
        let mut rest = bytes;
        while self.matched > 0 {
            let Some((&byte, tail)) = rest.split_first() else { return heads };
            rest = tail;
            self.step(byte);
            if self.matched == HEAD_END.len() {
                self.matched = 0;
                heads += 1;
            }
        }
        while let Some(at) = head_end.find(rest) {
            rest = &rest[at + HEAD_END.len()..];
            heads += 1;
        }
        self.matched = (1..HEAD_END.len())
            .rev()
            .find(|&length| rest.ends_with(&HEAD_END[..length]))
            .unwrap_or(0);
        heads
    }

    fn step(&mut self, byte: u8) {
        self.matched = if byte == HEAD_END[self.matched] {
            self.matched + 1
        } else {
            usize::from(byte == b'\r')
        };
    }
}

#[cfg(test)]
mod tests;
