//! Signals as events.
//!
//! Owns which signals mean what to the supervisor. Does not send any.

use std::{io, sync::mpsc::Sender, thread};

use anyhow::{Context as _, Result};
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM},
    iterator::{Handle, Signals},
};

use super::Event;

/// Forwards signals from now on, until the handle is closed.
///
/// # Errors
/// The handlers cannot be installed, or the thread cannot be started.
pub(super) fn forward(events: Sender<Event>) -> Result<Handle> {
    let install = || -> io::Result<Handle> {
        let mut signals = Signals::new([SIGCHLD, SIGHUP, SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let each = move || {
            for signal in signals.forever() {
                if events.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(each)?;
        Ok(handle)
    };
    install().context("cannot receive signals")
}

/// Returns whether a signal asks to stop; SIGHUP does when its terminal is closed.
pub(super) fn asks_to_stop(signal: i32) -> bool {
    matches!(signal, SIGHUP | SIGINT | SIGTERM)
}

/// Returns the name of a signal that asks to stop.
pub(super) fn name(signal: i32) -> &'static str {
    match signal {
        SIGHUP => "SIGHUP",
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "another",
    }
}
