//! HTTP/1.1 as bytes: heads, framing, chunks, paths, rewriting.
//!
//! Owns every decision about where a message begins and ends ([`head`] decides framing, once, for
//! requests and responses alike). Does not read or write sockets.
//!
//! Invariants:
//! - views borrow the receive buffer; nothing is copied before it is forwarded;
//! - whatever two readers could frame differently is refused (RFC 9112 §6.3, §11.2), never repaired.

mod baggage;
mod chunked;
mod encode;
mod head;
mod name;
mod path;
mod strip;
mod trace_context;

pub use baggage::{Baggage, is_baggage_key};
pub(crate) use baggage::{has_reserved, is_baggage, is_value, value_of};
pub use chunked::{ChunkError, ChunkScanner, Piece};
pub use encode::{
    Forwarding, encode_error, encode_request, encode_response, ip_text, write_forwarded_for,
};
pub(crate) use head::is_like;
pub use head::{
    Framing, HeadError, HeadLimits, Header, HeaderSlots, Mask, RequestHead, ResponseHead,
    empty_slots, is_worth_parsing, parse_request, parse_response,
};
pub(crate) use name::is_field;
pub use path::{PathScratch, normal_path, normalise};
pub use strip::is_strippable;
pub(crate) use trace_context::is_traced;
