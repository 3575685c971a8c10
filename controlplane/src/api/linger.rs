//! The end of a connection whose last request was answered before all of it was read.
//!
//! Owns how long such a connection is read on. To close it at once would have the kernel reset it, and a caller that is
//! still sending would learn of the reset, and never of the answer (RFC 9112 §9.6). Does not look at what is read.
//!
//! Invariants: what is read on is bounded in time; a connection with nothing left unread is closed at once.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, http::Request};
use halftone_core::limits::{API_LINGER_MS, LINGER_MS};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    service::Service,
};
use hyper_util::service::TowerToHyperService;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How much is read at once, bytes.
const PORTION: usize = 16 * 1024;

/// What of a connection's last request is not read: shared by its stream, its service and that request's body.
type Unread = Arc<AtomicBool>;

/// How long a connection is read on.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// While nothing comes.
    pause: Duration,
    /// Whatever comes.
    whole: Duration,
}

/// A stream that is read on when it is shut down.
pub(super) struct Lingering<S> {
    stream: S,
    unread: Unread,
    patience: Patience,
    /// Since it was shut down.
    ending: Option<Ending>,
}

/// When reading on ends.
struct Ending {
    pause: Pin<Box<Sleep>>,
    end: Instant,
}

/// The API, as one connection sees it.
pub(super) struct Watching {
    router: TowerToHyperService<Router>,
    unread: Unread,
}

/// A body that tells when it was read to its end.
pub(super) struct Watched {
    body: Incoming,
    unread: Unread,
}

/// Returns what serves one connection: its stream, and the API as it sees it.
pub(super) fn lingering<S>(stream: S, router: Router) -> (Lingering<S>, Watching) {
    let unread = Unread::default();
    let patience = Patience {
        pause: Duration::from_millis(LINGER_MS),
        whole: Duration::from_millis(API_LINGER_MS),
    };
    let watching =
        Watching { router: TowerToHyperService::new(router), unread: Arc::clone(&unread) };
    (Lingering { stream, unread, patience, ending: None }, watching)
}

impl Service<Request<Incoming>> for Watching {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Watched>>>::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.unread.store(!request.body().is_end_stream(), Ordering::Relaxed);
        let unread = Arc::clone(&self.unread);
        self.router.call(request.map(|body| Watched { body, unread }))
    }
}

impl Body for Watched {
    type Data = <Incoming as Body>::Data;
    type Error = <Incoming as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.unread.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Reads on until the caller is done, or nobody waits for it any longer.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Patience { pause, whole } = self.patience;
        let Ending { pause: timer, end } = self.ending.get_or_insert_with(|| Ending {
            pause: Box::pin(sleep(pause.min(whole))),
            end: Instant::now() + whole,
        });
        let mut portion = [0; PORTION];
        loop {
            let mut portion = ReadBuf::new(&mut portion);
            let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, &mut portion)
            else {
                return timer.as_mut().poll(context);
            };
            let now = Instant::now();
            if read.is_err() || portion.filled().is_empty() || now >= *end {
                return Poll::Ready(());
            }
            timer.as_mut().reset((now + pause).min(*end));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.unread.load(Ordering::Relaxed) {
            ready!(self.poll_rest(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
