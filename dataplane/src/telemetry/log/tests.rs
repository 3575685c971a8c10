//! Lines are JSON whatever was sent, and all of them arrive.

use super::*;

#[test]
fn a_line_is_json_whatever_was_sent() {
    for target in
        [&b"/plain"[..], b"/\"quoted\\\"", b"/\xff\xfe", "/北京".as_bytes(), b"/\x01\x1f\n", b""]
    {
        let mut out = Vec::new();
        Clock::new(Instant::now()).write(Instant::now(), &mut out);
        line::write(
            &Line { target, bucket: Some(7), error: Some("x"), ..Line::default() },
            None,
            &mut Phrases::default(),
            &mut out,
        );
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&out).expect("one JSON object");
        assert_eq!(value["target"].as_str(), Some(&*String::from_utf8_lossy(target)));
        assert_eq!((value["bucket"].as_u64(), value["error"].as_str()), (Some(7), Some("x")));
        let time = value["time"].as_str().expect("a time");
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.len() == 24, "{time}");
    }
}

#[test]
fn every_line_of_every_worker_arrives() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let writer = LogWriter::start(&path, false).expect("a writer");
    thread::scope(|scope| {
        for worker in 0..2 {
            let writer = &writer;
            scope.spawn(move || {
                let log = writer.handle(Instant::now());
                for _ in 0..5_000 {
                    log.write(
                        Instant::now(),
                        &Line { worker, target: b"/x", ..Line::default() },
                        None,
                    );
                }
                log.flush(Instant::now());
                assert_eq!(log.dropped(), 0);
            });
        }
    });
    // An engine that stops may leave a worker's end behind.
    let _left_behind = writer.handle(Instant::now());
    writer.finish();
    assert_eq!(std::fs::read_to_string(&path).expect("a log").lines().count(), 10_000);
}
