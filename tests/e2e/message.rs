//! HTTP/1 messages, read byte by byte as the tests need to see them.
//!
//! Owns both ends the tests have: callers and services. Strict where the gateway must be strict: a
//! body is read by exactly the framing that its head announces.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
};

use socket2::{Domain, Socket, Type};

use crate::poll::PATIENCE;

/// A head, and a body without its framing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    /// The fields in their order, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// Lines behind the chunks.
    pub(crate) trailers: Vec<String>,
}

impl Message {
    /// Returns the value of the only field of this name; nothing when there is none.
    ///
    /// # Panics
    /// There are several.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values =
            self.fields.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "several {name}: {self:?}");
        value
    }

    /// Returns the status of an answer.
    pub(crate) fn status(&self) -> u16 {
        let word = self.start.split(' ').nth(1).unwrap_or_default();
        word.parse().unwrap_or_else(|_| panic!("no status in {:?}", self.start))
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns whether the body came in chunks.
    pub(crate) fn is_chunked(&self) -> bool {
        self.field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }
}

/// How the end of a body is found when neither length nor chunks are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// There is no body.
    Empty,
    /// At the end of the connection.
    Close,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    pending: Vec<u8>,
    trailers: Vec<String>,
}

impl Wire {
    /// Wraps a connection.
    pub(crate) fn new(stream: TcpStream) -> Self {
        let limited =
            stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true));
        limited.expect("a socket takes its options");
        Self { stream, pending: Vec::new(), trailers: Vec::new() }
    }

    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}")))
    }

    /// Connects from this address of the machine.
    pub(crate) fn connect_from(source: &str, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let source: IpAddr = source.parse().expect("an address");
        let bound = socket.bind(&SocketAddr::from((source, 0)).into());
        let connected = bound.and_then(|()| socket.connect(&address.into()));
        connected.unwrap_or_else(|error| panic!("{address}: {error}"));
        Self::new(socket.into())
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the peer takes bytes");
        self
    }

    /// Sends bytes to a peer that may have closed already.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Receives an answer.
    pub(crate) fn answer(&mut self) -> Message {
        self.try_answer().expect("a whole answer")
    }

    /// Receives an answer, or says why there is none.
    pub(crate) fn try_answer(&mut self) -> io::Result<Message> {
        let mut head = self.head()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if !matches!(head.status(), 204 | 304) {
            head.body = self.body(&head, Otherwise::Close)?;
            head.trailers = std::mem::take(&mut self.trailers);
        }
        Ok(head)
    }

    /// Receives the answer to HEAD: a head, whatever it announces.
    pub(crate) fn answer_to_head(&mut self) -> Message {
        self.head().expect("a head").expect("not the end")
    }

    /// Receives a request; nothing at the end of the connection.
    pub(crate) fn request(&mut self) -> io::Result<Option<Message>> {
        let Some(mut head) = self.head()? else { return Ok(None) };
        head.body = self.body(&head, Otherwise::Empty)?;
        head.trailers = std::mem::take(&mut self.trailers);
        Ok(Some(head))
    }

    /// Closes the connection, whoever else holds it.
    pub(crate) fn close(&mut self) {
        // The peer may have closed it already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Returns whether the peer has closed, with nothing more to read.
    pub(crate) fn is_at_end(&mut self) -> bool {
        // A reset is an end, too.
        self.pending.is_empty()
            && self.fill().map_or_else(|error| is_reset(&error), |count| count == 0)
    }

    fn head(&mut self) -> io::Result<Option<Message>> {
        let Some(end) = self.find(b"\r\n\r\n")? else { return Ok(None) };
        let bytes: Vec<u8> = self.pending.drain(..end + 4).collect();
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let field = |line: &str| {
            let (name, value) =
                line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Ok(Some(Message { start, fields: lines.map(field).collect(), ..Message::default() }))
    }

    fn body(&mut self, head: &Message, otherwise: Otherwise) -> io::Result<Vec<u8>> {
        if head.is_chunked() {
            assert_eq!(head.field("content-length"), None, "two framings: {head:?}");
            return self.chunks();
        }
        match (head.field("content-length"), otherwise) {
            (Some(length), _) => self.take(length.parse().expect("a number")),
            (None, Otherwise::Empty) => Ok(Vec::new()),
            (None, Otherwise::Close) => {
                while self.fill()? > 0 {}
                Ok(std::mem::take(&mut self.pending))
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.find(b"\r\n")?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let line: Vec<u8> = self.pending.drain(..end + 2).collect();
            let digits = String::from_utf8_lossy(&line[..end]);
            let digits = digits.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits, 16)
                .unwrap_or_else(|_| panic!("no chunk size: {digits:?}"));
            if size == 0 {
                break;
            }
            body.extend(self.take(size)?);
            assert_eq!(self.take(2)?, b"\r\n", "a chunk ends in CRLF");
        }
        loop {
            match self.find(b"\r\n")?.ok_or(io::ErrorKind::UnexpectedEof)? {
                0 => break,
                end => {
                    let line: Vec<u8> = self.pending.drain(..end + 2).take(end).collect();
                    self.trailers.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        }
        self.pending.drain(..2);
        Ok(body)
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.pending.len() < count {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.pending.drain(..count).collect())
    }

    /// Finds where `mark` begins; nothing when the connection ends before anything came.
    fn find(&mut self, mark: &[u8]) -> io::Result<Option<usize>> {
        loop {
            if let Some(at) = self.pending.windows(mark.len()).position(|window| window == mark) {
                return Ok(Some(at));
            }
            if self.fill()? == 0 {
                let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
                return if self.pending.is_empty() { Ok(None) } else { Err(cut) };
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut bytes) {
                // A read with a time limit is not begun again by the kernel (signal(7)).
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.pending.extend_from_slice(&bytes[..count]);
                    return Ok(count);
                }
            }
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}
