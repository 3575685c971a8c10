//! Fingerprints: the script a consenting browser runs, and the cookie it is given.
//!
//! Owns two paths of every host that has a route, where the gateway was told to serve them: `GET` of the script, `POST` of
//! the features it reads, `DELETE` when consent is withdrawn. Does not know what features are or how ids come of them
//! (`halftone_core::signal::fingerprint` does), and decides nothing.
//!
//! Invariants:
//! - off, a request costs one branch, and the paths are any other's;
//! - only the page's own origin is answered, and only with consent; Global Privacy Control is a no;
//! - features are in no log, counter or answer, and are dropped before the answer is written;
//! - a body is bounded, and so is how many of them a worker takes in a second.

mod refusal;

use std::{cell::Cell, io::Write as _, ops::Range};

use halftone_core::{
    http::{Header, RequestHead},
    limits::{FINGERPRINT_BODY_BYTES_MAX, FINGERPRINTS_PER_S_MAX},
    route::{HostScratch, cookie, host_name, is_kept, tenant_of_host},
    signal::fingerprint::{
        Features,
        cookie::{DEVICE_COOKIE, Issued, Outcome, issue},
    },
};
pub use refusal::Refusal;

use crate::{
    conn::{body::Body, http1::Downstream},
    engine::{Engine, Reader as _, Writer as _},
    io::deadline::End,
    proxy::{
        Request,
        error::{Kind, ProxyError},
    },
    tables::Tables,
    worker::Worker,
};

/// Where the script is.
pub const SCRIPT_PATH: &str = "/.well-known/halftone/fingerprint.js";
/// Where it sends what it has read.
pub const PATH: &str = "/.well-known/halftone/fingerprint";
/// The script.
const SCRIPT: &str = include_str!("fingerprint/script.js");
/// What 100 Continue looks like.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// What the cookie is set with, also when it is taken back.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// What becomes of requests for a fingerprint, as counters call it.
pub const RESULTS: [&str; 5] = ["made", "kept", "replaced", "withdrawn", "refused"];
/// What became of them, by [`RESULTS`].
pub type Counts = [u64; RESULTS.len()];

/// What a worker knows of fingerprints: nothing of anybody's.
#[derive(Debug)]
pub struct Fingerprints {
    is_on: bool,
    counts: Cell<Counts>,
    /// A second, and how many were taken in it.
    taken: Cell<(u64, u32)>,
    /// The script's entity tag.
    tag: Box<str>,
}

impl Fingerprints {
    /// Serves them, or not.
    #[must_use]
    pub fn new(is_on: bool) -> Self {
        let hash = SCRIPT.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let tag = format!("\"{hash:016x}\"").into();
        Self { is_on, counts: Cell::default(), taken: Cell::default(), tag }
    }

    /// Returns what became of requests.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    fn count(&self, result: usize) {
        let mut counts = self.counts.get();
        counts[result] += 1;
        self.counts.set(counts);
    }

    /// Takes one at this second; returns whether it may.
    fn may_take(&self, now_unix_s: u64) -> bool {
        let (second, taken) = self.taken.get();
        let taken = if second == now_unix_s { taken } else { 0 };
        self.taken.set((now_unix_s, taken.saturating_add(1)));
        taken < FINGERPRINTS_PER_S_MAX
    }
}

/// What is asked of us and of no service.
#[derive(Debug)]
pub struct Asked {
    what: Result<What, Refusal>,
}

#[derive(Debug)]
enum What {
    /// The script; whether the caller has it already.
    Script { is_known: bool },
    /// A cookie, for a tenant's device that has this one, somewhere in the receive buffer.
    Issue { tenant: String, token: Option<Range<usize>> },
    /// No cookie any more.
    Withdraw,
    /// Something else; what there is instead.
    Method { allow: &'static str },
}

/// Returns what a head asks of us; nothing when it is a service's to answer.
#[inline]
pub(crate) fn asked<E: Engine>(
    worker: &Worker<E>,
    downstream: &Downstream<E>,
    head: &RequestHead<'_, '_>,
) -> Option<Box<Asked>> {
    if !worker.fingerprints.is_on || !head.path.starts_with(PATH) {
        return None;
    }
    let what = match head.path {
        SCRIPT_PATH => Ok(script(&worker.fingerprints.tag, head)),
        PATH => cookie_asked(worker, downstream, head),
        _ => return None,
    };
    Some(Box::new(Asked { what }))
}

fn script(tag: &str, head: &RequestHead<'_, '_>) -> What {
    if !matches!(head.method, "GET" | "HEAD") {
        return What::Method { allow: "GET, HEAD" };
    }
    let known = field(head.headers, "if-none-match").unwrap_or_default();
    // A weak comparison of a list (RFC 9110 §13.1.2): no tag has a comma.
    let mut tags = known.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let is_known =
        tags.any(|one| one.strip_prefix(b"W/").unwrap_or(one) == tag.as_bytes() || one == b"*");
    What::Script { is_known }
}

fn cookie_asked<E: Engine>(
    worker: &Worker<E>,
    downstream: &Downstream<E>,
    head: &RequestHead<'_, '_>,
) -> Result<What, Refusal> {
    if !matches!(head.method, "POST" | "DELETE") {
        return Ok(What::Method { allow: "POST, DELETE" });
    }
    if !is_same_origin(head) {
        return Err(Refusal::OtherOrigin);
    }
    if head.method == "DELETE" {
        return Ok(What::Withdraw);
    }
    if field(head.headers, "sec-gpc").is_some_and(|value| value == b"1") {
        return Err(Refusal::NoConsent);
    }
    if !is_json(field(head.headers, "content-type").unwrap_or_default()) {
        return Err(Refusal::Type);
    }
    let mut scratch = HostScratch::new();
    let host = host_name(head.host, &mut scratch);
    if !is_kept(head.scheme(downstream.peer.trusted), host) {
        return Err(Refusal::NotKept);
    }
    let pinned = worker.tables();
    let tables = Tables::newest(&pinned);
    let tenant = tables.and_then(|tables| tenant_of_host(tables.rules(), host));
    let tenant = tenant.ok_or(Refusal::NoHost)?.to_owned();
    let received = &downstream.received;
    let token = cookie(head.headers, DEVICE_COOKIE).map(|token| {
        let start = (token.as_ptr() as usize).wrapping_sub(received.as_ptr() as usize);
        start..start.saturating_add(token.len())
    });
    Ok(What::Issue { tenant, token })
}

/// Returns the first value of a field.
fn field<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Returns whether a page of this very host asks: browsers say so themselves (W3C Fetch Metadata), older ones by Origin.
/// Who says neither is no page.
fn is_same_origin(head: &RequestHead<'_, '_>) -> bool {
    match (field(head.headers, "sec-fetch-site"), field(head.headers, "origin")) {
        (Some(site), _) => site == b"same-origin",
        (None, Some(origin)) => {
            let host = [&b"https://"[..], b"http://"];
            let host = host.iter().find_map(|scheme| origin.strip_prefix(*scheme));
            host.is_some_and(|host| host.eq_ignore_ascii_case(head.host.as_bytes()))
        }
        (None, None) => false,
    }
}

/// Returns whether a body is JSON: what a page of another origin cannot send without being asked first.
fn is_json(kind: &[u8]) -> bool {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Answers what was asked of us.
///
/// # Errors
/// [`Kind::Fingerprint`] when it is refused, and whatever a caller does with its body.
pub(crate) async fn answer<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    request: &mut Request,
    asked: Asked,
) -> Result<(), ProxyError> {
    let mut out = worker.buffers.head();
    let written = write_answer(worker, downstream, request, asked, &mut out).await;
    if let Err(error) = written {
        worker.buffers.free_head(out);
        worker.fingerprints.count(4);
        return Err(error);
    }
    request.bytes_sent = out.len() as u64;
    downstream.stream.deadline.arm(worker.limits.stall_ms, End::Both);
    let length = out.len();
    let (result, out) = worker.write_all(&mut downstream.stream.writer, out, 0..length).await;
    worker.buffers.free_head(out);
    request.keep_alive &= result.is_ok() && request.body.is_ended();
    Ok(())
}

async fn write_answer<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    request: &mut Request,
    asked: Asked,
    out: &mut Vec<u8>,
) -> Result<(), ProxyError> {
    let refused = |refusal| ProxyError::downstream(Kind::Fingerprint(refusal));
    let mut own = Own { request, out };
    match asked.what.map_err(refused)? {
        What::Script { is_known } => {
            let tag = &worker.fingerprints.tag;
            let fields = format_args!(
                "ETag: {tag}\r\nCache-Control: public, max-age=86400\r\nX-Content-Type-Options: nosniff\r\n"
            );
            own.write(if is_known { 304 } else { 200 }, fields, SCRIPT);
        }
        What::Method { allow } => own.write(405, format_args!("Allow: {allow}\r\n"), ""),
        What::Withdraw => {
            worker.fingerprints.count(3);
            own.set(format_args!(""), 0);
        }
        What::Issue { tenant, token } => {
            let body = read_body(worker, downstream, own.request).await?;
            let now_unix_s = worker.unix_s();
            if !worker.fingerprints.may_take(now_unix_s) {
                return Err(refused(Refusal::Busy));
            }
            let features = Features::read(&downstream.received[body])
                .map_err(|error| refused(Refusal::Features(error)))?;
            let token = token.and_then(|token| downstream.received.get(token));
            let verifier = worker.signing.verifier(now_unix_s);
            let issued = issue(verifier.keys(), &tenant, &features, token, now_unix_s);
            let Issued { token, expires_unix_s, outcome } =
                issued.ok_or(refused(Refusal::NoKeys))?;
            worker.fingerprints.count(match outcome {
                Outcome::Made => 0,
                Outcome::Kept => 1,
                Outcome::Replaced => 2,
            });
            let token = std::str::from_utf8(&token).unwrap_or_default();
            own.set(format_args!("{token}"), expires_unix_s.saturating_sub(now_unix_s));
        }
    }
    Ok(())
}

/// Takes the body into the receive buffer; returns where it lies there.
async fn read_body<E: Engine>(
    worker: &Worker<E>,
    downstream: &mut Downstream<E>,
    request: &mut Request,
) -> Result<Range<usize>, ProxyError> {
    let refused = |refusal| ProxyError::downstream(Kind::Fingerprint(refusal));
    let length = match request.body {
        Body::Ended => Ok(0),
        Body::Length(bytes) => usize::try_from(bytes).map_err(|_| Refusal::TooLarge),
        _ => Err(Refusal::Length),
    };
    let length = length.map_err(refused)?;
    if length > FINGERPRINT_BODY_BYTES_MAX {
        return Err(refused(Refusal::TooLarge));
    }
    let start = downstream.consumed + request.head_bytes;
    let end = start + length;
    let Downstream { stream, received, .. } = downstream;
    if received.len() < end {
        // One deadline for all of it: it is small.
        stream.deadline.arm(worker.limits.stall_ms, End::Read);
        if request.expect_continue && request.http11 {
            let (result, _) = stream.writer.write_all(CONTINUE.to_vec(), 0..CONTINUE.len()).await;
            result.map_err(|_| ProxyError::downstream(Kind::DownstreamClosed))?;
        }
    }
    while received.len() < end {
        received.reserve(end - received.len());
        let (result, filled) = stream.reader.read(std::mem::take(received)).await;
        *received = filled;
        if !matches!(result, Ok(1..)) {
            let late = stream.deadline.has_passed();
            let kind = if late { Kind::DownstreamTimeout } else { Kind::DownstreamClosed };
            return Err(ProxyError::downstream(kind));
        }
    }
    stream.deadline.disarm();
    request.body = Body::Ended;
    request.body_bytes = length;
    Ok(start..end)
}

/// An answer of ours.
struct Own<'a> {
    request: &'a mut Request,
    out: &'a mut Vec<u8>,
}

impl Own<'_> {
    /// Has the browser keep a value of the cookie for so many seconds.
    fn set(&mut self, value: std::fmt::Arguments<'_>, age_s: u64) {
        self.write(
            204,
            format_args!(
                "Set-Cookie: {DEVICE_COOKIE}={value}; {ATTRIBUTES}; Max-Age={age_s}\r\nCache-Control: no-store\r\n"
            ),
            "",
        );
    }

    /// Writes head and body; `fields` are lines, each with its end.
    fn write(&mut self, status: u16, fields: std::fmt::Arguments<'_>, body: &str) {
        let (request, out) = (&mut *self.request, &mut *self.out);
        request.status = status;
        let keep_alive = request.keep_alive && request.body.is_ended();
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let reason = match status {
            200 => "OK",
            204 => "No Content",
            304 => "Not Modified",
            _ => "Method Not Allowed",
        };
        // Writing to a vector cannot fail.
        let _ = write!(
            out,
            "HTTP/1.1 {status} {reason}\r\nServer: halftone\r\n{fields}Connection: {connection}\r\n"
        );
        match status {
            204 | 304 => {}
            200 => {
                let kind = "text/javascript; charset=utf-8";
                let _ = write!(out, "Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
            }
            _ => out.extend_from_slice(b"Content-Length: 0\r\n"),
        }
        out.extend_from_slice(b"\r\n");
        if status == 200 && !request.is_head {
            out.extend_from_slice(body.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
