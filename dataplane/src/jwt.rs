//! Tokens of callers on the data plane: whose claims a decision may read.
//!
//! Owns a worker's view of the issuers, how many tokens it verifies in a moment, and what became of those that decisions
//! asked for; [`known`] remembers tokens, [`callers`] who shows bad ones, [`keeper`] the issuers across restarts. Does not verify (`halftone_core::signal::jwt`
//! does) and does not receive issuers ([`crate::link`] does).
//!
//! Life of a lookup: a decision asks for a claim → the request's one token → what is remembered of it, or its verification
//! → its time → the claim. Nothing of this happens for a decision that asks for none.
//!
//! Invariants:
//! - a token that was verified is not verified again while its issuer, its audiences and its key stay, and costs no
//!   allocation;
//! - a token is verified within the budget of the tick, or it is not there: ever new ones take no worker, no caller
//!   alone takes what is there for all, and a shadow has a budget of its own and blames nobody;
//! - a token is counted once per decision, however often it is read, and is shown nowhere.

mod callers;
pub mod keeper;
mod known;

use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
};

use halftone_core::{
    http::Header,
    limits::{JWT_JUDGED_PER_TICK, JWT_SHADOWED_PER_TICK},
    route::trace::Step,
    signal::jwt::{ClaimReader, Issuers, RESULTS, Rejected, Verified, bearer},
    table::epoch::{EpochCell, Reader as EpochReader},
};

use callers::Callers;
use known::{Entry, Known};

/// What a worker knows of tokens.
#[derive(Debug)]
pub struct Tokens {
    issuers: RefCell<EpochReader<Issuers>>,
    known: RefCell<Known>,
    /// How many may still be verified before the next tick.
    left: Cell<u32>,
    /// The same for shadows.
    shadowed: Cell<u32>,
    callers: Callers,
    /// Decisions that asked, by [`RESULTS`].
    counts: [Cell<u64>; RESULTS.len()],
}

impl Tokens {
    /// Reads the issuers of `cell`.
    #[must_use]
    pub fn new(cell: Arc<EpochCell<Issuers>>) -> Self {
        Self {
            issuers: RefCell::new(EpochReader::new(cell)),
            known: RefCell::default(),
            left: Cell::new(JWT_JUDGED_PER_TICK),
            shadowed: Cell::new(JWT_SHADOWED_PER_TICK),
            callers: Callers::default(),
            counts: Default::default(),
        }
    }

    /// Returns a reader for one decision about a request of `client_ip` with these fields at `now_unix_s`.
    #[must_use]
    pub fn reader<'w>(
        &'w self,
        headers: &'w [Header<'w>],
        client_ip: &'w str,
        now_unix_s: u64,
    ) -> Reader<'w> {
        Reader {
            tokens: self,
            headers,
            caller: Some(client_ip),
            now_unix_s,
            found: OnceCell::new(),
        }
    }

    /// Returns a reader for a decision that nobody is served by.
    #[must_use]
    pub fn shadow<'w>(&'w self, headers: &'w [Header<'w>], now_unix_s: u64) -> Reader<'w> {
        Reader { tokens: self, headers, caller: None, now_unix_s, found: OnceCell::new() }
    }

    /// Begins another tick.
    pub fn turn(&self) {
        self.left.set(JWT_JUDGED_PER_TICK);
        self.shadowed.set(JWT_SHADOWED_PER_TICK);
        self.callers.turn();
    }

    /// Counts what became of the token of a decision that stands.
    pub fn count(&self, seen: Seen) {
        if let Some(result) = seen.0 {
            let counter = &self.counts[result];
            counter.set(counter.get() + 1);
        }
    }

    /// Returns what became of tokens, by [`RESULTS`].
    #[must_use]
    pub fn counts(&self) -> [u64; RESULTS.len()] {
        self.counts.each_ref().map(Cell::get)
    }

    /// Returns what is known of a token that `caller` shows, or that a shadow looks at; it is verified when nothing is.
    fn judged(&self, token: &[u8], caller: Option<&str>) -> Result<Rc<Entry>, Rejected> {
        let mut issuers = self.issuers.borrow_mut();
        let newest = issuers.current();
        if newest.is_empty() {
            return Err(Rejected::NoIssuers);
        }
        let mut known = self.known.borrow_mut();
        let Some(client_ip) = caller else { return known.judge(newest, token, &self.shadowed) };
        let (none, before) = (Cell::new(0), self.left.get());
        let left = if self.callers.is_over(client_ip) { &none } else { &self.left };
        let entry = known.judge(newest, token, left)?;
        if self.left.get() < before && entry.judged().is_err() {
            self.callers.blame(client_ip);
        }
        Ok(entry)
    }
}

/// What became of the token of a decision: its place in [`RESULTS`], if one was asked for and there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen(Option<usize>);

/// The token that a request shows.
#[derive(Debug)]
enum Found {
    /// None.
    Nothing,
    /// One that is believed now.
    Good(Rc<Entry>),
    /// One that is not. What it says is for explanations only, and only where its signature is good.
    Bad(Rejected, Option<Rc<Entry>>),
}

/// Reads the claims of one request.
pub struct Reader<'w> {
    tokens: &'w Tokens,
    headers: &'w [Header<'w>],
    /// Who shows it; nobody is asked about for a shadow.
    caller: Option<&'w str>,
    now_unix_s: u64,
    found: OnceCell<Found>,
}

impl Reader<'_> {
    /// Returns what became of its token.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen(match self.found.get() {
            None | Some(Found::Nothing) => None,
            Some(Found::Good(_)) => Some(0),
            Some(Found::Bad(why, _)) => Some(why.index()),
        })
    }

    /// Returns whether its token was wanted and there was no budget to verify it.
    #[must_use]
    pub fn was_busy(&self) -> bool {
        matches!(self.found.get(), Some(Found::Bad(Rejected::Busy, _)))
    }

    /// Tells of its token, if the decision asked for one and there was one: who has issued it and by which key, never the
    /// token itself.
    #[must_use]
    pub fn told(&self) -> Option<Step> {
        let (rejected, entry) = match self.found.get()? {
            Found::Nothing => return None,
            Found::Good(entry) => (None, Some(entry)),
            Found::Bad(why, entry) => (Some(*why), entry.as_ref()),
        };
        let verified = entry.and_then(|entry| entry.verified());
        Some(Step::Token {
            issuer: verified.map(|verified| verified.issuer.clone()),
            key: verified.and_then(|verified| verified.kid.clone()),
            expires_unix_s: verified.map(|verified| verified.expires_unix_s),
            rejected,
        })
    }

    fn find(&self) -> Found {
        let token = match bearer(self.headers) {
            Ok(Some(token)) => token,
            Ok(None) => return Found::Nothing,
            Err(why) => return Found::Bad(why, None),
        };
        match self.tokens.judged(token, self.caller) {
            Ok(entry) => match entry.judged().and_then(|found| found.is_current(self.now_unix_s)) {
                Ok(()) => Found::Good(entry),
                Err(why) => Found::Bad(why, Some(entry)),
            },
            Err(why) => Found::Bad(why, None),
        }
    }

    fn verified(&self) -> Option<&Verified> {
        match self.found.get_or_init(|| self.find()) {
            Found::Good(entry) => entry.verified(),
            Found::Nothing | Found::Bad(..) => None,
        }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("seen", &self.seen()).finish_non_exhaustive()
    }
}

impl ClaimReader for Reader<'_> {
    fn claim(&self, name: &str, issuer: Option<&str>) -> Option<&str> {
        self.verified()?.claim(name, issuer)
    }
}

#[cfg(test)]
mod tests;
