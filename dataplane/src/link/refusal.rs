//! Why a peer's request is refused.
//!
//! Owns the reasons of a conversation, and the words they are said in. Regions, lists and issuers have their own.
//! Invariant: after a refusal, what was served still is.

use halftone_core::{
    compile::CompileError,
    limits::{BUCKETS, SHADOW_MS_MAX},
    table::archive::ArchiveError,
};
use halftone_link::SealedError;
use thiserror::Error;

use crate::{
    last_good::NotKept,
    leader::NotLeader,
    publish::{CommitError, ShadowError, Unexplained},
};

/// Why a peer's request was refused; said to the peer, in words.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("{0:?} cannot be sent to a gateway")]
    Unexpected(&'static str),
    #[error("epoch {0} was not prepared on this connection")]
    Unprepared(u64),
    #[error("the table did not arrive: {0}")]
    Sealed(#[from] SealedError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    #[error(transparent)]
    NotKept(#[from] NotKept),
    #[error(transparent)]
    Explain(#[from] Unexplained),
    #[error("no tables are served yet")]
    Unserved,
    #[error(
        "the rules of epoch {base} are not served, those of {newest} are: send the whole table"
    )]
    OtherBase { base: u64, newest: u64 },
    #[error("the served rules cannot be changed so: {0}")]
    Ranges(#[from] CompileError),
    #[error("the served table cannot be handed over: {0}")]
    HandOver(#[source] SealedError),
    #[error("no table came with the frame")]
    NoTable,
    #[error("sample: expected 1 to {BUCKETS} of a million requests, got {0}")]
    Sample(u32),
    #[error("a candidate is decided for 1 to {SHADOW_MS_MAX} ms, not for {0}")]
    ShadowTime(u64),
    #[error(transparent)]
    Shadow(#[from] ShadowError),
}
