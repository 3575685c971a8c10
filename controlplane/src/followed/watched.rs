//! Sources that one thread looks at in turn, and what is shown of each.
//!
//! Owns that thread, and when something else is shown. What bytes mean is decided by whoever follows ([`Take`]).
//! Invariant: what is shown is told anew only when a look has changed it.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use halftone_link::give_way;
use tokio::sync::watch;

use super::{FollowedSource, Follower, Following, Found};

/// How often files are looked at, and whether a URL is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes what the source at a place has, or why it has nothing; returns whether another thing is shown of it.
pub(crate) type Take<S> = fn(&mut [S], usize, Result<Vec<u8>, String>) -> bool;

/// What is shown of every source, in the order they were given.
pub(crate) type Newest<S> = watch::Receiver<Arc<[S]>>;

/// Every source, and what is shown of it.
pub(crate) struct Watched<S> {
    followers: Vec<Follower>,
    /// By follower.
    pub(crate) shown: Vec<S>,
    newest: watch::Sender<Arc<[S]>>,
    take: Take<S>,
    gives_way: bool,
}

impl<S: Clone + Send + Sync + 'static> Watched<S> {
    /// Follows `sources`, each with what is shown of it at first.
    pub(crate) fn new(
        sources: impl IntoIterator<Item = (FollowedSource, S)>,
        following: Following,
        take: Take<S>,
    ) -> (Self, Newest<S>) {
        let (followers, shown): (Vec<Follower>, Vec<S>) = sources
            .into_iter()
            .map(|(source, shown)| (Follower::new(source, following), shown))
            .unzip();
        let (newest, receiver) = watch::channel(Arc::from(shown.as_slice()));
        (Self { followers, shown, newest, take, gives_way: following.gives_way }, receiver)
    }

    /// Starts the thread, where there is a source; it ends when `stopped` says so.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(self, thread: &str, stopped: watch::Receiver<bool>) -> io::Result<()> {
        if self.followers.is_empty() {
            return Ok(());
        }
        let name = thread.to_owned();
        thread::Builder::new().name(name).spawn(move || self.run(&stopped)).map(drop)
    }

    fn run(mut self, stopped: &watch::Receiver<bool>) {
        if self.gives_way {
            give_way();
        }
        while !*stopped.borrow() && stopped.has_changed().is_ok() {
            for at in 0..self.followers.len() {
                if self.look(at) {
                    self.newest.send_replace(Arc::from(self.shown.as_slice()));
                }
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Looks at one source; returns whether anything has changed.
    pub(crate) fn look(&mut self, at: usize) -> bool {
        let found = match self.followers[at].look(Instant::now()) {
            Found::Same => return false,
            Found::Bytes(bytes) => Ok(bytes),
            Found::Fault(fault) => Err(fault),
        };
        (self.take)(&mut self.shown, at, found)
    }
}
