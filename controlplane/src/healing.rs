//! Stores that could not be written are tried again.
//!
//! Owns when. What is written to see whether it can be is each store's. Without this a control plane would be unready until
//! somebody asked for a change, which nobody does of one that is unready.
//!
//! Invariants: a store that works is left alone; one that fails is tried for a tenth of the time at most, since opening a large
//! one again reads all of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time;

use crate::store::Health;

/// How soon a store that fails is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The same, where trying takes long.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(60);

/// A store that can be tried.
pub(crate) trait Kept: Send + Sync + 'static {
    /// Returns whether it works.
    fn health(&self) -> &Health;

    /// Writes what changes nothing. Blocks on the disk.
    ///
    /// # Errors
    /// Why it cannot be written, for people.
    fn probe(&self) -> Result<(), String>;
}

/// Tries `store` as long as it fails, and notes whether it does.
pub(crate) async fn heal<S: Kept>(store: Arc<S>) {
    let mut pause = AGAIN_AFTER;
    loop {
        time::sleep(pause).await;
        pause = AGAIN_AFTER;
        if store.health().problem().is_none() {
            continue;
        }
        let (begun, tried) = (Instant::now(), Arc::clone(&store));
        let probed = tokio::task::spawn_blocking(move || tried.probe()).await;
        match probed.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => store.health().works(),
            Err(error) => store.health().fails(&error),
        }
        pause = (10 * begun.elapsed()).clamp(AGAIN_AFTER, AGAIN_AFTER_MAX);
    }
}
