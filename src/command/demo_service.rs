//! `halftone demo-service`: a service whose answer names its version.
//!
//! Owns what `demo` sends requests to, and nothing a user would run. Answers every request
//! `hello from VERSION`.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::Router;
use tokio::net::TcpListener;

use crate::supervise::SupervisorArgument;

/// Options of `halftone demo-service`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoServiceArguments {
    /// Where requests are taken
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
    /// What the answers name
    #[arg(long = "release", value_name = "VERSION")]
    release: String,
    #[command(flatten)]
    supervisor: SupervisorArgument,
}

/// Answers requests until the process is ended.
///
/// # Errors
/// The address cannot be listened on.
pub(super) fn run(arguments: &DemoServiceArguments) -> Result<()> {
    arguments.supervisor.follow()?;
    let answer = format!("hello from {}\n", arguments.release);
    let service = Router::new().fallback(move || async { answer });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start a runtime")?.block_on(async {
        let listener = TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.listen))?;
        axum::serve(listener, service).await.context("cannot answer requests")
    })
}
