//! Client sockets: how a connection to the contender is made.
//!
//! Owns the options of a client socket and the address it comes from. Invariant: reads and writes
//! name non-blocking themselves, so that a new connection costs as few calls as it can.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Socket, Type};

use super::lighten;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects to `target` from `127.0.0.<source>`, or from whatever the kernel chooses.
pub(super) fn connect(target: SocketAddr, source: Option<u8>) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)
        .context("making a client's socket")?;
    if let Some(source) = source {
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, source), 0));
        socket.bind(&source.into()).with_context(|| format!("binding a client to {source}"))?;
    }
    // It bounds connecting: a contender whose backlog is full must not stop the loop for minutes.
    socket.set_write_timeout(Some(CONNECT_TIMEOUT)).context("bounding a client's connect")?;
    lighten(socket.as_fd());
    socket
        .connect(&target.into())
        .with_context(|| format!("connecting to the contender at {target}"))?;
    Ok(TcpStream::from(socket))
}

/// Sends one request, which an idle connection always has room for.
pub(super) fn send_whole(stream: &TcpStream, request: &[u8]) -> bool {
    send(stream, request, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) == Ok(request.len())
}

/// Reads into `buffer`; returns the length, which is zero at the end of the stream.
pub(super) fn read(stream: &TcpStream, buffer: &mut [u8]) -> Result<usize, Errno> {
    recv(stream, buffer, RecvFlags::DONTWAIT).map(|(_, length)| length)
}

/// Drops up to the length of `buffer` unread (tcp(7), `MSG_TRUNC`); returns how much it was.
pub(super) fn discard(stream: &TcpStream, buffer: &mut [u8]) -> Result<usize, Errno> {
    recv(stream, buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC).map(|(_, length)| length)
}
