//! Regions on the data plane: what is known of callers' addresses, and the databases it is known from.
//!
//! Owns a worker's view of the databases ([`Regions`]) with what it remembers of addresses ([`cache`]), and the copies on
//! disk from which a gateway starts ([`keeper`]). Does not check databases (`halftone_core::signal::geo` has) and does not
//! receive them ([`crate::link`] does).
//!
//! Life of a lookup: a decision asks for a field → the worker's record of the address, made when there is none → the field
//! in it, read from the database the first time. Nothing of this happens for a decision that asks for none.
//!
//! Invariants:
//! - a worker neither blocks nor waits here, and no database is an answer: what is asked for is not there;
//! - what is remembered of an address costs a lookup nothing, and no allocation;
//! - one decision reads one generation of the databases; what is remembered of another is not found.

mod cache;
pub mod keeper;

use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
};

use halftone_core::{
    signal::geo::{Databases, GeoField, GeoLang, GeoReader},
    table::epoch::{EpochCell, Pinned, Reader as EpochReader},
};

use cache::{Cache, Record};

/// How lookups end, as they are shown.
pub const RESULTS: [&str; 4] = ["cached", "looked_up", "no_address", "no_database"];

const CACHED: usize = 0;
const LOOKED_UP: usize = 1;
const NO_ADDRESS: usize = 2;
const NO_DATABASE: usize = 3;

/// What a worker knows of addresses.
#[derive(Debug)]
pub struct Regions {
    view: RefCell<View>,
    cache: RefCell<Cache>,
    /// Decisions that asked, by [`RESULTS`].
    counts: [Cell<u64>; RESULTS.len()],
}

/// The databases as a worker saw them last.
#[derive(Debug)]
struct View {
    newest: EpochReader<Databases>,
    held: Rc<Pinned<Databases>>,
    /// Counts those that were seen.
    generation: u64,
}

impl View {
    fn turn(&mut self) -> (&Rc<Pinned<Databases>>, u64) {
        let newest = self.newest.current();
        if !Rc::ptr_eq(newest, &self.held) {
            self.held = Rc::clone(newest);
            self.generation += 1;
        }
        (&self.held, self.generation)
    }
}

impl Regions {
    /// Reads the databases of `cell`.
    #[must_use]
    pub fn new(cell: Arc<EpochCell<Databases>>) -> Self {
        let mut newest = EpochReader::new(cell);
        let held = Rc::clone(newest.current());
        Self {
            view: RefCell::new(View { newest, held, generation: 0 }),
            cache: RefCell::default(),
            counts: Default::default(),
        }
    }

    /// Returns a reader for one decision about the address that is `client_ip`.
    #[must_use]
    pub fn reader<'w>(&'w self, client_ip: &'w str) -> Reader<'w> {
        Reader { regions: self, client_ip, known: OnceCell::new(), counts: true }
    }

    /// Returns a reader for one decision that is not acted on: it is not counted.
    #[must_use]
    pub fn uncounted<'w>(&'w self, client_ip: &'w str) -> Reader<'w> {
        Reader { counts: false, ..self.reader(client_ip) }
    }

    /// Lets go of databases that were replaced, also when no request asks.
    pub fn follow(&self) {
        self.view.borrow_mut().turn();
    }

    /// Returns how decisions that asked ended, by [`RESULTS`].
    #[must_use]
    pub fn counts(&self) -> [u64; RESULTS.len()] {
        self.counts.each_ref().map(Cell::get)
    }

    fn know(&self, client_ip: &str, counts: bool) -> Option<Known> {
        let (result, known) = self.find(client_ip);
        let counter = &self.counts[result];
        counter.set(counter.get() + u64::from(counts));
        known
    }

    fn find(&self, client_ip: &str) -> (usize, Option<Known>) {
        let mut view = self.view.borrow_mut();
        let (databases, generation) = view.turn();
        if databases.is_empty() {
            return (NO_DATABASE, None);
        }
        let found = self.cache.borrow_mut().find(client_ip, generation);
        let Some((record, is_new)) = found else { return (NO_ADDRESS, None) };
        let known = Known { databases: Rc::clone(databases), record };
        (if is_new { LOOKED_UP } else { CACHED }, Some(known))
    }
}

/// What is known of an address, and from where.
#[derive(Debug)]
struct Known {
    databases: Rc<Pinned<Databases>>,
    record: Rc<Record>,
}

/// Reads what is known of one address.
pub struct Reader<'w> {
    regions: &'w Regions,
    client_ip: &'w str,
    known: OnceCell<Option<Known>>,
    counts: bool,
}

impl Reader<'_> {
    fn known(&self) -> Option<&Known> {
        self.known.get_or_init(|| self.regions.know(self.client_ip, self.counts)).as_ref()
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("client_ip", &self.client_ip).finish_non_exhaustive()
    }
}

impl GeoReader for Reader<'_> {
    fn field(&self, field: GeoField, lang: GeoLang) -> Option<&str> {
        let Known { databases, record } = self.known()?;
        record.field(field, lang, |address| databases.field(address, field, lang))
    }

    fn position(&self) -> Option<(f64, f64)> {
        let Known { databases, record } = self.known()?;
        record.position(|address| databases.position(address))
    }
}

#[cfg(test)]
mod tests;
