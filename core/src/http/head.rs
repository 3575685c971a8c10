//! Heads: parsed over httparse, framed once, classified once.
//!
//! Owns what a head means: its framing (RFC 9112 §6.3), which of its fields are hop-by-hop
//! (RFC 9110 §7.6.1), whether the connection lives on. Does not rewrite: [`super::encode`] does, from
//! the masks made here.
//!
//! Invariants:
//! - one pass over the fields; a field's class is a bit in a [`Mask`], never compared again;
//! - whatever leaves the framing in doubt is an error: Content-Length with Transfer-Encoding, either
//!   twice, Transfer-Encoding before HTTP/1.1, bare line feeds, obsolete folding, a second Host.

use std::mem::MaybeUninit;

use memchr::{memchr, memchr_iter};
use thiserror::Error;

use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, HOST_BYTES_MAX, URI_BYTES_MAX};

pub use httparse::Header;

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
    #[error("the head has more than {HEADERS_MAX} fields")]
    TooManyFields,
    /// Too many bytes.
    #[error("the head is longer than {HEAD_BYTES_MAX} bytes")]
    TooLarge,
    /// The request target is too long.
    #[error("the request target is longer than {URI_BYTES_MAX} bytes")]
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
            Self::TransferCoding => 501,
            Self::Expect => 417,
            _ => 400,
        }
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// By its chunks.
    Chunked,
    /// At the end of the connection (responses only).
    Close,
}

/// A set of fields of one head, by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mask(u128);

const _: () = assert!(HEADERS_MAX <= 128);

impl Mask {
    /// Adds the field at `index`.
    pub fn insert(&mut self, index: usize) {
        debug_assert!(index < HEADERS_MAX);
        self.0 |= 1 << index;
    }

    /// Returns whether the field at `index` is inside.
    #[must_use]
    pub fn contains(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }

    /// Returns whether no field is inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the number of fields inside.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Returns the fields of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
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
    /// The framing of the body.
    pub framing: Framing,
    /// Whether the caller wants the connection to live on.
    pub keep_alive: bool,
    /// Whether the caller waits for 100 Continue.
    pub expect_continue: bool,
    /// The protocol the caller asks to change to (RFC 9110 §7.8), unless the request has a body.
    pub upgrade: Option<&'b [u8]>,
    /// The length of the head, bytes.
    pub bytes: usize,
}

/// A response head, borrowed from the receive buffer.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'s, 'b> {
    /// The status.
    pub status: u16,
    /// The reason phrase.
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
    /// The length of the head, bytes.
    pub bytes: usize,
}

/// Parses a request head; nothing when more bytes are needed.
///
/// # Errors
/// [`HeadError`]; the connection must be closed after it is answered.
pub fn parse_request<'s, 'b>(
    bytes: &'b [u8],
    slots: &'s mut HeaderSlots<'b>,
) -> Result<Option<RequestHead<'s, 'b>>, HeadError> {
    let mut request = httparse::Request::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_request_with_uninit_headers(
        &mut request,
        bytes,
        slots,
    );
    let Some(length) = complete(parsed)? else {
        let line = memchr(b'\n', bytes).unwrap_or(bytes.len());
        // Method and version take less than 64 bytes beside the target.
        return if line > URI_BYTES_MAX + 64 {
            Err(HeadError::TargetTooLong)
        } else {
            incomplete(bytes)
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
    let fields = Fields::classify(headers, http11)?;
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
        framing,
        keep_alive: !fields.close && (http11 || fields.keep_alive),
        expect_continue: http11 && fields.expect_continue()?,
        upgrade: fields.upgrade().filter(|_| may_upgrade),
        bytes: length,
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
    let Some(length) = complete(parsed)? else {
        return incomplete(bytes);
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
        bytes: length,
    }))
}

fn complete(parsed: httparse::Result<usize>) -> Result<Option<usize>, HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(length)) if length > HEAD_BYTES_MAX => {
            Err(HeadError::TooLarge)
        }
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Err(httparse::Error::Version) => Err(HeadError::Version),
        Err(_) => Err(HeadError::Syntax),
    }
}

fn incomplete<T>(bytes: &[u8]) -> Result<Option<T>, HeadError> {
    if bytes.len() >= HEAD_BYTES_MAX { Err(HeadError::TooLarge) } else { Ok(None) }
}

/// Refuses lines that end in LF alone: httparse takes them, others may not (RFC 9112 §2.2).
fn check_lines(head: &[u8]) -> Result<(), HeadError> {
    let bare = memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r');
    if bare { Err(HeadError::BareLineFeed) } else { Ok(()) }
}

struct Target<'b> {
    origin: &'b str,
    path: &'b str,
    query: &'b str,
    authority: Option<&'b str>,
}

impl<'b> Target<'b> {
    fn split(method: &str, target: &'b str) -> Result<Self, HeadError> {
        if method == "CONNECT" {
            return Err(HeadError::Connect);
        }
        if target.len() > URI_BYTES_MAX {
            return Err(HeadError::TargetTooLong);
        }
        if memchr(b'#', target.as_bytes()).is_some() {
            return Err(HeadError::Target);
        }
        let (authority, origin) = if target.starts_with('/')
            || (target == "*" && method == "OPTIONS")
        {
            (None, target)
        } else {
            let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://"));
            let rest = &target[scheme.ok_or(HeadError::Target)?.len()..];
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let origin = if rest[end..].starts_with('/') { &rest[end..] } else { "/" };
            // "http://host?query" has an empty path, which cannot be forwarded without rewriting.
            if rest[..end].is_empty() || rest[end..].starts_with('?') {
                return Err(HeadError::Target);
            }
            (Some(&rest[..end]), origin)
        };
        let (path, query) = origin.split_once('?').unwrap_or((origin, ""));
        Ok(Self { origin, path, query, authority })
    }
}

/// Returns whether `host` is empty or a host with an optional port (RFC 3986 §3.2.2, no user part).
fn is_host(host: &str) -> bool {
    host.len() <= HOST_BYTES_MAX
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte))
}

/// What one pass over the fields finds.
#[derive(Default)]
struct Fields<'b> {
    hop_by_hop: Mask,
    forwarded: Mask,
    forwarded_for: Mask,
    host: Option<&'b str>,
    hosts: u32,
    length: Option<u64>,
    length_field: Mask,
    transfer_encoding: Option<&'b [u8]>,
    expect: Option<&'b [u8]>,
    upgrade: Option<&'b [u8]>,
    close: bool,
    keep_alive: bool,
    upgrading: bool,
    named: bool,
}

impl<'b> Fields<'b> {
    fn classify(headers: &[Header<'b>], http11: bool) -> Result<Self, HeadError> {
        let mut fields = Self::default();
        for (index, header) in headers.iter().enumerate() {
            fields.field(index, header)?;
        }
        if fields.transfer_encoding.is_some() && (fields.length.is_some() || !http11) {
            return Err(HeadError::TransferEncoding);
        }
        if fields.named {
            fields.drop_named(headers);
        }
        Ok(fields)
    }

    #[inline]
    fn field(&mut self, index: usize, header: &Header<'b>) -> Result<(), HeadError> {
        let name = header.name;
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is("te") => self.hop_by_hop.insert(index),
            4 if is("host") => {
                self.hosts += 1;
                self.host = Some(std::str::from_utf8(header.value).map_err(|_| HeadError::Host)?);
                self.hop_by_hop.insert(index);
            }
            6 if is("expect") => {
                self.expect = Some(header.value);
                self.hop_by_hop.insert(index);
            }
            7 if is("upgrade") => {
                self.upgrade = Some(header.value);
                self.hop_by_hop.insert(index);
            }
            7 if is("trailer") => self.hop_by_hop.insert(index),
            9 if is("forwarded") || is_like(name, "x-real-ip") => self.forwarded.insert(index),
            10 if is("connection") => {
                self.connection(header.value);
                self.hop_by_hop.insert(index);
            }
            10 if is("keep-alive") => self.hop_by_hop.insert(index),
            14 if is("http2-settings") => self.hop_by_hop.insert(index),
            14 if is("content-length") => {
                let length = parse_length(header.value).ok_or(HeadError::ContentLength)?;
                self.length_field.insert(index);
                if self.length.replace(length).is_some() {
                    return Err(HeadError::ContentLength);
                }
            }
            15 if is_like(name, "x-forwarded-for") => {
                self.forwarded.insert(index);
                self.forwarded_for.insert(index);
            }
            16 if is_like(name, "x-forwarded-host") || is_like(name, "x-forwarded-port") => {
                self.forwarded.insert(index)
            }
            16 if is("proxy-connection") => self.hop_by_hop.insert(index),
            17 if is_like(name, "x-forwarded-proto") => self.forwarded.insert(index),
            17 if is("transfer-encoding") => {
                if self.transfer_encoding.replace(header.value).is_some() {
                    return Err(HeadError::TransferEncoding);
                }
                self.hop_by_hop.insert(index);
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for token in tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrading = true;
            } else {
                self.named = true;
            }
        }
    }

    /// Drops the fields that Connection names, except those the message cannot do without.
    fn drop_named(&mut self, headers: &[Header<'b>]) {
        let is_connection = |header: &&Header<'b>| header.name.eq_ignore_ascii_case("connection");
        for token in headers.iter().filter(is_connection).flat_map(|header| tokens(header.value)) {
            for (index, header) in headers.iter().enumerate() {
                let named = header.name.as_bytes().eq_ignore_ascii_case(token);
                if named && !header.name.eq_ignore_ascii_case("content-length") {
                    self.hop_by_hop.insert(index);
                }
            }
        }
    }

    fn framing(&self) -> Result<Option<Framing>, HeadError> {
        match (self.transfer_encoding, self.length) {
            (Some(coding), _) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => {
                Ok(Some(Framing::Chunked))
            }
            (Some(_), _) => Err(HeadError::TransferCoding),
            (None, Some(0)) => Ok(Some(Framing::Empty)),
            (None, Some(length)) => Ok(Some(Framing::Length(length))),
            (None, None) => Ok(None),
        }
    }

    /// Returns the protocol, where Connection says that Upgrade is meant for us.
    fn upgrade(&self) -> Option<&'b [u8]> {
        self.upgrade
            .filter(|protocol| self.upgrading && !protocol.is_empty() && !names_h2c(protocol))
    }

    fn expect_continue(&self) -> Result<bool, HeadError> {
        match self.expect {
            None => Ok(false),
            Some(value) if value.trim_ascii().eq_ignore_ascii_case(b"100-continue") => Ok(true),
            Some(_) => Err(HeadError::Expect),
        }
    }
}

/// Returns whether `h2c` is among the protocols: inside such a tunnel a caller would send requests that
/// nobody routes, sanitises or logs (RFC 9113 dropped it).
fn names_h2c(protocols: &[u8]) -> bool {
    tokens(protocols).any(|protocol| protocol.eq_ignore_ascii_case(b"h2c"))
}

/// Returns whether `name` is `known`, also when it is spelled with `_`, which many services read as `-`.
pub(crate) fn is_like(name: &str, known: &str) -> bool {
    let folded = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.len() == known.len() && name.bytes().map(folded).eq(known.bytes())
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Parses plain digits: no sign, no list, no white space inside (RFC 9110 §8.6).
fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
