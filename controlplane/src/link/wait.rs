//! How a gateway's thread waits: for its gateway, for something newer, or for time to pass.
//!
//! Owns the socket pair through which the runtime wakes a thread that is blocked. Does not know what
//! is published.
//!
//! Invariants: a wake that comes while the thread is busy is kept (as a byte in the pair) and many
//! are one; when the runtime is gone, its end closes and every wait returns at once.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    os::fd::{AsFd as _, BorrowedFd},
    os::unix::net::UnixStream,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tokio::sync::watch;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// There may be something new.
    Woken,
    /// The runtime is gone.
    Closed,
    /// The watched socket has something to read, or ended.
    Readable,
    /// The time has passed.
    Elapsed,
}

/// The thread's end.
#[derive(Debug)]
pub(crate) struct Waiter(UnixStream);

/// Returns the thread's end, and the runtime's for [`wake_on`].
///
/// # Errors
/// When there are no descriptors left.
pub(crate) fn pair() -> io::Result<(Waiter, UnixStream)> {
    let (waiter, waker) = UnixStream::pair()?;
    waiter.set_nonblocking(true)?;
    waker.set_nonblocking(true)?;
    Ok((Waiter(waiter), waker))
}

/// Wakes the thread whenever there is something newer, and at the stop. Where nothing newer can come any more, as where
/// nothing is followed, it waits for the stop alone.
pub(crate) async fn wake_on<T>(
    mut newest: watch::Receiver<T>,
    mut stopped: watch::Receiver<bool>,
    waker: UnixStream,
) {
    let mut is_followed = true;
    loop {
        tokio::select! {
            more = newest.changed(), if is_followed => {
                is_followed = more.is_ok();
                if !is_followed {
                    continue;
                }
            }
            more = stopped.changed() => {
                if more.is_err() {
                    return;
                }
            }
        }
        // A pair that is full wakes the thread already.
        let _ = (&waker).write(&[0]);
    }
}

impl Waiter {
    /// Waits for `socket`, for a wake, or for `timeout`.
    pub(crate) fn wait(&self, socket: Option<BorrowedFd<'_>>, timeout: Duration) -> Wake {
        let mut watched = vec![PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        watched.extend(socket.map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN)));
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut watched, timeout.as_ref()) {
            Ok(0) => Wake::Elapsed,
            // A signal; the caller looks at everything and waits again.
            Err(Errno::INTR) => Wake::Woken,
            Err(_) => Wake::Closed,
            Ok(_) if !watched[0].revents().is_empty() => self.drain(),
            Ok(_) => Wake::Readable,
        }
    }

    fn drain(&self) -> Wake {
        loop {
            match (&self.0).read(&mut [0; 64]) {
                Ok(0) => return Wake::Closed,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Wake::Woken,
                Err(_) => return Wake::Closed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn each_reason_to_wake_is_told() {
        let (waiter, waker) = pair().expect("a pair");
        let (socket, peer) = UnixStream::pair().expect("a pair");
        assert_eq!(waiter.wait(Some(socket.as_fd()), Duration::ZERO), Wake::Elapsed);
        for _ in 0..100_000 {
            let _ = (&waker).write(&[0]);
        }
        assert_eq!(waiter.wait(Some(socket.as_fd()), LONG), Wake::Woken);
        assert_eq!(waiter.wait(None, Duration::ZERO), Wake::Elapsed);
        drop(peer);
        assert_eq!(waiter.wait(Some(socket.as_fd()), LONG), Wake::Readable);
        drop(waker);
        assert_eq!(waiter.wait(Some(socket.as_fd()), LONG), Wake::Closed);
    }
    /// Who follows nothing has nothing to publish; the thread waits all the same, and does not spin.
    #[tokio::test]
    async fn where_nothing_newer_can_come_the_stop_is_waited_for() {
        let (waiter, waker) = pair().expect("a pair");
        let (publisher, newest) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let waking = tokio::spawn(wake_on(newest, stopped, waker));
        publisher.send(1).expect("somebody listens");
        tokio::task::yield_now().await;
        assert_eq!(waiter.wait(None, LONG), Wake::Woken);
        drop(publisher);
        tokio::task::yield_now().await;
        assert_eq!(waiter.wait(None, Duration::from_millis(20)), Wake::Elapsed);
        stop.send(true).expect("somebody listens");
        tokio::task::yield_now().await;
        assert_eq!(waiter.wait(None, LONG), Wake::Woken);
        drop(stop);
        waking.await.expect("no panic");
        assert_eq!(waiter.wait(None, LONG), Wake::Closed);
    }
}
