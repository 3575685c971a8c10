//! The threads of the workers: started, pinned, and reached through a channel each.
//!
//! Owns starting them. Does not wait for them: [`super`] does.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};

use crossbeam::channel::{Sender, unbounded};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::options::{GatewayError, system};
use crate::{
    engine::probe::Choice,
    publish::WorkerHandle,
    worker::{self, Start},
};

type Wake = (WorkerHandle, OwnedFd, crossbeam::channel::Receiver<worker::Command>);

pub(super) fn channel() -> Result<Wake, GatewayError> {
    let (wake, woken) = UnixStream::pair().map_err(system("a wake-up channel cannot be made"))?;
    for end in [&wake, &woken] {
        end.set_nonblocking(true).map_err(system("a wake-up channel cannot be made"))?;
    }
    let (sender, commands): (Sender<_>, _) = unbounded();
    Ok((WorkerHandle { wake, commands: sender }, woken.into(), commands))
}

pub(super) fn seed(worker: usize) -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 8];
    // Early in boot there may be none; time and worker still tell the seeds apart.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::NONBLOCK);
    u64::from_le_bytes(random) ^ u64::from(time.subsec_nanos()) ^ (worker as u64) << 32
}

pub(super) fn spawn(
    choice: Choice,
    cpu: u32,
    start: Start,
) -> Result<JoinHandle<()>, GatewayError> {
    let id = start.id;
    let run = move || {
        let mut set = CpuSet::new();
        set.set(cpu as usize);
        if let Err(error) = sched_setaffinity(None, &set) {
            tracing::warn!(worker = id, cpu, %error, "The worker could not be pinned to its CPU.");
        }
        if let Err(error) = run_worker(choice, start) {
            tracing::error!(worker = id, %error, "The worker's event loop cannot be built.");
        }
    };
    thread::Builder::new()
        .name(format!("worker-{id}"))
        .spawn(run)
        .map_err(system("a worker cannot be started"))
}

fn run_worker(choice: Choice, start: Start) -> io::Result<()> {
    match choice {
        Choice::IoUring(flags) => {
            crate::engine::monoio::block_on(Some(flags), |engine| worker::run(engine, start))
        }
        Choice::Epoll => crate::engine::monoio::block_on(None, |engine| worker::run(engine, start)),
        Choice::Glommio => crate::engine::glommio::block_on(|engine| worker::run(engine, start)),
    }
}
