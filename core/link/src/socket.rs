//! The control socket's place in the file system.
//!
//! Owns who can reach the socket at all: its mode, its directory, and the difference between a
//! socket left behind and one that is served. Does not accept connections.
//!
//! Invariants:
//! - nobody can connect before the mode is 0600: the socket listens only afterwards;
//! - a socket that somebody serves is never taken away; only one that refuses connections is.
//!
//! Two processes that bind one path at the very same instant are not told apart here.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    time::Duration,
};

use halftone_core::limits::CONTROL_PEERS_MAX;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind as bind_address,
        connect as connect_address, listen, socket_with, sockopt,
    },
};
use thiserror::Error;

/// How long a connect waits while the other side's queue is full.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a control socket could not be served or reached.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Another process serves it.
    #[error(
        "control socket {path}: another process serves it; stop that one or choose another path"
    )]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has its name.
    #[error("control socket {path}: a file of that name exists and is not a socket")]
    NotSocket {
        /// The file.
        path: PathBuf,
    },
    /// Nobody serves it.
    #[error("control socket {path}: no gateway serves it ({source})")]
    NotServed {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The kernel refused.
    #[error("control socket {path}: cannot {doing}: {source}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// Serves the control socket at `path`: mode 0600, in a directory that is made with mode 0700 when
/// it is missing. A socket that nobody serves any more is replaced.
///
/// # Errors
/// [`SocketError`], always naming `path`.
pub fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    let failed = |doing| move |source| SocketError::Io { path: path.to_owned(), doing, source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(failed("create its directory"))?;
    }
    remove_stale(path)?;
    let address = address(path)?;
    let socket = new_socket(SocketFlags::CLOEXEC).map_err(failed("create a socket"))?;
    bind_address(&socket, &address).map_err(|errno| failed("bind it")(errno.into()))?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed("set its mode"))?;
    let backlog = i32::try_from(CONTROL_PEERS_MAX).unwrap_or(i32::MAX);
    listen(&socket, backlog).map_err(|errno| failed("listen on it")(errno.into()))?;
    Ok(UnixListener::from(socket))
}

/// Connects to the control socket at `path`.
///
/// # Errors
/// [`SocketError::NotServed`] when there is no socket or nobody behind it, [`SocketError::Io`].
pub fn connect(path: &Path) -> Result<UnixStream, SocketError> {
    let failed = |doing| move |source| SocketError::Io { path: path.to_owned(), doing, source };
    let address = address(path)?;
    let socket = new_socket(SocketFlags::CLOEXEC).map_err(failed("create a socket"))?;
    let bound = |timeout| {
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, timeout)
            .map_err(|errno| failed("set its timeout")(errno.into()))
    };
    bound(Some(CONNECT_TIMEOUT))?;
    connect_address(&socket, &address).map_err(|errno| match errno {
        Errno::CONNREFUSED | Errno::NOENT | Errno::AGAIN => {
            SocketError::NotServed { path: path.to_owned(), source: errno.into() }
        }
        _ => failed("connect to it")(errno.into()),
    })?;
    bound(None)?;
    Ok(UnixStream::from(socket))
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |doing| move |source| SocketError::Io { path: path.to_owned(), doing, source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at it")(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(SocketError::NotSocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    let address = address(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = new_socket(flags).map_err(failed("create a socket"))?;
    match connect_address(&probe, &address) {
        // A full queue is somebody's queue.
        Ok(()) | Err(Errno::AGAIN) => Err(SocketError::InUse { path: path.to_owned() }),
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(failed("remove what was left")),
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(failed("find out whether it is served")(errno.into())),
    }
}

fn new_socket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

fn address(path: &Path) -> Result<SocketAddrUnix, SocketError> {
    SocketAddrUnix::new(path).map_err(|errno| SocketError::Io {
        path: path.to_owned(),
        doing: "use a path of this length",
        source: errno.into(),
    })
}

#[cfg(test)]
mod tests;
