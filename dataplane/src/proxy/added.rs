//! Fields that are added to an answer: what the caller is to remember, and what a holder of a token is told.
//!
//! Owns their text. Does not decide what is remembered (`core::route` does). Invariants: an answer that sets a cookie or
//! tells a decision is private, so that no shared cache gives one caller's to another; a caller without a token is told
//! nothing.

use std::{io::Write as _, ops::Range};

use halftone_core::{
    limits::{COOKIE_AGE_S, TOLD_VALUE_BYTES_MAX, TOLD_VALUES_MAX},
    route::{
        Decision, UNIT_COOKIE, pin_cookie, pin_value,
        trace::{Read, Step, Trace},
    },
    signal::{keys::KeyRing, signature::Use},
    table::ArchivedRuleTable,
};

use crate::tables::Tables;

/// Fields for one answer.
#[derive(Debug)]
pub struct Added {
    /// Lines, each with its end.
    pub bytes: Vec<u8>,
    /// Those of them that go with answers of our own, too: a refused request is not remembered.
    pub told: Range<usize>,
}

/// Adds the cookies that have a caller remember a decision, behind what is told of it, if anything is. `pinned` is whether it was met as decided: what stands in
/// for a variant is not remembered as that.
pub(super) fn remember(
    table: &ArchivedRuleTable,
    decision: &Decision,
    pinned: bool,
    keys: &KeyRing,
    out: &mut Vec<u8>,
) {
    let Some(release) = decision.release.map(|at| &table.releases[at as usize]) else { return };
    let tenant = release.tenant.as_str();
    let before = out.len();
    if let Some(unit) = decision.remember.unit {
        let used = Use::Cookie { tenant, name: UNIT_COOKIE };
        cookie(UNIT_COOKIE, used, unit.text(), keys, out);
    }
    let generation = release.pins.as_ref().map(|generation| generation.to_native());
    if let Some(generation) = generation.filter(|_| decision.remember.pin && pinned) {
        let name = release.name.as_str();
        let value = pin_value(generation, &table.variants[decision.variant as usize].name);
        let used = Use::Pin { tenant, release: name };
        cookie(&pin_cookie(name), used, value.as_bytes(), keys, out);
    }
    // What tells a decision has said so already.
    if before == 0 && out.len() > before {
        out.extend_from_slice(PRIVATE);
    }
}

/// Keeps shared caches from giving one caller's answer to another (RFC 9111 §5.2.2.7).
const PRIVATE: &[u8] = b"Cache-Control: private\r\n";

/// Adds a cookie (RFC 6265) that browsers send back to this host alone, and to it only over https.
fn cookie(name: &str, used: Use<'_>, value: &[u8], keys: &KeyRing, out: &mut Vec<u8>) {
    let before = out.len();
    // Writing to a vector cannot fail.
    let _ = write!(out, "Set-Cookie: {name}=");
    if !keys.sign(used, value, 0, out) {
        out.truncate(before);
        return;
    }
    let _ = write!(out, "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={COOKIE_AGE_S}\r\n");
}

/// Adds what was decided, as an RFC 9651 dictionary, and the values that were looked at, as a list.
pub(super) fn tell(
    tables: &Tables,
    decision: &Decision,
    serving: Option<u32>,
    trace: &Trace,
    worker: u32,
    out: &mut Vec<u8>,
) {
    let rules = tables.rules().table;
    let mut line = Members { out, is_first: true };
    line.begin(b"X-Halftone-Decision: ");
    line.text("route", &rules.routes[decision.route as usize].name);
    if let Some(release) = decision.release.map(|at| &rules.releases[at as usize]) {
        line.text("tenant", &release.tenant);
        line.text("release", &release.name);
        let target = decision.target.and_then(|at| release.targets.get(at as usize));
        if let Some(target) = target {
            line.text("target", &target.id);
            let nested = target.nested.as_ref().zip(decision.cell);
            if let Some(cell) = nested.and_then(|(nested, at)| nested.cells.get(at as usize)) {
                line.text("cell", cell);
            }
        }
    }
    line.text("variant", &rules.variants[decision.variant as usize].name);
    if let Some(serving) = serving.filter(|serving| *serving != decision.variant) {
        line.text("served-by", &rules.variants[serving as usize].name);
    }
    line.bare("reason", decision.reason.as_str());
    if let Some(bucket) = decision.bucket {
        line.bare("bucket", bucket);
    }
    let (rules_epoch, instances_epoch) = tables.epochs();
    line.bare("rules-epoch", rules_epoch);
    line.bare("instances-epoch", instances_epoch);
    line.bare("worker", worker);
    line.end();
    let values = values(trace);
    if !values.is_empty() {
        line.begin(b"X-Halftone-Values: ");
        for Read { name, found, .. } in values {
            line.value(&name, found.as_deref());
        }
        line.end();
    }
    line.out.extend_from_slice(PRIVATE);
}

/// Returns the values that a decision looked at, each once, the first of them.
fn values(trace: &Trace) -> Vec<Read> {
    let mut values: Vec<Read> = Vec::new();
    let mut see = |name: &str, found: Option<&String>| {
        let read = Read::of(name, found.cloned());
        if values.len() < TOLD_VALUES_MAX && !values.contains(&read) {
            values.push(read);
        }
    };
    for step in &trace.steps {
        match step {
            Step::Target { conditions, .. } => {
                for seen in conditions {
                    seen.reads.iter().for_each(|read| see(&read.name, read.found.as_ref()));
                    if seen.reads.is_empty() && seen.part.contains(' ') {
                        see(&seen.part, seen.found.as_ref());
                    }
                }
            }
            Step::Override { header, found, .. } => {
                see(&format!("header {header}"), found.as_ref())
            }
            Step::Chain { key, found, .. } => see(&format!("baggage {key}"), found.as_ref()),
            Step::Pin { cookie, found, .. } => see(&format!("cookie {cookie}"), found.as_ref()),
            Step::Unit { part, found, .. } => see(part, found.as_ref()),
            _ => {}
        }
    }
    values
}

/// Members of a structured field (RFC 9651), one behind the other.
struct Members<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl Members<'_> {
    fn begin(&mut self, name: &[u8]) {
        self.out.extend_from_slice(name);
        self.is_first = true;
    }

    fn end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.extend_from_slice(b", ");
        }
    }

    fn bare(&mut self, key: &str, value: impl std::fmt::Display) {
        self.separate();
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "{key}={value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.separate();
        let _ = write!(self.out, "{key}=");
        string(value, self.out);
    }

    /// Writes a value with its name; one that is not there is `?0`.
    fn value(&mut self, name: &str, found: Option<&str>) {
        self.separate();
        string(name, self.out);
        match found {
            None => self.out.extend_from_slice(b";found=?0"),
            Some(found) => {
                self.out.extend_from_slice(b";is=");
                let mut end = found.len().min(TOLD_VALUE_BYTES_MAX);
                while !found.is_char_boundary(end) {
                    end -= 1;
                }
                string(&found[..end], self.out);
            }
        }
    }
}

/// Writes a string (RFC 9651 §3.3.3), or what is not printable ASCII as a display string (§3.3.8): whatever is written
/// stays in its line.
fn string(value: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte);
    if value.bytes().all(is_plain) {
        out.push(b'"');
        for byte in value.bytes() {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
    } else {
        out.extend_from_slice(b"%\"");
        for byte in value.bytes() {
            if is_plain(byte) && !matches!(byte, b'"' | b'%') {
                out.push(byte);
            } else {
                let _ = write!(out, "%{byte:02x}");
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
