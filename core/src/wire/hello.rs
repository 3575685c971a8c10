//! Who speaks: the first frame in each direction, and what a gateway says of itself.
//!
//! Owns the roles of peers and the check that both sides can understand each other. Invariant: another protocol or layout is
//! named with both versions, and nothing else of the greeting is looked at.

use serde::{Deserialize, Serialize};

use super::{PROTOCOL, WireError};
use crate::{
    signal::{geo::GeoState, jwt::IssuerState, lists::ListState},
    table::archive::LAYOUT,
};

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// [`LAYOUT`], hexadecimal.
    pub layout: String,
    /// The version of the build.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// What the gateway is; absent from other peers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayState>,
    /// What a peer of a gateway is there for.
    #[serde(default)]
    pub role: Role,
    /// Which control plane it speaks for; absent from visitors and gateways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlane>,
}

/// A control plane, as gateways know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    /// Which it is: its store's number, drawn once.
    pub id: u64,
    /// Whether it is to lead a gateway that another one leads.
    #[serde(default)]
    pub takes_over: bool,
}

/// What a peer of a gateway is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// To ask, or to push once.
    #[default]
    Visitor,
    /// To keep the gateway at its newest tables: whatever others commit, it replaces.
    ControlPlane,
    /// To answer what the gateway asks about users, and to say when that changes.
    Tags,
    /// To bring region databases.
    Geo,
    /// To bring lists of ids.
    Lists,
    /// To name issuers of tokens and their keys.
    Issuers,
}

impl Hello {
    /// Returns the greeting of this build.
    #[must_use]
    pub fn new(version: &str, pid: u32, gateway: Option<GatewayState>) -> Self {
        Self {
            protocol: PROTOCOL,
            layout: format!("{LAYOUT:016x}"),
            version: version.to_owned(),
            pid,
            gateway,
            role: Role::default(),
            control_plane: None,
        }
    }

    /// Returns the greeting of a control plane's peer that is there for `role`.
    #[must_use]
    pub fn of_control_plane(self, role: Role, control_plane: ControlPlane) -> Self {
        Self { role, control_plane: Some(control_plane), ..self }
    }

    /// Checks that the other side can be understood.
    ///
    /// # Errors
    /// [`WireError::Skew`], with both versions.
    pub fn check(&self, own_version: &str) -> Result<(), WireError> {
        let own = Self::new(own_version, 0, None);
        if self.protocol == own.protocol && self.layout == own.layout {
            return Ok(());
        }
        Err(WireError::Skew {
            theirs: format!(
                "{} (protocol {}, layout {})",
                self.version, self.protocol, self.layout
            ),
            ours: format!("{} (protocol {}, layout {})", own.version, own.protocol, own.layout),
        })
    }
}

/// What a gateway is and serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayState {
    /// Its listening addresses.
    pub listen: Vec<String>,
    /// The engine its workers run.
    pub engine: String,
    /// Why that engine was chosen.
    pub engine_reason: String,
    /// Its workers' CPUs, by worker.
    pub cpus: Vec<u32>,
    /// The newest committed epoch of the rules; 0 before the first.
    pub rules_epoch: u64,
    /// The newest committed epoch of the instances; 0 before the first.
    pub instances_epoch: u64,
    /// The revision of the rules.
    pub rules_revision: u64,
    /// The epochs each worker decides with, by worker.
    #[serde(default)]
    pub workers: Vec<WorkerState>,
    /// Control planes that are connected.
    #[serde(default)]
    pub control_planes: u32,
    /// The region databases it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub geo: Vec<GeoState>,
    /// The lists of ids it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListState>,
    /// The ids of its keys; the first signs.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Whether its rules need a key and it has none, so that nothing signed is believed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keys_missing: bool,
    /// The issuers whose tokens it believes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<IssuerState>,
}

/// What a worker decides with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerState {
    /// The epoch of its rules; 0 before the first.
    pub rules_epoch: u64,
    /// The epoch of its instances; 0 before the first.
    pub instances_epoch: u64,
}
