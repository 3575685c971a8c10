//! A caller of the API: one kept connection, one call at a time.
//!
//! Owns the little of HTTP/1.1 that takes, so that a push is timed and not its client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(30);

/// A caller.
pub(crate) struct Caller {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

/// What the API said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether every worker of every gateway serves the change.
    pub(crate) applied: bool,
    /// The revision the change was stored as, where the answer has one.
    pub(crate) revision: u64,
    /// Where the control plane spent its time (`Server-Timing`): stages and milliseconds.
    pub(crate) stages: Vec<(String, f64)>,
    pub(crate) body: String,
}

impl Caller {
    /// Calls the server at `address`.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Sends one request; connects when there is no connection.
    ///
    /// # Errors
    /// No whole answer comes; the next call connects again.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address)?,
        };
        let address = self.address;
        let media_type =
            if body.starts_with('{') { "application/json" } else { "application/yaml" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.exchange(connection, request.as_bytes())
    }

    /// Sends one request as it is.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address)?,
        };
        self.exchange(connection, request)
    }

    fn exchange(&mut self, mut connection: BufReader<TcpStream>, request: &[u8]) -> Result<Answer> {
        connection.get_mut().write_all(request).context("sending")?;
        let (mut status, mut length, mut applied, mut stages) = (0, 0, false, Vec::new());
        let mut line = String::new();
        loop {
            line.clear();
            if connection.read_line(&mut line).context("receiving")? == 0 {
                bail!("the connection was closed");
            }
            let text = line.trim_end().to_ascii_lowercase();
            if status == 0 {
                status = text.split(' ').nth(1).unwrap_or_default().parse().context("a status")?;
            } else if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().context("a length")?;
            } else if let Some(value) = text.strip_prefix("halftone-applied:") {
                applied = value.trim() == "true";
            } else if let Some(value) = text.strip_prefix("server-timing:") {
                stages = read_stages(value);
            } else if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).context("receiving the body")?;
        self.connection = Some(connection);
        let body = String::from_utf8_lossy(&body).into_owned();
        let told = serde_json::from_str::<Value>(&body).unwrap_or_default();
        let revision = told["revision"].as_u64().unwrap_or(0);
        Ok(Answer { status, applied, revision, stages, body })
    }
}

/// Reads `name;dur=1.2, other;dur=0.3`; what is not of this form is left out.
fn read_stages(value: &str) -> Vec<(String, f64)> {
    let stage = |text: &str| {
        let (name, rest) = text.trim().split_once(';')?;
        let ms = rest.trim().strip_prefix("dur=")?.parse().ok()?;
        Some((name.to_owned(), ms))
    };
    value.split(',').filter_map(stage).collect()
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).context("connecting")?;
    stream.set_nodelay(true).context("setting up a connection")?;
    stream.set_read_timeout(Some(CALL_MAX)).context("setting up a connection")?;
    Ok(BufReader::new(stream))
}

/// Returns what the API shows of its gateway.
///
/// # Errors
/// It does not answer with one.
pub(crate) fn gateway(api: SocketAddr) -> Result<Value> {
    let answer = Caller::new(api).call("GET", "/v1/gateways", "")?;
    let mut gateways: Vec<Value> =
        serde_json::from_str(&answer.body).context("reading the gateways")?;
    gateways.pop().context("the control plane leads no gateway")
}
