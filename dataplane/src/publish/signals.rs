//! What decisions read beside the tables: regions, lists of ids, issuers of tokens, and what is known of users.
//!
//! Owns the way of their newest generation to the workers. Does not check or keep them ([`crate::link`] does). Invariant: these have
//! no epochs, and no acknowledgement is waited for.

use std::sync::Arc;

use halftone_core::signal::{geo::Databases, jwt::Issuers, lists::IdLists};

use super::{Publisher, WorkerHandle};
use crate::{
    tags::News,
    worker::{Command, WAKE},
};

impl Publisher {
    /// Tells one worker, or all of them, what is known of users.
    pub fn tell(&self, worker: Option<u32>, news: News) {
        let told = |handle: &WorkerHandle, news: News| {
            let _ = handle.commands.send(Command::Tags(news));
            handle.wake(WAKE);
        };
        match worker {
            Some(worker) => {
                if let Some(handle) = self.workers.get(worker as usize) {
                    told(handle, news);
                }
            }
            None => self.workers.iter().for_each(|handle| told(handle, news.clone())),
        }
    }

    /// Returns the region databases that are served.
    #[must_use]
    pub fn databases(&self) -> Arc<Databases> {
        self.databases.load()
    }

    /// Serves other region databases; workers see them at their next request.
    pub fn serve_databases(&self, databases: Databases) {
        self.databases.publish(databases);
        self.workers.iter().for_each(|worker| worker.wake(WAKE));
    }

    /// Returns the lists of ids that are served.
    #[must_use]
    pub fn lists(&self) -> Arc<IdLists> {
        self.lists.load()
    }

    /// Serves other lists; workers see them at their next request.
    pub fn serve_lists(&self, lists: IdLists) {
        self.lists.publish(lists);
        self.workers.iter().for_each(|worker| worker.wake(WAKE));
    }

    /// Returns the issuers whose tokens are believed.
    #[must_use]
    pub fn issuers(&self) -> Arc<Issuers> {
        self.issuers.load()
    }

    /// Believes tokens of other issuers; workers see them at their next request.
    pub fn believe(&self, issuers: Issuers) {
        self.issuers.publish(issuers);
    }
}
