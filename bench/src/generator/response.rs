//! The response scanner: finds where each response ends and what it was.
//!
//! Owns as much of RFC 9112 as a load generator needs to trust an answer: the status line, interim
//! responses, `Content-Length`. Does not decide whether an answer is the right one (the caller
//! compares), does not follow chunked or close-delimited bodies: the backend never sends them, so a
//! contender that makes one is reported.
//!
//! Invariants:
//! - any cut of the stream into reads gives the same responses;
//! - no allocation while heads arrive whole; a head in pieces is gathered in a buffer that stays.

use memchr::{memchr, memmem};

/// Bytes of a head beyond which it is no head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What a complete response was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Response {
    /// Status code.
    pub(crate) status: u16,
    /// Length of the body, all of it received.
    pub(crate) body_bytes: u64,
}

/// Says that the stream is not one this scanner can follow; the connection is of no further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Follows the responses of one connection.
#[derive(Debug, Default)]
pub(crate) struct ResponseScanner {
    /// A head of which the end has not arrived.
    partial: Vec<u8>,
    /// The response whose body is arriving, and the bytes still to come.
    body: Option<(Response, u64)>,
}

impl ResponseScanner {
    /// Consumes bytes of `input` up to the end of one response; returns it when it is complete.
    ///
    /// Returns `None` with `input` empty when more bytes are needed.
    ///
    /// # Errors
    /// The stream is not a response with a `Content-Length`.
    pub(crate) fn scan(&mut self, input: &mut &[u8]) -> Result<Option<Response>, Malformed> {
        loop {
            if let Some((response, left)) = self.body {
                let here = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                *input = &input[here..];
                let left = left - here as u64;
                self.body = (left > 0).then_some((response, left));
                return Ok((left == 0).then_some(response));
            }
            if input.is_empty() {
                return Ok(None);
            }
            let Some(response) = self.head(input)? else { return Ok(None) };
            if !(100..200).contains(&response.status) {
                self.body = Some((response, response.body_bytes));
            }
        }
    }

    /// Returns how many bytes of the body are still to come; `None` while a head is awaited.
    pub(crate) fn body_left(&self) -> Option<u64> {
        self.body.map(|(_, left)| left)
    }

    /// Counts `length` bytes of the body that were not looked at; returns the response they end.
    ///
    /// At most [`ResponseScanner::body_left`] of them.
    pub(crate) fn skip(&mut self, length: u64) -> Option<Response> {
        let (response, left) = self.body?;
        debug_assert!(length <= left, "more was dropped than the body had");
        let left = left.saturating_sub(length);
        self.body = (left > 0).then_some((response, left));
        (left == 0).then_some(response)
    }

    /// Consumes a head, or gathers a piece of one.
    fn head(&mut self, input: &mut &[u8]) -> Result<Option<Response>, Malformed> {
        if self.partial.is_empty()
            && let Some(end) = head_end(input)
        {
            let response = parse_head(&input[..end])?;
            *input = &input[end..];
            return Ok(Some(response));
        }
        let gathered = self.partial.len();
        self.partial.extend_from_slice(input);
        let Some(end) = head_end(&self.partial) else {
            *input = &[];
            return if self.partial.len() > HEAD_BYTES_MAX { Err(Malformed) } else { Ok(None) };
        };
        let response = parse_head(&self.partial[..end])?;
        *input = &input[end - gathered..];
        self.partial.clear();
        Ok(Some(response))
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

fn parse_head(head: &[u8]) -> Result<Response, Malformed> {
    let status = parse_status(head).ok_or(Malformed)?;
    let mut length = None;
    let mut rest = head;
    while let Some(at) = memchr(b'\n', rest) {
        rest = &rest[at + 1..];
        // Only names that start with these letters matter: the others are not compared.
        match rest.first() {
            Some(b'c' | b'C') => {
                let Some(value) = value_of(rest, b"content-length:") else { continue };
                let value = parse_length(value).ok_or(Malformed)?;
                if length.is_some_and(|earlier| earlier != value) {
                    return Err(Malformed);
                }
                length = Some(value);
            }
            Some(b't' | b'T') if value_of(rest, b"transfer-encoding:").is_some() => {
                return Err(Malformed);
            }
            _ => {}
        }
    }
    let body_bytes = match status {
        100..200 | 204 | 304 => 0,
        _ => length.ok_or(Malformed)?,
    };
    Ok(Response { status, body_bytes })
}

fn parse_status(head: &[u8]) -> Option<u16> {
    let digits =
        head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let text = std::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|status| (100..600).contains(status))
}

/// Returns the rest of the line behind `name`, which is in lower case and ends in its colon.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    rest.split(|&byte| byte == b'\r').next()
}

fn parse_length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if all_digits { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
