//! Pooled buffers: a worker allocates none in the steady state.
//!
//! Owns two free lists per worker: small ones for request heads, large ones for relaying. Invariant:
//! a buffer that comes back is empty and has at least its pool's capacity; the lists are bounded, so
//! a burst is given back to the allocator.

use std::cell::RefCell;

use halftone_core::limits::{HEAD_BUFFER_BYTES, RELAY_BUFFER_BYTES};

/// Most free head buffers kept: 4 MiB.
const FREE_HEADS_MAX: usize = 1024;
/// Most free relay buffers kept: 8 MiB.
const FREE_RELAYS_MAX: usize = 128;

/// Free lists.
#[derive(Debug)]
pub struct Buffers {
    heads: RefCell<Vec<Vec<u8>>>,
    relays: RefCell<Vec<Vec<u8>>>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            heads: RefCell::new(Vec::with_capacity(FREE_HEADS_MAX)),
            relays: RefCell::new(Vec::with_capacity(FREE_RELAYS_MAX)),
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

fn free(list: &RefCell<Vec<Vec<u8>>>, mut buffer: Vec<u8>) {
    let mut list = list.borrow_mut();
    // The list was made for as many as it may hold. A buffer lost to an aborted operation comes back with nothing.
    if list.len() < list.capacity() && buffer.capacity() >= HEAD_BUFFER_BYTES {
        buffer.clear();
        list.push(buffer);
    }
}
