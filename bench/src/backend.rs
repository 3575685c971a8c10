//! The light backend: answers every request head with the same bytes.
//!
//! Owns the listening sockets, one per answer, and the keep-alive connections of the contender's
//! upstream pool. Does not parse requests: the generator sends only requests without a body, so a
//! head's end is a request's end.
//!
//! Invariants:
//! - it lives in the generator's event loop: no thread, no allocation per request;
//! - one answer per head, however the heads are cut into reads, and each is sent whole;
//! - sockets are edge-triggered; a read that fills less than the buffer has emptied the socket.

mod answer;
mod heads;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;

use anyhow::{Context as _, Result};
use memchr::memmem::Finder;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::{Domain, Socket, Type};

use crate::generator::{lighten, token::Token};
use answer::Answer;
use heads::{HEAD_END, HeadCounter};

/// Pending connections: a contender may open its whole pool at once.
const BACKLOG: i32 = 4096;

/// Answers requests from within the generator's event loop.
#[derive(Debug)]
pub struct Backend {
    upstreams: Vec<Upstream>,
    connections: Vec<Option<BackendConnection>>,
    free: Vec<usize>,
    head_end: Finder<'static>,
}

/// One listening socket and what it answers.
#[derive(Debug)]
struct Upstream {
    listener: TcpListener,
    address: SocketAddr,
    answer: Answer,
    answered: u64,
}

#[derive(Debug)]
struct BackendConnection {
    stream: TcpStream,
    upstream: usize,
    heads: HeadCounter,
    /// Answers not sent whole, and how much of the first of them was.
    owed: u64,
    sent: usize,
}

impl Backend {
    /// Listens on a free port of the loopback interface for each of `answers`; registers with `epoll`.
    ///
    /// # Errors
    /// A socket call fails.
    pub fn listen(epoll: BorrowedFd<'_>, answers: Vec<Vec<u8>>) -> Result<Self> {
        let mut upstreams = Vec::with_capacity(answers.len());
        for (index, answer) in answers.into_iter().enumerate() {
            let listener = listen()?;
            let address = listener.local_addr().context("reading the backend's address")?;
            let token = EventData::new_u64(Token::Listener(index).encode());
            epoll::add(epoll, &listener, token, EventFlags::IN)
                .context("watching the backend's socket")?;
            upstreams.push(Upstream {
                listener,
                address,
                answer: Answer::new(answer)?,
                answered: 0,
            });
        }
        let head_end = Finder::new(HEAD_END);
        Ok(Self { upstreams, connections: Vec::new(), free: Vec::new(), head_end })
    }

    /// Returns where it listens, one address per answer.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.upstreams.iter().map(|upstream| upstream.address).collect()
    }

    /// Returns how many requests each address has answered so far.
    #[must_use]
    pub fn answered(&self) -> Vec<u64> {
        self.upstreams.iter().map(|upstream| upstream.answered).collect()
    }

    /// Accepts every pending connection of listening socket `upstream`.
    ///
    /// # Errors
    /// A socket call fails for a reason that lies on this side, such as no free descriptor.
    pub(crate) fn on_listener(&mut self, epoll: BorrowedFd<'_>, upstream: usize) -> Result<()> {
        loop {
            let stream = match self.upstreams[upstream].listener.accept() {
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
            // Room to send is told only after a send that found none: it costs no event otherwise.
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(epoll, &stream, EventData::new_u64(Token::Backend(index).encode()), flags)
                .context("watching a backend connection")?;
            let heads = HeadCounter::default();
            let connection = BackendConnection { stream, upstream, heads, owed: 0, sent: 0 };
            self.connections[index] = Some(connection);
        }
    }

    /// Answers what has arrived on connection `index`; a connection that ended is forgotten.
    pub(crate) fn on_connection(&mut self, index: usize, flags: EventFlags, scratch: &mut [u8]) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        let Some(upstream) = self.upstreams.get_mut(connection.upstream) else { return };
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        let mut open = connection.flush(&upstream.answer);
        while open && flags.contains(EventFlags::IN) {
            let length = match recv(&connection.stream, &mut *scratch, RecvFlags::empty()) {
                Ok((_, length)) => length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => break,
                Err(_) => 0,
            };
            let heads = connection.heads.count(&self.head_end, &scratch[..length]);
            connection.owed += heads;
            upstream.answered += heads;
            open &= connection.flush(&upstream.answer) && length > 0;
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

impl BackendConnection {
    /// Sends what is owed as far as the socket takes it; returns false when the connection is gone.
    fn flush(&mut self, answer: &Answer) -> bool {
        while self.owed > 0 {
            match answer.send(&self.stream, self.sent) {
                Ok(0) => return false,
                Ok(length) => self.sent += length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return true,
                Err(_) => return false,
            }
            if self.sent == answer.len() {
                self.sent = 0;
                self.owed -= 1;
            }
        }
        true
    }
}

fn listen() -> Result<TcpListener> {
    let socket =
        Socket::new(Domain::IPV4, Type::STREAM, None).context("making the backend's socket")?;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .context("binding the backend")?;
    // Accepted sockets inherit it.
    lighten(&socket);
    socket.listen(BACKLOG).context("listening for the contender")?;
    socket.set_nonblocking(true).context("making the backend's socket non-blocking")?;
    Ok(TcpListener::from(socket))
}
