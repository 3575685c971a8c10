//! Tests of the response scanner.

use super::*;

/// Scans `reads` one after the other and returns the responses, up to the first error.
fn scan_all<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<(u16, u64)>, Malformed> {
    let mut scanner = ResponseScanner::default();
    let mut responses = Vec::new();
    for read in reads {
        let mut input = read;
        while let Some(response) = scanner.scan(&mut input)? {
            responses.push((response.status, response.body_bytes));
        }
        assert!(input.is_empty(), "a scan that needs more has consumed all");
    }
    Ok(responses)
}

/// Checks the stream whole, cut in two at every place, and byte by byte.
fn check(stream: &str, expected: Result<&[(u16, u64)], Malformed>) {
    let expected = expected.map(<[_]>::to_vec);
    let bytes = stream.as_bytes();
    assert_eq!(scan_all([bytes]), expected, "{stream:?}");
    assert_eq!(scan_all(bytes.chunks(1)), expected, "byte by byte: {stream:?}");
    for cut in 0..bytes.len() {
        let (left, right) = bytes.split_at(cut);
        assert_eq!(scan_all([left, right]), expected, "cut at {cut}: {stream:?}");
    }
}

#[test]
fn responses_are_found_however_they_are_cut() {
    let plain =
        "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 5\r\nConnection: keep-alive\r\n\r\nhello";
    check(plain, Ok(&[(200, 5)]));
    check(&plain.repeat(3), Ok(&[(200, 5), (200, 5), (200, 5)]));
    check("", Ok(&[]));
    check(&plain[..plain.len() - 1], Ok(&[]));
    check(&plain[..20], Ok(&[]));
}

#[test]
fn lengths_are_read() {
    check("HTTP/1.1 200 OK\r\nCONTENT-LENGTH:3\r\n\r\nabc", Ok(&[(200, 3)]));
    check("HTTP/1.1 200 OK\r\nContent-Length:  3 \r\n\r\nabc", Ok(&[(200, 3)]));
    check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Ok(&[(200, 0)]));
    check("HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\nContent-Length: 1\r\n\r\na", Ok(&[(200, 1)]));
    check("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", Ok(&[(200, 1)]));
    check("HTTP/1.1 204 No Content\r\n\r\n", Ok(&[(204, 0)]));
    check("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Ok(&[(304, 0)]));
}

#[test]
fn interim_responses_are_skipped() {
    check(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\nx",
        Ok(&[(503, 1)]),
    );
}

#[test]
fn other_streams_are_malformed() {
    check("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", Err(Malformed));
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Malformed));
    check("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", Err(Malformed));
    check("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Err(Malformed));
    check("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", Err(Malformed));
    check("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Err(Malformed));
    check("HTTP/2 200\r\n\r\n", Err(Malformed));
    check("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Err(Malformed));
    check("SSH-2.0-x\r\n\r\n", Err(Malformed));
}

#[test]
fn a_head_without_an_end_is_given_up() {
    let line = "X-Filler: 0123456789012345678901234567890123456789\r\n";
    let stream = format!("HTTP/1.1 200 OK\r\n{}", line.repeat(HEAD_BYTES_MAX / line.len() + 1));
    assert_eq!(scan_all([stream.as_bytes()]), Err(Malformed));
}
