//! A line: what it tells of a request, and its form.
//!
//! Owns the members of its JSON object but the first, the time. Invariant: what a peer sent is escaped, so a line is always
//! one JSON object.

use std::time::Duration;

use super::{
    json::{number, text},
    phrases::{Decided, Phrases, epochs},
};

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
    /// The bucket, where one was looked at.
    pub bucket: Option<u32>,
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
    pub protocol: &'static str,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Whether the peer was trusted.
    pub trusted: bool,
    /// The members of a JSON object ([`crate::telemetry::values`]).
    pub values: &'a [u8],
}

/// Appends the line behind its time, with what was decided, if anything was.
pub(super) fn write(
    line: &Line<'_>,
    decided: Option<&Decided<'_>>,
    phrases: &mut Phrases,
    out: &mut Vec<u8>,
) {
    text(out, ",\"client_ip\":", line.client_ip.as_bytes());
    text(out, ",\"method\":", line.method);
    text(out, ",\"host\":", line.host);
    text(out, ",\"target\":", line.target);
    number(out, ",\"status\":", u64::from(line.status));
    number(out, ",\"bytes_sent\":", line.bytes_sent);
    number(out, ",\"duration_us\":", u64::try_from(line.duration.as_micros()).unwrap_or(u64::MAX));
    number(out, ",\"worker\":", u64::from(line.worker));
    match decided {
        Some(decided) => phrases.write(decided, out),
        None => epochs(line.epochs, out),
    }
    if let Some(error) = line.error {
        text(out, ",\"error\":", error.as_bytes());
    }
    if let Some(bucket) = line.bucket {
        number(out, ",\"bucket\":", u64::from(bucket));
    }
    if let Some(Read { protocol, scheme, trusted, values }) = line.read {
        let trusted = if trusted { "\",\"trusted\":true" } else { "\",\"trusted\":false" };
        // Words of ours, which have nothing to escape.
        for part in [",\"protocol\":\"", protocol, "\",\"scheme\":\"", scheme, trusted] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b",\"values\":{");
        out.extend_from_slice(values);
        out.push(b'}');
    }
    out.extend_from_slice(b"}\n");
}
