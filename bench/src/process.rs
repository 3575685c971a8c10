//! What a contender costs: CPU time and memory of its processes, read from `/proc`.
//!
//! Owns the parsers of the `/proc` files used here and the meter that keeps them open. Does not
//! decide which processes count (each contender does).
//!
//! Invariants:
//! - a reading costs one `pread` per open file: it may be taken in the middle of a run;
//! - the total is in nanoseconds (`schedstat`); only its split into user and system rests on the
//!   coarser ticks of `stat`.
//!
//! Threads are found when the meter attaches; one born later is not counted, one that ends while measured counts
//! with what it was last seen to have used. A process that ends is an error.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::io::Errno;

/// CPU time used so far by a set of processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Time on a CPU, nanoseconds.
    pub total_ns: u64,
    /// Time that the busiest thread was ready to run while another ran on the CPU, nanoseconds. That of the
    /// others says nothing: on one CPU they wait for the busiest itself.
    pub waited_ns: u64,
    /// Ticks in user mode.
    pub user_ticks: u64,
    /// Ticks in the kernel.
    pub system_ticks: u64,
}

impl CpuTime {
    /// Returns what was used since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            total_ns: self.total_ns.saturating_sub(earlier.total_ns),
            waited_ns: self.waited_ns.saturating_sub(earlier.waited_ns),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
        }
    }

    /// Returns the share of the time spent in user mode, 0 to 1; 0 when no tick was seen.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "tick counts are far below 2^52")]
    pub fn user_share(&self) -> f64 {
        let ticks = self.user_ticks + self.system_ticks;
        if ticks == 0 { 0.0 } else { self.user_ticks as f64 / ticks as f64 }
    }
}

/// Reads the CPU time of a fixed set of processes, again and again, from files kept open.
#[derive(Debug, Default)]
pub struct CpuMeter {
    threads: Vec<Thread>,
    stats: Vec<File>,
}

/// A measured thread: its `schedstat`, and the time on a CPU and in wait that it last told, nanoseconds.
#[derive(Debug)]
struct Thread {
    schedstat: File,
    told: Cell<(u64, u64)>,
}

impl Thread {
    fn new(schedstat: File) -> Self {
        Self { schedstat, told: Cell::default() }
    }

    /// Opens a thread's file; none when the thread has ended since it was listed.
    fn open_living(path: &Path) -> Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("opening {}", path.display())),
        }
    }

    /// Returns the time on a CPU and in wait, nanoseconds.
    fn read(&self, buffer: &mut [u8]) -> Result<(u64, u64)> {
        match read_again(&self.schedstat, buffer) {
            Ok(text) => {
                self.told.set(parse_schedstat(text).context("schedstat is not three numbers")?);
            }
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {}
            Err(error) => return Err(error).context("reading a measured thread's schedstat"),
        }
        Ok(self.told.get())
    }
}

impl CpuMeter {
    /// Opens the files of every thread of `pids`. No pids give a meter that reads zero.
    ///
    /// # Errors
    /// A process is gone, or its files are unreadable.
    pub fn attach(pids: &[u32]) -> Result<Self> {
        let mut meter = Self::default();
        for pid in pids {
            meter.stats.push(open(&format!("/proc/{pid}/stat"))?);
            let tasks = format!("/proc/{pid}/task");
            for task in fs::read_dir(&tasks).with_context(|| format!("listing {tasks}"))? {
                let path =
                    task.with_context(|| format!("listing {tasks}"))?.path().join("schedstat");
                meter.threads.extend(Thread::open_living(&path)?);
            }
        }
        Ok(meter)
    }

    /// Opens the files of the calling thread alone.
    ///
    /// # Errors
    /// The files are unreadable.
    pub fn attach_current_thread() -> Result<Self> {
        // The link names the thread that opens it; what is open stays with that thread.
        let threads = vec![Thread::new(open("/proc/thread-self/schedstat")?)];
        Ok(Self { threads, stats: vec![open("/proc/thread-self/stat")?] })
    }

    /// Reads the time used so far.
    ///
    /// # Errors
    /// A measured process has ended, or a file is not in the form the kernel documents.
    pub fn read(&self) -> Result<CpuTime> {
        let mut time = CpuTime::default();
        let mut buffer = [0; 1024];
        let mut busiest_ns = 0;
        for thread in &self.threads {
            let (on_cpu_ns, waited_ns) = thread.read(&mut buffer)?;
            time.total_ns += on_cpu_ns;
            if on_cpu_ns >= busiest_ns {
                (busiest_ns, time.waited_ns) = (on_cpu_ns, waited_ns);
            }
        }
        for file in &self.stats {
            let text = read_again(file, &mut buffer)
                .context("reading a measured process's stat (has it ended?)")?;
            let stat = parse_stat(text).context("stat is not in the documented form")?;
            time.user_ticks += stat.user_ticks;
            time.system_ticks += stat.system_ticks;
        }
        Ok(time)
    }
}

/// The fields used here of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Parent process.
    pub parent: u32,
    /// Ticks in user mode, all threads, ended ones included.
    pub user_ticks: u64,
    /// Ticks in the kernel, likewise.
    pub system_ticks: u64,
}

/// Parses `/proc/<pid>/stat` (proc_pid_stat(5)); the name may hold spaces and brackets.
#[must_use]
pub fn parse_stat(text: &str) -> Option<Stat> {
    let (_, after_name) = text.rsplit_once(") ")?;
    let mut fields = after_name.split_ascii_whitespace();
    // After the name come state (field 3), parent (4), and user and system ticks (14 and 15).
    let parent = fields.nth(1)?.parse().ok()?;
    let user_ticks = fields.nth(9)?.parse().ok()?;
    let system_ticks = fields.next()?.parse().ok()?;
    Some(Stat { parent, user_ticks, system_ticks })
}

/// Parses `schedstat`, three numbers: nanoseconds on a CPU, nanoseconds waiting for one, time slices.
#[must_use]
pub fn parse_schedstat(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.split_ascii_whitespace();
    let on_cpu_ns = fields.next()?.parse().ok()?;
    let waited_ns = fields.next()?.parse().ok()?;
    fields.next()?;
    Some((on_cpu_ns, waited_ns))
}

/// Parses `/proc/<pid>/statm`: the second number is the resident set in pages.
#[must_use]
pub fn parse_statm(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns the resident memory of `pids` in bytes; pages they share count once for each.
///
/// # Errors
/// A process is gone.
pub fn resident_bytes(pids: &[u32]) -> Result<u64> {
    let page_bytes = rustix::param::page_size() as u64;
    let mut pages = 0;
    for pid in pids {
        let path = format!("/proc/{pid}/statm");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        pages +=
            parse_statm(&text).with_context(|| format!("{path} is not in the documented form"))?;
    }
    Ok(pages * page_bytes)
}

/// Returns `root` and every process that descends from it.
///
/// Cost: reads `stat` of every process of the machine.
///
/// # Errors
/// `/proc` cannot be listed.
pub fn process_tree(root: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").context("listing /proc")? {
        let entry = entry.context("listing /proc")?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end between the listing and the reading; it is then no part of the tree.
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(stat) = parse_stat(&text) {
            parents.push((pid, stat.parent));
        }
    }
    Ok(descendants(root, &parents))
}

/// Returns `root` and its descendants, given (process, parent) pairs in any order.
fn descendants(root: u32, parents: &[(u32, u32)]) -> Vec<u32> {
    let mut tree = vec![root];
    let mut visited = 0;
    while let Some(&parent) = tree.get(visited) {
        visited += 1;
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
    }
    tree
}

fn open(path: &str) -> Result<File> {
    File::open(path).with_context(|| format!("opening {path}"))
}

fn read_again<'a>(file: &File, buffer: &'a mut [u8]) -> io::Result<&'a str> {
    let length = file.read_at(buffer, 0)?;
    std::str::from_utf8(&buffer[..length]).map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
