//! A line: what it tells of a request, and its form.
//!
//! Owns the members of its JSON object but the first, the time. Invariant: what a peer sent is escaped, so a line is always
//! one JSON object.

use std::time::Duration;

use super::json::text;

/// What a line tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'a> {
    /// The caller's address.
    pub client_ip: &'a str,
    /// The method, as received.
    pub method: &'a [u8],
    /// The host, as received.
    pub host: &'a [u8],
    /// The target, as received.
    pub target: &'a [u8],
    /// The status that was answered; 499 when the caller went away before.
    pub status: u16,
    /// Bytes of the answer, head and all.
    pub bytes_sent: u64,
    /// From the whole head to the end of the answer.
    pub duration: Duration,
    /// The worker.
    pub worker: u32,
    /// The route's name; empty when none matched.
    pub route: &'a str,
    /// The tenant's name; empty without a release.
    pub tenant: &'a str,
    /// The release's name; empty without one.
    pub release: &'a str,
    /// The variant's name; empty when nothing was decided.
    pub variant: &'a str,
    /// The variant that was decided, when another served because it had no instance.
    pub fallback_from: &'a str,
    /// Why it was chosen.
    pub reason: &'a str,
    /// The id of the target that took it; empty when none did.
    pub target_id: &'a str,
    /// The cell of its nested table; empty when it has none.
    pub cell: &'a str,
    /// The bucket, where one was looked at.
    pub bucket: Option<u32>,
    /// The instance the request was sent to; empty when to none.
    pub upstream: &'a str,
    /// The epochs of rules and instances; zero before the first table.
    pub epochs: (u64, u64),
    /// The label of the error, if there was one.
    pub error: Option<&'static str>,
    /// What the decision read, where that is to be written.
    pub read: Option<Read<'a>>,
}

/// What a decision read besides what every line has.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub protocol: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Whether the peer was trusted.
    pub trusted: bool,
    /// The members of a JSON object ([`crate::telemetry::values`]).
    pub values: &'a [u8],
}

/// Appends the line behind its time.
pub(super) fn write(line: &Line<'_>, out: &mut Vec<u8>) {
    text(out, ",\"client_ip\":", line.client_ip.as_bytes());
    text(out, ",\"method\":", line.method);
    text(out, ",\"host\":", line.host);
    text(out, ",\"target\":", line.target);
    number(out, ",\"status\":", u64::from(line.status));
    number(out, ",\"bytes_sent\":", line.bytes_sent);
    number(out, ",\"duration_us\":", u64::try_from(line.duration.as_micros()).unwrap_or(u64::MAX));
    number(out, ",\"worker\":", u64::from(line.worker));
    for (name, value) in [
        (",\"route\":", line.route),
        (",\"tenant\":", line.tenant),
        (",\"release\":", line.release),
        (",\"variant\":", line.variant),
        (",\"fallback_from\":", line.fallback_from),
        (",\"reason\":", line.reason),
        (",\"target_id\":", line.target_id),
        (",\"cell\":", line.cell),
        (",\"upstream\":", line.upstream),
        (",\"error\":", line.error.unwrap_or_default()),
    ] {
        if !value.is_empty() {
            text(out, name, value.as_bytes());
        }
    }
    if let Some(bucket) = line.bucket {
        number(out, ",\"bucket\":", u64::from(bucket));
    }
    if let Some(Read { protocol, scheme, trusted, values }) = line.read {
        text(out, ",\"protocol\":", protocol.as_bytes());
        text(out, ",\"scheme\":", scheme.as_bytes());
        out.extend_from_slice(if trusted { b",\"trusted\":true" } else { b",\"trusted\":false" });
        out.extend_from_slice(b",\"values\":{");
        out.extend_from_slice(values);
        out.push(b'}');
    }
    number(out, ",\"rules_epoch\":", line.epochs.0);
    number(out, ",\"instances_epoch\":", line.epochs.1);
    out.extend_from_slice(b"}\n");
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}
