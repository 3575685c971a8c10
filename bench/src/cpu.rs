//! CPUs: which one drives, which one is measured, and how a thread or a child gets onto its own.
//!
//! Owns affinity and the choice of the two CPUs. Does not read CPU time ([`crate::process`] does).
//!
//! Invariants:
//! - generator and contender never share a CPU while the process is allowed two;
//! - the calling thread gets its own affinity back ([`PinnedThread`]).

use std::process::{Child, Command};

use anyhow::{Context as _, Result, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// Names the CPU of the generator and the CPU of the contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CpuPlan {
    /// CPU of the generator and its backend.
    pub generator: usize,
    /// CPU of the contender being measured.
    pub contender: usize,
    /// Whether both are threads of one physical core, and so slow each other down.
    pub same_core: bool,
}

impl CpuPlan {
    /// Chooses the first and the last CPU this thread may run on.
    ///
    /// # Errors
    /// The kernel refuses to tell the affinity, or the set is empty.
    pub fn detect() -> Result<Self> {
        let allowed = allowed_cpus()?;
        let (Some(&generator), Some(&contender)) = (allowed.first(), allowed.last()) else {
            bail!("this thread may run on no CPU");
        };
        let siblings = std::fs::read_to_string(format!(
            "/sys/devices/system/cpu/cpu{generator}/topology/thread_siblings_list"
        ))
        .unwrap_or_default();
        let same_core = generator != contender && cpu_list(&siblings).contains(&contender);
        Ok(Self { generator, contender, same_core })
    }

    /// Returns whether generator and contender must share one CPU.
    #[must_use]
    pub fn shared(&self) -> bool {
        self.generator == self.contender
    }
}

/// Keeps the current thread on one CPU and gives it its former affinity back when dropped.
#[derive(Debug)]
pub struct PinnedThread {
    former: CpuSet,
}

impl PinnedThread {
    /// Moves the current thread to `cpu`.
    ///
    /// # Errors
    /// The kernel refuses, for instance since `cpu` is not in the cgroup's set.
    pub fn pin(cpu: usize) -> Result<Self> {
        let former = sched_getaffinity(None).context("reading the thread's affinity")?;
        pin_current_thread(cpu)?;
        Ok(Self { former })
    }
}

impl Drop for PinnedThread {
    fn drop(&mut self) {
        // The set was accepted before; if the cgroup shrank meanwhile there is nothing better to do.
        let _ = sched_setaffinity(None, &self.former);
    }
}

/// Spawns `command` on `cpu`: a child inherits the affinity of the thread that spawns it.
///
/// # Errors
/// The affinity is refused, or the command does not start.
pub fn spawn_pinned(command: &mut Command, cpu: usize) -> Result<Child> {
    let spawned = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                pin_current_thread(cpu)?;
                command.spawn().map_err(anyhow::Error::from)
            })
            .join()
    });
    match spawned {
        Ok(child) => child,
        Err(_) => bail!("the spawning thread panicked"),
    }
}

fn pin_current_thread(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).with_context(|| format!("pinning a thread to CPU {cpu}"))
}

fn allowed_cpus() -> Result<Vec<usize>> {
    let set = sched_getaffinity(None).context("reading the thread's affinity")?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

/// Parses the kernel's CPU list format, `0,2-3`; what is not a number is left out.
fn cpu_list(text: &str) -> Vec<usize> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            cpus.extend(first..=last);
        }
    }
    cpus
}

#[cfg(test)]
mod tests;
