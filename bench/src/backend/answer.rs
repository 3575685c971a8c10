//! The bytes of an answer, and the cheapest way to send them.
//!
//! Owns them only. Invariant: a short answer is copied, since that costs less than handling its pages;
//! a long one lies in a memory file whose pages the socket takes as they are, so that the backend costs
//! a fraction of what the contender does.

use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Length from which pages are handed over instead of bytes copied.
const COPIED_MAX: usize = 64 * 1024;

/// One answer, head and body.
#[derive(Debug)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    pages: Option<OwnedFd>,
}

impl Answer {
    /// Takes the bytes of an answer.
    ///
    /// # Errors
    /// No memory file can be made for a long one.
    pub(super) fn new(bytes: Vec<u8>) -> Result<Self> {
        let mut pages = None;
        if bytes.len() > COPIED_MAX {
            let file = memfd_create("halftone-bench-answer", MemfdFlags::CLOEXEC)
                .context("making a memory file for an answer")?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let written = rustix::io::write(&file, rest).context("writing an answer")?;
                rest = &rest[written..];
            }
            pages = Some(file);
        }
        Ok(Self { bytes, pages })
    }

    /// Returns its length.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Sends from `offset` on what the socket takes, and returns how much that was.
    ///
    /// # Errors
    /// The socket takes nothing now, or never again.
    pub(super) fn send(&self, socket: &std::net::TcpStream, offset: usize) -> Result<usize, Errno> {
        match &self.pages {
            None => send(socket, &self.bytes[offset..], SendFlags::NOSIGNAL),
            Some(file) => {
                let mut at = offset as u64;
                sendfile(socket, file, Some(&mut at), self.bytes.len() - offset)
            }
        }
    }
}
