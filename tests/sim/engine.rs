//! The engine: what the worker runs on instead of a kernel's event loop.
//!
//! Owns the faults below the protocols: short reads and writes, connections that are refused or never
//! made, accepting that fails. Descriptors are real, so that the worker's own code asks, shuts down and
//! connects as everywhere. Invariant: an operation dropped before its end is noted, whoever drops it.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    rc::Rc,
    time::Instant,
};

use halftone_dataplane::engine::{Engine, Halves, Listener, Reader, Writer};
use rustix::event::PollFlags;

use crate::{socket::Socket, world::World};

/// The engine; all clones are one.
#[derive(Clone)]
pub(crate) struct Sim(Rc<Inner>);

struct Inner {
    world: Rc<World>,
    /// Callers on their way in; each has written a byte to the listening socket.
    callers: RefCell<VecDeque<Rc<Socket>>>,
    /// By path: where instances listen, and who took what.
    instances: RefCell<BTreeMap<String, Instance>>,
}

type Serve = Rc<dyn Fn(Rc<Socket>)>;

struct Instance {
    listener: UnixListener,
    serve: Serve,
}

impl Sim {
    /// Returns an engine of `world`.
    pub(crate) fn new(world: &Rc<World>) -> Self {
        let (callers, instances) = (RefCell::default(), RefCell::default());
        Self(Rc::new(Inner { world: Rc::clone(world), callers, instances }))
    }

    /// Lets an instance listen at `path`; `serve` takes its connections.
    pub(crate) fn instance(&self, path: &str, serve: Serve) {
        let listener = UnixListener::bind(path).expect("a path of our own");
        listener.set_nonblocking(true).expect("a flag");
        self.0.instances.borrow_mut().insert(path.to_owned(), Instance { listener, serve });
    }

    /// Calls the worker: returns the caller's end of a connection that is not accepted yet.
    pub(crate) fn call(&self, knock: &UnixStream) -> Rc<Socket> {
        let pair = UnixStream::pair().expect("a pair");
        let (worker, caller) = Socket::link(&self.0.world, pair);
        self.0.callers.borrow_mut().push_back(worker);
        let _ = io::Write::write(&mut &*knock, b"c");
        caller
    }

    /// Forgets the callers that were never accepted and the instances.
    pub(crate) fn clear(&self) {
        self.0.callers.take();
        self.0.instances.take();
    }

    fn halves(&self, socket: &Rc<Socket>) -> Halves<Self> {
        let fd = socket.stream.as_raw_fd();
        let half = || Half { socket: Rc::clone(socket) };
        Halves { reader: half(), writer: half(), fd }
    }

    /// Accepts at the other end, which is there already: connecting to a Unix socket does not wait.
    fn arrive(&self, socket: UnixStream) -> io::Result<(Rc<Socket>, Rc<Socket>, Serve)> {
        let address = socket.peer_addr()?;
        let path = address.as_pathname().and_then(|path| path.to_str()).unwrap_or_default();
        let instances = self.0.instances.borrow();
        let instance = instances.get(path).ok_or(io::ErrorKind::ConnectionRefused)?;
        let (accepted, _) = instance.listener.accept()?;
        let (ours, theirs) = Socket::link(&self.0.world, (socket, accepted));
        Ok((ours, theirs, Rc::clone(&instance.serve)))
    }
}

impl Engine for Sim {
    type Reader = Half;
    type Writer = Half;
    type Listener = Accepting;
    const SPLICES: bool = true;
    const LISTENS: bool = true;

    fn adopt(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        let (ours, _) = UnixStream::pair()?;
        // Only the wake-up channel comes this way: its other end is nobody's to reset.
        let (socket, _) = Socket::link(&self.0.world, (UnixStream::from(socket), ours));
        Ok(self.halves(&socket))
    }

    async fn adopt_connecting(&self, socket: OwnedFd) -> io::Result<Halves<Self>> {
        let world = &self.0.world;
        let (ours, theirs, serve) = self.arrive(UnixStream::from(socket))?;
        let flight = InFlight::new(world);
        let fate = if world.faults { world.chance.below(12) } else { 100 };
        let result = match fate {
            0 => {
                world.sleep(world.chance.below(50_000)).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            // Nobody answers: only the deadline ends it.
            1 => {
                world.until(&ours, PollFlags::empty()).await;
                Err(io::ErrorKind::TimedOut.into())
            }
            // Perhaps too late.
            2 => {
                world.sleep(world.chance.below(1_500_000)).await;
                Ok(())
            }
            _ => {
                world.sleep(world.chance.below(1_000)).await;
                Ok(())
            }
        };
        flight.land();
        result.map(|()| {
            serve(theirs);
            self.halves(&ours)
        })
    }

    fn listen(&self, socket: OwnedFd) -> io::Result<Self::Listener> {
        let (other, _) = UnixStream::pair()?;
        let (socket, _) = Socket::link(&self.0.world, (UnixStream::from(socket), other));
        Ok(Accepting { engine: self.clone(), socket })
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let running = Rc::clone(&self.0.world.worker_tasks);
        running.set(running.get() + 1);
        self.0.world.spawn(async move {
            task.await;
            running.set(running.get() - 1);
        });
    }

    fn now(&self) -> Instant {
        self.0.world.now()
    }
}

/// One half of a stream of the worker.
pub(crate) struct Half {
    socket: Rc<Socket>,
}

impl Half {
    /// Returns how much of `most` one system call does.
    fn portion(&self, most: usize) -> usize {
        let world = &self.socket.world;
        match world.chance.below(8) {
            0 if world.faults => 1,
            1..4 if world.faults => 1 + world.chance.index(most.clamp(1, 300)),
            4..6 if world.faults => 1 + world.chance.index(most),
            _ => most,
        }
    }
}

impl Half {
    async fn wait(&self, events: PollFlags) -> io::Result<()> {
        let flight = InFlight::new(&self.socket.world);
        self.socket.world.until(&self.socket, events).await;
        flight.land();
        Ok(())
    }
}

impl Reader for Half {
    async fn read(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        let flight = InFlight::new(&self.socket.world);
        let room = buffer.capacity() - buffer.len();
        assert!(room > 0, "a read into a full buffer");
        let most = self.portion(room).min(room);
        let result = self.socket.read(&mut buffer, most).await;
        flight.land();
        (result, buffer)
    }

    async fn readable(&mut self) -> io::Result<()> {
        self.wait(PollFlags::IN).await
    }
}

impl Writer for Half {
    async fn write_all(
        &mut self,
        buffer: Vec<u8>,
        range: Range<usize>,
    ) -> (io::Result<()>, Vec<u8>) {
        let flight = InFlight::new(&self.socket.world);
        let most = self.portion(range.len().max(1));
        let result = self.socket.write(&buffer[range], most).await;
        flight.land();
        (result, buffer)
    }

    fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = if bytes.is_empty() || self.socket.world.chance.one_in(3) {
            0
        } else {
            self.portion(bytes.len())
        };
        self.socket.write_now(&bytes[..most])
    }

    async fn writable(&mut self) -> io::Result<()> {
        self.wait(PollFlags::OUT).await
    }
}

/// The listening socket of the worker.
pub(crate) struct Accepting {
    engine: Sim,
    socket: Rc<Socket>,
}

impl Listener<Sim> for Accepting {
    async fn accept(&mut self) -> io::Result<(Halves<Sim>, SocketAddr)> {
        let world = &self.socket.world;
        let flight = InFlight::new(world);
        let fails = world.faults && world.chance.one_in(12);
        // The knock of the caller stays where it is, and so does the caller.
        let knocked = if fails {
            world.until(&self.socket, PollFlags::IN).await;
            Err(io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error()))
        } else {
            self.socket.read(&mut Vec::new(), 1).await
        };
        flight.land();
        let caller = match knocked? {
            0 => None,
            _ => self.engine.0.callers.borrow_mut().pop_front(),
        };
        let caller = caller.ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.engine.halves(&caller), SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000))))
    }
}

/// An operation that must be awaited to its end.
struct InFlight {
    world: Rc<World>,
    landed: Cell<bool>,
}

impl InFlight {
    fn new(world: &Rc<World>) -> Self {
        Self { world: Rc::clone(world), landed: Cell::new(false) }
    }

    fn land(&self) {
        self.landed.set(true);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.landed.get() {
            self.world.broken("an operation in flight was dropped");
        }
    }
}
