//! How two databases differ, network by network.
//!
//! Owns the count of it, for people: what is new, what is gone, what says something else. A network that was split counts
//! as gone, and its parts as new.
//!
//! Invariant: the work is bounded ([`GEO_NETWORKS_COMPARED_MAX`]); what was not looked at is said.

use std::{cmp::Ordering, collections::HashMap, fmt, iter::Peekable, net::IpAddr};

use maxminddb::{LookupResult, WithinOptions};
use serde::{Deserialize, Serialize};

use super::{Database, content::Content, database::Bytes};
use crate::limits::GEO_NETWORKS_COMPARED_MAX;

/// How a database differs from the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Networks that only the new one has.
    pub added: u64,
    /// Networks that only the old one has.
    pub removed: u64,
    /// Networks that both have, with other content.
    pub changed: u64,
    /// Networks that are as they were.
    pub same: u64,
    /// Whether there were more networks than are compared, or some that cannot be read.
    pub is_partial: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, removed, changed, same, is_partial } = self;
        let at_least = if *is_partial { "at least " } else { "" };
        write!(
            f,
            "{at_least}{added} networks added, {removed} removed, {changed} changed, {same} as before"
        )
    }
}

/// Compares `new` with `old`; without an old one everything is new.
#[must_use]
pub fn difference(old: Option<&Database>, new: &Database) -> Difference {
    difference_within(old, new, GEO_NETWORKS_COMPARED_MAX)
}

/// Looks at `networks_max` networks of each at most.
fn difference_within(old: Option<&Database>, new: &Database, networks_max: usize) -> Difference {
    let mut found = Difference::default();
    let (mut old, mut new) =
        (old.map(|old| Rows::of(old, networks_max)), Rows::of(new, networks_max));
    loop {
        let before = old.as_mut().and_then(Rows::peek);
        let order = match (before, new.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.cmp(&after),
        };
        let before = old.as_mut().filter(|_| order.is_le()).and_then(Rows::take);
        let after = if order.is_ge() { new.take() } else { None };
        match (before, after) {
            (Some(_), None) => found.removed += 1,
            (None, Some(_)) => found.added += 1,
            (Some(before), Some(after)) if before == after => found.same += 1,
            _ => found.changed += 1,
        }
    }
    found.is_partial = new.is_cut || old.is_some_and(|old| old.is_cut);
    found
}

/// Where a network lies in a tree of IPv6 addresses, and how wide it is.
type Place = (u128, u8);

type Networks<'d> = Box<dyn Iterator<Item = LookupResult<'d, Bytes>> + 'd>;

/// The networks of a database in order.
struct Rows<'d> {
    networks: Peekable<Networks<'d>>,
    left: usize,
    is_cut: bool,
    /// By place in the file: many networks share a record.
    contents: HashMap<usize, Option<Content>>,
}

impl<'d> Rows<'d> {
    fn of(database: &'d Database, networks_max: usize) -> Self {
        let all = database.reader().networks(WithinOptions::default());
        let networks: Networks<'d> = match all {
            Ok(all) => Box::new(all.map_while(Result::ok)),
            Err(_) => Box::new(std::iter::empty()),
        };
        let (networks, contents) = (networks.peekable(), HashMap::new());
        Self { networks, left: networks_max, is_cut: false, contents }
    }

    fn peek(&mut self) -> Option<Place> {
        let network = self.networks.peek()?.network().ok()?;
        if self.left == 0 {
            self.is_cut = true;
            return None;
        }
        Some(match network.ip() {
            IpAddr::V4(address) => (u128::from(u32::from(address)), network.prefix() + 96),
            IpAddr::V6(address) => (u128::from(address), network.prefix()),
        })
    }

    /// Takes the next network; returns what it says.
    fn take(&mut self) -> Option<Content> {
        let network = self.networks.next()?;
        self.left -= 1;
        let place = network.offset()?;
        let content = self.contents.entry(place).or_insert_with(|| network.decode().ok()?);
        self.is_cut |= content.is_none();
        Some(content.unwrap_or(Content(0)))
    }
}

#[cfg(test)]
mod tests;
