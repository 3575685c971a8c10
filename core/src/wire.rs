//! The control socket's frames, without I/O (DESIGN §4).
//!
//! Owns what a control plane, `status` or `push` and a gateway say to each other, and its encoding:
//! a 32-bit little-endian length and that many bytes of JSON. Tables do not travel in frames: a
//! [`Frame::Prepare`] is followed by a sealed memory file (`halftone-link`). What a weight moves does, in a
//! [`Frame::Allocation`].
//!
//! Invariants: a length is checked before anything is allocated; a peer of another protocol or
//! layout is told so in words, and nothing of it is used.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    compile::SplitKey,
    limits::FRAME_BYTES_MAX,
    rollout::allocation::Allocation,
    signal::{
        geo::{GeoKind, GeoState},
        jwt::{Issuer, IssuerState},
        lists::{ListName, ListState},
        tags::Tags,
    },
    table::TableKind,
    telemetry::GatewayStats,
};

mod explain;
mod hello;
mod shadow;

pub use explain::{ExplainRequest, Explained, Field};
pub use hello::{ControlPlane, GatewayState, Hello, Role, WorkerState};
pub use shadow::{ShadowRequest, Shadowed};

/// The version of this protocol.
pub const PROTOCOL: u32 = 7;

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Frame {
    /// The first frame in each direction.
    Hello(Hello),
    /// Here is a table (a sealed memory file travels with this frame): check it, do not use it yet.
    Prepare {
        /// Which table.
        kind: TableKind,
        /// The revision it was compiled as.
        revision: u64,
        /// What it was made from, for people.
        digest: String,
    },
    /// Here is how the rules of `base` become other rules: check them like those of a [`Frame::Prepare`],
    /// and do not use them yet. Refused when other rules are served by now: the whole table is needed then.
    Allocation {
        /// The epoch of the rules that are changed.
        base: u64,
        /// The revision of the rules that come of it.
        revision: u64,
        /// The splits whose ranges are replaced; every other row stays.
        splits: Vec<SplitRanges>,
    },
    /// The table was found good and can be committed as `epoch`.
    Prepared {
        /// Which table.
        kind: TableKind,
        /// The number the gateway gave it.
        epoch: u64,
    },
    /// Asks for [`Frame::Table`].
    QueryTable {
        /// Which table.
        kind: TableKind,
    },
    /// Here is the table that is served (a sealed memory file travels with this frame).
    Table {
        /// Which table.
        kind: TableKind,
        /// Its epoch.
        epoch: u64,
    },
    /// Use what was prepared, both at once when both are named.
    Commit {
        /// The epoch of the rules.
        rules: Option<u64>,
        /// The epoch of the instances.
        instances: Option<u64>,
        /// The epoch of the rules these were made of: when others are served by now, the commit is
        /// refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<u64>,
    },
    /// A worker decides with the committed tables from now on.
    Applied {
        /// Which worker.
        worker: u32,
        /// The epoch of its rules.
        rules: u64,
        /// The epoch of its instances.
        instances: u64,
        /// The time since Commit was received, nanoseconds.
        ns: u64,
    },
    /// Every worker has applied, or did not within its time.
    Committed {
        /// Workers that applied.
        applied: u32,
        /// Workers that did not.
        missing: u32,
    },
    /// What was asked for was not done; what was served before still is.
    Reject {
        /// Why.
        reason: String,
    },
    /// Asks for [`Frame::Stats`].
    QueryStats,
    /// What the workers counted.
    Stats(GatewayStats),
    /// Asks for [`Frame::State`].
    QueryState,
    /// What the gateway is and serves now.
    State(GatewayState),
    /// Asks for [`Frame::Explained`].
    Explain(ExplainRequest),
    /// What a worker decides for the request, and what it looked at.
    Explained(Box<Explained>),
    /// Decide these rules (a sealed memory file travels with this frame) beside those that are served, and count who
    /// would move: [`Frame::Shadowing`]. It ends with the connection.
    Shadow(ShadowRequest),
    /// Workers decide both from now on.
    Shadowing,
    /// Asks for [`Frame::Kept`] once the tables that are served now are on the gateway's disk.
    QueryKept,
    /// They are: a restart serves them.
    Kept,
    /// Asks for [`Frame::Shadowed`].
    QueryShadow,
    /// What the workers counted so far.
    Shadowed(Box<Shadowed>),
    /// Asks, of a peer with [`Role::Tags`], what is known of users of a tenant: [`Frame::TagAnswer`].
    TagQuery {
        /// Tells the answer apart from others.
        number: u64,
        /// Whose users they are.
        tenant: String,
        /// Who is asked for.
        ids: Vec<String>,
    },
    /// Answers [`Frame::TagQuery`].
    TagAnswer {
        /// The number of the question.
        number: u64,
        /// The revision of the tenant's tags that this is.
        revision: u64,
        /// By id, in the order they were asked for: the tags; no list when they cannot be read.
        found: Option<Vec<Option<Tags>>>,
    },
    /// Here is which users of a tenant may have tags (a sealed memory file travels with this frame), as of a revision of
    /// their tags: what is known of an older one is to be forgotten.
    TagFilter,
    /// Here is a region database (a sealed memory file travels with this frame): check it, keep it, serve it in place of
    /// the one of its kind. Answered by [`Frame::GeoServed`].
    Geo,
    /// The database is served.
    GeoServed(GeoState),
    /// There are databases of these kinds and no others: those of others are to be forgotten. Answered by
    /// [`Frame::Pong`].
    GeoKinds {
        /// The kinds.
        kinds: Vec<GeoKind>,
    },
    /// Here is a list of ids (a sealed memory file travels with this frame): check it, keep it, serve it in place of the
    /// one of its name. Answered by [`Frame::ListServed`].
    List,
    /// The list is served.
    ListServed(ListState),
    /// There are these lists and no others: those are to be forgotten. Answered by [`Frame::Pong`].
    ListNames {
        /// The lists.
        lists: Vec<ListName>,
    },
    /// Believe tokens of these issuers and of no others; where one comes without keys, keep those there are. Answered by
    /// [`Frame::IssuersServed`].
    Issuers {
        /// The issuers.
        issuers: Vec<Issuer>,
    },
    /// The issuers are believed.
    IssuersServed {
        /// What is told of them.
        issuers: Vec<IssuerState>,
    },
    /// Asks for [`Frame::Pong`].
    Ping,
    /// Answers [`Frame::Ping`].
    Pong,
}

/// The ranges of one split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SplitRanges {
    /// Which split.
    pub split: SplitKey,
    /// By variant, in the order they were taken.
    pub ranges: Allocation,
}

/// Why bytes are no frame, or a peer cannot be talked to.
#[derive(Debug, Error)]
pub enum WireError {
    /// More bytes than any frame has.
    #[error("a frame of {0} bytes was announced; at most {FRAME_BYTES_MAX} are read")]
    TooLarge(usize),
    /// Not a frame of this protocol.
    #[error("not a frame of protocol {PROTOCOL}: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another version on the other side.
    #[error("the peer runs {theirs}, this is {ours}: run the same version on both ends")]
    Skew {
        /// The peer's version.
        theirs: String,
        /// Our version.
        ours: String,
    },
}

/// Encodes a frame.
///
/// # Errors
/// [`WireError::TooLarge`].
pub fn encode(frame: &Frame) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = bytes.len() - 4;
    let prefix = u32::try_from(length)
        .ok()
        .filter(|_| length <= FRAME_BYTES_MAX)
        .ok_or(WireError::TooLarge(length))?;
    bytes[..4].copy_from_slice(&prefix.to_le_bytes());
    Ok(bytes)
}

/// Takes bytes as they come and yields frames.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
}

impl Decoder {
    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Returns the next whole frame; nothing when more bytes are needed.
    ///
    /// # Errors
    /// [`WireError`]; the connection must be closed then.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        let Some((prefix, body)) = self.pending.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(WireError::TooLarge(length));
        }
        let Some(body) = body.get(..length) else { return Ok(None) };
        let frame = serde_json::from_slice(body)?;
        self.pending.drain(..4 + length);
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests;
