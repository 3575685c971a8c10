//! The bounds of one gateway: what callers may send, and how long anything may take.
//!
//! Owns the values every connection is held to, with their defaults and their ranges. A bundle may set
//! some of them for one route or one upstream, and then its word counts. Does not read files: who
//! starts a gateway fills this in.
//!
//! Invariant: nothing here exceeds what buffers and tables are made for (`halftone_core::limits`).

use halftone_core::{
    http::HeadLimits,
    limits::{
        CONNECT_MS, DRAIN_MS, FIRST_BYTE_MS, HEAD_BYTES_MAX, HEAD_BYTES_MIN, HEAD_MS, HEADERS_MAX,
        IDLE_MS, LINGER_MS, POOL_IDLE_MAX, POOL_IDLE_MS, STALL_MS, TAGS_MS, TAGS_MS_MAX, TICK_MS,
        TIMEOUT_MS_MAX, TUNNEL_IDLE_MS, URI_BYTES_MAX,
    },
};
use thiserror::Error;

/// The bounds of one gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request head, bytes; a larger one is answered 431.
    pub head_bytes: usize,
    /// Largest request target, bytes; a larger one is answered 414.
    pub uri_bytes: usize,
    /// Most fields of a request head; more are answered 431.
    pub headers: usize,
    /// Largest request body, bytes; a larger one is answered 413. Without one, bodies pass whatever their
    /// size: they are relayed, never kept.
    pub body_bytes: Option<u64>,
    /// Most connections of callers that one worker holds at once; more are answered 503. Without one, as
    /// many as its share of the process's file descriptors allows.
    pub connections: Option<usize>,
    /// Most idle upstream connections that one worker keeps to one address.
    pub pool_connections: usize,
    /// How long a head may take from its first byte to its last, milliseconds; then 408.
    pub head_ms: u64,
    /// How long a caller's connection may be silent between two requests, milliseconds.
    pub idle_ms: u64,
    /// How long a caller may pause within a body, sent or taken, milliseconds; before the answer then 408.
    pub stall_ms: u64,
    /// How long a request may wait for tags that are not known, milliseconds; then it is decided without them.
    pub tags_ms: u64,
    /// How long a request may take from its head to the end of its answer, milliseconds; without one,
    /// as long as it makes progress. A route's `timeouts.request` counts before it.
    pub request_ms: Option<u64>,
    /// How long a connection to an instance may take, milliseconds; then 504. An upstream's
    /// `timeouts.connect` counts before it.
    pub connect_ms: u64,
    /// How long an instance may think before its answer begins, milliseconds; then 504. An upstream's
    /// `timeouts.firstByte` counts before it.
    pub first_byte_ms: u64,
    /// How long an instance may pause within a request or its answer, milliseconds; then the answer is
    /// cut off. An upstream's `timeouts.idle` counts before it.
    pub upstream_idle_ms: u64,
    /// How long an upstream connection is kept without a request, milliseconds.
    pub pool_idle_ms: u64,
    /// How long a tunnel may be silent both ways, milliseconds.
    pub tunnel_idle_ms: u64,
    /// How long a connection is read on after an answer that came before the end of its request, milliseconds.
    pub linger_ms: u64,
    /// How long requests in flight may take after the signal to stop, milliseconds.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: HEAD_BYTES_MAX,
            uri_bytes: URI_BYTES_MAX,
            headers: HEADERS_MAX,
            body_bytes: None,
            connections: None,
            pool_connections: POOL_IDLE_MAX,
            head_ms: HEAD_MS,
            idle_ms: IDLE_MS,
            stall_ms: STALL_MS,
            tags_ms: TAGS_MS,
            request_ms: None,
            connect_ms: CONNECT_MS,
            first_byte_ms: FIRST_BYTE_MS,
            upstream_idle_ms: STALL_MS,
            pool_idle_ms: POOL_IDLE_MS,
            tunnel_idle_ms: TUNNEL_IDLE_MS,
            linger_ms: LINGER_MS,
            drain_ms: DRAIN_MS,
        }
    }
}

/// A bound that is outside its range.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field}: expected {min} to {max}, got {found}")]
pub struct LimitError {
    /// The field of [`Limits`].
    pub field: &'static str,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
    /// What it is.
    pub found: u64,
}

impl Limits {
    /// Returns every bound that is outside its range; none means that a gateway can be run with them.
    #[must_use]
    pub fn problems(&self) -> Vec<LimitError> {
        let sizes = [
            ("head_bytes", self.head_bytes, HEAD_BYTES_MIN, HEAD_BYTES_MAX),
            ("uri_bytes", self.uri_bytes, 1, URI_BYTES_MAX),
            ("headers", self.headers, 1, HEADERS_MAX),
            ("connections", self.connections.unwrap_or(1), 1, usize::MAX),
        ];
        let times = [
            ("head_ms", self.head_ms),
            ("idle_ms", self.idle_ms),
            ("stall_ms", self.stall_ms),
            ("request_ms", self.request_ms.unwrap_or(TICK_MS)),
            ("connect_ms", self.connect_ms),
            ("first_byte_ms", self.first_byte_ms),
            ("upstream_idle_ms", self.upstream_idle_ms),
            ("pool_idle_ms", self.pool_idle_ms),
            ("tunnel_idle_ms", self.tunnel_idle_ms),
            ("linger_ms", self.linger_ms),
            ("drain_ms", self.drain_ms),
        ];
        let sizes = sizes.into_iter().map(|(field, found, min, max)| LimitError {
            field,
            min: min as u64,
            max: max as u64,
            found: found as u64,
        });
        let times = times.into_iter().map(|(field, found)| LimitError {
            field,
            min: TICK_MS,
            max: TIMEOUT_MS_MAX,
            found,
        });
        // Not on the wheel, so it may be finer than that.
        let tags = LimitError { field: "tags_ms", min: 1, max: TAGS_MS_MAX, found: self.tags_ms };
        sizes
            .chain(times)
            .chain([tags])
            .filter(|one| one.found < one.min || one.found > one.max)
            .collect()
    }

    /// Returns what heads are held to.
    #[must_use]
    pub fn head(&self) -> HeadLimits {
        HeadLimits { bytes: self.head_bytes, uri_bytes: self.uri_bytes, fields: self.headers }
    }
}

#[cfg(test)]
mod tests;
