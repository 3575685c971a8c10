//! What can go wrong with a request: its kind, its side, and whether it may be tried again.
//!
//! Owns the list. A kind's label is what logs, metrics and Proxy-Status say (RFC 9209 §2.3 where it
//! has a word).

use std::io;

use halftone_core::http::{ChunkError, HeadError};

use crate::fingerprint::Refusal;

/// Where the fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The caller.
    Downstream,
    /// The service.
    Upstream,
    /// Us, or what we were told to do.
    Internal,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No table has been committed yet.
    NoTable,
    /// The worker holds as many connections as it may.
    TooManyConnections,
    /// No route matches.
    NoRoute,
    /// The variant has no instance.
    NoInstance,
    /// The path has a broken escape.
    Path,
    /// The head of the request is not acceptable.
    Head(HeadError),
    /// The chunks of the request are broken.
    RequestBody(ChunkError),
    /// A fingerprint is refused.
    Fingerprint(Refusal),
    /// The caller went away.
    DownstreamClosed,
    /// The caller stood still.
    DownstreamTimeout,
    /// The connection was refused or cannot be made.
    ConnectRefused,
    /// The connection took too long.
    ConnectTimeout,
    /// The upstream closed before its answer.
    UpstreamClosed,
    /// The upstream closed within its answer.
    ResponseIncomplete,
    /// The upstream took too long.
    UpstreamTimeout,
    /// The upstream's answer is not acceptable.
    ResponseHead(HeadError),
    /// The chunks of the answer are broken.
    ResponseBody(ChunkError),
    /// The upstream sent interim answers without end.
    InterimAnswers,
    /// The upstream changed the protocol, which nobody asked for.
    Upgrade,
}

impl Kind {
    /// Returns the kind of a failed connect(2).
    #[must_use]
    pub fn of_connect(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::TimedOut {
            Self::ConnectTimeout
        } else {
            Self::ConnectRefused
        }
    }

    /// Returns the status that answers it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NoTable | Self::NoInstance | Self::TooManyConnections => 503,
            Self::NoRoute => 404,
            Self::RequestBody(ChunkError::TooLarge) => 413,
            Self::Path | Self::RequestBody(_) => 400,
            Self::Head(error) => error.status(),
            Self::Fingerprint(refusal) => refusal.status(),
            Self::DownstreamClosed => 499,
            Self::DownstreamTimeout => 408,
            Self::ConnectTimeout | Self::UpstreamTimeout => 504,
            _ => 502,
        }
    }

    /// Returns the word for logs, metrics and Proxy-Status.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoTable => "proxy_configuration_error",
            Self::TooManyConnections => "too_many_connections",
            Self::NoRoute => "destination_not_found",
            Self::NoInstance => "destination_unavailable",
            Self::Head(HeadError::Loop) => "proxy_loop_detected",
            Self::Path | Self::Head(_) | Self::RequestBody(_) => "http_request_error",
            Self::Fingerprint(refusal) => refusal.label(),
            Self::DownstreamClosed => "client_closed",
            Self::DownstreamTimeout => "client_timeout",
            Self::ConnectRefused => "connection_refused",
            Self::ConnectTimeout => "connection_timeout",
            Self::UpstreamClosed => "connection_terminated",
            Self::ResponseIncomplete => "http_response_incomplete",
            Self::UpstreamTimeout => "http_response_timeout",
            Self::ResponseHead(_) | Self::ResponseBody(_) | Self::InterimAnswers => {
                "http_protocol_error"
            }
            Self::Upgrade => "http_upgrade_failed",
        }
    }

    /// Returns what a person is told.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::NoTable => {
                "the gateway has no rules yet; start a control plane, or push a bundle"
            }
            Self::TooManyConnections => "the gateway holds as many connections as it may",
            Self::NoRoute => "no route matches this host and path",
            Self::NoInstance => {
                "no instance serves this variant: none that it selects is registered, or all of them drain; \
                 it has no addresses of its own, and no --upstream stands in for it"
            }
            Self::Path => "the path has a broken %-escape",
            Self::Head(error) => head_detail(error),
            Self::RequestBody(ChunkError::TooLarge) => "the body of the request is too large",
            Self::RequestBody(_) => "the chunked body of the request is malformed",
            Self::Fingerprint(refusal) => refusal.detail(),
            Self::DownstreamClosed => "the client closed the connection",
            Self::DownstreamTimeout => "the client sent nothing for too long",
            Self::ConnectRefused => "the instance refused the connection",
            Self::ConnectTimeout => "the connection to the instance took too long",
            Self::UpstreamClosed => "the instance closed the connection without an answer",
            Self::ResponseIncomplete => "the instance closed the connection within its answer",
            Self::UpstreamTimeout => "the instance took too long to answer",
            Self::ResponseHead(_) => "the head of the instance's answer is not acceptable",
            Self::ResponseBody(_) => "the chunked body of the instance's answer is malformed",
            Self::InterimAnswers => "the instance sent interim answers without end",
            Self::Upgrade => "the instance changed the protocol without being asked",
        }
    }
}

fn head_detail(error: HeadError) -> &'static str {
    match error {
        HeadError::Syntax => "this is not HTTP/1.1",
        HeadError::Version => "only HTTP/1.0 and HTTP/1.1 are spoken here",
        HeadError::BareLineFeed => "a line of the head does not end in CRLF",
        HeadError::TooManyFields => "the head has too many fields",
        HeadError::TooLarge => "the head is too large",
        HeadError::Method => "the method is longer than any that is served here",
        HeadError::TargetTooLong => "the request target is too long",
        HeadError::Target => "the request target is neither a path nor an http URL",
        HeadError::Connect => "CONNECT is not served here",
        HeadError::Host => "the Host field is missing, doubled or no host name",
        HeadError::ContentLength => "the Content-Length field is doubled or no number",
        HeadError::TransferEncoding => {
            "Transfer-Encoding is doubled, beside Content-Length, or in HTTP/1.0"
        }
        HeadError::TransferCoding => "the only transfer coding served is chunked",
        HeadError::Expect => "the only expectation served is 100-continue",
        HeadError::Loop => {
            "the request goes in circles: its route leads back to a gateway it came through"
        }
    }
}

/// A failure on the way of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyError {
    /// What went wrong.
    pub kind: Kind,
    /// Where.
    pub side: Side,
    /// Whether the upstream cannot have acted on the request: nothing of an answer was seen and the
    /// connection had been kept from before.
    pub may_retry: bool,
}

impl ProxyError {
    /// Returns a fault of the caller.
    #[must_use]
    pub fn downstream(kind: Kind) -> Self {
        Self { kind, side: Side::Downstream, may_retry: false }
    }

    /// Returns a fault of the service.
    #[must_use]
    pub fn upstream(kind: Kind) -> Self {
        Self { kind, side: Side::Upstream, may_retry: false }
    }

    /// Returns a fault of ours.
    #[must_use]
    pub fn internal(kind: Kind) -> Self {
        Self { kind, side: Side::Internal, may_retry: false }
    }
}
