//! The steps of a decision, as explain shows them.
//!
//! Owns their form (JSON) and what can become of a header, a pin or a key. Does not collect them ([`super::Trace`]). Invariant: a
//! token is told without its signature.

use serde::{Deserialize, Serialize};

use crate::{
    route::chain::Chain,
    signal::{jwt, signature::Rejected},
};

/// A condition, what it asks for and what the request has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Which part of the request, such as `header x-qa`.
    pub part: String,
    /// What it has to be.
    pub wanted: String,
    /// What it is; absent when the request has none, or none that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Whether the condition holds.
    pub holds: bool,
    /// The values that an expression looked at, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Read>,
}

/// A value that an expression looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// The attribute's name, or a part of the request.
    pub name: String,
    /// Its text; absent when the request has none, or none that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What would have said it, had the peer been trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_believed: Option<String>,
}

impl Read {
    /// Returns what was read where trust is no matter.
    #[must_use]
    pub fn of(name: impl Into<String>, found: Option<String>) -> Self {
        Self { name: name.into(), found, not_believed: None }
    }
}

/// One step of a decision (POLICY "One request, in this order").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// Stage 0: the request in normal form.
    Normal {
        /// The method.
        method: String,
        /// The host name.
        host: String,
        /// The path.
        path: String,
        /// The query, as received.
        query: String,
        /// The caller's address.
        client_ip: String,
        /// The address the connection comes from.
        peer_ip: String,
        /// Whether that peer is believed.
        trusted: bool,
    },
    /// Stage 1: fields that an untrusted peer may not send on.
    Stripped {
        /// Their names, as received.
        headers: Vec<String>,
        /// How many members of its baggage may not, either.
        #[serde(default, skip_serializing_if = "is_zero")]
        members: u32,
    },
    /// The token that the caller shows, when something asked for a claim of it. Never the token itself.
    Token {
        /// Who has issued it; absent when that is not known for sure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
        /// The id of the key that has verified it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// When it ends, in seconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_unix_s: Option<u64>,
        /// Why it is not believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejected: Option<jwt::Rejected>,
    },
    /// Stage 2: the routes of one host name, from here on.
    Host {
        /// The name; `*` in front of a wildcard's, alone for every host.
        name: String,
        /// How many routes it has; none when no bundle names the host.
        routes: u32,
    },
    /// Stage 2: a route was tried.
    Route {
        /// Its name.
        name: String,
        /// What was compared, up to the first that does not hold.
        conditions: Vec<Seen>,
        /// Whether all hold.
        matched: bool,
    },
    /// The route names an upstream: nothing is left to decide.
    Static {
        /// The variant's name.
        variant: String,
    },
    /// Stage 3: the kill switch of the release.
    KillSwitch {
        /// The tenant.
        tenant: String,
        /// The release.
        release: String,
        /// Whether it is switched off.
        disabled: bool,
        /// Whether its time is over.
        expired: bool,
    },
    /// Stage 4: a header that may name a variant.
    Override {
        /// The header.
        header: String,
        /// Its value; absent when the request has none, or none that is believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<String>,
        /// What became of it.
        outcome: Overridden,
    },
    /// Before stage 5: the member of the baggage that names what an earlier hop decided.
    Chain {
        /// Its key.
        key: String,
        /// Its value; absent when the request has none, or none that is believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<String>,
        /// What the request says of its chain.
        outcome: Chain,
    },
    /// Stage 5: the cookie that pins a user to a variant.
    Pin {
        /// The cookie.
        cookie: String,
        /// What it holds, without its signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<String>,
        /// What became of it.
        outcome: Pinned,
    },
    /// Stage 6: a target was tried.
    Target {
        /// Its id.
        id: String,
        /// Whether its time is over; its conditions were not looked at then.
        expired: bool,
        /// What was compared, up to the first that does not hold.
        conditions: Vec<Seen>,
        /// Whether it takes the request.
        matched: bool,
    },
    /// Stage 7: nothing else took the request.
    Default,
    /// The target or the default names a variant.
    Variant {
        /// The variant's name.
        name: String,
    },
    /// Stage 8: a place the bucketing key may come from.
    Unit {
        /// Which part of the request, such as `cookie uid`.
        part: String,
        /// Its value; absent when the request has none, or none that is believed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<String>,
        /// What became of it.
        outcome: Keyed,
    },
    /// Stage 8: the bucket of the key.
    Bucket {
        /// The key.
        unit: String,
        /// The salt of the release.
        salt: String,
        /// MurmurHash3_x86_32 of salt, colon and key.
        hash: u32,
        /// The bucket.
        bucket: u32,
    },
    /// Stage 8: there is no key, so that a bucket is drawn, for each request anew.
    Random {
        /// The bucket that was drawn this time.
        bucket: u32,
    },
    /// Stage 8: there is no key, so that stable takes the request.
    NoUnit,
    /// Stage 8: there is no key, so that one is made, which the answer has the caller remember.
    Minted {
        /// The key.
        unit: String,
    },
    /// Stage 8: there is no key and none is made, so that stable takes the request.
    NotMinted {
        /// Whether the gateway could sign one; then it is the caller who would not keep it, over plain http.
        has_keys: bool,
    },
    /// Stage 8: the range the bucket lies in.
    Range {
        /// First bucket inside; absent when the bucket lies in no variant's range.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<u32>,
        /// First bucket beyond.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<u32>,
        /// The variant it belongs to.
        variant: String,
    },
    /// Stage 9: whether the variant can serve.
    Health {
        /// The variant.
        variant: String,
        /// Its instances that take requests.
        instances: u32,
        /// The variant that serves instead, when it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fallback: Option<String>,
    },
    /// Stage 10: the instances that take turns, by weight.
    Instances {
        /// Their addresses as registered, the first of them when there are many.
        names: Vec<String>,
        /// How many there are.
        count: u32,
    },
    /// What is sent on, so that later hops know.
    Propagated {
        /// The key of the member.
        key: String,
        /// Its value.
        value: String,
    },
    /// The request goes nowhere: the gateway answers by itself.
    Refused {
        /// The status.
        status: u16,
        /// The label in log, metrics and Proxy-Status.
        error: String,
        /// What a person is told.
        detail: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What became of a header that may name a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Overridden {
    /// It names the variant.
    Accepted,
    /// The request has none.
    Absent,
    /// Only trusted peers may use it.
    Untrusted,
    /// The upstream has no such variant.
    UnknownVariant,
    /// It has to be a token, and is none that is believed.
    Unsigned(Rejected),
}

/// What became of the cookie of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pinned {
    /// It names the variant.
    Taken,
    /// The request has none.
    Absent,
    /// It is no token that is believed.
    Unsigned(Rejected),
    /// It is of another generation than the release.
    OtherGeneration,
    /// The upstream has no such variant any more.
    UnknownVariant,
}

/// What became of a place of the bucketing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Keyed {
    /// It is the key.
    Used,
    /// The request has none.
    Absent,
    /// It is believed from trusted peers only.
    Untrusted,
    /// It is empty or too long to be a key.
    Unusable,
    /// It has to be a token, and is none that is believed.
    Unsigned(Rejected),
}
