//! What a gateway takes from the system before anything starts: CPUs, listening sockets, the log.
//!
//! Owns taking it. Invariant: a mistake is an error here, before the first worker runs.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use halftone_core::limits::{DESCRIPTORS_RESERVED, LISTEN_MS, SHED_MAX};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity},
};

use super::options::{GatewayError, system};
use crate::{
    io::connect::{bind, check_free},
    telemetry::log::LogWriter,
};

/// How long is waited before an address is tried again.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) fn cpus(wanted: Option<&[u32]>) -> Result<Vec<u32>, GatewayError> {
    let set = sched_getaffinity(None)
        .map_err(|error| system("the allowed CPUs cannot be read")(error.into()))?;
    let allowed: Vec<u32> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .filter_map(|cpu| u32::try_from(cpu).ok())
        .collect();
    let Some(wanted) = wanted else { return Ok(allowed) };
    match wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        Some(cpu) => Err(GatewayError::Cpu { cpu: *cpu, allowed }),
        None if wanted.is_empty() => Err(GatewayError::NoCpu),
        None => Ok(wanted.to_vec()),
    }
}

/// Returns how many sockets each of `workers` may have open, callers' and upstreams' together.
///
/// Raises the soft limit of open files to the hard one first.
pub(super) fn sockets(workers: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    share(files.unwrap_or(u64::MAX), workers)
}

/// An eighth is left to pipes for large bodies, beside the reserve of the process.
fn share(files: u64, workers: usize) -> usize {
    let all = files.saturating_sub(DESCRIPTORS_RESERVED + (SHED_MAX * workers) as u64);
    usize::try_from(((all - all / 8) / workers.max(1) as u64).max(8)).unwrap_or(usize::MAX)
}

/// Binds every address once per worker; with port 0, all workers share the port the first was given.
pub(super) fn listeners(
    listen: &[SocketAddr],
    workers: usize,
) -> Result<(Vec<Vec<OwnedFd>>, Vec<SocketAddr>), GatewayError> {
    if listen.is_empty() {
        return Err(GatewayError::NoListen);
    }
    let mut sockets: Vec<Vec<OwnedFd>> = (0..workers).map(|_| Vec::new()).collect();
    let mut bound = Vec::with_capacity(listen.len());
    for address in listen {
        let mut address = *address;
        until_free(address).map_err(|source| GatewayError::Listen { address, source })?;
        for sockets in &mut sockets {
            let failed = |source| GatewayError::Listen { address, source };
            let socket = socket2::Socket::from(bind(address).map_err(failed)?);
            if address.port() == 0 {
                let local = socket.local_addr().map_err(failed)?;
                address.set_port(local.as_socket().map_or(0, |local| local.port()));
            }
            sockets.push(socket.into());
        }
        bound.push(address);
    }
    Ok((sockets, bound))
}

/// Waits a while for an address that somebody listens on: the sockets of a gateway that was killed are closed once the
/// kernel has taken its rings apart, which is some time after its end.
fn until_free(address: SocketAddr) -> std::io::Result<()> {
    let until = Instant::now() + Duration::from_millis(LISTEN_MS);
    loop {
        match check_free(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < until => {
                thread::sleep(LOOK_EVERY);
            }
            other => return other,
        }
    }
}

pub(super) fn listen_admin(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    let failed = |source| GatewayError::Admin { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "Health and metrics are served.");
    Ok(listener)
}

pub(super) fn duplicate(sockets: &[OwnedFd]) -> Result<Vec<OwnedFd>, GatewayError> {
    let cloned: std::io::Result<Vec<OwnedFd>> = sockets.iter().map(OwnedFd::try_clone).collect();
    cloned.map_err(system("a listening socket cannot be duplicated"))
}

pub(super) fn open_log(
    path: Option<&Path>,
    values: bool,
) -> Result<Option<LogWriter>, GatewayError> {
    let Some(path) = path else { return Ok(None) };
    let failed = |source| GatewayError::Log { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    LogWriter::start(path, values).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_shared_with_a_reserve() {
        for (files, workers, expected) in
            [(1024, 1, 833), (1024, 2, 413), (64, 1, 8), (0, 4, 8), (1_048_576, 8, 114_674)]
        {
            assert_eq!(share(files, workers), expected, "{files} for {workers}");
        }
    }
}
