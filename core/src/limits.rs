//! Every bound of the system, each with its reason.
//!
//! Owns them by what they bound; each is named `limits::…`, whichever file it is in.
//!
//! Invariants: a bound is written once and named wherever it is used; related bounds are tied
//! together by the const assertions here.

mod callers;
mod rules;
mod telling;
mod traffic;

pub use callers::*;
pub use rules::*;
pub use telling::*;
pub use traffic::*;

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
const _: () = assert!(TICK_MS < CONNECT_MS && LINGER_MS < DRAIN_MS && LINGER_MS < API_LINGER_MS);
