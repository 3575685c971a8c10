//! Waiting until a contender proxies: asks through it while the generator serves the backend.
//!
//! Owns the question and its deadline. Invariant: an error says what was last seen and, when a
//! process has ended, what it wrote.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::workload::{HOST, PATH};
use crate::contender::Contender;
use crate::generator::{Expected, Generator};

const READY_MAX: Duration = Duration::from_secs(10);
const ASK_MAX: Duration = Duration::from_secs(1);
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// How much of an unwanted answer an error shows.
const SHOWN_CHARACTERS: usize = 200;

/// Returns once a request through `contender` was answered as expected.
///
/// # Errors
/// A process of it has ended, or ten seconds have passed.
pub(crate) fn wait_until_ready(
    generator: &mut Generator,
    contender: &mut dyn Contender,
    expected: Expected,
) -> Result<()> {
    let deadline = Instant::now() + READY_MAX;
    loop {
        let answer = ask(generator, contender.address(), expected)?;
        let Err(seen) = answer else { return Ok(()) };
        contender.check_alive()?;
        if Instant::now() >= deadline {
            bail!(
                "{} did not answer as it should within {} s; last seen: {seen}; {}",
                contender.name(),
                READY_MAX.as_secs(),
                contender.output_tail()
            );
        }
        let again = Instant::now() + ASK_AGAIN;
        generator.serve_until(&mut || Instant::now() >= again)?;
    }
}

/// Asks once, on a thread of its own, and serves the backend meanwhile; the inner error is what was seen.
fn ask(
    generator: &mut Generator,
    address: SocketAddr,
    expected: Expected,
) -> Result<Result<(), String>> {
    let (sender, receiver) = sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The receiver outlives this thread: sending fails only when the run is given up.
            let _ = sender.send(request(address, expected));
        });
        let mut seen = None;
        generator.serve_until(&mut || take(&receiver, &mut seen))?;
        Ok(seen.unwrap_or_else(|| Err("the asking thread panicked".to_owned())))
    })
}

fn take(receiver: &Receiver<Result<(), String>>, seen: &mut Option<Result<(), String>>) -> bool {
    match receiver.try_recv() {
        Ok(result) => {
            *seen = Some(result);
            true
        }
        Err(TryRecvError::Empty) => false,
        Err(TryRecvError::Disconnected) => true,
    }
}

fn request(address: SocketAddr, expected: Expected) -> Result<(), String> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(ASK_MAX))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent();
    let url = format!("http://{address}{PATH}");
    let answer = agent.get(url).header("Host", HOST).header("Connection", "close").call();
    let mut answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    if status == expected.status
        && expected.body_bytes.is_none_or(|length| length == body.len() as u64)
    {
        return Ok(());
    }
    let shown: String = body.chars().take(SHOWN_CHARACTERS).collect();
    Err(format!("status {status}, {} bytes of body: {shown}", body.len()))
}
