//! Explanations by a worker: with its own tables, and with what it knows of users.
//!
//! Owns the wait for users who are not known yet. What is told is [`crate::explain`]'s.

use std::rc::Rc;

use crossbeam::channel::Sender;
use halftone_core::wire::{ExplainRequest, Explained};

use super::Worker;
use crate::{
    engine::Engine,
    explain::{Decider, ExplainError},
    tables::Tables,
    tags::Key,
};

/// Explains; when users have to be asked for first, a little later, as a request would wait.
pub(super) fn explain<E: Engine>(
    worker: &Rc<Worker<E>>,
    asked: Box<ExplainRequest>,
    reply: Sender<Result<Explained, ExplainError>>,
) {
    let (explained, wanted) = worker.explain(&asked);
    if wanted.is_empty() {
        let _ = reply.send(explained);
        return;
    }
    let waiting = Rc::clone(worker);
    worker.engine.spawn(async move {
        waiting.tags.settle(&wanted, waiting.engine.now()).await;
        let _ = reply.send(waiting.explain(&asked).0);
    });
}

impl<E: Engine> Worker<E> {
    /// Explains, and returns who would have to be known for another answer.
    fn explain(&self, asked: &ExplainRequest) -> (Result<Explained, ExplainError>, Vec<Key>) {
        let pinned = self.tables();
        let (reader, devices) = (self.tags.reader(), self.devices.reader());
        let now_unix_s = self.unix_s();
        let verifier = self.signing.verifier(now_unix_s);
        let decider = Decider {
            worker: self.id,
            tables: Tables::newest(&pinned),
            tags: &reader,
            regions: &self.regions,
            lists: &self.lists,
            devices: &devices,
            tokens: &self.tokens,
            trusted: &self.trusted,
            limits: &self.head_limits,
            random: self.random(),
            now_unix_s,
            signatures: &verifier,
            fresh_unit: self.signing.unit(),
        };
        let explained = decider.explain(asked);
        (explained, reader.finish().0)
    }
}
