//! Fields: one pass that finds what each means to the message and to the hop.
//!
//! Owns the classes of fields: hop-by-hop ones (RFC 9110 §7.6.1), those about the caller, those that frame.
//! Does not decide the framing: [`super::framing`] does, from what is found here.

use super::{
    Framing, HeadError, Header,
    framing::{framing, parse_length},
};
use crate::{
    http::is_field,
    limits::{CONNECTION_NAMES_MAX, HEADERS_MAX},
};

/// The field by which the holder of a token asks for the decision; it ends here.
const EXPLAIN: &str = "x-halftone-explain";

/// What Via names every gateway by: a circle of several is a loop, too.
pub(crate) const VIA_NAME: &str = "halftone";

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

/// What one pass over the fields finds.
#[derive(Default)]
pub(super) struct Fields<'b> {
    pub(super) hop_by_hop: Mask,
    pub(super) forwarded: Mask,
    pub(super) forwarded_for: Mask,
    pub(super) explain: Mask,
    pub(super) host: Option<&'b str>,
    pub(super) hosts: u32,
    length: Option<u64>,
    pub(super) length_field: Mask,
    transfer_encoding: Option<&'b [u8]>,
    expect: Option<&'b [u8]>,
    upgrade: Option<&'b [u8]>,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    upgrading: bool,
    /// How many fields Connection names.
    named: usize,
    /// How many gateways like this one Via names.
    pub(super) hops: usize,
}

impl<'b> Fields<'b> {
    pub(super) fn classify(headers: &[Header<'b>], http11: bool) -> Result<Self, HeadError> {
        let mut fields = Self::default();
        for (index, header) in headers.iter().enumerate() {
            fields.field(index, header)?;
        }
        if fields.transfer_encoding.is_some() && (fields.length.is_some() || !http11) {
            return Err(HeadError::TransferEncoding);
        }
        if fields.named > 0 {
            fields.drop_named(headers);
        }
        Ok(fields)
    }

    #[inline]
    fn field(&mut self, index: usize, header: &Header<'b>) -> Result<(), HeadError> {
        let name = header.name;
        let is = |known: &str| is_field(name, known);
        // The first letter in lower case: most fields are told by it to be none of these.
        let first = name.as_bytes().first().map_or(0, |byte| byte | 0x20);
        match (first, name.len()) {
            (b'c', 10) if is("connection") => {
                self.connection(header.value)?;
                self.hop_by_hop.insert(index);
            }
            (b'c', 14) if is("content-length") => {
                let length = parse_length(header.value).ok_or(HeadError::ContentLength)?;
                self.length_field.insert(index);
                if self.length.replace(length).is_some() {
                    return Err(HeadError::ContentLength);
                }
            }
            // Spelled with `_`: a service that reads it as `-` would frame the message by what nobody else did.
            (b'c', 14) if is_like(name, "content-length") => self.hop_by_hop.insert(index),
            (b'e', 6) if is("expect") => {
                self.expect = Some(header.value);
                self.hop_by_hop.insert(index);
            }
            (b'f', 9) if is("forwarded") => self.forwarded.insert(index),
            (b'h', 4) if is("host") => {
                self.hosts += 1;
                self.host = Some(std::str::from_utf8(header.value).map_err(|_| HeadError::Host)?);
                self.hop_by_hop.insert(index);
            }
            (b'h', 14) if is_like(name, "http2-settings") => self.hop_by_hop.insert(index),
            (b'k', 10) if is_like(name, "keep-alive") => self.hop_by_hop.insert(index),
            (b'p', 16) if is_like(name, "proxy-connection") => self.hop_by_hop.insert(index),
            (b't', 2) if is("te") => self.hop_by_hop.insert(index),
            (b't', 7) if is("trailer") => self.hop_by_hop.insert(index),
            (b't', 17) if is("transfer-encoding") => {
                if self.transfer_encoding.replace(header.value).is_some() {
                    return Err(HeadError::TransferEncoding);
                }
                self.hop_by_hop.insert(index);
            }
            (b't', 17) if is_like(name, "transfer-encoding") => self.hop_by_hop.insert(index),
            (b'u', 7) if is("upgrade") => {
                self.upgrade = Some(header.value);
                self.hop_by_hop.insert(index);
            }
            (b'v', 3) if is("via") => self.hops += tokens(header.value).filter(is_own_hop).count(),
            (b'x', 9) if is_like(name, "x-real-ip") => self.forwarded.insert(index),
            (b'x', 15) if is_like(name, "x-forwarded-for") => {
                self.forwarded.insert(index);
                self.forwarded_for.insert(index);
            }
            // Host, Port, Proto, Prefix, Scheme, Ssl, …: whatever a service believes of a gateway.
            (b'x', 12..) if name.get(..12).is_some_and(|start| is_like(start, "x-forwarded-")) => {
                self.forwarded.insert(index);
            }
            (b'x', 18) if is_like(name, EXPLAIN) => {
                self.explain.insert(index);
                self.hop_by_hop.insert(index);
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) -> Result<(), HeadError> {
        for token in tokens(value) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if token.eq_ignore_ascii_case(b"upgrade") {
                self.upgrading = true;
            } else if self.named < CONNECTION_NAMES_MAX {
                self.named += 1;
            } else {
                return Err(HeadError::TooManyFields);
            }
        }
        Ok(())
    }

    /// Drops the fields that Connection names, except those the message cannot do without; at most
    /// [`CONNECTION_NAMES_MAX`] × [`HEADERS_MAX`] comparisons.
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

    pub(super) fn framing(&self) -> Result<Option<Framing>, HeadError> {
        framing(self.transfer_encoding, self.length)
    }

    /// Returns the protocol, where Connection says that Upgrade is meant for us.
    pub(super) fn upgrade(&self) -> Option<&'b [u8]> {
        self.upgrade
            .filter(|protocol| self.upgrading && !protocol.is_empty() && !names_h2c(protocol))
    }

    pub(super) fn expect_continue(&self) -> Result<bool, HeadError> {
        match self.expect {
            None => Ok(false),
            Some(value) if value.trim_ascii().eq_ignore_ascii_case(b"100-continue") => Ok(true),
            Some(_) => Err(HeadError::Expect),
        }
    }
}

/// Returns whether a member of Via was written by a gateway like this one: protocol, then our name, then a comment or nothing.
fn is_own_hop(member: &&[u8]) -> bool {
    member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1)
        == Some(VIA_NAME.as_bytes())
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
