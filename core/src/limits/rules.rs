//! What people write, the tables that come of it, and the control plane that keeps it.

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
/// How long the API reads on what comes after an early answer, milliseconds (nginx: 30 s): a load of [`super::LIST_IDS_MAX`]
/// ids is sent in less, and its caller listens only then.
pub const API_LINGER_MS: u64 = 30_000;
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

/// The bucket space: parts per million.
pub const BUCKETS: u32 = 1_000_000;
