//! Waiting for what is expected, with a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything that is expected may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until there is something; says what was waited for when it does not come.
///
/// # Panics
/// It does not come within [`PATIENCE`].
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        thread::sleep(LOOK_EVERY);
    }
}

/// Looks until something holds.
///
/// # Panics
/// It does not within [`PATIENCE`].
pub(crate) fn until_true(what: &str, mut holds: impl FnMut() -> bool) {
    until(what, || holds().then_some(()));
}
