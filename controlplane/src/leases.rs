//! How long each instance with a time to live may still be silent.
//!
//! Owns the ends of leases, in memory only: a heartbeat costs no write. Does not own which instances
//! there are ([`crate::registry`]). Time is an argument, and monotonic.
//!
//! Invariants:
//! - a lease that was taken as ended cannot be renewed: its instance has to register again, so an
//!   acknowledged heartbeat is never followed by a removal it came before;
//! - after a restart, and after a standstill of this process, nobody is blamed for heartbeats that
//!   could not be heard: ends lie a whole time to live, or the standstill, further away.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use halftone_core::policy::Ttl;
use tokio::time;

use crate::state::State;

/// How often ended leases are looked for: the most an instance stays too long.
const SWEEP: Duration = Duration::from_millis(200);
/// How much later than meant a sweep may come before it counts as a standstill.
const LATE: Duration = Duration::from_secs(1);

/// The leases, by instance id.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<BTreeMap<String, Lease>>);

/// How long one instance may be silent, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    ttl: Duration,
    end: Instant,
}

impl Leases {
    /// Grants the instance a lease from `now` on, or takes its lease away when it has no `ttl`; returns
    /// the one it had.
    pub(crate) fn grant(&self, id: &str, ttl: Option<Ttl>, now: Instant) -> Option<Lease> {
        let lease = ttl.map(Ttl::duration).map(|ttl| Lease { ttl, end: now + ttl });
        self.replace(id, lease)
    }

    /// Gives the instance this lease, or none; returns the one it had.
    pub(crate) fn replace(&self, id: &str, lease: Option<Lease>) -> Option<Lease> {
        let mut leases = self.leases();
        match lease {
            Some(lease) => leases.insert(id.to_owned(), lease),
            None => leases.remove(id),
        }
    }

    /// Renews a lease; returns whether there was one.
    pub(crate) fn renew(&self, id: &str, now: Instant) -> bool {
        let mut leases = self.leases();
        let Some(lease) = leases.get_mut(id) else { return false };
        lease.end = now + lease.ttl;
        true
    }

    /// Returns how long the instance may still be silent; nothing when it has no lease.
    pub(crate) fn left(&self, id: &str, now: Instant) -> Option<Duration> {
        self.leases().get(id).map(|lease| lease.end.saturating_duration_since(now))
    }

    /// Returns whether a lease has ended.
    pub(crate) fn any_ended(&self, now: Instant) -> bool {
        self.leases().values().any(|lease| lease.end <= now)
    }

    /// Takes the leases that have ended; returns whose they were.
    pub(crate) fn take_ended(&self, now: Instant) -> Vec<String> {
        let mut ended = Vec::new();
        self.leases().retain(|id, lease| {
            let stays = lease.end > now;
            if !stays {
                ended.push(id.clone());
            }
            stays
        });
        ended
    }

    /// Moves every end further away.
    pub(crate) fn defer(&self, by: Duration) {
        for lease in self.leases().values_mut() {
            lease.end += by;
        }
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<String, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes silent instances, again and again.
pub(crate) async fn sweep(state: Arc<State>) {
    loop {
        let meant = Instant::now() + SWEEP;
        time::sleep_until(meant.into()).await;
        let late = meant.elapsed();
        if late > LATE {
            tracing::warn!(?late, "the control plane stood still; instances get as much more time");
            state.leases().defer(late);
        }
        if state.leases().any_ended(Instant::now()) {
            let state = Arc::clone(&state);
            let removed = tokio::task::spawn_blocking(move || state.expire(Instant::now())).await;
            match removed.map_err(|error| error.to_string()) {
                Ok(Ok(ids)) if ids.is_empty() => {}
                Ok(Ok(ids)) => tracing::info!(?ids, "silent instances have left"),
                Ok(Err(error)) => {
                    tracing::error!(%error, "silent instances cannot be removed yet");
                }
                Err(error) => tracing::error!(%error, "a sweep ended unexpectedly"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ttl(text: &str) -> Option<Ttl> {
        Some(text.parse().expect("a duration"))
    }

    #[test]
    fn a_lease_ends_unless_it_is_renewed() {
        let (leases, start) = (Leases::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        leases.grant("a", ttl("10s"), start);
        leases.grant("b", ttl("10s"), start);
        leases.grant("c", None, start);
        assert!(leases.renew("a", at(9)) && !leases.renew("c", at(9)));
        assert_eq!(leases.left("a", at(10)), Some(Duration::from_secs(9)));
        assert_eq!(leases.left("c", at(10)), None);
        assert!(!leases.any_ended(at(9)) && leases.any_ended(at(10)));
        assert_eq!(leases.take_ended(at(10)), ["b"]);
        assert!(!leases.renew("b", at(10)), "it was taken");
        leases.defer(Duration::from_secs(5));
        assert!(!leases.any_ended(at(23)));
        assert_eq!(leases.take_ended(at(24)), ["a"]);
        leases.grant("b", ttl("1s"), at(24));
        leases.grant("b", None, at(24));
        assert!(!leases.any_ended(at(99)));
    }
}
