//! Messages as the test writes and reads them: a parser of its own, strict, and bodies that tell whose
//! they are.

use std::{io, rc::Rc};

use crate::socket::Socket;

/// Returns the body of `length` bytes that belongs to `id`.
pub(crate) fn body_of(id: u64, length: usize) -> Vec<u8> {
    let stride = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let byte = |at: usize| {
        let [high, low, ..] = (at as u64 / 7 + 1).wrapping_mul(stride).to_be_bytes();
        high ^ low
    };
    (0..length).map(byte).collect()
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length,
    Chunked,
    Close,
}

/// Writes `body` as the framing asks, in chunks of `chunk` bytes.
pub(crate) fn framed(body: &[u8], framing: Framing, chunk: usize) -> Vec<u8> {
    if framing != Framing::Chunked {
        return body.to_vec();
    }
    let mut out = Vec::new();
    for piece in body.chunks(chunk) {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Returns the field that announces a body of `length` bytes.
pub(crate) fn announced(framing: Framing, length: usize) -> String {
    match framing {
        Framing::Length => format!("Content-Length: {length}\r\n"),
        Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
        Framing::None | Framing::Close => String::new(),
    }
}

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct Message {
    /// The words of the first line.
    pub(crate) start: Vec<String>,
    fields: Vec<(String, String)>,
    /// What came of the body.
    pub(crate) body: Vec<u8>,
    /// Whether its framing says that all of it came.
    pub(crate) whole: bool,
}

impl Message {
    /// Returns the value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the number in a field.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }

    /// Returns the status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.start.get(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// Returns the framing of its body; `close` is whether the end of the connection can be its end.
    pub(crate) fn framing(&self, close: bool) -> Framing {
        if self.field("transfer-encoding").is_some() {
            Framing::Chunked
        } else if self.field("content-length").is_some() {
            Framing::Length
        } else if close {
            Framing::Close
        } else {
            Framing::None
        }
    }

    /// Returns whether the sender says that it will close.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// One end of a connection and what was read beyond the last message.
pub(crate) struct Conversation {
    pub(crate) socket: Rc<Socket>,
    received: Vec<u8>,
    ended: Option<io::Result<()>>,
    /// At most so many bytes are read at once.
    appetite: usize,
}

impl Conversation {
    /// Begins on `socket`.
    pub(crate) fn new(socket: Rc<Socket>, appetite: usize) -> Self {
        Self { socket, received: Vec::new(), ended: None, appetite }
    }

    /// Returns whether nothing was received that was not asked for.
    pub(crate) fn is_quiet(&self) -> bool {
        self.received.is_empty() && self.socket.is_quiet()
    }

    /// Reads a head; nothing when the connection ends before it is whole, with what came of it left.
    pub(crate) async fn head(&mut self) -> Option<Message> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        let head: Vec<u8> = self.received.drain(..end).collect();
        let head = String::from_utf8(head).expect("heads are text");
        let mut lines = head.split("\r\n");
        let start = lines.next()?.splitn(3, ' ').map(str::to_owned).collect();
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Message { start, fields, body: Vec::new(), whole: false })
    }

    /// Reads the body that follows `message`.
    pub(crate) async fn body(&mut self, message: &mut Message, framing: Framing) {
        match framing {
            Framing::None => message.whole = true,
            Framing::Length => {
                let left = message.number("content-length").expect("a number");
                let left = usize::try_from(left).expect("fits");
                message.whole = self.take(left, &mut message.body).await;
            }
            Framing::Chunked => message.whole = self.chunks(&mut message.body).await,
            Framing::Close => {
                while self.more().await {}
                message.body.append(&mut self.received);
                message.whole = matches!(self.ended, Some(Ok(())));
            }
        }
    }

    /// Reads until the connection ends; returns whether anything came.
    pub(crate) async fn rest(&mut self) -> bool {
        while self.more().await {}
        !self.received.is_empty()
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> bool {
        loop {
            let Some(line) = self.line().await else { return false };
            let size = usize::from_str_radix(line.trim(), 16).expect("a chunk's size");
            if !self.take(size, body).await {
                return false;
            }
            match self.line().await.as_deref() {
                Some("") if size == 0 => return true,
                Some("") => {}
                Some(other) => panic!("a chunk is followed by {other:?}"),
                None => return false,
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.received.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.received.drain(..at + 2).take(at).collect();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Moves `length` bytes to `body`; returns whether there were as many.
    async fn take(&mut self, mut length: usize, body: &mut Vec<u8>) -> bool {
        loop {
            let taken = length.min(self.received.len());
            body.extend(self.received.drain(..taken));
            length -= taken;
            if length == 0 {
                return true;
            }
            if !self.more().await {
                return false;
            }
        }
    }

    async fn more(&mut self) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let socket = Rc::clone(&self.socket);
        match socket.read(&mut self.received, self.appetite).await {
            Ok(1..) => return true,
            Ok(0) => self.ended = Some(Ok(())),
            Err(error) => self.ended = Some(Err(error)),
        }
        false
    }
}
