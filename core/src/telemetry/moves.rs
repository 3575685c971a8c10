//! Who would move: two decisions on the same requests, counted by the rules that made them.
//!
//! Owns the counts that a shadow and a replay give, and their bounds. Does not decide. A request *moves* when other
//! instances would serve it: when its variant is another ([`crate::table::VariantRow::key`]), or one of the two finds no
//! route.
//!
//! Invariants:
//! - rows, samples and users are bounded; what finds no room is counted as such;
//! - what was counted before costs no allocation;
//! - no value of a header, cookie or query is kept, and nobody's id: users are keyed hashes.

use std::hash::Hasher as _;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::users::{UserCount, Users};
use crate::{
    limits::{MOVE_SAMPLES_MAX, MOVE_TEXT_BYTES_MAX, MOVES_MAX},
    route::Decision,
    table::{ArchivedRuleTable, NONE},
};

/// What decided, by name; those of the access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Whose it is.
    pub tenant: String,
    /// The route.
    pub route: String,
    /// The release; absent where the route names an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The target that took the request; absent where it was the default, or before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The cell of its nested table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The variant.
    pub variant: String,
}

impl Rule {
    /// Names what was decided with `table`.
    #[must_use]
    pub fn of(table: &ArchivedRuleTable, decision: &Decision) -> Self {
        let route = &table.routes[decision.route as usize];
        let release = decision.release.map(|at| &table.releases[at as usize]);
        let target = release.zip(decision.target);
        let target = target.and_then(|(release, at)| release.targets.get(at as usize));
        let nested = target.and_then(|target| target.nested.as_ref()).zip(decision.cell);
        let cell = nested.and_then(|(nested, at)| nested.cells.get(at as usize));
        Self {
            tenant: table.tenants[route.tenant.to_native() as usize].name.to_string(),
            route: route.name.to_string(),
            release: release.map(|release| release.name.to_string()),
            target: target.map(|target| target.id.to_string()),
            cell: cell.map(ToString::to_string),
            variant: table.variants[decision.variant as usize].name.to_string(),
        }
    }
}

/// From one rule to another; nothing stands for no route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// What decides now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Rule>,
    /// What would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Rule>,
}

/// One of the requests that would move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The method.
    pub method: String,
    /// The host name.
    pub host: String,
    /// The path, and the names of the query's parameters, without their values.
    pub path: String,
    /// A keyed hash of who asks; absent where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Sample {
    /// Keeps of a request what may be shown.
    #[must_use]
    pub fn of(method: &str, host: &[u8], path: &[u8], query: &[u8], user: Option<u64>) -> Self {
        let mut shown = path.to_vec();
        let names = query.split(|byte| *byte == b'&').filter_map(|pair| {
            // What has no equals sign is a value as likely as a name.
            pair.iter().position(|byte| *byte == b'=').map(|end| &pair[..end])
        });
        for (at, name) in names.enumerate().take_while(|(at, _)| *at < 8) {
            shown.push(if at == 0 { b'?' } else { b'&' });
            shown.extend_from_slice(name);
            shown.extend_from_slice("=…".as_bytes());
        }
        Self {
            method: cut(method.as_bytes()),
            host: cut(host),
            path: cut(&shown),
            user: user.map(|hash| String::from_utf8_lossy(&digits(hash)).into_owned()),
        }
    }
}

fn cut(bytes: &[u8]) -> String {
    let is_long = bytes.len() > MOVE_TEXT_BYTES_MAX;
    let kept = &bytes[..bytes.len().min(MOVE_TEXT_BYTES_MAX)];
    let mut text = String::from_utf8_lossy(kept).into_owned();
    if is_long {
        text.push('…');
    }
    text
}

/// What is counted of one move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// From where to where.
    #[serde(flatten)]
    pub rules: Move,
    /// Requests.
    pub requests: u64,
    /// Whose they are.
    pub users: Users,
    /// A few of them, of different users.
    pub samples: Vec<Sample>,
}

/// What is counted of all requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Requests that were decided both ways.
    pub requests: u64,
    /// Their users.
    pub users: Users,
    /// Requests of nobody who can be told from others.
    pub without_user: u64,
    /// Requests that could not be decided the other way, since what that reads was not known.
    pub undecided: u64,
    /// Requests that would move.
    pub moved_requests: u64,
    /// Their users.
    pub moved_users: Users,
    /// By move; as many as there is room for.
    pub moves: Vec<Moved>,
    /// Requests that would move by a rule for which there was no room.
    pub not_shown: u64,
}

impl Tally {
    /// Adds what another has counted, also when a peer says so.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.users.merge(&other.users);
        self.without_user = self.without_user.saturating_add(other.without_user);
        self.undecided = self.undecided.saturating_add(other.undecided);
        self.moved_requests = self.moved_requests.saturating_add(other.moved_requests);
        self.moved_users.merge(&other.moved_users);
        self.not_shown = self.not_shown.saturating_add(other.not_shown);
        for moved in &other.moves {
            let Some(at) = self.place(|| moved.rules.clone()) else {
                self.not_shown = self.not_shown.saturating_add(moved.requests);
                continue;
            };
            let own = &mut self.moves[at];
            own.requests = own.requests.saturating_add(moved.requests);
            own.users.merge(&moved.users);
            for sample in &moved.samples {
                let user = sample.user.as_deref().map(str::as_bytes);
                keep(&mut own.samples, user, || sample.clone());
            }
        }
    }

    /// Returns the row of a move, made where it is new; nothing when there is no room.
    fn place(&mut self, rules: impl FnOnce() -> Move) -> Option<usize> {
        let rules = rules();
        if let Some(at) = self.moves.iter().position(|moved| moved.rules == rules) {
            return Some(at);
        }
        if self.moves.len() >= MOVES_MAX {
            return None;
        }
        self.moves.push(Moved { rules, ..Moved::default() });
        Some(self.moves.len() - 1)
    }

    /// Returns it as people read it, the largest moves first.
    #[must_use]
    pub fn report(&self) -> Report {
        let row = |moved: &Moved| ReportRow {
            rules: moved.rules.clone(),
            requests: moved.requests,
            users: moved.users.count(),
            samples: moved.samples.clone(),
        };
        let mut moves: Vec<ReportRow> = self.moves.iter().map(row).collect();
        moves.sort_by_key(|row| std::cmp::Reverse((row.requests, row.users.count)));
        Report {
            requests: self.requests,
            users: self.users.count(),
            without_user: self.without_user,
            undecided: self.undecided,
            moved_requests: self.moved_requests,
            moved_users: self.moved_users.count(),
            moves,
            not_shown: self.not_shown,
        }
    }
}

/// Keeps a sample, of another user than those there are.
fn keep(samples: &mut Vec<Sample>, user: Option<&[u8]>, sample: impl FnOnce() -> Sample) {
    let of = |sample: &Sample| sample.user.as_deref().map(str::as_bytes) == user;
    if samples.len() < MOVE_SAMPLES_MAX && (user.is_none() || !samples.iter().any(of)) {
        samples.push(sample());
    }
}

/// Writes a hash as it is shown.
fn digits(hash: u64) -> [u8; 16] {
    let nibble = |at: u32| usize::try_from(hash >> (60 - 4 * at) & 0xf).unwrap_or(0);
    let mut digits = [0; 16];
    for (at, digit) in (0..).zip(&mut digits) {
        *digit = b"0123456789abcdef"[nibble(at)];
    }
    digits
}

/// What is told of one move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportRow {
    /// From where to where.
    #[serde(flatten)]
    pub rules: Move,
    /// Requests.
    pub requests: u64,
    /// Their users.
    pub users: UserCount,
    /// A few of them.
    pub samples: Vec<Sample>,
}

/// What is told of all requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Requests that were decided both ways.
    pub requests: u64,
    /// Their users.
    pub users: UserCount,
    /// Requests of nobody who can be told from others.
    pub without_user: u64,
    /// Requests that could not be decided the other way.
    pub undecided: u64,
    /// Requests that would move.
    pub moved_requests: u64,
    /// Their users.
    pub moved_users: UserCount,
    /// By move, the largest first.
    pub moves: Vec<ReportRow>,
    /// Requests that would move by a rule for which there was no room.
    pub not_shown: u64,
}

/// A key that makes hashes of users useless to whoever does not hold it.
pub type UserKey = [u64; 2];

/// Returns the keyed hash of a user (SipHash-1-3; Aumasson and Bernstein, INDOCRYPT 2012).
#[must_use]
pub fn user_hash(key: UserKey, unit: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    hasher.write(unit);
    hasher.finish()
}

/// A decision, by rows of its table; [`NONE`] where there is none.
type Rows = [u32; 5];

/// Returns the rows of a decision.
#[must_use]
pub fn rows(decision: Option<&Decision>) -> Rows {
    decision.map_or([NONE; 5], |decision| {
        let or_none = |row: Option<u32>| row.unwrap_or(NONE);
        let Decision { route, release, target, cell, variant, .. } = decision;
        [*route, or_none(*release), or_none(*target), or_none(*cell), *variant]
    })
}

/// Counts requests as they come.
#[derive(Clone, Debug)]
pub struct Counter {
    /// What was counted.
    pub tally: Tally,
    /// By both decisions: the place of the move, which its names are then not needed to find; nothing when there was
    /// no room.
    known: AHashMap<(Rows, Rows), Option<usize>>,
}

impl Default for Counter {
    fn default() -> Self {
        let mut tally = Tally::default();
        tally.moves.reserve_exact(MOVES_MAX);
        Self { tally, known: AHashMap::with_capacity(KNOWN_MAX) }
    }
}

/// Most pairs of decisions that are known: routes and matches of one name have rows of their own.
const KNOWN_MAX: usize = 8 * MOVES_MAX;

impl Counter {
    /// Forgets which rows are which: they are another table's from now on.
    pub fn forget_rows(&mut self) {
        self.known.clear();
    }

    /// Counts a request that was decided both ways.
    #[inline]
    pub fn count(&mut self, user: Option<u64>) {
        self.tally.requests += 1;
        match user {
            Some(user) => self.tally.users.insert(user),
            None => self.tally.without_user += 1,
        }
    }

    /// Counts, of a request that was counted, that it would move.
    ///
    /// With `rows`, both decisions' rows are remembered to be this move.
    pub fn moved(
        &mut self,
        rows: Option<(Rows, Rows)>,
        user: Option<u64>,
        names: impl FnOnce() -> Move,
        sample: impl FnOnce() -> Sample,
    ) {
        let tally = &mut self.tally;
        tally.moved_requests += 1;
        if let Some(user) = user {
            tally.moved_users.insert(user);
        }
        let known = rows.and_then(|rows| self.known.get(&rows).copied());
        let place = known.unwrap_or_else(|| tally.place(names));
        if let (None, Some(rows)) = (known, rows) {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            self.known.insert(rows, place);
        }
        let Some(moved) = place.and_then(|place| tally.moves.get_mut(place)) else {
            tally.not_shown += 1;
            return;
        };
        moved.requests += 1;
        if let Some(user) = user {
            moved.users.insert(user);
        }
        let shown = user.map(digits);
        keep(&mut moved.samples, shown.as_ref().map(|shown| &shown[..]), sample);
    }
}

#[cfg(test)]
mod tests;
