//! What is printed: one line when all is well, and everything when it is not.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use cucumber::writer::Stats;

use crate::stage::Stage;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    /// Prints the result of a run and returns its exit code; where all is wanted, nothing run is a failure.
    pub(crate) fn conclude(&self, stats: &impl Stats<Stage>, is_filtered: bool) -> ExitCode {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let nothing_ran = stats.passed_steps() == 0 && !is_filtered;
        if stats.execution_has_failed() || nothing_ran {
            // A reader that is gone wants nothing more.
            let _ = writeln!(io::stderr(), "{text}");
            return ExitCode::FAILURE;
        }
        let summary = text.lines().rev().filter(|line| line.ends_with("passed)")).take(2);
        let summary: Vec<&str> = summary.collect();
        let _ = writeln!(io::stdout(), "features: {}", summary.join(", "));
        ExitCode::SUCCESS
    }
}
