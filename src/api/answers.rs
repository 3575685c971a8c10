//! What the API answers, as far as commands show it.
//!
//! Owns these forms; the control plane's own are written down in its OpenAPI document. Invariant: what an older or newer control
//! plane leaves out is empty, and what it adds is left out.

use std::{collections::BTreeMap, path::PathBuf};

use halftone_core::{
    signal::{
        geo::{GeoState, difference::Difference},
        jwt::IssuerState,
        lists::ListState,
    },
    telemetry::Latency,
    wire::GatewayState,
};
use serde::Deserialize;

/// What `GET /v1/gateways` says of one gateway; what is not shown here is left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Gateway {
    /// Its control socket.
    pub(crate) socket: PathBuf,
    /// Whether the control plane is connected to it.
    pub(crate) connected: bool,
    /// Why it is not.
    pub(crate) error: Option<String>,
    /// Why it rejected the newest tables.
    pub(crate) rejected: Option<String>,
    /// Its build.
    pub(crate) version: Option<String>,
    /// What it said of itself when it was connected to.
    pub(crate) gateway: Option<GatewayState>,
    /// The region databases it serves.
    pub(crate) geo: Vec<GeoState>,
    /// The lists of ids it serves.
    pub(crate) lists: Vec<ListState>,
    /// The ids of its keys; the first signs.
    pub(crate) keys: Vec<String>,
    /// Whether its rules need a key and it has none.
    pub(crate) keys_missing: bool,
    /// The issuers whose tokens it believes.
    pub(crate) issuers: Vec<IssuerState>,
    /// The epoch of the rules it serves.
    pub(crate) rules_epoch: u64,
    /// The epoch of the instances it serves.
    pub(crate) instances_epoch: u64,
    /// What it counted.
    pub(crate) stats: Stats,
}

/// What `GET /v1/tenants` says of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Tenant {
    /// Its name.
    pub(crate) tenant: String,
    /// Its releases whose kill switch is pulled.
    pub(crate) disabled: Vec<String>,
}

/// What `GET /v1/geo` says of one source.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Region {
    /// The file or the URL.
    pub(crate) source: String,
    /// The last good database it had.
    pub(crate) database: Option<GeoState>,
    /// How that differs from the one before it.
    pub(crate) difference: Option<Difference>,
    /// Why what it has is not used.
    pub(crate) error: Option<String>,
}

/// What `GET /v1/issuers` says of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Issuer {
    /// Its name.
    pub(crate) issuer: String,
    /// Whom its tokens have to be meant for.
    pub(crate) audiences: Vec<String>,
    /// The file or the URL of its keys.
    pub(crate) source: String,
    /// Why what that has is not used.
    pub(crate) error: Option<String>,
}

/// What a gateway counted, without the distributions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Stats {
    /// By variant key: `tenant/upstream/variant`.
    pub(crate) variants: BTreeMap<String, Variant>,
    /// Requests the gateway answered itself, by error label.
    pub(crate) errors: BTreeMap<String, u64>,
    /// What requests said of the chain of services they are part of, by `tenant/release` and word.
    pub(crate) chains: BTreeMap<String, BTreeMap<String, u64>>,
    /// Release headers of untrusted peers that were stripped.
    pub(crate) stripped: u64,
    /// Members of their baggage that were stripped.
    pub(crate) stripped_members: u64,
}

/// What a gateway counted of one variant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Variant {
    /// Finished requests.
    pub(crate) requests: u64,
    /// Finished requests by class of status; the first are those whose caller went away.
    pub(crate) by_class: [u64; 6],
    /// Quantiles, microseconds.
    pub(crate) latency_us: Latency,
}
