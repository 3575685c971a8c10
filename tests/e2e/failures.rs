//! What the gateway answers itself: 404, 502, 503 with Proxy-Status (RFC 9209).

use std::net::TcpStream;

use serde_json::json;

use crate::{
    message::{Message, Wire},
    on_each_engine,
    poll::until_true,
    ports::free_address,
    stack::{Engine, Process, Stack, get, halftone},
    upstream::Upstream,
};

const SHOP: &str = "
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
upstreams:
  cart: { variants: { stable: { select: { service: cart } } } }
routes:
  - name: cart
    hostnames: [ shop.example.com ]
    rules: [ { matches: [ { path: { type: PathPrefix, value: /cart } } ], upstream: cart } ]
";

#[track_caller]
fn is_answered(answer: &Message, status: u16, error: &str) {
    assert_eq!(answer.status(), status, "{answer:?}");
    let told = format!("halftone; error={error}");
    assert_eq!(answer.field("proxy-status"), Some(told.as_str()), "{answer:?}");
    assert!(answer.text().starts_with(&status.to_string()), "{answer:?}");
}

on_each_engine! {
    fn what_cannot_be_sent_on_says_why(engine: Engine) {
        let stack = Stack::start(engine, &[]);
        // Neither an instance nor --upstream.
        is_answered(&stack.get(&[]), 503, "destination_unavailable");
        // Nobody listens there.
        let nobody = free_address();
        stack.api.register("cart", nobody, &json!({}));
        is_answered(&stack.get(&[]), 502, "connection_refused");
        // A bundle with other routes.
        stack.api.put_bundle("shop", SHOP);
        let ask = |host: &str, target: &str| {
            stack.connect().send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).answer()
        };
        is_answered(&ask("shop.example.com", "/carts"), 404, "destination_not_found");
        is_answered(&ask("other.example.com", "/cart"), 404, "destination_not_found");
        is_answered(&ask("shop.example.com", "/cart/1"), 502, "connection_refused");
    }

    /// A route that leads back to the gateway.
    fn a_request_that_goes_in_circles_ends(engine: Engine) {
        let stack = Stack::start(engine, &[]);
        stack.api.register("cart", stack.listen, &json!({}));
        is_answered(&stack.get(&[]), 502, "proxy_loop_detected");
        // One came from the caller, and each that passed adds itself.
        let rounds = 17;
        let lines = stack.log(rounds + 1);
        let ended = lines.iter().filter(|line| line["error"] == "proxy_loop_detected").count();
        assert_eq!((lines.len(), ended), (rounds + 1, 1), "{lines:?}");
    }

    /// An answer that is none; the caller's connection lives on.
    fn a_broken_answer_is_a_bad_gateway(engine: Engine) {
        let service = Upstream::answering(|request| {
            let target = request.start.split(' ').nth(1).unwrap_or_default();
            match target {
                "/closes" => b"Connection: close".to_vec(),
                "/two-lengths" => b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
                _ => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
            }
        });
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        for target in ["/closes", "/two-lengths"] {
            let answer = stack.connect().send(get(target, &[])).answer();
            assert_eq!(answer.status(), 502, "{target}: {answer:?}");
            let told = answer.field("proxy-status").unwrap_or_default();
            assert!(told.starts_with("halftone; error="), "{target}: {answer:?}");
        }
        assert_eq!(stack.get(&[]).text(), "ok");
    }

    /// A request on a kept connection that the service has closed meanwhile is sent once more.
    fn a_kept_connection_that_was_closed_is_no_failure(engine: Engine) {
        let service = Upstream::answering(|_| {
            // The connection is closed after this answer, which does not say so.
            b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n(connection: close)".to_vec()
        });
        let url = format!("http://{}", service.address());
        let stack = Stack::start(engine, &["--upstream", &url]);
        let mut connection = stack.connect();
        for at in 0..50 {
            let answer = connection.send(get("/", &[])).answer();
            assert_eq!(answer.status(), 200, "request {at}: {answer:?}");
        }
    }
}

/// A gateway that no control plane has found yet.
#[test]
fn before_the_first_table() {
    let directory = tempfile::tempdir().expect("a directory");
    let listen = free_address();
    let mut command = halftone(&["gateway", "--access-log", "off"]);
    let admin = free_address();
    command.arg("--listen").arg(listen.to_string()).arg("--admin").arg(admin.to_string());
    command.arg("--data").arg(directory.path());
    let _gateway = Process::start(&mut command, directory.path());
    until_true("the gateway to listen", || {
        [listen, admin].iter().all(|address| TcpStream::connect(address).is_ok())
    });
    let answer = Wire::connect(listen).send(get("/", &[])).answer();
    is_answered(&answer, 503, "proxy_configuration_error");
    assert!(answer.text().contains("control plane"), "{answer:?}");
    assert_eq!(Wire::connect(admin).send(get("/readyz", &[])).answer().status(), 503);
    assert!(!directory.path().join("access.log").exists(), "the log is off");
}
