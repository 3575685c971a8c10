//! One child: its command line, its process, and where its output goes.
//!
//! Owns the process id and everything done with it. Does not decide when to stop.
//!
//! Invariants:
//! - a child is the very binary that runs, also when the file was replaced meanwhile: two versions
//!   never talk to each other;
//! - a child ends with its supervisor, however that ends ([`SupervisorArgument`]).

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};

use super::restarts::{Restarts, Verdict};

/// The running binary, whatever became of its file (proc(5)).
const OWN_BINARY: &str = "/proc/self/exe";
/// How much of a child's output an error shows.
const TAIL_BYTES: usize = 2_000;

/// The hidden argument that ties a process to its supervisor.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SupervisorArgument {
    /// The process to end with
    #[arg(long, hide = true, value_name = "PID")]
    supervisor: Option<u32>,
}

impl SupervisorArgument {
    /// Has the kernel end this process with its supervisor, if it has one.
    ///
    /// # Errors
    /// The supervisor has ended already, or the kernel refuses.
    pub(crate) fn follow(&self) -> Result<()> {
        let Some(supervisor) = self.supervisor else { return Ok(()) };
        set_parent_process_death_signal(Some(Signal::KILL))
            .context("cannot tie this process to its supervisor")?;
        // It may have ended before the line above.
        let parent = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
        (parent == Some(supervisor)).then_some(()).context("the supervisor has ended")
    }
}

/// Where the output of a child goes.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// Where the supervisor's goes.
    Inherited,
    /// Into a file, so that it does not disturb a live view.
    File(PathBuf),
}

/// What is run as a child.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The command of this binary, and its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Where its output goes.
    pub(crate) output: Output,
}

/// A program and the process that runs it, or will.
#[derive(Debug)]
pub(super) struct Child {
    program: Program,
    state: State,
    restarts: Restarts,
    ended: Option<ExitStatus>,
}

#[derive(Debug)]
enum State {
    Waiting { until: Instant },
    Running { process: process::Child, since: Instant },
}

impl Child {
    /// Takes a program that is due at once.
    pub(super) fn new(program: Program) -> Self {
        let state = State::Waiting { until: Instant::now() };
        Self { program, state, restarts: Restarts::default(), ended: None }
    }

    /// Returns when it is to be started; nothing while it runs.
    pub(super) fn starts_at(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Running { .. } => None,
        }
    }

    /// Starts the process when it is time.
    ///
    /// # Errors
    /// The process cannot be started.
    pub(super) fn start_if_due(&mut self, now: Instant) -> Result<()> {
        if self.starts_at().is_none_or(|until| until > now) {
            return Ok(());
        }
        let process = self.command()?.spawn();
        let process = process.with_context(|| format!("cannot start {}", self.program.name))?;
        tracing::info!(pid = process.id(), "{} is started", self.program.name);
        self.state = State::Running { process, since: now };
        Ok(())
    }

    /// Looks whether the process has ended, and returns what follows if it just has.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(super) fn look(&mut self) -> Result<Option<Verdict>> {
        let State::Running { process, since } = &mut self.state else { return Ok(None) };
        let name = self.program.name;
        let Some(status) =
            process.try_wait().with_context(|| format!("cannot ask after {name}"))?
        else {
            return Ok(None);
        };
        let verdict = self.restarts.ended(since.elapsed());
        let pause = match verdict {
            Verdict::Again(pause) => pause,
            Verdict::GiveUp => Duration::ZERO,
        };
        if let Verdict::Again(pause) = verdict {
            tracing::warn!(%status, again_in_ms = pause.as_millis(), "{name} has ended; it is started again");
        }
        self.ended = Some(status);
        self.state = State::Waiting { until: Instant::now() + pause };
        Ok(Some(verdict))
    }

    /// Returns the error of a child that does not start, with what it wrote if that is in a file.
    pub(super) fn cannot_start(&self) -> anyhow::Error {
        let status = self.ended.map(|status| format!(" ({status})")).unwrap_or_default();
        let name = self.program.name;
        match &self.program.output {
            Output::Inherited => anyhow!("{name} cannot start{status}; the lines above say why"),
            Output::File(path) => {
                anyhow!(
                    "{name} cannot start{status}; it wrote:\n{}",
                    tail(&fs::read(path).unwrap_or_default())
                )
            }
        }
    }

    /// Returns the child while its process runs; waits for one that has ended.
    pub(super) fn if_running(&mut self) -> Option<&mut Self> {
        let State::Running { process, .. } = &mut self.state else { return None };
        matches!(process.try_wait(), Ok(None)).then_some(self)
    }

    /// Sends a signal to the process, if it runs.
    pub(super) fn signal(&self, signal: Signal) {
        let State::Running { process, .. } = &self.state else { return };
        if let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself; its id is not given to another before it was waited for.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for the end of the process.
    pub(super) fn wait(&mut self) {
        if let State::Running { process, .. } = &mut self.state {
            // Only a process that was waited for already cannot be.
            let _ = process.wait();
        }
    }

    fn command(&self) -> Result<Command> {
        let Program { name, arguments, output } = &self.program;
        let mut command = Command::new(own_binary());
        command.arg0("halftone").args(arguments);
        command.arg("--supervisor").arg(process::id().to_string());
        command.stdin(Stdio::null()).process_group(0);
        if let Output::File(path) = output {
            let open = || {
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                Ok::<_, std::io::Error>((file.try_clone()?, file))
            };
            let (out, err) = open().with_context(|| {
                format!("cannot open {} for the output of {name}", path.display())
            })?;
            command.stdout(out).stderr(err);
        }
        Ok(command)
    }
}

/// Returns the path of the running binary, so that a process list shows its name; when another file
/// lies there by now, the kernel's own name for it.
fn own_binary() -> PathBuf {
    let identity = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
    let running = identity(Path::new(OWN_BINARY));
    let path = std::env::current_exe().ok().filter(|path| identity(path) == running);
    path.unwrap_or_else(|| PathBuf::from(OWN_BINARY))
}

fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
    text.trim().to_owned()
}
