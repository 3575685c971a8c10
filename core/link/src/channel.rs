//! Frames and file descriptors over a Unix stream, blocking.
//!
//! Owns the order of frames and of the descriptors beside them. Does not own the encoding
//! (`halftone_core::wire`) and does not decide who may talk: [`Channel::peer_credentials`] tells.
//!
//! Invariants:
//! - a descriptor travels with the first byte of its `Prepare`, so it is queued before that frame
//!   can be complete;
//! - exactly one descriptor belongs to each `Prepare`, `Table`, `TagFilter` and `Shadow`, none to any other frame, and no more than
//!   [`TABLES_QUEUED_MAX`] ever wait: a peer cannot fill our descriptor table;
//! - no more than one frame is ever read ahead, and its announced length is checked before its
//!   bytes are awaited.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use halftone_core::wire::{self, Decoder, Frame, WireError};
use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg, sockopt,
    },
};
use thiserror::Error;

/// Most descriptors that wait for their `Prepare`: one of each table.
const TABLES_QUEUED_MAX: usize = 2;
/// Bytes taken from the socket at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes of the length in front of each frame.
const PREFIX_BYTES: usize = 4;

/// Why a frame could not be sent or received; the channel must be dropped, except after
/// [`LinkError::TimedOut`] of a receive, which may be tried again.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The socket failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The peer took longer than the channel's timeout.
    #[error("the peer did not let us {doing} in time")]
    TimedOut {
        /// What was being done.
        doing: &'static str,
    },
    /// The bytes are no frame.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The peer went away in the middle of a frame.
    #[error("the peer closed the connection in the middle of a frame")]
    Truncated,
    /// A `Prepare` came without its table.
    #[error("a table was announced, but no memory file came with it")]
    TableMissing,
    /// More descriptors came than tables were announced.
    #[error("more than {TABLES_QUEUED_MAX} memory files came without being announced")]
    TooManyTables,
}

impl LinkError {
    fn io(doing: &'static str, errno: Errno) -> Self {
        match errno {
            Errno::AGAIN => Self::TimedOut { doing },
            _ => Self::Io { doing, source: errno.into() },
        }
    }
}

/// A frame, and the table that came with it.
#[derive(Debug)]
pub struct Received {
    /// The frame.
    pub frame: Frame,
    /// The memory file of a `Prepare`, not yet checked; nothing for other frames.
    pub table: Option<OwnedFd>,
}

/// Who is at the other end (SO_PEERCRED: as of its `connect`, or our `listen`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    /// Its process.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// One end of a control connection.
#[derive(Debug)]
pub struct Channel {
    stream: UnixStream,
    decoder: Decoder,
    progress: Progress,
    tables: VecDeque<OwnedFd>,
    chunk: Box<[u8]>,
}

/// How much of the next frame has come.
#[derive(Debug, Default)]
struct Progress {
    prefix: [u8; PREFIX_BYTES],
    received: usize,
}

impl Progress {
    /// Returns how many bytes are known to be missing: of the prefix, then of the body.
    fn missing(&self) -> usize {
        if self.received < PREFIX_BYTES {
            return PREFIX_BYTES - self.received;
        }
        let body = u32::from_le_bytes(self.prefix) as usize;
        (PREFIX_BYTES + body).saturating_sub(self.received)
    }

    fn add(&mut self, bytes: &[u8]) {
        let known = self.received.min(PREFIX_BYTES);
        for (slot, byte) in self.prefix[known..].iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.received += bytes.len();
    }
}

impl Channel {
    /// Speaks over `stream`, which must be blocking.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            progress: Progress::default(),
            tables: VecDeque::new(),
            chunk: vec![0; CHUNK_BYTES].into_boxed_slice(),
        }
    }

    /// Returns the stream, to shut it down from elsewhere or to wait on it.
    #[must_use]
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Bounds each wait of a later [`receive`](Self::receive) and of each write; none waits forever.
    ///
    /// # Errors
    /// [`LinkError::Io`], also for a zero duration.
    pub fn set_timeouts(
        &self,
        receive: Option<Duration>,
        send: Option<Duration>,
    ) -> Result<(), LinkError> {
        let doing = "set the timeouts of the control socket";
        let failed = |source| LinkError::Io { doing, source };
        self.stream.set_read_timeout(receive).map_err(failed)?;
        self.stream.set_write_timeout(send).map_err(failed)
    }

    /// Returns who is at the other end.
    ///
    /// # Errors
    /// [`LinkError::Io`].
    pub fn peer_credentials(&self) -> Result<PeerCredentials, LinkError> {
        let peer = sockopt::socket_peercred(&self.stream)
            .map_err(|errno| LinkError::io("ask who the peer is", errno))?;
        Ok(PeerCredentials {
            pid: peer.pid.as_raw_pid(),
            uid: peer.uid.as_raw(),
            gid: peer.gid.as_raw(),
        })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`LinkError`]; part of the frame may have left then.
    pub fn send(&mut self, frame: &Frame) -> Result<(), LinkError> {
        self.send_with(frame, None)
    }

    /// Sends a [`Frame::Prepare`] or [`Frame::Table`] with its table: a [`SealedTable`](crate::SealedTable) or any
    /// other descriptor (the peer will refuse that one).
    ///
    /// # Errors
    /// [`LinkError`]; part of the frame may have left then.
    pub fn send_table(&mut self, frame: &Frame, table: impl AsFd) -> Result<(), LinkError> {
        debug_assert!(
            carries_file(frame),
            "only Prepare, Table, TagFilter, Geo, List and Shadow carry a file"
        );
        self.send_with(frame, Some(table.as_fd()))
    }

    fn send_with(
        &mut self,
        frame: &Frame,
        mut table: Option<BorrowedFd<'_>>,
    ) -> Result<(), LinkError> {
        let bytes = wire::encode(frame)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match send_some(&self.stream, rest, table) {
                Ok(sent) => {
                    rest = &rest[sent..];
                    table = None;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(LinkError::io("send a frame", errno)),
            }
        }
        Ok(())
    }

    /// Waits for the next frame; nothing when the peer has closed the connection after a whole one.
    ///
    /// # Errors
    /// [`LinkError`]; after anything but [`LinkError::TimedOut`] the channel must be dropped.
    pub fn receive(&mut self) -> Result<Option<Received>, LinkError> {
        loop {
            // The decoder refuses a length beyond the bounds before `missing` can ask for its bytes.
            if let Some(frame) = self.decoder.next_frame()? {
                self.progress = Progress::default();
                let table = self.table_of(&frame)?;
                return Ok(Some(Received { frame, table }));
            }
            let wanted = self.progress.missing().min(CHUNK_BYTES);
            debug_assert!(wanted > 0, "a frame with all of its bytes was decoded or refused");
            match self.receive_some(wanted)? {
                0 if self.progress.received == 0 => return Ok(None),
                0 => return Err(LinkError::Truncated),
                received => {
                    let bytes = &self.chunk[..received];
                    self.progress.add(bytes);
                    self.decoder.push(bytes);
                }
            }
        }
    }

    fn table_of(&mut self, frame: &Frame) -> Result<Option<OwnedFd>, LinkError> {
        if !carries_file(frame) {
            return Ok(None);
        }
        self.tables.pop_front().map(Some).ok_or(LinkError::TableMissing)
    }

    fn receive_some(&mut self, wanted: usize) -> Result<usize, LinkError> {
        // Room for one descriptor more than may come, so that a surplus is seen, not cut off.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        loop {
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut slices = [IoSliceMut::new(&mut self.chunk[..wanted])];
            let flags = RecvFlags::CMSG_CLOEXEC;
            let received = match recvmsg(&self.stream, &mut slices, &mut control, flags) {
                Ok(received) => received,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(LinkError::io("receive a frame", errno)),
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    self.tables.extend(descriptors);
                }
            }
            let cut_off = received.flags.contains(ReturnFlags::CTRUNC);
            if cut_off || self.tables.len() > TABLES_QUEUED_MAX {
                self.tables.clear();
                return Err(LinkError::TooManyTables);
            }
            return Ok(received.bytes);
        }
    }
}

fn send_some(
    stream: &UnixStream,
    bytes: &[u8],
    table: Option<BorrowedFd<'_>>,
) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = table.map(|table| [table]);
    if let Some(descriptors) = &descriptors {
        let pushed = control.push(SendAncillaryMessage::ScmRights(descriptors));
        debug_assert!(pushed, "the space was measured for one descriptor");
    }
    sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
}

/// Returns whether a file travels with `frame`.
fn carries_file(frame: &Frame) -> bool {
    matches!(
        frame,
        Frame::Prepare { .. }
            | Frame::Table { .. }
            | Frame::TagFilter
            | Frame::Geo
            | Frame::List
            | Frame::Shadow(_)
    )
}

#[cfg(test)]
mod tests;
