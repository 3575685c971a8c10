//! Every bound of the system, each with its reason.
//!
//! Invariants: a bound is written here once and named wherever it is used; related bounds are tied
//! together by the const assertions at the end.

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

/// Longest bearer token that is looked at, bytes: what most servers take as one field.
pub const JWT_BYTES_MAX: usize = 8 * 1024;
/// How far clocks of issuers and gateways may differ, seconds.
pub const JWT_LEEWAY_S: u64 = 30;
/// Most issuers whose tokens are believed: they are tried in turn.
pub const JWT_ISSUERS_MAX: usize = 16;
/// Most audiences of one issuer: they are tried in turn.
pub const JWT_AUDIENCES_MAX: usize = 16;
/// Most keys of one issuer: one signs, others come and go.
pub const JWT_KEYS_MAX: usize = 64;
/// Longest issuer, audience or id of a key, bytes.
pub const JWT_NAME_BYTES_MAX: usize = 512;
/// Largest JWKS document, bytes: 64 keys with their certificates.
pub const JWKS_BYTES_MAX: usize = 1024 * 1024;
/// Smallest RSA modulus that verifies, bits (RFC 7518 §3.3).
pub const RSA_BITS_MIN: usize = 2048;
/// Largest one, bits: a verification costs with its square.
pub const RSA_BITS_MAX: usize = 4096;
/// Tokens of which one worker remembers what became of them, at most.
pub const JWT_REMEMBERED: usize = 16 * 1024;
/// Most bytes of tokens and their claims that one worker remembers: 16 000 of usual length.
pub const JWT_REMEMBERED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most tokens that one worker verifies in a tick, 4000 in a second: a signature takes 30 to 100 µs, so that whoever sends
/// ever new ones takes a third of a core at most, and no tick is late by much.
pub const JWT_JUDGED_PER_TICK: u32 = 400;
/// Most that a worker verifies in a tick for a shadow alone, so that one that reads tokens where the served rules do not takes
/// nothing from callers, and a tenth of a core at most.
pub const JWT_SHADOWED_PER_TICK: u32 = 100;
/// Bad ones among them that one caller may show: 250 in a second are nobody's mistake, also where many users share an
/// address, and it takes sixteen addresses to use up what all callers have together.
pub const JWT_BAD_PER_CALLER: u8 = 25;

/// Largest archive body accepted from a socket or a disk, bytes. 100 000 routes take about 20 MiB.
pub const TABLE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Largest frame of the control socket, bytes; tables travel beside it as a sealed memory file.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most peers connected to one control socket: control planes, `push`, `status`, and slack.
pub const CONTROL_PEERS_MAX: usize = 32;

/// Most tenants, routes, releases, variants, upstreams, instances in one table: four times what
/// PRODUCT R11 asks for, so that a doubled table is still seen as a fault and not as growth.
pub const ROUTES_MAX: usize = 400_000;
/// See [`ROUTES_MAX`].
pub const RELEASES_MAX: usize = 40_000;
/// See [`ROUTES_MAX`].
pub const VARIANTS_MAX: usize = 100_000;
/// See [`ROUTES_MAX`].
pub const ATTRIBUTES_MAX: usize = 10_000;
/// See [`ROUTES_MAX`].
pub const INSTANCES_MAX: usize = 400_000;
/// Most bucket ranges of one split: grows and shrinks fragment it, a compaction is not allowed to
/// move users.
pub const RANGES_MAX: usize = 4_096;
/// Most attributes tried for one bucketing key.
pub const UNITS_MAX: usize = 16;
/// Most matches of one rule (Gateway API: 64).
pub const MATCHES_MAX: usize = 64;
/// Most conditions of one match on headers, and as many on query parameters or cookies (Gateway
/// API: 16).
pub const VALUES_MAX: usize = 16;
/// Most conditions of one row: a method, a path, host names, address ranges, and values of each kind.
pub const CONDITIONS_MAX: usize = 4 + 3 * VALUES_MAX;
/// Longest value a header, a query parameter or a cookie is compared with, bytes (Gateway API: 4096).
pub const VALUE_BYTES_MAX: usize = 4096;
/// Most different regular expressions in one table.
pub const REGEXES_MAX: usize = 10_000;
/// Largest automaton of one regular expression as it travels, bytes.
pub const REGEX_BYTES_MAX: usize = 256 * 1024;
/// Most memory taken to make one, bytes: a pattern of a few letters can ask for gigabytes.
pub const REGEX_BUILD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest expression, bytes: a list of [`ALTERNATIVES_MAX`] names fits.
pub const EXPRESSION_BYTES_MAX: usize = 32 * 1024;
/// Deepest nesting of brackets and conditionals in an expression: the parser takes up to 150 KiB of stack for one
/// (measured in a debug build, where 16 levels overflow a thread's 2 MiB), and people write five.
pub const EXPRESSION_NESTING_MAX: usize = 8;
/// Most operators, dots and brackets of an expression: a chain of them nests the parser, too.
pub const EXPRESSION_OPERATORS_MAX: usize = 512;
/// Most bytes of expressions whose parsed form is kept, in each of two generations: 10 000 targets have less than one
/// MiB, and a list takes 25 times its text.
pub const EXPRESSIONS_REMEMBERED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most nodes that one evaluation looks at, those of the segments it names included.
pub const EXPRESSION_NODES_MAX: usize = 2048;
/// Deepest tree of an expression, those of the segments it names included: evaluation is recursive.
pub const EXPRESSION_DEPTH_MAX: usize = 128;
/// Most segments in one table.
pub const SEGMENTS_MAX: usize = 10_000;
/// Most levels of a nested table: a lookup looks at two nodes per level above it at most.
pub const NESTED_LEVELS_MAX: usize = 6;
/// Most cells of one nested table: every city of a country by device and level.
pub const NESTED_CELLS_MAX: usize = 10_000;
/// Most slashes of a path prefix: a request's path is looked up once per slash, as far as any prefix goes.
pub const PREFIX_SLASHES_MAX: u32 = 64;
/// Most targets of one release: they are tried in turn.
pub const TARGETS_MAX: usize = 4096;
/// Most host names or address ranges of one condition: they are tried in turn.
pub const ALTERNATIVES_MAX: usize = 1024;
/// Longest name of anything in a bundle, bytes.
pub const NAME_BYTES_MAX: usize = 253;
/// Longest baggage that is sent on when a member of ours is added to it, bytes: what every hop has to pass on (W3C
/// Baggage, Limits).
pub const BAGGAGE_BYTES_MAX: usize = 8 * 1024;
/// Most members of such baggage, for the same reason.
pub const BAGGAGE_MEMBERS_MAX: usize = 64;
/// Longest value of a member that may name a variant, bytes: a name with every byte of it escaped.
pub const BAGGAGE_VALUE_BYTES_MAX: usize = 3 * NAME_BYTES_MAX;
/// Longest value taken as a bucketing key, bytes; a longer one is cut nowhere, it is not present.
pub const UNIT_BYTES_MAX: usize = 1024;
/// Most tags of one id: dimensions that people name, not a record of what somebody did.
pub const TAGS_MAX: usize = 64;
/// Longest value of one tag, bytes.
pub const TAG_VALUE_BYTES_MAX: usize = 1024;
/// Most bytes of all tags of one id, names and values: a worker keeps those of many.
pub const TAG_BYTES_MAX: usize = 4 * 1024;
/// Most ids with tags of one tenant: the filter that tells them apart then has 25 MB.
pub const TAG_IDS_MAX: u64 = 20_000_000;
/// Bits of the filter for each id there is room for: less than 1 % of others pass (`table::filter`).
pub const TAG_FILTER_BITS: u64 = 12;
/// Most words of a filter: with room for twice the ids there may be.
pub const TAG_FILTER_WORDS_MAX: usize = 8 * 1024 * 1024;
/// Longest line of a load, bytes: an id and its tags, every byte of them escaped.
pub const TAG_LINE_BYTES_MAX: usize = 64 * 1024;
/// Most keys of a gateway: one signs, one is about to, the others end with what they signed.
pub const KEYS_MAX: usize = 16;
/// Shortest secret of a key, bytes: as long as what it makes (RFC 2104 §3).
pub const KEY_BYTES_MIN: usize = 32;
/// Longest secret of a key, bytes: a block of SHA-256; a longer one would be hashed first (RFC 2104 §2).
pub const KEY_BYTES_MAX: usize = 64;
/// Longest id of a key, bytes: it is a part of every token.
pub const KEY_ID_BYTES_MAX: usize = 32;
/// Largest key file, bytes.
pub const KEYS_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Longest token, bytes: the longest bucketing key with its signature.
pub const TOKEN_BYTES_MAX: usize = UNIT_BYTES_MAX + 128;
/// Tokens of which one worker remembers that they are good: about 1 MiB with ids of usual length.
pub const TOKENS_REMEMBERED: usize = 4096;
/// How long browsers are asked to keep what a gateway has them remember, seconds: 400 days are the most they do
/// (RFC 6265bis).
pub const COOKIE_AGE_S: u64 = 400 * 86_400;
/// How often a gateway looks whether its key file is another one, milliseconds.
pub const KEYS_WATCH_MS: u64 = 1_000;
/// Longest time that an override or an explanation can be signed for, seconds: what grants something is renewed.
pub const GRANT_S_MAX: u64 = 366 * 86_400;
/// Most values that the answer to a signed explain header tells.
pub const TOLD_VALUES_MAX: usize = 16;
/// Longest of them, bytes.
pub const TOLD_VALUE_BYTES_MAX: usize = 64;

/// Most lines of a load that are made durable at once.
pub const TAG_BATCH_LINES: usize = 10_000;
/// Most bytes of ids and tags that are made durable at once: a load holds no more of them.
pub const TAG_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long a request may wait for tags that its worker does not know, milliseconds.
pub const TAGS_MS: u64 = 2;
/// Longest such wait that can be set, milliseconds: a decision that takes longer is a request that is late.
pub const TAGS_MS_MAX: u64 = 1_000;
/// Most bytes of tags that one worker remembers.
pub const TAG_CACHE_BYTES: usize = 16 * 1024 * 1024;
/// How long a worker remembers that an id has no tags, milliseconds; it is told when that may have changed.
pub const TAG_ABSENT_MS: u64 = 10_000;
/// How long a worker takes for unknown what could not be answered in time, milliseconds, before it asks again.
pub const TAG_MISSED_MS: u64 = 1_000;
/// Most ids asked for in one frame: with their longest ids it still is a small one.
pub const TAG_QUERY_IDS_MAX: usize = 64;
/// Most bytes of questions that a control plane has not answered: a socket takes more before a write to it waits.
pub const TAG_QUERY_BYTES_MAX: usize = 64 * 1024;
/// Most questions that a control plane has not answered, for the same reason.
pub const TAG_QUERIES_MAX: usize = 64;
/// Most bad lines of a load that are told; then it ends, since the file is another one than was meant.
pub const TAG_REFUSALS_MAX: usize = 1_000;
/// Most bytes of names that a gateway keeps for counts of combinations: those of some ten thousand cells.
pub const EXPOSURE_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of what a worker keeps of its log's lines, by what was decided: some two thousand combinations.
pub const PHRASE_BYTES_MAX: usize = 256 * 1024;
/// Most ids of one list: as many as may have tags; their fingerprints have 160 MB.
pub const LIST_IDS_MAX: usize = 20_000_000;
/// Most lists of all tenants.
pub const LISTS_MAX: usize = 1_000;
/// Most ids of all lists: every gateway holds their fingerprints in memory, 512 MB of them.
pub const LISTS_IDS_MAX: usize = 64_000_000;
/// Largest region database that is read, bytes: full-size City databases have a quarter of it.
pub const GEO_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Longest value that is taken from a region database, bytes: no name is longer.
pub const GEO_VALUE_BYTES_MAX: usize = 256;
/// Addresses a worker remembers the region of, twice over (those seen lately, and those before): about 5 MB.
pub const GEO_ADDRESSES_MAX: usize = 4096;
/// Networks of a region database that are compared with the one before it: those of the largest take a few seconds.
pub const GEO_NETWORKS_COMPARED_MAX: usize = 16_000_000;
/// From which age on a region database is called old, seconds: 30 days, and new ones come twice a week.
pub const GEO_OLD_S: u64 = 30 * 24 * 3600;
/// Letters of a geohash: more would tell apart what a double cannot.
pub const GEOHASH_PRECISION_MAX: usize = 12;
/// Most bytes of a user agent that are read: those of in-app browsers, the longest, have up to 600.
pub const DEVICE_AGENT_BYTES_MAX: usize = 1024;
/// Longest client hint that is read, bytes: a list of brands has 150.
pub const DEVICE_HINT_BYTES_MAX: usize = 256;
/// Most clients whose device one worker remembers: with fields of the usual length about 1 MiB, of the longest
/// possible 5 MiB. A few thousand different ones make up nearly all requests of a site.
pub const DEVICES_MAX: usize = 2048;
/// Largest bundle text accepted by the API, bytes.
pub const BUNDLE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most revisions kept of one tenant.
pub const REVISIONS_MAX: usize = 100;
/// Most bytes of the revisions kept of one tenant: a disk holds many tenants.
pub const REVISIONS_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Most tenants without a bundle whose history is kept.
pub const GONE_TENANTS_MAX: usize = 100;
/// Most open connections of the API: people, scripts and instances that keep one for heartbeats.
pub const API_CONNECTIONS_MAX: usize = 4_096;
/// How long a head of the API may take, and a kept connection be silent, milliseconds.
pub const API_HEAD_MS: u64 = 30_000;
/// Largest body of one registration, bytes.
pub const REGISTRATION_BYTES_MAX: usize = 64 * 1024;
/// Most labels of one instance.
pub const LABELS_MAX: usize = 64;
/// Shortest time an instance may stay without a heartbeat, milliseconds: less is jitter, not absence.
pub const INSTANCE_TTL_MS_MIN: u64 = 1_000;
/// Longest time an instance may stay without a heartbeat, milliseconds: more means that it stays.
pub const INSTANCE_TTL_MS_MAX: u64 = 24 * 3_600_000;
/// Largest instance weight.
pub const WEIGHT_MAX: u32 = 1_000_000;
/// Most socket addresses one instance name resolves to.
pub const ADDRESSES_MAX: usize = 16;

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

/// Longest part shown of a request line that could not be parsed, bytes.
pub const LOGGED_LINE_BYTES_MAX: usize = 512;
/// Longest value of a decision that a line of the access log has, bytes; a longer one is not there.
pub const LOGGED_VALUE_BYTES_MAX: usize = 256;
/// Most values of a decision in one line: a rule reads a handful.
pub const LOGGED_VALUES_MAX: usize = 32;
/// Most bytes of values in one line, so that they fit a head buffer and a line its room in a block.
pub const LOGGED_VALUES_BYTES_MAX: usize = 2 * 1024;
/// Longest line of an access log that is read again, bytes: a target every byte of which is escaped, and the rest.
pub const REPLAYED_LINE_BYTES_MAX: usize = 128 * 1024;
/// Most reasons told apart why lines cannot be decided again.
pub const REPLAY_REASONS_MAX: usize = 64;
/// Longest value an explanation shows, bytes; what is longer is cut.
pub const EXPLAIN_VALUE_BYTES_MAX: usize = 256;
/// Most routes and targets that did not match an explanation shows: people read it, and with two
/// values for each of [`CONDITIONS_MAX`] conditions it still fits a frame.
pub const EXPLAIN_UNMATCHED_MAX: usize = 100;
/// Most values an explanation shows of one expression.
pub const EXPLAIN_READS_MAX: usize = 32;
/// Most instances an explanation names.
pub const EXPLAIN_INSTANCES_MAX: usize = 32;

/// Most users that a report of moves counts exactly; beyond, they are estimated to 3 %.
pub const USERS_EXACT_MAX: usize = 1024;
/// Most moves that are told apart, from one rule to another: people read them, and a worker has 8 KiB for each.
pub const MOVES_MAX: usize = 64;
/// Most requests that are shown of one move.
pub const MOVE_SAMPLES_MAX: usize = 3;
/// Longest part of a request that is shown, bytes.
pub const MOVE_TEXT_BYTES_MAX: usize = 128;
/// Longest time a candidate is decided beside what is served, milliseconds: an hour, and whoever asked is known to wait.
pub const SHADOW_MS_MAX: u64 = 3_600_000;
/// How long the counts of a shadow are kept once its time is over, milliseconds: who set it asks for them.
pub const SHADOW_KEPT_MS: u64 = 60_000;

/// Largest body that a device's features come in, bytes: our script sends 2 KiB (Chromium).
pub const FINGERPRINT_BODY_BYTES_MAX: usize = 8 * 1024;
/// Most words of one feature: our script sends 120 of the largest.
pub const FINGERPRINT_WORDS_MAX: usize = 160;
/// Longest word of a feature, bytes: a name of a graphics card has shorter ones.
pub const FINGERPRINT_WORD_BYTES_MAX: usize = 64;
/// How long one salt makes ids, seconds: 30 days. An id lives to the end of the next period, so a rollout of a month
/// does not lose its users, and two ids of one device further apart have nothing in common.
pub const FINGERPRINT_PERIOD_S: u64 = 30 * 24 * 3600;
/// Most fingerprints that one worker takes in a second: each is at most two sketches of 3 × 160 words, some 120 000
/// multiplications, and a flood of them leaves the worker to its requests.
pub const FINGERPRINTS_PER_S_MAX: u32 = 100;

/// The bucket space: parts per million.
pub const BUCKETS: u32 = 1_000_000;

const _: () =
    assert!(2 * EXPLAIN_UNMATCHED_MAX * CONDITIONS_MAX * EXPLAIN_VALUE_BYTES_MAX < FRAME_BYTES_MAX);
/// A hash has 20 digits and a comma; a sample three texts of which every byte may be escaped, and its names.
const _: () = assert!(
    (MOVES_MAX + 2) * USERS_EXACT_MAX * 21
        + MOVES_MAX * MOVE_SAMPLES_MAX * 3 * (6 * MOVE_TEXT_BYTES_MAX + 64)
        + MOVES_MAX * 12 * 6 * NAME_BYTES_MAX
        < FRAME_BYTES_MAX
);
const _: () = assert!(8 * URI_BYTES_MAX + LOGGED_VALUES_BYTES_MAX < REPLAYED_LINE_BYTES_MAX);
const _: () = assert!(LOGGED_VALUES_BYTES_MAX + 8 * LOGGED_VALUE_BYTES_MAX <= HEAD_BUFFER_BYTES);
const _: () = assert!(URI_BYTES_MAX < HEAD_BYTES_MAX && HEAD_BYTES_MIN < HEAD_BYTES_MAX);
const _: () = assert!(TUNNEL_IDLE_MS <= TIMEOUT_MS_MAX);
const _: () = assert!(HEAD_BUFFER_BYTES <= HEAD_BYTES_MAX);
const _: () = assert!(HEAD_BYTES_MAX + HEADROOM_BYTES <= RELAY_BUFFER_BYTES);
const _: () = assert!(METHOD_BYTES_MAX < 64 && CONNECTION_NAMES_MAX <= HEADERS_MAX);
const _: () = assert!(CHUNK_LINE_BYTES_MAX < HEAD_BUFFER_BYTES);
const _: () = assert!(BUNDLE_BYTES_MAX <= TABLE_BYTES_MAX);
const _: () = assert!(6 * EXPOSURE_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(JWT_BYTES_MAX < HEAD_BYTES_MAX && RSA_BITS_MIN <= RSA_BITS_MAX);
const _: () = assert!(
    JWT_ISSUERS_MAX
        * (JWT_KEYS_MAX * (6 * JWT_NAME_BYTES_MAX + RSA_BITS_MAX / 4)
            + 6 * JWT_AUDIENCES_MAX * JWT_NAME_BYTES_MAX)
        < FRAME_BYTES_MAX
);
const _: () = assert!(6 * (UNIT_BYTES_MAX + TAG_BYTES_MAX) < TAG_LINE_BYTES_MAX);
const _: () = assert!(TAGS_MS <= TAGS_MS_MAX && TAG_MISSED_MS < TAG_ABSENT_MS);
const _: () = assert!(TAG_QUERY_IDS_MAX * TAG_BYTES_MAX * 6 < FRAME_BYTES_MAX);
const _: () = assert!(UNIT_BYTES_MAX + KEY_ID_BYTES_MAX + 43 + 12 + 3 <= TOKEN_BYTES_MAX);
const _: () =
    assert!(KEY_BYTES_MIN <= KEY_BYTES_MAX && ((KEYS_MAX * 256) as u64) < KEYS_FILE_BYTES_MAX);
const _: () = assert!(2 * TAG_IDS_MAX * TAG_FILTER_BITS <= 64 * TAG_FILTER_WORDS_MAX as u64);
const _: () = assert!(8 * TAG_FILTER_WORDS_MAX < TABLE_BYTES_MAX);
const _: () = assert!(TAG_VALUE_BYTES_MAX < TAG_BYTES_MAX && TAG_LINE_BYTES_MAX < TAG_BATCH_BYTES);
const _: () = assert!(INSTANCE_TTL_MS_MIN < INSTANCE_TTL_MS_MAX);
const _: () = assert!(2 * BUNDLE_BYTES_MAX as u64 <= REVISIONS_BYTES_MAX);
const _: () = assert!(DEVICE_AGENT_BYTES_MAX + 5 * DEVICE_HINT_BYTES_MAX < u16::MAX as usize);
const _: () = assert!(TICK_MS < CONNECT_MS && LINGER_MS < DRAIN_MS);
