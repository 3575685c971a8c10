//! What a decision read of a request: enough to take it again without the request.
//!
//! Owns what counts as read, how it is called and what is never told to anybody. Method, host, target, address and time
//! are not among it: whoever keeps a decision keeps those anyway.
//!
//! Invariant: every value that can change a decision and is not one of those is seen here, also one that is not there.

use std::fmt;

use crate::policy::DEVICE_ID;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A header, by its name in lower case.
    Header(&'a str),
    /// A cookie.
    Cookie(&'a str),
    /// A member of the baggage.
    Baggage(&'a str),
    /// A tag of a tenant's user.
    Tag {
        /// The tenant.
        tenant: &'a str,
        /// The user.
        id: &'a str,
        /// The tag.
        name: &'a str,
    },
    /// Whether a tenant's user is on a list.
    Member {
        /// The tenant.
        tenant: &'a str,
        /// The user.
        id: &'a str,
        /// The list.
        list: &'a str,
    },
    /// A property of the device.
    Device(&'a str),
    /// A field of the caller's address, in a language.
    Geo {
        /// The field.
        field: &'a str,
        /// The language.
        lang: &'a str,
    },
    /// A claim of a good token.
    Claim {
        /// Its name.
        name: &'a str,
        /// Who has to have issued the token, if not anybody.
        issuer: Option<&'a str>,
    },
    /// Where the caller's address is: degrees north and east.
    Position,
    /// What a good token holds.
    Signed {
        /// What it is for ([`crate::signal::signature::USES`]).
        used: &'a str,
        /// Whose it is.
        tenant: &'a str,
        /// The cookie or the release.
        name: &'a str,
    },
    /// The id of the device, in the cookie that a tenant's hosts set.
    DeviceId {
        /// The tenant.
        tenant: &'a str,
    },
    /// Whether the gateway has a key to sign with.
    CanSign,
    /// The unit that a caller without one is given.
    FreshUnit,
    /// The random number, eight hexadecimal digits.
    Random,
    /// Something else, by its name in explanations.
    Other(&'a str),
}

impl Input<'_> {
    /// Returns whether its value could let somebody in elsewhere.
    #[must_use]
    pub fn is_secret(self) -> bool {
        match self {
            Self::Header(name) => {
                // Whether all of a baggage is believed is not told by its value.
                matches!(name, "authorization" | "baggage" | "cookie" | "proxy-authorization")
            }
            _ => false,
        }
    }

    /// Returns its name without anybody's id.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Tag { name, .. } => format!("tag {name}"),
            Self::Member { list, .. } => format!("member of {list}"),
            other => other.to_string(),
        }
    }
}

/// The name under which its value is kept.
impl fmt::Display for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
            Self::Tag { tenant, id, name } => write!(f, "tag {name} of {tenant}/{id}"),
            Self::Device(property) => write!(f, "device {property}"),
            Self::Geo { field, lang } => write!(f, "geoip {field} in {lang}"),
            Self::Claim { name, issuer: None } => write!(f, "claim {name}"),
            Self::Claim { name, issuer: Some(issuer) } => write!(f, "claim {name} of {issuer}"),
            Self::Position => f.write_str("geoip position"),
            Self::Signed { used, tenant, name } => write!(f, "signed {used} {name} of {tenant}"),
            Self::DeviceId { tenant } => write!(f, "{DEVICE_ID} of {tenant}"),
            Self::CanSign => f.write_str("key to sign with"),
            Self::FreshUnit => f.write_str("fresh unit"),
            Self::Baggage(key) => write!(f, "baggage {key}"),
            Self::Member { tenant, id, list } => write!(f, "member of {list}: {tenant}/{id}"),
            Self::Random => f.write_str("random"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// Is told what a decision reads, or tells it; the same value may be read again.
pub trait Witness: fmt::Debug {
    /// Returns what a decision is to find instead of what there is; by default that is what there is.
    fn gives(&self, _: Input<'_>) -> Option<Option<&[u8]>> {
        None
    }

    /// Takes a value that was found, or that there is none.
    fn saw(&self, input: Input<'_>, value: Option<&[u8]>);
}

/// Writes a random number as it is kept.
pub(super) fn digits(random: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (at, digit) in digits.iter_mut().enumerate() {
        let nibble = (random >> (28 - 4 * at)) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    digits
}
