//! The ways to the workers.
//!
//! Owns how one is woken and told. Invariant: nothing here blocks: a worker that does not listen is not waited for.

use std::{
    io::{self, Write as _},
    os::unix::net::UnixStream,
};

use crossbeam::channel::Sender;

use crate::worker::{Command, WAKE};

/// The way to one worker.
#[derive(Debug)]
pub struct WorkerHandle {
    /// Takes one byte per tick or wake-up; never blocks.
    pub wake: UnixStream,
    /// Takes commands.
    pub commands: Sender<Command>,
}

impl WorkerHandle {
    /// Gives a command, and has it looked at.
    pub(super) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
        self.wake(WAKE);
    }

    pub(super) fn wake(&self, byte: u8) {
        // A full channel means that the worker has wake-ups to read; a closed one that it has ended.
        let _: io::Result<usize> = (&self.wake).write(&[byte]);
    }
}
