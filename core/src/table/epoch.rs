//! The epoch: how workers see the newest table without sharing anything on the request path.
//!
//! Owns one cell per gateway and one reader per worker. Does not number epochs or acknowledge them:
//! the control link does.
//!
//! Invariants:
//! - a reader costs one Acquire load per request; the lock is touched only after a change;
//! - the reader belongs to the worker, never to a connection: an idle keep-alive connection pins no
//!   old table;
//! - requests clone the worker's `Rc`, not the shared `Arc`, so no cache line bounces between cores;
//! - an old value is freed when the last request that took it has ended.

use std::{
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The newest value, with its generation.
#[derive(Debug)]
pub struct EpochCell<T> {
    generation: AtomicU64,
    newest: Mutex<Arc<T>>,
}

impl<T> EpochCell<T> {
    /// Starts at generation 0 with `value`.
    pub fn new(value: T) -> Self {
        Self { generation: AtomicU64::new(0), newest: Mutex::new(Arc::new(value)) }
    }

    /// Replaces the value; readers see it at their next [`Reader::current`].
    pub fn publish(&self, value: T) {
        let value = Arc::new(value);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = value;
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Returns the newest value.
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn load_with_generation(&self) -> (u64, Arc<T>) {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // Published under the same lock: the pair is one moment's.
        (self.generation.load(Ordering::Acquire), Arc::clone(&newest))
    }
}

/// A value held by a worker; requests hold clones of its `Rc`.
#[derive(Debug)]
pub struct Pinned<T>(Arc<T>);

impl<T> std::ops::Deref for Pinned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A worker's view of an [`EpochCell`].
#[derive(Debug)]
pub struct Reader<T> {
    cell: Arc<EpochCell<T>>,
    generation: u64,
    pinned: Rc<Pinned<T>>,
}

impl<T> Reader<T> {
    /// Reads from `cell`.
    #[must_use]
    pub fn new(cell: Arc<EpochCell<T>>) -> Self {
        let (generation, value) = cell.load_with_generation();
        Self { cell, generation, pinned: Rc::new(Pinned(value)) }
    }

    /// Returns the newest value.
    #[inline]
    pub fn current(&mut self) -> &Rc<Pinned<T>> {
        if self.cell.generation.load(Ordering::Acquire) != self.generation {
            let (generation, value) = self.cell.load_with_generation();
            self.generation = generation;
            self.pinned = Rc::new(Pinned(value));
        }
        &self.pinned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_the_newest_and_requests_keep_theirs() {
        let cell = Arc::new(EpochCell::new(1));
        let mut reader = Reader::new(Arc::clone(&cell));
        let request = Rc::clone(reader.current());
        cell.publish(2);
        cell.publish(3);
        assert_eq!((**request, ***reader.current()), (1, 3));
    }

    #[test]
    fn an_old_value_is_freed_with_its_last_request() {
        let cell = Arc::new(EpochCell::new(Arc::new("old")));
        let old = Arc::downgrade(&cell.load());
        let mut reader = Reader::new(Arc::clone(&cell));
        let request = Rc::clone(reader.current());
        cell.publish(Arc::new("new"));
        reader.current();
        assert!(old.upgrade().is_some());
        drop(request);
        assert!(old.upgrade().is_none());
    }

    #[test]
    fn readers_on_other_threads_end_at_the_last_value() {
        let cell = Arc::new(EpochCell::new(0u64));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let cell = Arc::clone(&cell);
                scope.spawn(move || {
                    let mut reader = Reader::new(cell);
                    let mut last = 0;
                    while last < 1000 {
                        let now = ***reader.current();
                        assert!(now >= last, "went back from {last} to {now}");
                        last = now;
                    }
                });
            }
            (1..=1000).for_each(|value| cell.publish(value));
        });
    }
}
