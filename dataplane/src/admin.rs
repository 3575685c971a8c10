//! The admin address: `/healthz`, `/readyz`, `/metrics`.
//!
//! Owns a plain thread that answers one request per connection. Does not serve traffic and needs no
//! worker's time but for a copy of its counters. Invariants: it reads only; a caller that sends slowly
//! or nothing is cut off, so that it cannot keep the others waiting for long.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use halftone_core::{
    http::{HeadLimits, empty_slots, parse_request},
    limits::HEAD_BUFFER_BYTES,
};

use crate::{
    publish::Publisher,
    telemetry::metrics::{Identity, page},
};

/// How long a caller may take to send its request, and to take the answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the admin address tells about.
#[derive(Debug)]
pub struct Admin {
    /// The tables and the workers.
    pub publisher: Arc<Publisher>,
    /// The engine of the workers.
    pub engine: String,
    /// The version of the build.
    pub version: &'static str,
}

/// Serves `listener` until the process ends.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(admin: Admin, listener: TcpListener) -> io::Result<()> {
    let serve = move || {
        for stream in listener.incoming() {
            match stream.and_then(|stream| admin.answer(stream)) {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "A caller of the admin address was not answered.")
                }
            }
        }
    };
    thread::Builder::new().name("admin".to_owned()).spawn(serve).map(drop)
}

struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

impl Answer {
    fn text(status: &'static str, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() + "\n" }
    }
}

impl Admin {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_write_timeout(Some(TIMEOUT))?;
        let (answer, head_only) = match read_request(&mut stream)? {
            Some((method, path)) if method == "GET" || method == "HEAD" => {
                (self.page(&path), method == "HEAD")
            }
            Some(_) => {
                (Answer::text("405 Method Not Allowed", "only GET and HEAD are answered"), false)
            }
            None => (Answer::text("400 Bad Request", "this is not HTTP/1.1"), false),
        };
        let Answer { status, content_type, body } = answer;
        let length = body.len();
        let mut out = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
             Connection: close\r\n\r\n"
        );
        if !head_only {
            out.push_str(&body);
        }
        stream.write_all(out.as_bytes())
    }

    fn page(&self, path: &str) -> Answer {
        match path {
            "/healthz" => Answer::text("200 OK", "ok"),
            "/readyz" => match self.publisher.ready() {
                Ok(()) => Answer::text("200 OK", "ready"),
                Err(reason) => {
                    Answer::text("503 Service Unavailable", format!("not ready: {reason}"))
                }
            },
            "/metrics" => {
                let state = self.publisher.state();
                let identity = Identity {
                    version: self.version,
                    engine: &self.engine,
                    state,
                    restarts: self.publisher.restarts(),
                };
                let body = page(&self.publisher.counters(), identity);
                Answer {
                    status: "200 OK",
                    content_type: "text/plain; version=0.0.4; charset=utf-8",
                    body,
                }
            }
            _ => Answer::text("404 Not Found", "served here: /healthz, /readyz, /metrics"),
        }
    }
}

/// Reads a request head; nothing when it is none.
fn read_request(stream: &mut TcpStream) -> io::Result<Option<(String, String)>> {
    let mut received = Vec::with_capacity(HEAD_BUFFER_BYTES);
    let mut piece = [0; 1024];
    let until = Instant::now() + TIMEOUT;
    while received.len() < HEAD_BUFFER_BYTES {
        // The time is for the whole request, however many pieces it comes in.
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let bytes = stream.read(&mut piece)?;
        received.extend_from_slice(&piece[..bytes]);
        match parse_request(&received, &mut empty_slots(), &HeadLimits::default()) {
            Ok(Some(head)) => return Ok(Some((head.method.to_owned(), head.path.to_owned()))),
            Ok(None) if bytes > 0 => {}
            Ok(None) | Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
