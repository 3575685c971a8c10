//! A child process that never outlives its guard, and whose error output can be shown.
//!
//! Owns starting on a CPU, stopping, and the file that takes the child's output. Knows nothing of
//! what the child is.
//!
//! Invariants:
//! - on drop the child gets SIGTERM, two seconds, and then SIGKILL with all its descendants;
//! - the child is waited for, so no zombie stays.
//!
//! A guard acts on every return, error and panic. It cannot act when its own process is killed by a
//! signal; an interrupt from the terminal reaches the children too, other signals leave them running.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::cpu::spawn_pinned;
use crate::process::process_tree;

const STOP_MAX: Duration = Duration::from_secs(2);
const STOP_POLL: Duration = Duration::from_millis(5);
/// How much of a child's output an error shows.
const TAIL_BYTES: usize = 2_000;

/// Owns a running child.
#[derive(Debug)]
pub struct ChildGuard {
    name: String,
    child: Child,
    output: PathBuf,
}

impl ChildGuard {
    /// Starts `command` on `cpu`; its output of both kinds goes to a file in `directory`.
    ///
    /// # Errors
    /// The command does not start; the source tells whether it was not found.
    pub fn spawn(name: &str, command: &mut Command, cpu: usize, directory: &Path) -> Result<Self> {
        Self::spawn_by(name, command, directory, |command| spawn_pinned(command, cpu))
    }

    /// Starts `command` on whatever CPUs this thread may use.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub fn spawn_anywhere(name: &str, command: &mut Command, directory: &Path) -> Result<Self> {
        Self::spawn_by(name, command, directory, |command| Ok(command.spawn()?))
    }

    fn spawn_by(
        name: &str,
        command: &mut Command,
        directory: &Path,
        spawn: impl FnOnce(&mut Command) -> Result<Child>,
    ) -> Result<Self> {
        let output = directory.join(format!("{name}.output"));
        // Appended to, so that it may be emptied while the child writes.
        let file = File::options().create(true).append(true).open(&output);
        let file = file.with_context(|| format!("making the output file of {name}"))?;
        let again =
            file.try_clone().with_context(|| format!("sharing the output file of {name}"))?;
        command.stdin(Stdio::null()).stdout(again).stderr(file);
        let child = spawn(command).with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Self { name: name.to_owned(), child, output })
    }

    /// Returns the child and all that descends from it.
    ///
    /// # Errors
    /// `/proc` cannot be listed.
    pub fn process_tree(&self) -> Result<Vec<u32>> {
        process_tree(self.child.id())
    }

    /// Returns the child's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails with the end of the child's output when it has ended.
    ///
    /// # Errors
    /// The child has ended, or its state cannot be read.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait().with_context(|| format!("asking after {}", self.name))? {
            None => Ok(()),
            Some(status) => bail!(
                "{} has ended ({status}); its output ends with: {}",
                self.name,
                self.output_tail()
            ),
        }
    }

    /// Returns the end of what the child has written.
    #[must_use]
    pub fn output_tail(&self) -> String {
        let bytes = fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let text = text.trim();
        if text.is_empty() { "(nothing)".to_owned() } else { text.to_owned() }
    }

    /// Empties the file of the child's output.
    ///
    /// # Errors
    /// It cannot be changed.
    pub fn empty_output(&self) -> Result<()> {
        super::truncate(&self.output)
    }

    /// Kills the child at once, as a crash would (SIGKILL), and waits for its end.
    ///
    /// # Errors
    /// It cannot be signalled or waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().map(drop).with_context(|| format!("waiting for {}", self.name))
    }

    fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let tree = self.process_tree().unwrap_or_else(|_| vec![self.child.id()]);
        signal(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + STOP_MAX;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                tree.iter().for_each(|&pid| signal(pid, Signal::KILL));
                self.child.wait()?;
                return Ok(());
            }
            std::thread::sleep(STOP_POLL);
        }
        Ok(())
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        // Nothing can be done about a child that cannot be asked after; drop has nobody to tell.
        let _ = self.stop();
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // The process may just have ended by itself.
        let _ = kill_process(pid, signal);
    }
}
