//! What a visitor or a control plane asks, frame by frame, and the answers.
//!
//! Owns which frames belong here, and what a peer holds while it is connected. Does not do what they ask: tables are
//! [`super::tables`]'s, candidates [`super::shadow`]'s. Invariants: what a peer prepares is its own until it commits, at
//! most one table of each kind; a refusal is answered, and the conversation goes on.

use std::sync::Arc;

use halftone_core::{
    table::{InstanceTable, RuleTable, TableKind},
    wire::Frame,
};
use halftone_link::{Channel, LinkError, Received};

use super::{Admitted, Link, refusal::Refusal};
use crate::{publish::Hold, tables::Loaded};

/// Answers a peer until it is gone: a visitor, or the control plane that leads.
pub(super) fn converse(
    link: &Link,
    channel: &mut Channel,
    admitted: Option<&Admitted<'_>>,
) -> Result<(), LinkError> {
    let mut prepared = Prepared { admitted, ..Prepared::default() };
    let next = |channel: &mut Channel| match admitted {
        Some(admitted) => admitted.receive(channel),
        None => channel.receive(),
    };
    while let Some(received) = next(channel)? {
        if let Err(refusal) = link.handle(channel, &mut prepared, received)? {
            tracing::warn!(reason = %refusal, "A control peer's request was refused; what was served still is.");
            channel.send(&Frame::Reject { reason: refusal.to_string() })?;
        }
    }
    Ok(())
}

/// What a peer has prepared and not committed, and what it has decided besides.
#[derive(Default)]
pub(super) struct Prepared<'l> {
    /// Who it is; nothing of a visitor.
    pub(super) admitted: Option<&'l Admitted<'l>>,
    shadow: Option<Hold>,
    pub(super) rules: Option<Arc<Loaded<RuleTable>>>,
    pub(super) instances: Option<Arc<Loaded<InstanceTable>>>,
}

impl Link {
    fn handle(
        &self,
        channel: &mut Channel,
        prepared: &mut Prepared<'_>,
        received: Received,
    ) -> Result<Result<(), Refusal>, LinkError> {
        let answer = match received.frame {
            Frame::Prepare { kind, revision, digest } => {
                let Some(table) = received.table else { return Ok(Err(Refusal::NoTable)) };
                let loaded = match kind {
                    TableKind::Rules => {
                        self.load(table).map(|loaded| prepared.rules.insert(loaded).epoch)
                    }
                    TableKind::Instances => {
                        self.load(table).map(|loaded| prepared.instances.insert(loaded).epoch)
                    }
                    TableKind::Tags => Err(Refusal::Unexpected("a filter")),
                    TableKind::List => Err(Refusal::Unexpected("a list")),
                };
                let epoch = match loaded {
                    Ok(epoch) => epoch,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                tracing::debug!(?kind, revision, digest, epoch, "A table is prepared.");
                Frame::Prepared { kind, epoch }
            }
            Frame::Allocation { base, revision, splits } => {
                let epoch = match self.move_ranges(base, revision, &splits) {
                    Ok(loaded) => prepared.rules.insert(loaded).epoch,
                    Err(refusal) => return Ok(Err(refusal)),
                };
                tracing::debug!(
                    base,
                    revision,
                    splits = splits.len(),
                    epoch,
                    "Ranges are prepared."
                );
                Frame::Prepared { kind: TableKind::Rules, epoch }
            }
            Frame::Commit { rules, instances, base } => {
                return self.commit(channel, prepared, (rules, instances), base);
            }
            Frame::QueryTable { kind } => return self.hand_over(channel, kind),
            Frame::QueryStats => Frame::Stats(self.publisher.counters().report()),
            Frame::QueryState => Frame::State(self.now()),
            Frame::QueryKept => match self.publisher.kept() {
                Ok(()) => Frame::Kept,
                Err(not_kept) => return Ok(Err(not_kept.into())),
            },
            Frame::Explain(asked) => match self.publisher.explain(asked) {
                Ok(explained) => Frame::Explained(Box::new(explained)),
                Err(unexplained) => return Ok(Err(unexplained.into())),
            },
            Frame::Shadow(asked) => {
                match self.shadow(&mut prepared.shadow, &asked, received.table) {
                    Ok(answer) => answer,
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            Frame::QueryShadow => match self.shadowed(prepared.shadow.as_ref()) {
                Ok(answer) => answer,
                Err(refusal) => return Ok(Err(refusal)),
            },
            Frame::Ping => Frame::Pong,
            _ => return Ok(Err(Refusal::Unexpected("this frame"))),
        };
        channel.send(&answer).map(Ok)
    }
}
