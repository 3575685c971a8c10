//! Rewriting: what is forwarded of a head, and what we answer ourselves.
//!
//! Owns the bytes of outgoing heads. Does not decide framing or classes: the masks of
//! [`super::head`] say which fields stay.
//!
//! Invariants: writes go to a buffer the caller reuses; Host comes first (RFC 9110 §7.2); every
//! request carries Via (RFC 9110 §7.6.3); nothing an untrusted peer said about the caller survives.

use std::{io::Write as _, net::IpAddr};

use super::{Baggage, Framing, Mask, RequestHead, ResponseHead, head::VIA_NAME, is_baggage};

mod run;

use run::Run;

/// What is served of a target whose method is not: whatever else a service knows passes too.
const ALLOW: &str = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE\r\n";

/// What is added about the caller when a request is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    /// The peer's address as text: the last hop.
    pub peer_ip: &'a str,
    /// Whether the peer's own statements about the caller are kept.
    pub trusted: bool,
    /// Fields to leave out besides the hop-by-hop ones.
    pub stripped: Mask,
    /// How the baggage goes on; nothing is as it is.
    pub baggage: Option<Baggage<'a>>,
}

/// Appends the head that is forwarded for `head` to `out`.
pub fn encode_request(head: &RequestHead<'_, '_>, forwarding: Forwarding<'_>, out: &mut Vec<u8>) {
    let mut dropped = head.hop_by_hop.union(forwarding.stripped).union(head.forwarded_for);
    if !forwarding.trusted {
        dropped = dropped.union(head.forwarded);
    }
    for part in [head.method, " ", head.target, " HTTP/1.1\r\nHost: ", head.host, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    let mut run = Run::of(head.received);
    for (index, header) in head.headers.iter().enumerate() {
        let is_rewritten = forwarding.baggage.is_some() && is_baggage(header.name);
        if !dropped.contains(index) && !is_rewritten {
            run.take(header, out);
        }
    }
    run.end(out);
    if let Some(baggage) = forwarding.baggage {
        baggage.write(head.headers, dropped, out);
    }
    if head.framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    write_upgrade(out, head.upgrade);
    out.extend_from_slice(b"X-Forwarded-For: ");
    if forwarding.trusted {
        write_forwarded_for(head, out);
    }
    out.extend_from_slice(forwarding.peer_ip.as_bytes());
    let proto_known = forwarding.trusted
        && head.headers.iter().enumerate().any(|(index, header)| {
            head.forwarded.contains(index)
                && !head.hop_by_hop.contains(index)
                && header.name.eq_ignore_ascii_case("x-forwarded-proto")
        });
    out.extend_from_slice(if proto_known { b"\r\n" } else { b"\r\nX-Forwarded-Proto: http\r\n" });
    for part in ["Via: 1.1 ", VIA_NAME, "\r\n\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends the addresses of all X-Forwarded-For fields, each followed by `, `.
pub fn write_forwarded_for(head: &RequestHead<'_, '_>, out: &mut Vec<u8>) {
    for (index, header) in head.headers.iter().enumerate() {
        if head.forwarded_for.contains(index) && !header.value.is_empty() {
            out.extend_from_slice(header.value);
            out.extend_from_slice(b", ");
        }
    }
}

/// Appends the head that is returned for `head` to `out`.
///
/// `framing` is how the body is sent on, which differs from the upstream's when the caller speaks
/// HTTP/1.0; `keep_alive` whether our connection to the caller lives on; `http11` what it speaks. `added` are lines,
/// each with its end, that go behind the upstream's, whose own stay.
pub fn encode_response(
    head: &ResponseHead<'_, '_>,
    framing: Framing,
    keep_alive: bool,
    http11: bool,
    added: &[u8],
    out: &mut Vec<u8>,
) {
    let hundreds = [
        b'0' + digit(head.status / 100),
        b'0' + digit(head.status / 10),
        b'0' + digit(head.status),
    ];
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&hundreds);
    out.push(b' ');
    let reason = if head.reason.is_empty() { reason(head.status) } else { Some(head.reason) };
    out.extend_from_slice(reason.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut run = Run::of(head.received);
    for (index, header) in head.headers.iter().enumerate() {
        if !head.hop_by_hop.contains(index) {
            run.take(header, out);
        }
    }
    run.end(out);
    if framing == Framing::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if head.status == 101 {
        write_upgrade(out, head.upgrade);
    }
    if head.status >= 200 {
        match (keep_alive, http11) {
            (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
            (true, false) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (true, true) => {}
        }
    }
    out.extend_from_slice(added);
    out.extend_from_slice(b"\r\n");
}

fn digit(number: u16) -> u8 {
    u8::try_from(number % 10).unwrap_or(0)
}

fn write_upgrade(out: &mut Vec<u8>, protocol: Option<&[u8]>) {
    if let Some(protocol) = protocol {
        write_field(out, "Connection", b"Upgrade");
        write_field(out, "Upgrade", protocol);
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a response of our own: plain text that says what happened, and the error's label in
/// Proxy-Status (RFC 9209).
///
/// `head_only` leaves out the body (the answer to HEAD); `added` are further lines, each with its end.
pub fn encode_error(
    status: u16,
    label: &str,
    detail: &str,
    keep_alive: bool,
    head_only: bool,
    added: &[u8],
    out: &mut Vec<u8>,
) {
    let reason = reason(status).unwrap_or("Error");
    // RFC 9110 §15.5.6: what is served instead.
    let allow = if status == 405 { ALLOW } else { "" };
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let body = format_args!("{status} {reason}: {detail}\n").to_string();
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "HTTP/1.1 {status} {reason}\r\nServer: halftone\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nProxy-Status: halftone; error={label}\r\n{allow}Connection: {connection}\r\n",
        body.len(),
    );
    out.extend_from_slice(added);
    out.extend_from_slice(b"\r\n");
    if !head_only {
        out.extend_from_slice(body.as_bytes());
    }
}

/// Returns the registered phrase of a status (RFC 9110 §15), if it is a usual one.
fn reason(status: u16) -> Option<&'static str> {
    Some(match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => return None,
    })
}

/// Writes `address` as RFC 5952 text, v4-mapped addresses unwrapped, and returns it.
#[must_use]
pub fn ip_text(address: IpAddr, out: &mut smallvec::SmallVec<[u8; 48]>) -> &str {
    out.clear();
    let _ = write!(out, "{}", address.to_canonical());
    std::str::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests;
