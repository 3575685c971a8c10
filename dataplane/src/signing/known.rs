//! Tokens that were judged before.
//!
//! Owns what a worker remembers of them: good ones by hash in places of fixed number, and the last few bad ones, so that
//! an expression that reads one again and again costs one signature. Whole tokens are compared, with use and scope: a hash
//! that somebody could aim at decides nothing. Invariant: other keys forget everything.

use std::rc::Rc;

use ahash::RandomState;
use halftone_core::{
    limits::TOKENS_REMEMBERED,
    signal::{
        keys::KeyRing,
        signature::{Rejected, Use, Verified, is_current},
    },
    table::epoch::Pinned,
};

/// Bad tokens that are remembered: one expression reads few cookies.
const REJECTED: usize = 4;

/// A token that was judged.
#[derive(Debug, Default)]
struct Entry {
    /// Use, scope and token.
    asked: Vec<u8>,
    /// Bytes of the value, when it ends, and whether the newest key has signed it.
    good: Option<(usize, u64, bool)>,
    /// Why it is not believed.
    bad: Option<Rejected>,
}

/// Tokens that were judged.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The keys they were judged by.
    keys: Option<Rc<Pinned<KeyRing>>>,
    hasher: RandomState,
    /// By hash; none before the first.
    good: Vec<Entry>,
    bad: [Entry; REJECTED],
    next_bad: usize,
    asked: Vec<u8>,
}

impl Known {
    pub(super) fn verify<'t>(
        &mut self,
        keys: &Rc<Pinned<KeyRing>>,
        used: Use<'_>,
        token: &'t [u8],
        now_unix_s: u64,
    ) -> Result<Verified<'t>, Rejected> {
        if keys.is_empty() {
            return Err(Rejected::NoKeys);
        }
        if !self.keys.as_ref().is_some_and(|known| Rc::ptr_eq(known, keys)) {
            self.forget(Rc::clone(keys));
        }
        write(&mut self.asked, used, token);
        let place = self.hasher.hash_one(&self.asked) % TOKENS_REMEMBERED as u64;
        // Below a number that is a usize.
        let place = usize::try_from(place).unwrap_or_default();
        let entry = self.good.get(place).filter(|entry| entry.asked == self.asked);
        if let Some((value_bytes, expires_unix_s, is_newest)) = entry.and_then(|entry| entry.good) {
            is_current(used, expires_unix_s, now_unix_s)?;
            return Ok(Verified { value: &token[..value_bytes], expires_unix_s, is_newest });
        }
        let mut bad = self.bad.iter();
        if let Some(why) = bad.find(|entry| entry.asked == self.asked).and_then(|entry| entry.bad) {
            return Err(why);
        }
        let verified = keys.verify(used, token, now_unix_s);
        match &verified {
            Ok(Verified { value, expires_unix_s, is_newest }) => {
                self.good.resize_with(TOKENS_REMEMBERED, Entry::default);
                let good = Some((value.len(), *expires_unix_s, *is_newest));
                replace(&mut self.good[place], &self.asked, good, None);
            }
            Err(why) => {
                replace(&mut self.bad[self.next_bad], &self.asked, None, Some(*why));
                self.next_bad = (self.next_bad + 1) % REJECTED;
            }
        }
        verified
    }

    fn forget(&mut self, keys: Rc<Pinned<KeyRing>>) {
        self.keys = Some(keys);
        self.good.iter_mut().chain(&mut self.bad).for_each(|entry| replace(entry, &[], None, None));
    }
}

fn replace(
    entry: &mut Entry,
    asked: &[u8],
    good: Option<(usize, u64, bool)>,
    bad: Option<Rejected>,
) {
    entry.asked.clear();
    entry.asked.extend_from_slice(asked);
    (entry.good, entry.bad) = (good, bad);
}

/// Writes use, scope and token so that no two questions read the same.
fn write(asked: &mut Vec<u8>, used: Use<'_>, token: &[u8]) {
    asked.clear();
    asked.push(b'0' + u8::try_from(used.index()).unwrap_or_default());
    if let Some((tenant, name)) = used.scope() {
        for part in [tenant, "/", name] {
            asked.extend_from_slice(part.as_bytes());
        }
    }
    asked.push(b'\n');
    asked.extend_from_slice(token);
}
