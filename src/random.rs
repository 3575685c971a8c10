//! Keys that nobody else has.
//!
//! Owns asking the kernel for them.

use anyhow::{Context as _, Result, bail};
use rustix::rand::{GetRandomFlags, getrandom};

/// Returns a key that nobody else has.
///
/// # Errors
/// The kernel gives none.
pub(crate) fn key() -> Result<[u64; 2]> {
    let mut bytes = [0; 16];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty());
    if filled.context("the kernel gives no random bytes")? < bytes.len() {
        bail!("the kernel gives too few random bytes");
    }
    let number = |half: &[u8]| half.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Ok([number(&bytes[..8]), number(&bytes[8..])])
}
