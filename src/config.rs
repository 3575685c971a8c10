//! A gateway's configuration file, as the options of a gateway.
//!
//! Owns what only the data plane and this machine can judge: engines, CPUs, ranges of bounds. The text
//! is read by [`crate::document`].
//!
//! Invariant: whatever [`problems`] finds nothing in, [`Config::of`] takes whole.

use std::{net::SocketAddr, path::Path, path::PathBuf};

use anyhow::{Result, bail};
use halftone_controlplane::document::Document;
use halftone_core::policy::{Diagnostic, Gateway, Size, Timeout};
use halftone_dataplane::{engine::probe::Request, limits::Limits};

use crate::{
    cpus::CpuList,
    document::{Severity, Text, line},
    usage::Usage,
};

/// What a file says; nothing is what it leaves to flags and defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// Where requests are taken.
    pub(crate) listen: Vec<SocketAddr>,
    /// The control socket.
    pub(crate) socket: Option<PathBuf>,
    /// Where state is kept.
    pub(crate) data: Option<PathBuf>,
    /// The CPUs.
    pub(crate) cpus: Option<CpuList>,
    /// The engine.
    pub(crate) engine: Option<Request>,
    /// The peers that are believed.
    pub(crate) trusted: Vec<String>,
    /// The bounds.
    pub(crate) limits: Limits,
    /// The key file.
    pub(crate) keys: Option<PathBuf>,
    /// Whether devices are given ids.
    pub(crate) fingerprint: bool,
    /// The access log, or `off`.
    pub(crate) access_log: Option<PathBuf>,
    /// Whether it has the values that decisions read.
    pub(crate) log_values: Option<bool>,
    /// Where health and metrics are served.
    pub(crate) admin: Option<SocketAddr>,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Usage`] when it cannot be read or is another kind; every problem when it has some.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = Text::read(path)?;
        let judgement = text.judge();
        match judgement.document {
            Some(Document::Gateway(gateway)) => Ok(Self::of(&gateway)),
            Some(_) => {
                let message = format!("{}: kind: expected \"Gateway\"", text.name);
                Err(Usage(message).into())
            }
            None => {
                let lines = judgement.problems.iter().map(|one| line(Severity::Error, one));
                let lines: Vec<String> = lines.collect();
                bail!("{} is not taken:\n{}", text.name, lines.join("\n"))
            }
        }
    }

    fn of(gateway: &Gateway) -> Self {
        let path = |text: &Option<String>| text.as_ref().map(PathBuf::from);
        let address = |text: &String| text.parse().ok();
        Self {
            listen: gateway.listeners.iter().filter_map(|one| address(&one.address)).collect(),
            socket: path(&gateway.socket),
            data: path(&gateway.data),
            cpus: gateway.cpus.as_ref().and_then(|text| text.parse().ok()),
            engine: gateway.engine.as_ref().and_then(|text| text.parse().ok()),
            trusted: gateway.trusted.clone().unwrap_or_default(),
            limits: limits(gateway),
            keys: path(&gateway.keys),
            fingerprint: gateway.fingerprint.unwrap_or_default(),
            access_log: path(&gateway.logs.access),
            log_values: gateway.logs.values,
            admin: gateway.admin.as_ref().and_then(|one| address(&one.address)),
        }
    }
}

/// Returns what the data plane and this machine find wrong with `gateway`.
pub(crate) fn problems(gateway: &Gateway) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(Err(error)) = gateway.engine.as_ref().map(|text| text.parse::<Request>()) {
        found.push(Diagnostic::new("engine", error));
    }
    if let Some(Err(error)) = gateway.cpus.as_ref().map(|text| text.parse::<CpuList>()) {
        found.push(Diagnostic::new("cpus", error));
    }
    for error in limits(gateway).problems() {
        let (path, unit) = match error.field.strip_suffix("_ms") {
            Some(field) => (format!("timeouts.{}", camel_case(field)), " ms"),
            None => (format!("limits.{}", camel_case(error.field)), ""),
        };
        let (min, max, got) = (error.min, error.max, error.found);
        found
            .push(Diagnostic::new(path, format!("expected {min} to {max}{unit}, got {got}{unit}")));
    }
    found
}

/// Writes `first_byte` as files do: `firstByte`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        text.push_str(&first.to_ascii_uppercase());
        text.push_str(rest);
    }
    text
}

fn limits(gateway: &Gateway) -> Limits {
    let mut limits = Limits::default();
    let (sizes, times) = (&gateway.limits, &gateway.timeouts);
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let bytes = |size: Size| usize::try_from(size.bytes()).unwrap_or(usize::MAX);
    for (bound, given) in [
        (&mut limits.head_bytes, sizes.head_bytes.map(bytes)),
        (&mut limits.uri_bytes, sizes.uri_bytes.map(bytes)),
        (&mut limits.headers, sizes.headers.map(count)),
        (&mut limits.pool_connections, sizes.pool_connections.map(count)),
    ] {
        *bound = given.unwrap_or(*bound);
    }
    limits.connections = sizes.connections.map(count);
    limits.body_bytes = sizes.body_bytes.map(Size::bytes);
    let ms = |time: Timeout| u64::from(time.ms());
    for (bound, given) in [
        (&mut limits.head_ms, times.head),
        (&mut limits.idle_ms, times.idle),
        (&mut limits.stall_ms, times.stall),
        (&mut limits.connect_ms, times.connect),
        (&mut limits.first_byte_ms, times.first_byte),
        (&mut limits.upstream_idle_ms, times.upstream_idle),
        (&mut limits.pool_idle_ms, times.pool_idle),
        (&mut limits.tunnel_idle_ms, times.tunnel_idle),
        (&mut limits.linger_ms, times.linger),
        (&mut limits.drain_ms, times.drain),
        (&mut limits.tags_ms, times.tags),
    ] {
        *bound = given.map_or(*bound, ms);
    }
    limits.request_ms = times.request.map(ms).filter(|ms| *ms > 0);
    limits
}
