//! Ports of the loopback interface that nobody has.
//!
//! Taken below the range that the kernel gives to outgoing connections, so that none of these takes
//! one between its choice and its use; two runs at once begin at different places.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Returns an address whose port was free a moment ago and is given out once.
pub(crate) fn free_address() -> SocketAddr {
    let offset = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(COUNT)).unwrap_or(0);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST
            + u16::try_from((u32::from(offset) + u32::from(step)) % u32::from(COUNT)).unwrap_or(0);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port");
}
