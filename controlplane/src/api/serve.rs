//! Connections of the API.
//!
//! Owns their number, the time and size of heads, and their end. Does not look into requests.
//!
//! Invariants: a connection beyond the bound waits in the kernel's queue; one that says nothing, or
//! says it slowly, is closed; a failed accept never ends the API.

use std::{future::Future, io::ErrorKind, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use halftone_core::limits::{API_CONNECTIONS_MAX, API_HEAD_MS, HEAD_BYTES_MAX};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, time};

use super::linger::lingering;

/// How long accepting rests when there are no descriptors.
const REST: Duration = Duration::from_millis(100);

/// Serves `router` until `stop`, then until the requests in flight are answered.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(API_HEAD_MS))
        .max_buf_size(HEAD_BYTES_MAX);
    let slots = Arc::new(Semaphore::new(API_CONNECTIONS_MAX));
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // The caller was faster.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                tracing::warn!(%error, "a connection to the API cannot be accepted");
                time::sleep(REST).await;
                continue;
            }
        };
        let (stream, service) = lingering(stream, router.clone());
        let connection = open.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the API ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    open.shutdown().await;
}
