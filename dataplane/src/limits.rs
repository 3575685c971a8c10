//! The bounds of one gateway, as it was configured.
//!
//! Owns their names and defaults. Does not enforce them: whoever reads what they bound does. What a
//! build can bear at most, and why, is in `halftone_core::limits`.

use halftone_core::http::HeadBounds;

/// What a gateway takes from its callers; the same for every worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A request head: beyond, the answer is 414 or 431.
    pub head: HeadBounds,
}
