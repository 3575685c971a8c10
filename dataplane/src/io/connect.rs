//! Sockets: listening and connecting, the same for every engine.
//!
//! Owns socket options. Invariant: nothing here blocks; a connection that cannot be made at once is
//! still being made when [`dial`] returns.

use std::{io, net::SocketAddr, os::fd::OwnedFd};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
    sockopt::set_tcp_nodelay,
};
use socket2::{Domain, Protocol, Socket, Type};

/// Pending connections per listening socket; the kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// A place a connection can be made to, borrowed from a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A TCP address.
    Socket(SocketAddr),
    /// A Unix socket's path.
    Unix(&'a str),
}

/// Starts connecting to `place`.
///
/// # Errors
/// Those of socket(2) and connect(2), except that the connection is still being made.
pub fn dial(place: Place<'_>) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let family = match place {
        Place::Socket(address) if address.is_ipv4() => AddressFamily::INET,
        Place::Socket(_) => AddressFamily::INET6,
        Place::Unix(_) => AddressFamily::UNIX,
    };
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    let started = match place {
        Place::Socket(address) => {
            set_tcp_nodelay(&socket, true)?;
            connect(&socket, &address)
        }
        Place::Unix(path) => connect(&socket, &SocketAddrUnix::new(path)?),
    };
    match started {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Checks that nobody listens on `address` yet: SO_REUSEPORT would let a second gateway of the same
/// user take half of the connections in silence.
///
/// It does not listen itself: whoever connected meanwhile would be reset.
///
/// # Errors
/// `AddrInUse`, and whatever else bind(2) refuses.
pub fn check_free(address: SocketAddr) -> io::Result<()> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

/// Binds a listening socket that shares its port with those of the other workers (SO_REUSEPORT).
///
/// # Errors
/// Those of socket(2), bind(2) and listen(2).
pub fn bind(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.cloexec().nonblocking(),
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Accepted sockets inherit it: one system call fewer per connection.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
