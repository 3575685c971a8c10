//! `halftone bench floor`: a raw relay of bytes, the floor under every gateway's cost.
//!
//! Owns the loop, the pairs of connections and the two ways to move bytes. Reads no byte of what it
//! relays, so it can neither split nor log: what it costs is what the kernel takes for two connections.
//!
//! Invariants:
//! - one client has one upstream connection; a client that has its answer and goes leaves it to the next;
//! - sockets are edge-triggered; a read that fills less than the buffer has emptied the socket;
//! - what comes in long runs is spliced through a pipe and never copied to this process.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use socket2::{Domain, Socket, Type};

const EVENTS_PER_TURN: usize = 64;
const BACKLOG: i32 = 4096;
/// Read at once; a read that fills it tells that more is coming, and splicing begins.
const COPIED_BYTES: usize = 16 * 1024;
/// What an unprivileged process may give a pipe (pipe(7)).
const PIPE_BYTES: usize = 1024 * 1024;

/// Options of `halftone bench floor`.
#[derive(Debug, Clone, clap::Args)]
pub struct FloorOptions {
    /// Where connections are taken
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Where their bytes go
    #[arg(long, value_name = "ADDR")]
    pub backend: SocketAddr,
}

/// Relays until the process is ended.
///
/// # Errors
/// A call fails for a reason that lies on this side, such as an address in use.
pub fn run(options: &FloorOptions) -> Result<()> {
    let mut relay = Relay::new(options)?;
    let no_event = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
    let mut events = [no_event; EVENTS_PER_TURN];
    loop {
        let ready = match epoll::wait(&relay.epoll, events.as_mut_slice(), None) {
            Ok(ready) => ready,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error).context("waiting for events"),
        };
        for event in events.iter().take(ready).copied() {
            relay.on_event(event.data.u64(), event.flags)?;
        }
    }
}

const LISTENER: u64 = u64::MAX;

/// All pairs of connections.
struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    backend: SocketAddr,
    pairs: Vec<Pair>,
    /// Pairs without a client.
    free: Vec<usize>,
    scratch: Vec<u8>,
}

/// A client and the upstream connection it has.
struct Pair {
    client: Option<TcpStream>,
    upstream: Option<TcpStream>,
    up: Flow,
    down: Flow,
    /// Whether bytes went up since bytes last came down.
    awaits: bool,
}

/// One direction of a pair: what was taken from one socket and not yet by the other.
#[derive(Default)]
struct Flow {
    left: Vec<u8>,
    pipe: Option<(OwnedFd, OwnedFd)>,
    piped: usize,
    splicing: bool,
}

/// How a pump has ended.
#[derive(PartialEq, Eq)]
enum Pumped {
    /// Nothing more to take, or no room to give; `moved` when anything was.
    Idle { moved: bool },
    /// One of the two is at its end.
    Ended,
}

impl Relay {
    fn new(options: &FloorOptions) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("making an epoll set")?;
        let socket = Socket::new(Domain::for_address(options.listen), Type::STREAM, None)
            .context("making a socket")?;
        socket.set_reuse_address(true).context("reusing an address")?;
        socket
            .bind(&options.listen.into())
            .with_context(|| format!("binding {}", options.listen))?;
        socket.listen(BACKLOG).context("listening")?;
        socket.set_nonblocking(true).context("making the socket non-blocking")?;
        let listener = TcpListener::from(socket);
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)
            .context("watching the socket")?;
        let scratch = vec![0; COPIED_BYTES];
        let backend = options.backend;
        Ok(Self { epoll, listener, backend, pairs: Vec::new(), free: Vec::new(), scratch })
    }

    fn on_event(&mut self, token: u64, flags: EventFlags) -> Result<()> {
        if token == LISTENER {
            return self.accept();
        }
        let (index, is_client) = (usize::try_from(token >> 1)?, token & 1 == 0);
        let Some(pair) = self.pairs.get_mut(index) else { return Ok(()) };
        let (Some(client), Some(upstream)) = (&pair.client, &pair.upstream) else { return Ok(()) };
        let input = flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP);
        let mut ended = false;
        if pair.up.due(is_client && input, !is_client) {
            match pair.up.pump(client, upstream, &mut self.scratch) {
                Pumped::Idle { moved } => pair.awaits |= moved,
                Pumped::Ended => ended = true,
            }
        }
        if pair.down.due(!is_client && input, is_client) {
            match pair.down.pump(upstream, client, &mut self.scratch) {
                Pumped::Idle { moved } => pair.awaits &= !moved,
                Pumped::Ended => {
                    ended = true;
                    pair.awaits = true;
                }
            }
        }
        if ended {
            self.part(index);
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let client = match self.listener.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error).context("accepting a connection"),
            };
            let index = self.free.pop().unwrap_or(self.pairs.len());
            if index == self.pairs.len() {
                self.pairs.push(Pair::new());
            }
            if self.pairs[index].upstream.is_none() {
                let upstream =
                    TcpStream::connect(self.backend).context("connecting to the backend")?;
                self.watch(&upstream, index, 1)?;
                self.pairs[index].upstream = Some(upstream);
            }
            self.watch(&client, index, 0)?;
            self.pairs[index].client = Some(client);
        }
    }

    fn watch(&self, stream: &TcpStream, index: usize, side: u64) -> Result<()> {
        stream.set_nonblocking(true).context("making a connection non-blocking")?;
        stream.set_nodelay(true).context("switching Nagle's algorithm off")?;
        let token = EventData::new_u64((index as u64) << 1 | side);
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, stream.as_fd(), token, flags).context("watching a connection")
    }

    /// Ends a client; its upstream connection stays if nothing is under way on it.
    fn part(&mut self, index: usize) {
        let pair = &mut self.pairs[index];
        pair.client = None;
        if pair.awaits || !pair.up.is_empty() || !pair.down.is_empty() {
            *pair = Pair::new();
        }
        self.free.push(index);
    }
}

impl Pair {
    fn new() -> Self {
        let (up, down) = (Flow::default(), Flow::default());
        Self { client: None, upstream: None, up, down, awaits: false }
    }
}

impl Flow {
    fn is_empty(&self) -> bool {
        self.left.is_empty() && self.piped == 0
    }

    /// Returns whether there is something to do: bytes have come, or room for those that wait.
    fn due(&self, input: bool, room: bool) -> bool {
        input || (room && !self.is_empty())
    }

    /// Moves bytes until one side has none or the other no room.
    fn pump(&mut self, from: &TcpStream, to: &TcpStream, scratch: &mut [u8]) -> Pumped {
        let mut moved = false;
        loop {
            let step = match (self.is_empty(), self.splicing) {
                (false, _) => self.give(to),
                (true, true) => self.take_piped(from),
                (true, false) => {
                    self.copy(from, to, scratch).inspect(|&length| moved |= length > 0)
                }
            };
            match step {
                Ok(0) => return Pumped::Ended,
                // A short read has emptied the socket.
                Ok(length)
                    if self.is_empty() && !self.splicing && length < scratch.len() && moved =>
                {
                    return Pumped::Idle { moved };
                }
                Ok(_) => moved = true,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.splicing && self.is_empty() => {
                    self.splicing = false;
                    return Pumped::Idle { moved };
                }
                Err(Errno::AGAIN) => return Pumped::Idle { moved },
                Err(_) => return Pumped::Ended,
            }
        }
    }

    /// Reads once and writes at once; what is not taken is left.
    fn copy(
        &mut self,
        from: &TcpStream,
        to: &TcpStream,
        scratch: &mut [u8],
    ) -> Result<usize, Errno> {
        let (_, length) = recv(from, &mut *scratch, RecvFlags::empty())?;
        self.splicing = length == scratch.len();
        let given = match send(to, &scratch[..length], SendFlags::NOSIGNAL) {
            Ok(given) => given,
            Err(Errno::AGAIN) => 0,
            Err(error) => return Err(error),
        };
        self.left.extend_from_slice(&scratch[given..length]);
        Ok(length)
    }

    fn take_piped(&mut self, from: &TcpStream) -> Result<usize, Errno> {
        if self.pipe.is_none() {
            let (output, input) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            fcntl_setpipe_size(&input, PIPE_BYTES)?;
            self.pipe = Some((output, input));
        }
        let Some((_, input)) = &self.pipe else { return Err(Errno::BADF) };
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        self.piped = splice(from, None, input, None, PIPE_BYTES, flags)?;
        Ok(self.piped)
    }

    fn give(&mut self, to: &TcpStream) -> Result<usize, Errno> {
        if !self.left.is_empty() {
            let given = send(to, &self.left, SendFlags::NOSIGNAL)?;
            self.left.drain(..given);
            return Ok(given);
        }
        let Some((output, _)) = &self.pipe else { return Err(Errno::BADF) };
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let given = splice(output, None, to, None, self.piped, flags)?;
        self.piped -= given;
        Ok(given)
    }
}

#[cfg(test)]
mod tests;
