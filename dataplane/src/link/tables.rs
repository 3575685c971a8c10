//! Tables that a peer prepares, commits or asks for.
//!
//! Owns the way from a sealed file to a commit, and back to one. Does not publish ([`crate::publish`]). Invariant: a table is
//! opened, and so checked, before it has a number, whether it came whole or as ranges that moved.

use std::{os::fd::OwnedFd, sync::Arc};

use halftone_core::{
    compile::replace_ranges,
    limits::COMMIT_MS,
    table::{RuleTable, Table, TableKind, archive::Archive},
    wire::{Frame, SplitRanges},
};
use halftone_link::{AtOnce, Channel, LinkError, SealedTable, read_sealed};

use super::{Admitted, Link, conversation::Prepared, refusal::Refusal};
use crate::{publish::Committed, tables::Loaded};

impl Link {
    pub(super) fn load<T: Table>(&self, table: OwnedFd) -> Result<Arc<Loaded<T>>, Refusal> {
        let bytes = read_sealed(table)?;
        let at_once = AtOnce::over(bytes.len());
        let archive = Archive::open_by(bytes, &at_once)?;
        Ok(self.publisher.prepare(archive))
    }

    /// Makes other rules of those that are served; they are checked like any that come from a peer.
    pub(super) fn move_ranges(
        &self,
        base: u64,
        revision: u64,
        splits: &[SplitRanges],
    ) -> Result<Arc<Loaded<RuleTable>>, Refusal> {
        let served = self.publisher.tables();
        let tables = served.as_ref().as_ref().ok_or(Refusal::Unserved)?;
        let newest = tables.epochs().0;
        if base != newest {
            return Err(Refusal::OtherBase { base, newest });
        }
        let mut table = tables.loaded_rules().archive.read()?;
        replace_ranges(&mut table, splits.iter().map(|one| (&one.split, &one.ranges)))?;
        Ok(self.publisher.prepare(Archive::build(&table, revision)?))
    }

    /// Sends the table that is served.
    pub(super) fn hand_over(
        &self,
        channel: &mut Channel,
        kind: TableKind,
    ) -> Result<Result<(), Refusal>, LinkError> {
        let served = self.publisher.tables();
        let Some(tables) = served.as_ref() else { return Ok(Err(Refusal::Unserved)) };
        let (rules, instances) = tables.epochs();
        let (epoch, bytes) = match kind {
            TableKind::Rules => (rules, tables.loaded_rules().archive.bytes()),
            TableKind::Instances => (instances, tables.loaded_instances().archive.bytes()),
            TableKind::Tags | TableKind::List => {
                return Ok(Err(Refusal::Unexpected("this question")));
            }
        };
        match SealedTable::create(bytes) {
            Ok(file) => channel.send_table(&Frame::Table { kind, epoch }, file).map(Ok),
            Err(error) => Ok(Err(Refusal::HandOver(error))),
        }
    }

    pub(super) fn commit(
        &self,
        channel: &mut Channel,
        prepared: &mut Prepared<'_>,
        (rules, instances): (Option<u64>, Option<u64>),
        base: Option<u64>,
    ) -> Result<Result<(), Refusal>, LinkError> {
        let tables = take(&mut prepared.rules, rules).and_then(|rules| {
            take(&mut prepared.instances, instances).map(|instances| (rules, instances))
        });
        let committed = tables.and_then(|(rules, instances)| {
            let _leading = prepared.admitted.map(Admitted::leading).transpose()?;
            Ok(self.publisher.commit(rules, instances, base)?)
        });
        let Committed { applied, replaced } = match committed {
            Ok(committed) => committed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if prepared.admitted.is_none() {
            self.leadership.note_push();
        }
        let workers = self.state.cpus.len();
        for (one, took) in &applied {
            let (rules, instances) = one.epochs;
            let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            channel.send(&Frame::Applied { worker: one.worker, rules, instances, ns })?;
        }
        let missing = workers.saturating_sub(applied.len());
        if missing > 0 {
            tracing::warn!(
                missing,
                within_ms = COMMIT_MS,
                "Workers have not applied the newest tables yet."
            );
        }
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let (rules_epoch, instances_epoch, revision) = self.publisher.state();
        tracing::info!(rules_epoch, instances_epoch, revision, "New tables are served.");
        if self.publisher.needs_keys() && self.keys.ids().is_empty() {
            tracing::warn!(
                "The rules need a key and this gateway has none: nothing signed is believed, and nobody is pinned or given a unit."
            );
        }
        let sent = channel
            .send(&Frame::Committed { applied: count(applied.len()), missing: count(missing) });
        drop(replaced);
        sent.map(Ok)
    }
}

fn take<T: Table>(
    prepared: &mut Option<Arc<Loaded<T>>>,
    wanted: Option<u64>,
) -> Result<Option<Arc<Loaded<T>>>, Refusal> {
    let Some(wanted) = wanted else { return Ok(None) };
    let found = prepared.take_if(|loaded| loaded.epoch == wanted);
    found.map(Some).ok_or(Refusal::Unprepared(wanted))
}
