//! Pooled buffers: a worker allocates none in the steady state.
//!
//! Owns two free lists per worker: small ones for request heads, large ones for relaying, and who may wait
//! with one in hand. Invariants:
//! - a buffer that comes back is empty and has at least its pool's capacity;
//! - the lists are bounded, so a burst is given back to the allocator;
//! - waiting in a read costs one operation, waiting without a buffer two: so the first few may hold one, and
//!   the memory of many silent connections does not grow with their number.

use std::cell::{Cell, RefCell};

use halftone_core::limits::{
    FREE_HEADS_MAX, FREE_RELAYS_MAX, HEAD_BUFFER_BYTES, LISTENING_RELAYS_MAX, RELAY_BUFFER_BYTES,
    WAITING_HEADS_MAX, WAITING_RELAYS_MAX,
};

/// Free lists.
#[derive(Debug)]
pub struct Buffers {
    heads: RefCell<Vec<Vec<u8>>>,
    relays: RefCell<Vec<Vec<u8>>>,
    waiting_heads: Cell<usize>,
    waiting_relays: Cell<usize>,
    listening_relays: Cell<usize>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            heads: RefCell::new(Vec::with_capacity(FREE_HEADS_MAX)),
            relays: RefCell::new(Vec::with_capacity(FREE_RELAYS_MAX)),
            waiting_heads: Cell::new(0),
            waiting_relays: Cell::new(0),
            listening_relays: Cell::new(0),
        }
    }
}

impl Buffers {
    /// Returns an empty buffer for a head.
    pub fn head(&self) -> Vec<u8> {
        self.heads.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(HEAD_BUFFER_BYTES))
    }

    /// Returns an empty buffer for relaying.
    pub fn relay(&self) -> Vec<u8> {
        self.relays.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(RELAY_BUFFER_BYTES))
    }

    /// Asks to wait for a request with a head buffer in hand; after a yes, say when it is over.
    pub fn wait_with_head(&self) -> bool {
        enter(&self.waiting_heads, WAITING_HEADS_MAX)
    }

    /// Ends what [`Buffers::wait_with_head`] allowed.
    pub fn waited_with_head(&self) {
        leave(&self.waiting_heads);
    }

    /// Asks to wait for an answer with a relay buffer in hand; after a yes, say when it is over.
    pub fn wait_with_relay(&self) -> bool {
        enter(&self.waiting_relays, WAITING_RELAYS_MAX)
    }

    /// Ends what [`Buffers::wait_with_relay`] allowed.
    pub fn waited_with_relay(&self) {
        leave(&self.waiting_relays);
    }

    /// Returns a relay buffer to listen with on a connection nobody waits for; nothing when enough do. It comes back by
    /// [`Buffers::heard`], or after [`Buffers::take_heard`] by [`Buffers::free_relay`].
    pub fn listen(&self) -> Option<Vec<u8>> {
        enter(&self.listening_relays, LISTENING_RELAYS_MAX).then(|| self.relay())
    }

    /// Takes a buffer back from a connection that listened.
    pub fn heard(&self, buffer: Vec<u8>) {
        self.take_heard();
        self.free_relay(buffer);
    }

    /// Says that a connection listens no more, and that somebody goes on with its buffer.
    pub fn take_heard(&self) {
        leave(&self.listening_relays);
    }

    /// Takes a head buffer back.
    pub fn free_head(&self, buffer: Vec<u8>) {
        // One that grew for a large head would hold its memory for ever.
        if buffer.capacity() <= 2 * HEAD_BUFFER_BYTES {
            free(&self.heads, buffer);
        }
    }

    /// Takes a relay buffer back.
    pub fn free_relay(&self, buffer: Vec<u8>) {
        if buffer.capacity() <= 2 * RELAY_BUFFER_BYTES {
            free(&self.relays, buffer);
        }
    }
}

fn enter(waiting: &Cell<usize>, most: usize) -> bool {
    let allowed = waiting.get() < most;
    waiting.set(waiting.get() + usize::from(allowed));
    allowed
}

fn leave(waiting: &Cell<usize>) {
    debug_assert!(waiting.get() > 0);
    waiting.set(waiting.get().saturating_sub(1));
}

fn free(list: &RefCell<Vec<Vec<u8>>>, mut buffer: Vec<u8>) {
    let mut list = list.borrow_mut();
    // The list was made for as many as it may hold. A buffer lost to an aborted operation comes back with nothing.
    if list.len() < list.capacity() && buffer.capacity() >= HEAD_BUFFER_BYTES {
        buffer.clear();
        list.push(buffer);
    }
}
