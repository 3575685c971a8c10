//! No gateway at all: the generator's own backend, as the ceiling of what it can measure.

use std::net::SocketAddr;

use anyhow::Result;

use super::Contender;

/// Stands for the path without a gateway.
#[derive(Debug)]
pub struct Direct {
    backend: SocketAddr,
}

impl Direct {
    /// Takes the backend's address.
    #[must_use]
    pub fn new(backend: SocketAddr) -> Self {
        Self { backend }
    }
}

impl Contender for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn version(&self) -> &'static str {
        "no gateway"
    }

    fn address(&self) -> SocketAddr {
        self.backend
    }

    fn pids(&self) -> Result<Vec<u32>> {
        Ok(Vec::new())
    }

    fn counted(&self) -> &'static str {
        "no process: generator and backend alone"
    }

    fn check_alive(&mut self) -> Result<()> {
        Ok(())
    }

    fn output_tail(&self) -> String {
        "it is the generator's own backend".to_owned()
    }

    fn clean_up(&mut self) -> Result<()> {
        Ok(())
    }
}
