//! Documents that are followed: a server with validators, as publishers have them, and files that are replaced.
//!
//! Owns how they change, and what was fetched of them. Invariant: whoever reads meets a whole document.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::upstream::Upstream;

/// A document that is sent again only when it is another.
pub(crate) struct Published {
    server: Upstream,
    shared: Arc<Shared>,
}

struct Shared {
    /// The version and the bytes.
    newest: Mutex<(u64, Vec<u8>)>,
    sent: AtomicU64,
    spared: AtomicU64,
}

impl Published {
    pub(crate) fn start(bytes: Vec<u8>) -> Self {
        let newest = Mutex::new((1, bytes));
        let shared =
            Arc::new(Shared { newest, sent: AtomicU64::new(0), spared: AtomicU64::new(0) });
        let own = Arc::clone(&shared);
        let server = Upstream::answering(move |request| {
            let (version, bytes) = own.newest.lock().expect("no panic").clone();
            let etag = format!("\"v{version}\"");
            if request.field("if-none-match") == Some(etag.as_str()) {
                own.spared.fetch_add(1, Ordering::Relaxed);
                return b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec();
            }
            own.sent.fetch_add(1, Ordering::Relaxed);
            let length = bytes.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {length}\r\n\r\n");
            [head.into_bytes(), bytes].concat()
        });
        Self { server, shared }
    }

    /// Returns where it is, under this name.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.server.address())
    }

    /// Publishes another version.
    pub(crate) fn renew(&self, bytes: Vec<u8>) {
        let mut newest = self.shared.newest.lock().expect("no panic");
        *newest = (newest.0 + 1, bytes);
    }

    /// Returns how often it was sent.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Returns how often it was asked for by who had it.
    pub(crate) fn spared(&self) -> u64 {
        self.shared.spared.load(Ordering::Relaxed)
    }
}

/// Puts a file in place of another, as a download does.
pub(crate) fn replace(path: &Path, bytes: impl AsRef<[u8]>) {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).expect("written");
    fs::rename(&beside, path).expect("moved");
}
