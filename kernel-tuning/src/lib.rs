//! Reads what the kernel offers a gateway and what it is set to.
//!
//! Owns the list of knobs a gateway cares about, how each is read, what it should be and why.
//! Does not write anything and does not run commands: a [`Finding`] carries the commands a
//! person would run.
//!
//! Invariants:
//! - Everything is read under one [`Root`]; nothing else of the machine is touched.
//! - What cannot be read is a finding with status [`Status::Unknown`] that says why, never an
//!   error that hides the other findings, and never a panic.
//! - A command never holds text from a file that was not parsed first.
//!
//! It takes no part in the life of a request: `halftone tune check` calls it.

mod cpu;
mod finding;
mod network;
#[cfg(test)]
mod planted;
mod process;
mod release;
mod render;
mod root;
mod sysctl;

pub use finding::{Finding, Status};
pub use release::{Release, ReleaseError};
pub use render::render;
pub use root::{ReadError, Root};

/// Reads every knob under `root` and judges it.
///
/// The order is fixed: kernel, descriptors, sockets, memory, processors, network devices. Costs
/// some dozens of small file reads and one listing of the process table.
pub fn check(root: &Root) -> Vec<Finding> {
    let mut findings = vec![release::check(root), process::check_descriptors(root)];
    findings.extend(sysctl::check(root));
    findings.push(cpu::check_huge_pages(root));
    findings.push(cpu::check_governor(root));
    findings.push(process::check_irqbalance(root));
    findings.extend(network::check_receive_steering(root));
    findings
}

#[cfg(test)]
mod tests;
