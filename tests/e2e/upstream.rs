//! Services behind the gateway that record what they were sent.
//!
//! Owns a thread per connection. Answers are raw bytes, so that a test says exactly what is on the
//! wire.

use std::{
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::message::{Message, Wire};

type Handler = dyn Fn(&Message) -> Vec<u8> + Send + Sync;

/// A running service; it ends with the test's process, its connections with it.
pub(crate) struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    handler: Box<Handler>,
    requests: Mutex<Vec<Message>>,
    connections: Mutex<Vec<TcpStream>>,
}

impl Upstream {
    /// Starts a service that answers every request 200 with its name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::answering(move |_| answer(name))
    }

    /// Starts a service that answers with what `handler` returns, byte by byte.
    pub(crate) fn answering(handler: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            requests: Mutex::default(),
            connections: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&own);
                lock(&shared.connections).extend(stream.try_clone());
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the requests so far.
    pub(crate) fn requests(&self) -> Vec<Message> {
        lock(&self.shared.requests).clone()
    }

    /// Returns how many requests there were.
    pub(crate) fn count(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// Returns how many connections there were.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.shared.connections).len()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        for stream in lock(&self.shared.connections).iter() {
            // The peer may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Returns an answer of 200 with `body`, its length announced.
pub(crate) fn answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn serve(stream: TcpStream, shared: &Shared) {
    let mut wire = Wire::new(stream);
    // A connection ends with its gateway; how does not matter here.
    while let Ok(Some(request)) = wire.request() {
        lock(&shared.requests).push(request.clone());
        let answer = (shared.handler)(&request);
        // The mark is looked for where a head would have it, and short bodies in its place.
        let start = &answer[..answer.len().min(4096)];
        let closes =
            start.windows(17).any(|window| window.eq_ignore_ascii_case(b"connection: close"));
        if wire.try_send(&answer).is_err() || closes {
            return wire.close();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
