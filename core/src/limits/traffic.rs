//! Requests and connections of a gateway: sizes, buffers, times.

use super::NAME_BYTES_MAX;

/// Largest request or response head, bytes. Browsers and gateways meet at 32 KiB (edge default of
/// Envoy is 60 KiB, of nginx 4 × 8 KiB).
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Least that the largest request head may be set to, bytes: a browser's head with a cookie.
pub const HEAD_BYTES_MIN: usize = 1024;
/// Largest request target, bytes (nginx: one 8 KiB header buffer).
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// Most header fields in one head (nginx: no bound, Envoy: 100).
pub const HEADERS_MAX: usize = 100;
/// Longest method, bytes: the longest registered one (`UPDATEREDIRECTREF`, RFC 4437) has 17. A longer one is answered
/// 501 (RFC 9112 §3).
pub const METHOD_BYTES_MAX: usize = 32;
/// Most fields that Connection may name besides its own options: each is looked for among all fields.
pub const CONNECTION_NAMES_MAX: usize = 32;
/// Most gateways like this one that a request may have come through, by its Via: more are a loop (RFC 9110 §7.6.3).
pub const HOPS_MAX: usize = 16;
/// Longest host name, bytes (RFC 1035 §2.3.4) plus port.
pub const HOST_BYTES_MAX: usize = 253 + 6;
/// Longest chunk-size line, bytes: 16 hexadecimal digits and short extensions. Longer ones only
/// serve attackers (RFC 9112 §7.1.1).
pub const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Largest trailer section, bytes.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// Receive buffer a request head starts in, bytes: nearly every head fits one.
pub const HEAD_BUFFER_BYTES: usize = 4 * 1024;
/// Buffer a body or a response is relayed through, bytes (measured: one write for head and body).
pub const RELAY_BUFFER_BYTES: usize = 64 * 1024;
/// Most connections of one worker that wait for a request with their head buffer in hand: 1 MiB. A read in flight
/// answers sooner than a wait and a read, so the few that are busy get it; the many that are silent hold nothing.
pub const WAITING_HEADS_MAX: usize = 256;
/// Most requests of one worker that wait for their answer with the relay buffer in hand: 8 MiB.
pub const WAITING_RELAYS_MAX: usize = 128;
/// Most kept upstream connections of one worker that listen, each with a relay buffer: 8 MiB, of which the kernel gives
/// what was written to. The others are asked before they are used.
pub const LISTENING_RELAYS_MAX: usize = 128;
/// Most requests in flight with which a worker still writes by system calls of their own: with more, their operations
/// share an entry into the kernel.
pub const DIRECT_WRITES_MAX: usize = 4;
/// Most free head buffers one worker keeps: 4 MiB.
pub const FREE_HEADS_MAX: usize = 1024;
/// Most free relay buffers one worker keeps: 8 MiB.
pub const FREE_RELAYS_MAX: usize = 128;
/// Bodies of a known length from here on are moved by the kernel, bytes: below, one copy costs less than two calls.
pub const SPLICE_BYTES_MIN: u64 = 64 * 1024;
/// Size asked for a pipe, bytes: what Linux gives to users without privilege.
pub const PIPE_BYTES: usize = 1024 * 1024;
/// Most free pipes one worker keeps.
pub const FREE_PIPES_MAX: usize = 16;
/// Most free slots for busy connections one worker keeps: about 2 MiB.
pub const FREE_SLOTS_MAX: usize = 512;
/// Room left in front of a response so that its head can be rewritten in place, bytes.
pub const HEADROOM_BYTES: usize = 1024;
/// Longest baggage that is sent on when a member of ours is added to it, bytes: what every hop has to pass on (W3C
/// Baggage, Limits).
pub const BAGGAGE_BYTES_MAX: usize = 8 * 1024;
/// Most members of such baggage, for the same reason.
pub const BAGGAGE_MEMBERS_MAX: usize = 64;
/// Longest value of a member that may name a variant, bytes: a name with every byte of it escaped.
pub const BAGGAGE_VALUE_BYTES_MAX: usize = 3 * NAME_BYTES_MAX;

/// How long a keep-alive connection may be silent, milliseconds (nginx: 75 s).
pub const IDLE_MS: u64 = 75_000;
/// How long a head may take from its first byte, milliseconds (nginx: 60 s; slow senders get less).
pub const HEAD_MS: u64 = 15_000;
/// How long a transfer may stand still, milliseconds (nginx: 60 s).
pub const STALL_MS: u64 = 60_000;
/// How long a tunnel may be silent both ways, milliseconds (HAProxy's customary `timeout tunnel`): a
/// WebSocket without pings lives for hours.
pub const TUNNEL_IDLE_MS: u64 = 3_600_000;
/// How long a connection to an instance may take, milliseconds (POLICY `timeouts.connect`).
pub const CONNECT_MS: u64 = 1_000;
/// How long an upstream may think, milliseconds (POLICY `timeouts.firstByte`).
pub const FIRST_BYTE_MS: u64 = 15_000;
/// Most interim answers before the one that counts (RFC 9110 §15.2 knows no bound; an upstream that goes on sending
/// them would never be done).
pub const INTERIM_ANSWERS_MAX: u32 = 64;
/// How long an upstream connection is kept idle, milliseconds: less than the 60 s or 75 s after which
/// upstreams usually close, so that we are first.
pub const POOL_IDLE_MS: u64 = 50_000;
/// Most idle connections one worker keeps to one address.
pub const POOL_IDLE_MAX: usize = 256;
/// Most instances tried for one request before it is answered 502.
pub const CONNECT_ATTEMPTS_MAX: usize = 3;
/// How long a closing connection is read on, milliseconds, so that its last answer is not lost to a
/// reset (RFC 9112 §9.6).
pub const LINGER_MS: u64 = 2_000;
/// Most bytes read on after an answer that came before the end of the request.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// Longest timeout that can be set, milliseconds: a day. Longer ones are slips of units.
pub const TIMEOUT_MS_MAX: u64 = 24 * 3_600_000;
/// File descriptors that no caller's connection is given: listeners, control peers, logs, tables on their
/// way, pipes, and connections that are told to come again.
pub const DESCRIPTORS_RESERVED: u64 = 64;
/// Most connections beyond its limit that one worker tells so at once; more are closed without a word.
pub const SHED_MAX: usize = 8;
/// Most times a worker that panics is started again within [`RESTARTS_MS`]: more is no accident.
pub const RESTARTS_MAX: u32 = 5;
/// See [`RESTARTS_MAX`].
pub const RESTARTS_MS: u64 = 60_000;
/// The grain of every deadline, milliseconds: the tick of the timing wheel.
pub const TICK_MS: u64 = 100;
/// How long requests in flight may take after the signal to stop, milliseconds.
pub const DRAIN_MS: u64 = 30_000;
/// How long a gateway that starts waits for an address that another one still listens on, milliseconds: the kernel closes
/// the sockets of one that was killed within a tenth of that.
pub const LISTEN_MS: u64 = 2_000;
/// How long a commit waits for its slowest worker, milliseconds.
pub const COMMIT_MS: u64 = 2_000;
/// How long whoever asks whether the served tables are on disk waits for it, milliseconds: less than a visitor waits for
/// an answer.
pub const KEPT_MS: u64 = 8_000;
