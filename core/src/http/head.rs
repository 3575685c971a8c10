//! Heads: parsed over httparse, framed once, classified once.
//!
//! Owns what a head means: its target ([`target`]), its framing ([`framing`], RFC 9112 §6.3), which of
//! its fields are hop-by-hop ([`fields`], RFC 9110 §7.6.1), whether the connection lives on. Does not
//! rewrite: [`super::encode`] does, from the masks made here.
//!
//! Invariants:
//! - one pass over the fields; a field's class is a bit in a [`Mask`], never compared again;
//! - whatever leaves the framing in doubt is an error: Content-Length with Transfer-Encoding, either
//!   twice, Transfer-Encoding before HTTP/1.1, bare line feeds, obsolete folding, a second Host.

use std::mem::MaybeUninit;

use memchr::memchr;
use thiserror::Error;

use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, HOPS_MAX, METHOD_BYTES_MAX, URI_BYTES_MAX};

mod fields;
mod framing;
mod target;

use fields::Fields;
pub use fields::Mask;
pub(crate) use fields::{VIA_NAME, is_like};
pub use framing::Framing;
pub use httparse::Header;
use target::{Target, is_host};

/// Room for parsed fields, on the caller's stack.
pub type HeaderSlots<'b> = [MaybeUninit<Header<'b>>; HEADERS_MAX];

/// Returns room for parsed fields.
#[must_use]
pub fn empty_slots<'b>() -> HeaderSlots<'b> {
    [const { MaybeUninit::uninit() }; HEADERS_MAX]
}

/// Why a head is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HeadError {
    /// Not HTTP/1.
    #[error("the head is not HTTP/1.1 (RFC 9112)")]
    Syntax,
    /// A version other than 1.0 and 1.1.
    #[error("only HTTP/1.0 and HTTP/1.1 are spoken here")]
    Version,
    /// A line ends in LF alone.
    #[error("a line of the head does not end in CRLF")]
    BareLineFeed,
    /// Too many fields.
    #[error("the head has too many fields")]
    TooManyFields,
    /// Too many bytes.
    #[error("the head is too large")]
    TooLarge,
    /// The method is longer than any.
    #[error("the method is longer than {METHOD_BYTES_MAX} bytes")]
    Method,
    /// The request target is too long.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The request target has none of the served forms.
    #[error("the request target is neither a path, nor an http URL, nor '*'")]
    Target,
    /// CONNECT makes a forward proxy, which this is not.
    #[error("CONNECT is not served here")]
    Connect,
    /// No Host, more than one, or one that is no host.
    #[error("the Host field is missing, doubled or no host name")]
    Host,
    /// Content-Length is doubled or no number.
    #[error("the Content-Length field is doubled or no number")]
    ContentLength,
    /// Transfer-Encoding is doubled, beside Content-Length, or before HTTP/1.1.
    #[error("the Transfer-Encoding field is doubled, beside Content-Length, or in HTTP/1.0")]
    TransferEncoding,
    /// A transfer coding other than chunked.
    #[error("the only transfer coding served is chunked")]
    TransferCoding,
    /// An expectation other than 100-continue.
    #[error("the only expectation served is 100-continue")]
    Expect,
    /// Via says that it goes in circles.
    #[error("the request came through this gateway, or ones like it, more than {HOPS_MAX} times")]
    Loop,
}

impl HeadError {
    /// Returns the status that answers it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::TooManyFields | Self::TooLarge => 431,
            Self::TargetTooLong => 414,
            Self::Connect => 405,
            Self::TransferCoding | Self::Method => 501,
            Self::Expect => 417,
            Self::Loop => 502,
            _ => 400,
        }
    }
}

/// A request head, borrowed from the receive buffer.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'s, 'b> {
    /// The method.
    pub method: &'b str,
    /// The target in origin form, as received: path and query.
    pub target: &'b str,
    /// The path part of `target`.
    pub path: &'b str,
    /// The query part of `target`, without its question mark; empty when there is none.
    pub query: &'b str,
    /// The authority: of the target in absolute form, otherwise of Host; empty when there is none.
    pub host: &'b str,
    /// Whether the target was in absolute form, so that Host must be rewritten.
    pub absolute: bool,
    /// Whether the version is 1.1.
    pub http11: bool,
    /// The fields.
    pub headers: &'s [Header<'b>],
    /// Fields that end here: hop-by-hop ones, and those [`super::encode`] writes anew.
    pub hop_by_hop: Mask,
    /// Fields that say who the caller was: believed from trusted peers only.
    pub forwarded: Mask,
    /// Of `forwarded`, X-Forwarded-For.
    pub forwarded_for: Mask,
    /// X-Halftone-Explain: the token of somebody who wants to be told the decision.
    pub explain: Mask,
    /// The framing of the body.
    pub framing: Framing,
    /// Whether the caller wants the connection to live on.
    pub keep_alive: bool,
    /// Whether the caller waits for 100 Continue.
    pub expect_continue: bool,
    /// The protocol the caller asks to change to (RFC 9110 §7.8), unless the request has a body.
    pub upgrade: Option<&'b [u8]>,
    /// The head as it was received, to the end of its empty line.
    pub received: &'b [u8],
}

impl RequestHead<'_, '_> {
    /// Returns what the caller speaks: `https` where a peer that is `trusted` took its TLS off and says so, else `http`.
    #[must_use]
    pub fn scheme(&self, trusted: bool) -> &'static str {
        if !trusted || self.forwarded.is_empty() {
            return "http";
        }
        let fields = self.headers.iter().enumerate();
        let mut said = fields.filter(|(index, field)| {
            self.forwarded.contains(*index) && is_like(field.name, "x-forwarded-proto")
        });
        // The first of several is what the caller spoke to the first of them.
        let first =
            said.next().and_then(|(_, field)| field.value.split(|byte| *byte == b',').next());
        let is_https = first.is_some_and(|said| said.trim_ascii().eq_ignore_ascii_case(b"https"));
        if is_https { "https" } else { "http" }
    }

    /// Returns the token of somebody who wants to be told the decision.
    #[must_use]
    pub fn explain_token(&self) -> Option<&[u8]> {
        if self.explain.is_empty() {
            return None;
        }
        let mut fields = self.headers.iter().enumerate();
        fields.find(|(index, _)| self.explain.contains(*index)).map(|(_, field)| field.value)
    }
}

/// A response head, borrowed from the receive buffer.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'s, 'b> {
    /// The status.
    pub status: u16,
    /// The reason phrase; empty when it is not ASCII.
    pub reason: &'b str,
    /// The fields.
    pub headers: &'s [Header<'b>],
    /// Fields that end here.
    pub hop_by_hop: Mask,
    /// The framing of the body.
    pub framing: Framing,
    /// Whether the upstream lets the connection live on.
    pub keep_alive: bool,
    /// The protocol the upstream changes to.
    pub upgrade: Option<&'b [u8]>,
    /// The head as it was received, to the end of its empty line.
    pub received: &'b [u8],
}

/// What request heads are held to; at most what this module can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Most bytes of a head.
    pub bytes: usize,
    /// Most bytes of a target.
    pub uri_bytes: usize,
    /// Most fields.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { bytes: HEAD_BYTES_MAX, uri_bytes: URI_BYTES_MAX, fields: HEADERS_MAX }
    }
}

/// Returns whether a head whose first `looked` bytes were found incomplete has to be parsed again: only a
/// line end can complete it, and only a limit that was reached can break it. Without this question, a head
/// that comes byte by byte would be parsed as often as it has bytes.
#[must_use]
pub fn is_worth_parsing(bytes: &[u8], looked: usize, limits: &HeadLimits) -> bool {
    // See the longest first line in `parse_request`.
    let reached = |limit: usize| looked <= limit && bytes.len() > limit;
    looked == 0
        || looked > bytes.len()
        || bytes.len() >= limits.bytes
        || reached(limits.uri_bytes + 64)
        || memchr(b'\n', &bytes[looked..]).is_some()
}

/// Parses a request head; nothing when more bytes are needed.
///
/// # Errors
/// [`HeadError`]; the connection must be closed after it is answered.
pub fn parse_request<'s, 'b>(
    bytes: &'b [u8],
    slots: &'s mut HeaderSlots<'b>,
    limits: &HeadLimits,
) -> Result<Option<RequestHead<'s, 'b>>, HeadError> {
    let mut request = httparse::Request::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_request_with_uninit_headers(
        &mut request,
        bytes,
        slots,
    );
    let Some(length) = complete(parsed, limits.bytes)? else {
        let line = memchr(b'\n', bytes).unwrap_or(bytes.len());
        // Method and version take less than 64 bytes beside the target.
        return if line > limits.uri_bytes + 64 {
            let named = memchr(b' ', &bytes[..line]).is_some_and(|end| end <= METHOD_BYTES_MAX);
            Err(if named { HeadError::TargetTooLong } else { HeadError::Method })
        } else {
            incomplete(bytes, limits.bytes)
        };
    };
    check_lines(&bytes[..length])?;
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(HeadError::Syntax);
    };
    let http11 = version == 1;
    let headers: &'s [Header<'b>] = request.headers;
    if headers.len() > limits.fields {
        return Err(HeadError::TooManyFields);
    }
    if method.len() > METHOD_BYTES_MAX {
        return Err(HeadError::Method);
    }
    if target.len() > limits.uri_bytes {
        return Err(HeadError::TargetTooLong);
    }
    let fields = Fields::classify(headers, http11)?;
    if fields.hops > HOPS_MAX {
        return Err(HeadError::Loop);
    }
    let target = Target::split(method, target)?;
    let host = match target.authority {
        Some(authority) => authority,
        None => fields.host.unwrap_or_default(),
    };
    if fields.hosts > 1 || (http11 && fields.hosts == 0) || !is_host(host) {
        return Err(HeadError::Host);
    }
    let framing = fields.framing()?.unwrap_or(Framing::Empty);
    let may_upgrade = http11 && framing == Framing::Empty;
    Ok(Some(RequestHead {
        method,
        target: target.origin,
        path: target.path,
        query: target.query,
        host,
        absolute: target.authority.is_some(),
        http11,
        headers,
        hop_by_hop: fields.hop_by_hop,
        forwarded: fields.forwarded,
        forwarded_for: fields.forwarded_for,
        explain: fields.explain,
        framing,
        keep_alive: !fields.close && (http11 || fields.keep_alive),
        expect_continue: http11 && fields.expect_continue()?,
        upgrade: fields.upgrade().filter(|_| may_upgrade),
        received: &bytes[..length],
    }))
}

/// Parses the head of a response to a request with `method`; nothing when more bytes are needed.
///
/// # Errors
/// [`HeadError`]: the upstream cannot be believed about anything then.
pub fn parse_response<'s, 'b>(
    bytes: &'b [u8],
    method: &str,
    slots: &'s mut HeaderSlots<'b>,
) -> Result<Option<ResponseHead<'s, 'b>>, HeadError> {
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        slots,
    );
    let Some(length) = complete(parsed, HEAD_BYTES_MAX)? else {
        return incomplete(bytes, HEAD_BYTES_MAX);
    };
    check_lines(&bytes[..length])?;
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(HeadError::Syntax);
    };
    if !(100..=599).contains(&status) {
        return Err(HeadError::Syntax);
    }
    let http11 = version == 1;
    let headers: &'s [Header<'b>] = response.headers;
    let fields = Fields::classify(headers, http11)?;
    let stated = fields.framing()?;
    let never_a_body = status < 200 || status == 204;
    let hop_by_hop = match never_a_body {
        // No length is announced where no body can follow (RFC 9110 §8.6).
        true => fields.hop_by_hop.union(fields.length_field),
        false => fields.hop_by_hop,
    };
    let bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
    let framing = if bodiless { Framing::Empty } else { stated.unwrap_or(Framing::Close) };
    Ok(Some(ResponseHead {
        status,
        reason: response.reason.unwrap_or_default(),
        headers,
        hop_by_hop,
        framing,
        keep_alive: framing != Framing::Close && !fields.close && (http11 || fields.keep_alive),
        upgrade: fields.upgrade(),
        received: &bytes[..length],
    }))
}

fn complete(parsed: httparse::Result<usize>, most: usize) -> Result<Option<usize>, HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(length)) if length > most => Err(HeadError::TooLarge),
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Err(httparse::Error::Version) => Err(HeadError::Version),
        Err(_) => Err(HeadError::Syntax),
    }
}

fn incomplete<T>(bytes: &[u8], most: usize) -> Result<Option<T>, HeadError> {
    if bytes.len() >= most { Err(HeadError::TooLarge) } else { Ok(None) }
}

/// Refuses lines that end in LF alone: httparse takes them, others may not (RFC 9112 §2.2).
fn check_lines(head: &[u8]) -> Result<(), HeadError> {
    // Every pair is looked at without stopping early, so that the compiler compares many at once.
    let pairs = head.iter().zip(head.get(1..).unwrap_or_default());
    let bare = pairs.fold(head.first() == Some(&b'\n'), |bare, (before, byte)| {
        bare | ((*byte == b'\n') & (*before != b'\r'))
    });
    if bare { Err(HeadError::BareLineFeed) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
