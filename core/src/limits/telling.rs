//! What is told of decisions: logs, explanations, and who would move.

/// Most bytes of names that a gateway keeps for counts of combinations: those of some ten thousand cells.
pub const EXPOSURE_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of what a worker keeps of its log's lines, by what was decided: some two thousand combinations.
pub const PHRASE_BYTES_MAX: usize = 256 * 1024;

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
/// values for each of [`super::CONDITIONS_MAX`] conditions it still fits a frame.
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
