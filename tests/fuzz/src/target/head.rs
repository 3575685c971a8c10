//! Heads and chunked bodies of HTTP/1, of callers and of services.
//!
//! Owns the promise that what is sent on is read as it was read here, by the same strict reader: no second request hides
//! in it, and its body ends at the same byte. Bodies may be cut anywhere on their way.

use halftone_core::http::{
    ChunkScanner, Forwarding, Framing, HeadLimits, Mask, PathScratch, empty_slots, encode_request,
    encode_response, normalise, parse_request, parse_response,
};

/// Reads the head of a request, what is forwarded of it, and a chunked body behind it.
pub(crate) fn read_request(bytes: &[u8]) {
    let mut slots = empty_slots();
    let Ok(Some(head)) = parse_request(bytes, &mut slots, &HeadLimits::default()) else { return };
    let mut scratch = PathScratch::default();
    if let Some(path) = normalise(head.path.as_bytes(), &mut scratch) {
        let path = path.to_vec();
        let mut scratch = PathScratch::default();
        assert_eq!(normalise(&path, &mut scratch), Some(&*path), "a normal form is its own");
    }
    for trusted in [true, false] {
        let mut out = Vec::new();
        let stripped = Mask::default();
        let forwarding = Forwarding { peer_ip: "192.0.2.1", trusted, stripped, baggage: None };
        encode_request(&head, forwarding, &mut out);
        let mut slots = empty_slots();
        let limits = HeadLimits { bytes: usize::MAX, ..HeadLimits::default() };
        // What we add may be more than fits.
        let Ok(Some(sent)) = parse_request(&out, &mut slots, &limits) else {
            assert!(
                out.len() > HeadLimits::default().bytes
                    || head.headers.len() + 8 > HeadLimits::default().fields,
                "{}",
                String::from_utf8_lossy(&out)
            );
            continue;
        };
        assert_eq!(sent.received.len(), out.len(), "one head, and nothing behind it");
        assert_eq!(
            (sent.method, sent.target, sent.framing),
            (head.method, head.target, head.framing)
        );
    }
    if head.framing == Framing::Chunked {
        read_chunks(&bytes[head.received.len()..]);
    }
}

/// Reads the head of an answer, and what is sent on of it.
pub(crate) fn read_response(bytes: &[u8]) {
    for method in ["GET", "HEAD"] {
        let mut slots = empty_slots();
        let Ok(Some(head)) = parse_response(bytes, method, &mut slots) else { continue };
        let mut out = Vec::new();
        encode_response(&head, head.framing, head.keep_alive, true, b"", &mut out);
        let mut slots = empty_slots();
        if let Ok(Some(sent)) = parse_response(&out, method, &mut slots) {
            assert_eq!(
                (sent.status, sent.framing, sent.received.len()),
                (head.status, head.framing, out.len())
            );
        }
        if head.framing == Framing::Chunked {
            read_chunks(&bytes[head.received.len()..]);
        }
    }
}

/// Finds the end of a chunked body, whole and byte by byte.
fn read_chunks(body: &[u8]) {
    let mut whole = ChunkScanner::default();
    let at_once = whole.scan(body);
    let mut cut = ChunkScanner::default();
    let mut taken = 0;
    for byte in body {
        match cut.scan(std::slice::from_ref(byte)) {
            Ok(one) => taken += one,
            Err(_) => return assert!(at_once.is_err(), "cut, it is refused"),
        }
    }
    assert_eq!(at_once.ok(), Some(taken), "cut, it ends elsewhere");
    assert_eq!(whole.is_ended(), cut.is_ended());
}

/// Requests with everything that a head may have.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let texts = [
        "GET /user/%37?a=b&c=d HTTP/1.1\r\nHost: api.example.com:8080\r\nCookie: uid=u7\r\nBaggage: a=b\r\n\r\n",
        "POST http://shop.example.com/a/../b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: t\r\n\r\n5;e=1\r\nhello\r\n0\r\nT: 1\r\n\r\n",
        "PUT / HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\nabc",
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nExpect: 100-continue\r\n\r\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// Answers with everything that a head may have.
pub(crate) fn responses() -> Vec<Vec<u8>> {
    let texts = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: a\r\n\r\nok",
        "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
