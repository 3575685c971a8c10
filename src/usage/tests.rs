//! What a person is told about a value.

use super::*;

#[test]
fn an_upstream_is_a_url_without_a_path() {
    let check = |text: &str, expected: Result<&str, &str>| match (upstream(text), expected) {
        (Ok(address), Ok(expected)) => assert_eq!(address.to_string(), expected, "{text:?}"),
        (Err(error), Err(part)) => assert!(error.contains(part), "{text:?}: {error}"),
        (found, expected) => panic!("{text:?}: expected {expected:?}, found {found:?}"),
    };
    check("http://localhost:8000", Ok("localhost:8000"));
    check("http://localhost:8000/", Ok("localhost:8000"));
    check("http://10.0.0.5", Ok("10.0.0.5:80"));
    check("http://[::1]:8000", Ok("[::1]:8000"));
    check("https://localhost:8000", Err("TLS"));
    check("localhost:8000", Err("scheme"));
    check("http://localhost:8000/api", Err("a path"));
    check("http://me@localhost:8000", Err("a user"));
    check("http://localhost:port", Err("host or port"));
    check("http://", Err("host or port"));
}

#[test]
fn an_engine_is_one_that_this_build_has() {
    assert_eq!(engine_name("epoll").as_deref(), Ok("epoll"));
    assert!(engine_name("kqueue").is_err_and(|error| error.contains("io_uring")));
}

#[test]
fn an_api_is_on_this_host() {
    let check = |text: &str| loopback(text.parse().expect("an address"));
    assert!(check("127.0.0.1:8081").is_ok() && check("[::1]:8081").is_ok());
    assert!(check("0.0.0.0:8081").is_err_and(|error| error.to_string().contains("loopback")));
}

#[test]
fn a_place_is_given_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("a.sock");
    fs::write(&socket, "").expect("written");
    let other = directory.path().join("./a.sock");
    let nowhere = directory.path().join("b.sock");
    assert!(distinct("--gateway", &[socket.clone(), nowhere.clone()]).is_ok());
    for twice in [[&socket, &other], [&nowhere, &nowhere]] {
        let error = distinct("--gateway", &twice.map(Clone::clone)).expect_err("twice");
        assert!(error.to_string().contains("are the same"), "{error}");
    }
}
