//! The access log: one JSON line per request, with the decision that made it go where it went.
//!
//! Owns the line's format, the workers' blocks and the thread that writes them. Does not reopen or
//! rotate. Invariants: a worker appends to its own block and hands it over whole; when the writer
//! cannot keep up, blocks are dropped and their lines counted; what a peer sent is escaped, so a line
//! is always one JSON object.

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

/// What a line tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line<'a> {
    /// The caller's address.
    pub client_ip: &'a str,
    /// The method, as received.
    pub method: &'a [u8],
    /// The host, as received.
    pub host: &'a [u8],
    /// The target, as received.
    pub target: &'a [u8],
    /// The status that was answered; 499 when the caller went away before.
    pub status: u16,
    /// Bytes of the answer, head and all.
    pub bytes_sent: u64,
    /// From the whole head to the end of the answer.
    pub duration: Duration,
    /// The worker.
    pub worker: u32,
    /// The route's name; empty when none matched.
    pub route: &'a str,
    /// The tenant's name; empty without a release.
    pub tenant: &'a str,
    /// The release's name; empty without one.
    pub release: &'a str,
    /// The variant's name; empty when nothing was decided.
    pub variant: &'a str,
    /// The variant that was decided, when another served because it had no instance.
    pub fallback_from: &'a str,
    /// Why it was chosen.
    pub reason: &'a str,
    /// The id of the target that took it; empty when none did.
    pub target_id: &'a str,
    /// The cell of its nested table; empty when it has none.
    pub cell: &'a str,
    /// The bucket, where one was looked at.
    pub bucket: Option<u32>,
    /// The instance the request was sent to; empty when to none.
    pub upstream: &'a str,
    /// The epochs of rules and instances; zero before the first table.
    pub epochs: (u64, u64),
    /// The label of the error, if there was one.
    pub error: Option<&'static str>,
    /// What the decision read, where that is to be written.
    pub read: Option<Read<'a>>,
}

/// What a decision read besides what every line has.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub protocol: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Whether the peer was trusted.
    pub trusted: bool,
    /// The members of a JSON object ([`super::values`]).
    pub values: &'a [u8],
}

/// A worker's end of the log.
#[derive(Debug)]
pub struct AccessLog {
    block: RefCell<Vec<u8>>,
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

    /// Appends a line for a request that ended at `now`.
    pub fn write(&self, now: Instant, line: &Line<'_>) {
        let mut block = self.block.borrow_mut();
        self.clock.write(now, &mut block);
        format(line, &mut block);
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

fn format(line: &Line<'_>, out: &mut Vec<u8>) {
    text(out, ",\"client_ip\":", line.client_ip.as_bytes());
    text(out, ",\"method\":", line.method);
    text(out, ",\"host\":", line.host);
    text(out, ",\"target\":", line.target);
    number(out, ",\"status\":", u64::from(line.status));
    number(out, ",\"bytes_sent\":", line.bytes_sent);
    number(out, ",\"duration_us\":", u64::try_from(line.duration.as_micros()).unwrap_or(u64::MAX));
    number(out, ",\"worker\":", u64::from(line.worker));
    for (name, value) in [
        (",\"route\":", line.route),
        (",\"tenant\":", line.tenant),
        (",\"release\":", line.release),
        (",\"variant\":", line.variant),
        (",\"fallback_from\":", line.fallback_from),
        (",\"reason\":", line.reason),
        (",\"target_id\":", line.target_id),
        (",\"cell\":", line.cell),
        (",\"upstream\":", line.upstream),
        (",\"error\":", line.error.unwrap_or_default()),
    ] {
        if !value.is_empty() {
            text(out, name, value.as_bytes());
        }
    }
    if let Some(bucket) = line.bucket {
        number(out, ",\"bucket\":", u64::from(bucket));
    }
    if let Some(Read { protocol, scheme, trusted, values }) = line.read {
        text(out, ",\"protocol\":", protocol.as_bytes());
        text(out, ",\"scheme\":", scheme.as_bytes());
        out.extend_from_slice(if trusted { b",\"trusted\":true" } else { b",\"trusted\":false" });
        out.extend_from_slice(b",\"values\":{");
        out.extend_from_slice(values);
        out.push(b'}');
    }
    number(out, ",\"rules_epoch\":", line.epochs.0);
    number(out, ",\"instances_epoch\":", line.epochs.1);
    out.extend_from_slice(b"}\n");
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a JSON string; bytes that are not UTF-8 become U+FFFD.
pub(super) fn text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 2);
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    inside(out, value);
    out.push(b'"');
}

/// Appends what is inside a JSON string, in parts.
pub(super) fn escape_into(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| inside(out, part.as_bytes()));
}

fn inside(out: &mut Vec<u8>, value: &[u8]) {
    if is_plain(value) {
        out.extend_from_slice(value);
        return;
    }
    for chunk in value.utf8_chunks() {
        chunk.valid().chars().for_each(|character| escape(out, character));
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Returns whether nothing in `value` has to be escaped. Looks at eight bytes at once, the last of them twice
/// where they do not come out even.
fn is_plain(value: &[u8]) -> bool {
    if let Some(last) = value.last_chunk() {
        let (words, _) = value.as_chunks();
        words.iter().fold(special(*last), |found, word| found | special(*word)) == 0
    } else {
        value.iter().all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))
    }
}

/// Returns something but zero when one of eight bytes has to be escaped: is below a space or above a tilde, a quote or
/// a backslash. (A byte is zero where taking one from it borrows: the bit tricks of Hacker's Delight, 6-1. A borrow
/// may run into the next byte, which makes no difference to whether there is one.)
fn special(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    let word = u64::from_le_bytes(word);
    let below = |least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    let above = word.wrapping_add(ONES) | word;
    (below(b' ') | quote | backslash | above) & (ONES * 0x80)
}

/// Returns whether a terminal or a viewer lets `character` change how the rest of a line looks: separators
/// of lines, marks of direction, and the byte order mark.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

fn escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        other if other.is_control() || is_invisible(other) => {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        }
        other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests;
