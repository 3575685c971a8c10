//! A worker in a thread of its own, and both ends of the connections it makes.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, Sender, unbounded};
use halftone_core::{
    limits::TICK_MS,
    signal::{geo::Databases, jwt::Issuers, lists::IdLists, trust::Trusted},
    table::{
        AddressRow, InstanceRow, InstanceSet, InstanceTable, NONE, PathRow, RouteRow, RuleTable,
        Span, TenantRow, TimeoutsRow, VariantRow, archive::Archive, epoch::EpochCell,
    },
};

use super::tripping::Tripping;
use crate::{
    engine::{self, probe::Choice},
    io::connect::bind,
    limits::Limits,
    tables::{Loaded, Tables},
    telemetry::{counters::Merged, log::AccessLog},
    worker::{Command, Start, TICK, WAKE, run},
};

/// How long anything that is expected may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing has to come before it is taken for what will not come.
const REST: Duration = Duration::from_millis(700);

/// Looks until something holds.
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        thread::yield_now();
    }
}

/// What is different from a worker that serves one place and believes nobody.
pub(super) struct Setting {
    pub(super) limits: Limits,
    pub(super) sockets: usize,
    pub(super) trusted: bool,
    pub(super) timeouts: TimeoutsRow,
    pub(super) request_ms: u32,
    pub(super) body_bytes: u64,
    pub(super) reserved: Vec<String>,
    /// Keys of baggage that callers may not send.
    pub(super) baggage: Vec<String>,
    /// Bytes of a caller's answers that the kernel holds.
    pub(super) send_buffer: Option<usize>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            sockets: 1024,
            trusted: false,
            timeouts: TimeoutsRow::UNSAID,
            request_ms: NONE,
            body_bytes: u64::MAX,
            reserved: Vec::new(),
            baggage: Vec::new(),
            send_buffer: None,
        }
    }
}

/// A running worker; it ends with its handle.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    wake: UnixStream,
    commands: Sender<Command>,
    lines: Receiver<Vec<u8>>,
    thread: thread::JoinHandle<()>,
}

impl Running {
    /// Starts a worker that sends everything to `service`.
    pub(super) fn start(choice: Choice, service: SocketAddr, setting: &Setting) -> Self {
        let socket = socket2::Socket::from(bind(([127, 0, 0, 1], 0).into()).expect("a port"));
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        if let Some(bytes) = setting.send_buffer {
            // Accepted sockets inherit it.
            socket.set_send_buffer_size(bytes).expect("an option");
        }
        let (wake, woken) = UnixStream::pair().expect("a pair");
        woken.set_nonblocking(true).expect("a flag");
        let (commands, received) = unbounded();
        let (full, lines) = unbounded();
        let trusted = if setting.trusted { "127.0.0.0/8" } else { "none" };
        let start = Start {
            id: 0,
            listeners: vec![socket.into()],
            wake: woken.into(),
            commands: received,
            applied: unbounded().0,
            tables: Arc::new(EpochCell::new(Some(tables(service, setting)))),
            trusted: Trusted::parse(&[trusted.to_owned()]).expect("peers"),
            limits: setting.limits,
            sockets: setting.sockets,
            log: Some(AccessLog::new(full, unbounded().1, Instant::now())),
            asker: None,
            databases: Arc::new(EpochCell::new(Databases::default())),
            lists: Arc::new(EpochCell::new(IdLists::default())),
            issuers: Arc::new(EpochCell::new(Issuers::default())),
            seed: 1,
            signing: crate::signing::Given::without_keys(),
            fingerprint: true,
        };
        let work = move || match choice {
            Choice::IoUring(flags) => {
                engine::monoio::block_on(Some(flags), |on| run(Tripping(on), start))
            }
            Choice::Epoll => engine::monoio::block_on(None, |on| run(Tripping(on), start)),
            Choice::Glommio => engine::glommio::block_on(|on| run(Tripping(on), start)),
        };
        let thread = thread::spawn(move || work().expect("it was probed"));
        Self { address: address.expect("an address"), wake, commands, lines, thread }
    }

    /// Lets time pass for the worker.
    pub(super) fn pass(&self, ms: u64) {
        for _ in 0..ms.div_ceil(TICK_MS) {
            (&self.wake).write_all(&[TICK]).expect("the worker listens");
            self.report();
        }
        // Commands are looked at before the ticks that came with them: the next answer is behind them.
        self.report();
    }

    /// Returns what the worker has counted.
    pub(super) fn report(&self) -> Merged {
        let (reply, answer) = unbounded();
        self.commands.send(Command::Report(reply)).expect("the worker listens");
        (&self.wake).write_all(&[WAKE]).expect("the worker listens");
        Merged::of(vec![answer.recv_timeout(PATIENCE).expect("a report").1])
    }

    /// Tells the worker to take no more connections, and waits for its end.
    pub(super) fn drain(self) {
        self.commands.send(Command::Drain).expect("the worker listens");
        until("the worker to end", || {
            let _ = (&self.wake).write_all(&[TICK]);
            self.thread.is_finished()
        });
        self.thread.join().expect("no panic");
    }

    /// Returns the lines of the access log since it was asked for last.
    pub(super) fn log(&self) -> Vec<serde_json::Value> {
        self.pass(TICK_MS);
        let text: Vec<u8> = self.lines.try_iter().flatten().collect();
        let text = String::from_utf8(text).expect("the log is text");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Returns how often this label was counted.
    pub(super) fn errors(&self, label: &str) -> u64 {
        self.report().errors.get(label).copied().unwrap_or_default()
    }

    /// Connects.
    pub(super) fn connect(&self) -> Wire {
        Wire::new(TcpStream::connect(self.address).expect("the worker listens"))
    }

    /// Connects as a caller for whom the kernel holds so many bytes of its answers.
    pub(super) fn connect_with_buffer(&self, bytes: usize) -> Wire {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.expect("a socket");
        socket.set_recv_buffer_size(bytes).expect("an option");
        socket.connect(&self.address.into()).expect("the worker listens");
        Wire::new(socket.into())
    }
}

fn tables(service: SocketAddr, setting: &Setting) -> Tables {
    let rules = RuleTable {
        any_host: Span { start: 0, end: 1 },
        routes: vec![RouteRow {
            name: "all".into(),
            path: PathRow::Prefix(String::new()),
            tenant: 0,
            conditions: Vec::new(),
            release: NONE,
            variant: 0,
            request_ms: setting.request_ms,
            body_bytes: setting.body_bytes,
        }]
        .into(),
        variants: vec![VariantRow {
            name: "stable".into(),
            key: "t/u/stable".into(),
            timeouts: setting.timeouts,
        }],
        tenants: vec![TenantRow {
            name: "t".into(),
            reserved: setting.reserved.clone(),
            baggage: setting.baggage.clone(),
        }],
        ..RuleTable::default()
    };
    let address = AddressRow::V4([127, 0, 0, 1], service.port());
    let instance =
        InstanceRow { name: service.to_string(), addresses: vec![address], weight_end: 1 };
    let set = InstanceSet { key: "t/u/stable".into(), instances: vec![instance] };
    let instances = InstanceTable { sets: vec![set] };
    Tables::join(
        Arc::new(Loaded { epoch: 1, archive: Archive::build(&rules, 1).expect("rules") }),
        Arc::new(Loaded { epoch: 1, archive: Archive::build(&instances, 1).expect("instances") }),
    )
}

/// One end of a connection.
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    pending: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.set_nodelay(true).expect("an option");
        Self { stream, pending: Vec::new() }
    }

    /// Sends bytes as they are.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the peer takes bytes");
        self
    }

    /// Has the kernel hold little of what passes here, however fast it is.
    pub(super) fn bound_buffers(&self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_recv_buffer_size(64 * 1024).expect("an option");
        socket.set_send_buffer_size(64 * 1024).expect("an option");
    }

    /// Sends what is taken while the peer takes anything; returns how much that is.
    pub(super) fn send_until_blocked(&mut self, bytes: &[u8]) -> usize {
        self.stream.set_write_timeout(Some(REST)).expect("an option");
        let mut sent = 0;
        while let Ok(more @ 1..) = self.stream.write(&bytes[sent..]) {
            sent += more;
        }
        self.stream.set_write_timeout(None).expect("an option");
        sent
    }

    /// Receives up to and with the next empty line.
    pub(super) fn head(&mut self) -> String {
        self.try_head().expect("a head")
    }

    /// Receives up to and with the next empty line, if the connection lasts until then.
    pub(super) fn try_head(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.pending.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.pending.drain(..at + 4).collect();
                return Ok(String::from_utf8_lossy(&head).to_ascii_lowercase());
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Receives up to and with `end`; returns false when it does not come while everybody else rests.
    pub(super) fn comes(&mut self, end: &str) -> bool {
        self.stream.set_read_timeout(Some(REST)).expect("an option");
        let found = loop {
            let found = self.pending.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                self.pending.drain(..at + end.len());
                break true;
            }
            if !matches!(self.fill(), Ok(1..)) {
                break false;
            }
        };
        self.stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        found
    }

    /// Receives so many bytes.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.pending.len() < count {
            assert!(self.fill().expect("bytes") > 0, "the end, before {count} bytes");
        }
        self.pending.drain(..count).collect()
    }

    /// Receives all there is to the end of the connection.
    pub(super) fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.pending))
    }

    /// Returns whether the connection is reset, and not closed.
    pub(super) fn ends_with_reset(&mut self) -> bool {
        self.rest().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    }

    /// Returns whether something has arrived, the end included.
    pub(super) fn has_news(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a flag");
        let seen = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("a flag");
        !self.pending.is_empty() || seen.is_ok()
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 64 * 1024];
        let bytes = loop {
            match self.stream.read(&mut piece) {
                // glommio signals its own threads, and whoever is there may get it.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.pending.extend_from_slice(&piece[..bytes]);
        Ok(bytes)
    }
}

/// A service whose connections the test holds in its hand.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    connections: mpsc::Receiver<TcpStream>,
}

impl Service {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, connections) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if sender.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, connections }
    }

    /// Waits for the next connection of the worker.
    pub(super) fn accept(&self) -> Wire {
        Wire::new(self.connections.recv_timeout(PATIENCE).expect("the worker connects"))
    }

    /// Returns whether there was no connection that nobody accepted.
    pub(super) fn is_untouched(&self) -> bool {
        self.connections.try_recv().is_err()
    }
}

/// Closes both directions, whoever holds the connection.
pub(super) fn close(wire: &Wire) {
    let _ = wire.stream.shutdown(Shutdown::Both);
}
