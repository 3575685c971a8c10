//! W3C Baggage: the members of the `baggage` fields of a request.
//!
//! Owns how members are read, told apart and written (W3C Baggage, Recommendation; its §3.3 is the form). Does not decide
//! who is believed nor what goes on: `core::route` does.
//!
//! Invariants:
//! - a key is believed only as it is written, and left out in every spelling that a service may take for it: libraries
//!   decode `%XX` and `+` in keys, and trim more than blanks;
//! - what is written keeps to the limits that every hop has to pass on, and its own member is never what is dropped;
//! - nothing is allocated, but for a key longer than people write.

use smallvec::SmallVec;

use super::{Header, Mask};
use crate::limits::{
    BAGGAGE_BYTES_MAX, BAGGAGE_MEMBERS_MAX, BAGGAGE_VALUE_BYTES_MAX, NAME_BYTES_MAX,
};

/// The field's name.
const FIELD: &str = "baggage";

/// Members of one request that are looked at: those that a hop has to pass on, and as many again.
const LOOKED_AT: usize = u128::BITS as usize;

const _: () = assert!(BAGGAGE_MEMBERS_MAX <= LOOKED_AT);
const _: () = assert!(NAME_BYTES_MAX + 1 + BAGGAGE_VALUE_BYTES_MAX <= BAGGAGE_BYTES_MAX);

/// How the baggage of a request goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Baggage<'a> {
    /// A member of our own, in front: its key, and its value as it is written.
    pub member: Option<(&'a str, &'a [u8])>,
    /// How many members were left out since the peer may not send them.
    pub stripped: u32,
    /// Which members of the request stay, by their place among all.
    kept: u128,
}

impl Baggage<'_> {
    /// Returns what becomes of the baggage in `headers` when `member` goes in front and members of which `is_reserved`
    /// holds, asked with their key in lower case, are stripped; nothing when all of it stays as it is.
    #[must_use]
    pub fn plan<'a>(
        headers: &[Header<'_>],
        member: Option<(&'a str, &'a [u8])>,
        is_reserved: impl Fn(&[u8]) -> bool,
    ) -> Option<Baggage<'a>> {
        let mut plan = Baggage { member, ..Baggage::default() };
        let mut is_whole = true;
        for (at, (_, found)) in members(headers).enumerate() {
            if at == LOOKED_AT {
                is_whole = false;
                break;
            }
            let mut key = laxest_key(found);
            let is_own = member.is_some_and(|(own, _)| own.as_bytes() == &key[..]);
            key.make_ascii_lowercase();
            if is_reserved(&key) {
                plan.stripped += 1;
            } else if !is_own {
                plan.kept |= 1 << at;
            }
        }
        (member.is_some() || plan.stripped > 0 || !is_whole).then_some(plan)
    }

    /// Appends the field for a request with these `headers`, of which those in `dropped` say nothing. Members that do not
    /// fit any more are left out whole.
    pub(super) fn write(&self, headers: &[Header<'_>], dropped: Mask, out: &mut Vec<u8>) {
        let before = out.len();
        out.extend_from_slice(FIELD.as_bytes());
        out.extend_from_slice(b": ");
        let start = out.len();
        let mut count = 0;
        if let Some((key, value)) = self.member {
            out.extend_from_slice(key.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value);
            count += 1;
        }
        for (at, (field, member)) in members(headers).take(LOOKED_AT).enumerate() {
            let fits = count < BAGGAGE_MEMBERS_MAX
                && out.len() - start + 1 + member.len() <= BAGGAGE_BYTES_MAX;
            if self.kept >> at & 1 == 1 && !dropped.contains(field) && fits {
                if count > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(member);
                count += 1;
            }
        }
        if count == 0 {
            out.truncate(before);
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Returns whether a field of this name carries baggage.
pub(crate) fn is_baggage(name: &str) -> bool {
    name.eq_ignore_ascii_case(FIELD)
}

/// Returns whether `text` can be the key of a member of ours: a token (W3C Baggage §3.3.1) that no library decodes.
#[must_use]
pub fn is_baggage_key(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_key_byte)
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&'*-.^_`|~".contains(&byte)
}

/// Returns the value of the first member with this key, as it is written, without its properties; nothing when there is
/// none, or none that could name anything of ours.
pub(crate) fn value_of<'a>(headers: &'a [Header<'a>], key: &str) -> Option<&'a [u8]> {
    let value = members(headers).take(LOOKED_AT).find_map(|(_, member)| {
        let equals = memchr::memchr(b'=', member)?;
        if member[..equals].trim_ascii_end() != key.as_bytes() {
            return None;
        }
        let value = &member[equals + 1..];
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        Some(value[..end].trim_ascii())
    })?;
    (1..=BAGGAGE_VALUE_BYTES_MAX).contains(&value.len()).then_some(value)
}

/// Returns whether a value, decoded (§3.3.1.3: percent-encoded), is `name`.
pub(crate) fn is_value(mut value: &[u8], name: &[u8]) -> bool {
    for wanted in name {
        let decoded = match value {
            [b'%', high, low, ..] => hexadecimal(*high, *low),
            _ => None,
        };
        let (byte, bytes) = match (decoded, value) {
            (Some(decoded), _) => (decoded, 3),
            (None, [byte, ..]) => (*byte, 1),
            (None, []) => return false,
        };
        if byte != *wanted {
            return false;
        }
        value = &value[bytes..];
    }
    value.is_empty()
}

/// Returns whether any member has a key of which `is_reserved` holds, asked in lower case.
pub(crate) fn has_reserved(headers: &[Header<'_>], is_reserved: impl Fn(&[u8]) -> bool) -> bool {
    members(headers).take(LOOKED_AT).any(|(_, member)| {
        let mut key = laxest_key(member);
        key.make_ascii_lowercase();
        is_reserved(&key)
    })
}

/// Returns the members of all fields in order, each with the index of its field.
fn members<'a>(headers: &'a [Header<'a>]) -> impl Iterator<Item = (usize, &'a [u8])> {
    let fields = headers.iter().enumerate().filter(|(_, header)| is_baggage(header.name));
    fields.flat_map(|(field, header)| {
        let members = header.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        members.filter(|member| !member.is_empty()).map(move |member| (field, member))
    })
}

/// Returns the key of a member as the laxest reader takes it: escapes decoded, however often they were escaped, and
/// without what cannot be part of a key of ours. One pass: what an escape decodes to may complete another.
fn laxest_key(member: &[u8]) -> SmallVec<[u8; 64]> {
    let end = memchr::memchr2(b'=', b';', member).unwrap_or(member.len());
    let mut key: SmallVec<[u8; 64]> = SmallVec::new();
    for byte in &member[..end] {
        key.push(*byte);
        while let [.., b'%', high, low] = key[..]
            && let Some(decoded) = hexadecimal(high, low)
        {
            key.truncate(key.len() - 3);
            key.push(decoded);
        }
    }
    key.retain(|byte| is_key_byte(*byte));
    key
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests;
