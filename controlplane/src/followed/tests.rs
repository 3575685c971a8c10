//! Places, and servers that do not behave.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use super::*;

#[test]
fn a_source_is_a_file_or_a_url() {
    for (text, expected) in [
        ("city.mmdb", Ok(FollowedSource::File("city.mmdb".into()))),
        ("/var/lib/geo/http://x", Ok(FollowedSource::File("/var/lib/geo/http://x".into()))),
        ("HTTP://a/b", Ok(FollowedSource::Url("HTTP://a/b".to_owned()))),
        ("https://a/b", Err(FollowedSourceError::Https("https://a/b".to_owned()))),
        ("", Err(FollowedSourceError::Empty)),
    ] {
        assert_eq!(text.parse(), expected, "{text}");
    }
}

fn every(seconds: u64) -> Following {
    Following {
        every: Duration::from_secs(seconds),
        bytes_max: 1 << 20,
        answer_max: Duration::from_secs(10),
        obeys_max_age: false,
        gives_way: false,
    }
}

/// Answers each connection with the next answer; returns where, and what was asked.
fn serve(answers: Vec<&'static [u8]>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/city.mmdb", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().expect("a connection");
                let (mut asked, mut piece) = (Vec::new(), [0; 1024]);
                while !asked.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut piece).expect("a request");
                    asked.extend_from_slice(&piece[..read]);
                }
                stream.write_all(answer).expect("sent");
                String::from_utf8(asked).expect("text").to_ascii_lowercase()
            })
            .collect()
    });
    (url, server)
}

#[test]
fn a_url_is_asked_with_what_it_said_last() {
    let (url, server) = serve(vec![
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nETag: \"a\"\r\nContent-Length: 3\r\n\r\none",
        b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nETag: \"b\"\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nLast-Modified: Mon, 01 Jun 2026 00:00:00 GMT\r\nContent-Length: 3\r\n\r\ntwo",
        b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
    ]);
    let mut follower = UrlFollower::new(url, every(10));
    let mut now = Instant::now();
    let mut look = |wait_s: u64| {
        now += Duration::from_secs(wait_s);
        match follower.look(now) {
            Found::Same => "same".to_owned(),
            Found::Bytes(bytes) => String::from_utf8(bytes).expect("text"),
            Found::Fault(fault) => fault,
        }
    };
    assert_eq!(look(0), "one");
    assert_eq!(look(9), "same", "not due");
    assert_eq!(look(2), "same", "not modified");
    assert_eq!(look(11), "it answers 500; expected 200 or 304");
    assert!(look(11).starts_with("its answer breaks off: "));
    assert_eq!(look(11), "two");
    assert_eq!(look(11), "same");
    let asked = server.join().expect("no panic");
    let condition =
        |at: usize| asked[at].lines().find(|line| line.starts_with("if-")).unwrap_or("none");
    assert_eq!(condition(0), "none");
    // What broke off said nothing that counts.
    for at in [1, 2, 3, 4] {
        assert_eq!(condition(at), "if-none-match: \"a\"", "{at}");
    }
    assert_eq!(condition(5), "if-modified-since: mon, 01 jun 2026 00:00:00 gmt");
}

#[test]
fn nobody_at_the_url_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    drop(listener);
    let mut follower = UrlFollower::new(url, every(10));
    assert!(
        matches!(follower.look(Instant::now()), Found::Fault(fault) if fault.starts_with("it does not answer: "))
    );
}

#[test]
fn an_answer_may_ask_to_be_asked_sooner() {
    let answer = |age: &str| {
        let text = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: {age}\r\nContent-Length: 3\r\n\r\none"
        );
        &*Vec::leak(text.into_bytes())
    };
    let ages = ["public, max-age=20", "Max-Age=\"0\"", "no-store", "max-age=5000", "max-age=x"];
    for (obeys_max_age, pauses) in [(true, [20, 10, 100, 100, 100]), (false, [100; 5])] {
        let (url, server) = serve(ages.map(answer).to_vec());
        let mut follower = UrlFollower::new(url, Following { obeys_max_age, ..every(100) });
        let mut now = Instant::now();
        for (age, pause) in ages.into_iter().zip(pauses) {
            assert!(matches!(follower.look(now), Found::Bytes(_)), "{age}");
            let due = follower.due.expect("it was asked").duration_since(now);
            assert_eq!(due, Duration::from_secs(pause), "{age}");
            now += due;
        }
        server.join().expect("no panic");
    }
}

#[test]
fn only_what_leaves_the_machine_can_be_read_on_the_way() {
    for (text, expected) in [
        ("/etc/jwks.json", false),
        ("http://127.0.0.1:80/x", false),
        ("http://localhost/x", false),
        ("http://[::1]?x", false),
        ("http://localhost.example.com/x", true),
        ("http://id.example.com", true),
        ("http://10.0.0.1/127.0.0.1", true),
    ] {
        let source: FollowedSource = text.parse().expect("a source");
        assert_eq!(source.is_readable_on_the_way(), expected, "{text}");
    }
}

/// A server that sends on to https, as most do by now.
#[test]
fn a_url_that_leads_to_https_is_told_as_such() {
    let secure = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = secure.local_addr().expect("bound");
    let answer = format!(
        "HTTP/1.1 301 Moved\r\nConnection: close\r\nLocation: https://{place}/\r\nContent-Length: 0\r\n\r\n"
    );
    let (url, server) = serve(vec![answer.leak().as_bytes()]);
    let mut follower = UrlFollower::new(url, every(10));
    let Found::Fault(fault) = follower.look(Instant::now()) else { panic!("there is nothing") };
    assert_eq!(
        fault,
        "it leads to https, which is not supported in this build: fetch it into a file, which is followed"
    );
    server.join().expect("no panic");
}

/// A server that says a byte now and then holds up nobody for longer than it may.
#[test]
fn an_answer_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let answer_max = Duration::from_millis(300);
    let mut follower = UrlFollower::new(url, Following { answer_max, ..every(10) });
    let begun = Instant::now();
    let Found::Fault(fault) = follower.look(begun) else { panic!("it has not answered") };
    assert!(fault.starts_with("its answer breaks off: "), "{fault}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(follower);
    server.join().expect("no panic");
}
