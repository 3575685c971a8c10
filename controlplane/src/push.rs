//! Push: a bundle becomes what a gateway serves, with no control plane.
//!
//! Owns the one-time way from a validated bundle to a gateway's tables. What a control plane knows
//! from its store comes from the tables the gateway serves: other tenants' rows, registered instances
//! and the bucket ranges, so that a ramp goes on where it was.
//!
//! Invariants:
//! - nobody whose variant's weight does not fall is thrown out (POLICY, invariants M and S);
//! - what somebody else commits meanwhile is never overwritten unseen: the commit names the rules it
//!   was made of, and starts over when they are gone;
//! - what is pushed is on the gateway's disk before anybody is told that it is done, since nothing else has it.

use std::{
    collections::BTreeSet,
    net::ToSocketAddrs as _,
    path::Path,
    time::{Duration, Instant},
};

use halftone_core::{
    compile::{
        Allocations, CompileError, allocate, allocations_of, compile_instances, compile_rules,
        replace_instances, replace_tenant,
    },
    limits::ADDRESSES_MAX,
    policy::{Address, Bundle, digest},
    table::{
        AddressRow, InstanceTable, RuleTable, Table, TableKind,
        archive::{Archive, ArchiveError},
    },
    wire::Frame,
};
use halftone_link::{SealedError, SealedTable, Visit, VisitError, read_sealed};
use serde::Serialize;
use thiserror::Error;

/// How often a push starts over because others commit.
const ATTEMPTS_MAX: u32 = 5;

/// Why a bundle was not pushed; the gateway serves what it served.
#[derive(Debug, Error)]
pub enum PushError {
    /// The gateway cannot be talked to, or refuses.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// The gateway's own tables cannot be read, or the new ones not be served.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A table cannot cross the socket.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// The bundle does not go with what is served.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Others committed again and again.
    #[error("others changed the gateway's rules {ATTEMPTS_MAX} times meanwhile; try again")]
    Outrun,
}

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pushed {
    /// The tenant.
    pub tenant: String,
    /// The digest of its bundle.
    pub digest: String,
    /// The revision the rules have now.
    pub revision: u64,
    /// The epoch of the rules.
    pub rules_epoch: u64,
    /// The epoch of the instances.
    pub instances_epoch: u64,
    /// Workers that serve them.
    pub applied: u32,
    /// Workers that did not take them in time.
    pub missing: u32,
    /// From the first question to the last worker's word, microseconds.
    pub took_us: u64,
    /// Control planes that are connected: each replaces what was pushed with its next change.
    pub control_planes: u32,
    /// Variants without an instance, as `upstream/variant`.
    pub without_instances: BTreeSet<String>,
    /// Why a restart of the gateway would not serve it; nothing when it is on the gateway's disk.
    pub not_kept: Option<String>,
}

/// Has the gateway at `socket` serve `bundle`, which must be valid.
///
/// # Errors
/// [`PushError`].
pub fn push(bundle: &Bundle, socket: &Path, version: &str) -> Result<Pushed, PushError> {
    let begun = Instant::now();
    let mut visit = Visit::open(socket, version)?;
    for _ in 0..ATTEMPTS_MAX {
        let served = Served::ask(&mut visit)?;
        let base = served.rules_epoch;
        let (rules, instances) = served.with(bundle)?;
        let without_instances = without_instances(bundle, &instances);
        let revision = served.revision + 1;
        let rules_epoch = prepare(&mut visit, &Archive::build(&rules, revision)?)?;
        let instances_epoch = prepare(&mut visit, &Archive::build(&instances, revision)?)?;
        let commit = Frame::Commit {
            rules: Some(rules_epoch),
            instances: Some(instances_epoch),
            base: Some(base),
        };
        let Some((applied, missing)) = commit_once(&mut visit, &commit)? else { continue };
        let took_us = micros(begun.elapsed());
        let not_kept = kept(&mut visit).err().map(|error| error.to_string());
        return Ok(Pushed {
            tenant: bundle.metadata.tenant.clone(),
            digest: digest(bundle),
            revision,
            rules_epoch,
            instances_epoch,
            applied,
            missing,
            took_us,
            control_planes: visit.state().control_planes,
            without_instances,
            not_kept,
        });
    }
    Err(PushError::Outrun)
}

/// What a gateway serves; nothing before its first tables.
#[derive(Default)]
pub(crate) struct Served {
    pub(crate) rules_epoch: u64,
    pub(crate) revision: u64,
    rules: RuleTable,
    instances: InstanceTable,
}

impl Served {
    pub(crate) fn ask(visit: &mut Visit) -> Result<Self, PushError> {
        let state = match visit.ask(&Frame::QueryState)?.frame {
            Frame::State(state) => state,
            _ => return Err(VisitError::Unexpected.into()),
        };
        if state.rules_epoch == 0 {
            return Ok(Self::default());
        }
        let (rules_epoch, rules) = table::<RuleTable>(visit)?;
        let (_, instances) = table::<InstanceTable>(visit)?;
        let revision = rules.revision();
        Ok(Self { rules_epoch, revision, rules: rules.read()?, instances: instances.read()? })
    }

    /// Returns the tables with `bundle` in them.
    pub(crate) fn with(&self, bundle: &Bundle) -> Result<(RuleTable, InstanceTable), CompileError> {
        let tenant = &bundle.metadata.tenant;
        let mut allocations: Allocations = allocations_of(&self.rules);
        allocate(bundle, &mut allocations)?;
        let own = compile_rules(&[bundle], &allocations)?;
        let rules = replace_tenant(&self.rules, tenant, own)?;
        let own = compile_instances(&[bundle], &[], &resolve);
        Ok((rules, replace_instances(&self.instances, tenant, own)))
    }
}

fn table<T: Table>(visit: &mut Visit) -> Result<(u64, Archive<T>), PushError> {
    let received = visit.ask(&Frame::QueryTable { kind: T::KIND })?;
    match (received.frame, received.table) {
        (Frame::Table { kind, epoch }, Some(file)) if kind == T::KIND => {
            Ok((epoch, Archive::open(read_sealed(file)?)?))
        }
        _ => Err(VisitError::Unexpected.into()),
    }
}

fn prepare<T: Table>(visit: &mut Visit, archive: &Archive<T>) -> Result<u64, PushError> {
    let (kind, revision): (TableKind, u64) = (T::KIND, archive.revision());
    let frame = Frame::Prepare { kind, revision, digest: "push".to_owned() };
    let file = SealedTable::create(archive.bytes())?;
    visit.channel().send_table(&frame, &file).map_err(VisitError::from)?;
    match visit.receive()?.frame {
        Frame::Prepared { epoch, .. } => Ok(epoch),
        _ => Err(VisitError::Unexpected.into()),
    }
}

/// Returns how many workers applied and how many did not; nothing when others were faster.
fn commit_once(visit: &mut Visit, commit: &Frame) -> Result<Option<(u32, u32)>, PushError> {
    let mut answer = visit.ask(commit);
    loop {
        match answer.map(|received| received.frame) {
            Ok(Frame::Applied { .. }) => answer = visit.receive(),
            Ok(Frame::Committed { applied, missing }) => return Ok(Some((applied, missing))),
            Ok(_) => return Err(VisitError::Unexpected.into()),
            // A commit is refused for nothing else than newer tables.
            Err(VisitError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until what was committed is on the gateway's disk: nobody else has it.
fn kept(visit: &mut Visit) -> Result<(), VisitError> {
    match visit.ask(&Frame::QueryKept)?.frame {
        Frame::Kept => Ok(()),
        _ => Err(VisitError::Unexpected),
    }
}

pub(crate) fn without_instances(bundle: &Bundle, instances: &InstanceTable) -> BTreeSet<String> {
    let tenant = &bundle.metadata.tenant;
    let is_empty = |name: &str| {
        let set = instances.sets.iter().find(|set| set.key == format!("{tenant}/{name}"));
        set.is_none_or(|set| set.instances.is_empty())
    };
    let variants = bundle.upstreams.iter().flat_map(|(upstream, spec)| {
        spec.variants.keys().map(move |variant| format!("{upstream}/{variant}"))
    });
    variants.filter(|name| is_empty(name)).collect()
}

/// Resolves once: nobody will do it again until the next push.
fn resolve(address: &Address) -> Vec<AddressRow> {
    let row = |address: std::net::SocketAddr| match address {
        std::net::SocketAddr::V4(v4) => AddressRow::V4(v4.ip().octets(), v4.port()),
        std::net::SocketAddr::V6(v6) => AddressRow::V6(v6.ip().octets(), v6.port()),
    };
    match address {
        Address::Socket(address) => vec![row(*address)],
        Address::Unix(path) => vec![AddressRow::Unix(path.clone())],
        Address::Name(name, port) => {
            let found = (name.as_str(), *port).to_socket_addrs();
            found.map(|found| found.map(row).take(ADDRESSES_MAX).collect()).unwrap_or_default()
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
