//! The access log: one JSON line per request, with the decision that made it go where it went.
//!
//! Owns the workers' blocks, the time that opens a line, and the thread that writes; the rest of a line is [`line`]'s. Does not
//! reopen or rotate. Invariants: a worker appends to its own block and hands it over whole; when the writer cannot keep up,
//! blocks are dropped and their lines counted.

use std::{
    cell::{Cell, RefCell},
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ahash::RandomState;
use crossbeam::channel::{Receiver, Sender, bounded};

use super::values::Values;

pub(super) mod json;
mod line;
mod phrases;

pub use line::{Line, Read};
use phrases::Phrases;
pub use phrases::{Decided, Names, Rows};

/// A block is handed over when it holds this much.
const BLOCK_BYTES: usize = 64 * 1024;
/// Room kept in a block for one more line.
const LINE_BYTES: usize = 6 * 1024;
/// Blocks on their way to the writer before lines are dropped: 16 MiB.
const BLOCKS_MAX: usize = 256;

/// Who may read a log that is made: what callers are is in it.
const LOG_MODE: u32 = 0o640;

/// The block after which the writer stops; workers hand over none that is empty.
const END: Vec<u8> = Vec::new();

/// A worker's end of the log.
#[derive(Debug)]
pub struct AccessLog {
    block: RefCell<Vec<u8>>,
    phrases: RefCell<Phrases>,
    lines: Cell<u64>,
    dropped: Cell<u64>,
    values: Option<RandomState>,
    full: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    clock: Clock,
}

impl AccessLog {
    /// Returns a log that hands full blocks to `full` and takes empty ones from `empty`.
    #[must_use]
    pub fn new(full: Sender<Vec<u8>>, empty: Receiver<Vec<u8>>, now: Instant) -> Self {
        Self {
            block: RefCell::new(Vec::with_capacity(BLOCK_BYTES)),
            phrases: RefCell::default(),
            lines: Cell::new(0),
            dropped: Cell::new(0),
            values: None,
            full,
            empty,
            clock: Clock::new(now),
        }
    }

    /// Returns the log with the values that decisions read, if they are to be written.
    #[must_use]
    pub fn with_values(self, are_written: bool) -> Self {
        Self { values: are_written.then(RandomState::new), ..self }
    }

    /// Returns who takes the values of one decision; `buffer` gives where to.
    pub fn values(&self, buffer: impl FnOnce() -> Vec<u8>) -> Option<Values<'_>> {
        self.values.as_ref().map(|hasher| Values::new(buffer(), hasher))
    }

    /// Appends a line for a request that ended at `now`, with what was decided, if anything was.
    pub fn write(&self, now: Instant, line: &Line<'_>, decided: Option<&Decided<'_>>) {
        let mut block = self.block.borrow_mut();
        self.clock.write(now, &mut block);
        line::write(line, decided, &mut self.phrases.borrow_mut(), &mut block);
        self.lines.set(self.lines.get() + 1);
        if block.len() + LINE_BYTES > BLOCK_BYTES {
            self.hand_over(&mut block);
        }
    }

    /// Hands over what is there; called at each tick.
    pub fn flush(&self, now: Instant) {
        self.clock.follow(now);
        let mut block = self.block.borrow_mut();
        if !block.is_empty() {
            self.hand_over(&mut block);
        }
    }

    /// Returns how many lines were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    fn hand_over(&self, block: &mut Vec<u8>) {
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BLOCK_BYTES));
        if let Err(refused) = self.full.try_send(std::mem::replace(block, next)) {
            self.dropped.set(self.dropped.get() + self.lines.get());
            *block = refused.into_inner();
            block.clear();
        }
        self.lines.set(0);
    }
}

/// The thread that writes.
#[derive(Debug)]
pub struct LogWriter {
    values: bool,
    full: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl LogWriter {
    /// Opens `path` for appending (made when it is missing) and starts writing; with the values that decisions read,
    /// or without.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn start(path: &Path, values: bool) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(LOG_MODE).open(path)?;
        let (full, blocks) = bounded::<Vec<u8>>(BLOCKS_MAX);
        let (freed, empty) = bounded(BLOCKS_MAX);
        let thread = thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            write_blocks(file, &blocks, &freed);
        })?;
        Ok(Self { values, full, empty, thread })
    }

    /// Returns a worker's end.
    #[must_use]
    pub fn handle(&self, now: Instant) -> AccessLog {
        AccessLog::new(self.full.clone(), self.empty.clone(), now).with_values(self.values)
    }

    /// Waits until everything that was handed over is written.
    ///
    /// Workers' ends may still be there: an engine that stops does not drop its tasks.
    pub fn finish(self) {
        let _ = self.full.send(END);
        let _ = self.thread.join();
    }
}

fn write_blocks(mut file: File, blocks: &Receiver<Vec<u8>>, freed: &Sender<Vec<u8>>) {
    let mut failing = false;
    for mut block in blocks.iter().take_while(|block| !block.is_empty()) {
        match file.write_all(&block) {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, "The access log cannot be written; lines are lost until it can.");
            }
            Err(_) => {}
        }
        block.clear();
        let _ = freed.try_send(block);
    }
}

/// Wall-clock time without asking for it: a reading per tick, and the monotonic clock in between.
#[derive(Debug)]
struct Clock {
    at: Cell<(Instant, Duration)>,
    second: Cell<u64>,
    text: RefCell<String>,
}

impl Clock {
    fn new(now: Instant) -> Self {
        Self {
            at: Cell::new((now, wall())),
            second: Cell::new(u64::MAX),
            text: RefCell::new(String::new()),
        }
    }

    fn follow(&self, now: Instant) {
        self.at.set((now, wall()));
    }

    /// Opens the line with its time: RFC 3339, UTC, milliseconds.
    fn write(&self, now: Instant, out: &mut Vec<u8>) {
        let (at, wall) = self.at.get();
        let time = wall + now.saturating_duration_since(at);
        let mut text = self.text.borrow_mut();
        if self.second.replace(time.as_secs()) != time.as_secs() {
            let second = i64::try_from(time.as_secs()).unwrap_or_default();
            let formatted = jiff::Timestamp::from_second(second).unwrap_or_default().to_string();
            *text = formatted.trim_end_matches('Z').to_owned();
        }
        let millis = time.subsec_millis();
        let digit = |number: u32| b'0' + u8::try_from(number % 10).unwrap_or(0);
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(&[
            b'.',
            digit(millis / 100),
            digit(millis / 10),
            digit(millis),
            b'Z',
            b'"',
        ]);
    }
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests;
