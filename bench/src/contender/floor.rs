//! The floor as a contender: the raw relay of [`crate::floor`], in a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{ChildGuard, Contender, Setting, free_address};

/// A running relay.
#[derive(Debug)]
pub struct Floor {
    address: SocketAddr,
    child: ChildGuard,
}

impl Floor {
    /// Starts `halftone bench floor` on the contender's CPU.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(setting: &Setting, directory: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(&setting.halftone);
        command.args(["bench", "floor", "--listen", &address.to_string()]);
        command.args(["--backend", &setting.stable().to_string()]);
        let child = ChildGuard::spawn("floor", &mut command, setting.cpus.contender, directory)?;
        Ok(Self { address, child })
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn version(&self) -> &'static str {
        "a relay of bytes that reads none of them: no log, no split"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn pids(&self) -> Result<Vec<u32>> {
        Ok(vec![self.child.pid()])
    }

    fn counted(&self) -> &'static str {
        "one process with one thread"
    }

    fn check_alive(&mut self) -> Result<()> {
        self.child.check_alive()
    }

    fn output_tail(&self) -> String {
        format!("the relay wrote: {}", self.child.output_tail())
    }

    fn clean_up(&mut self) -> Result<()> {
        Ok(())
    }
}
