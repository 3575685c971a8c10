//! The admin address: `/healthz`, `/readyz`, `/metrics`.
//!
//! Owns a plain thread that answers one request per connection ([`visitors`]). Does not serve traffic and needs
//! no worker's time but for a copy of its counters. Invariants: it reads only; callers that send or take slowly,
//! or nothing, keep nobody waiting.

use std::{
    io,
    net::TcpListener,
    sync::Arc,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use halftone_core::{
    http::{HeadLimits, empty_slots, parse_request},
    limits::HEAD_BUFFER_BYTES,
    telemetry::page::MEDIA_TYPE,
};

use crate::{
    keys::Keys,
    publish::Publisher,
    telemetry::metrics::{Identity, page},
};

mod visitors;

use visitors::serve;

/// What may be asked (RFC 9110 §15.5.6).
const ALLOW: &str = "Allow: GET, HEAD\r\n";

/// What the admin address tells about.
#[derive(Debug)]
pub struct Admin {
    /// The tables and the workers.
    pub publisher: Arc<Publisher>,
    /// The keys.
    pub keys: Arc<Keys>,
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
    let work = move || {
        if let Err(error) = serve(&listener, |received| admin.answer(received)) {
            tracing::error!(%error, "The admin address is served no longer.");
        }
    };
    thread::Builder::new().name("admin".to_owned()).spawn(work).map(drop)
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
    /// Returns the answer to the request that `received` begins with; nothing as long as its head is not whole.
    fn answer(&self, received: &[u8]) -> Option<Vec<u8>> {
        let limits = HeadLimits { bytes: HEAD_BUFFER_BYTES, ..HeadLimits::default() };
        let mut slots = empty_slots();
        let (answer, head_only) = match parse_request(received, &mut slots, &limits) {
            Ok(Some(head)) if matches!(head.method, "GET" | "HEAD") => {
                (self.page(head.path), head.method == "HEAD")
            }
            Ok(Some(_)) => {
                (Answer::text("405 Method Not Allowed", "only GET and HEAD are answered"), false)
            }
            Ok(None) => return None,
            Err(_) => (Answer::text("400 Bad Request", "this is not HTTP/1.1"), false),
        };
        let Answer { status, content_type, body } = answer;
        let (length, allow) = (body.len(), if status.starts_with("405") { ALLOW } else { "" });
        let mut out = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
             {allow}Connection: close\r\n\r\n"
        );
        if !head_only {
            out.push_str(&body);
        }
        Some(out.into_bytes())
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
                let (state, keys) = (self.publisher.state(), self.keys.ids().len());
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let are_missing = keys == 0 && self.publisher.needs_keys();
                let identity = Identity {
                    version: self.version,
                    engine: &self.engine,
                    state,
                    restarts: self.publisher.restarts(),
                    databases: &self.publisher.databases(),
                    issuers: self.publisher.issuers().count(),
                    now_unix_s: now.as_secs(),
                    keys: (keys, are_missing, self.keys.refused()),
                };
                let body = page(&self.publisher.counters(), identity);
                Answer { status: "200 OK", content_type: MEDIA_TYPE, body }
            }
            _ => Answer::text("404 Not Found", "served here: /healthz, /readyz, /metrics"),
        }
    }
}

#[cfg(test)]
mod tests;
