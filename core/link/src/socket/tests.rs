//! Sockets that are served, left behind, in the way, or not there.

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_reach_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("deep/run/gateway.sock");
    let _listener = bind(&path).expect("bound");
    assert_eq!(mode(&path), 0o600);
    for made in ["deep", "deep/run"] {
        assert_eq!(mode(&directory.path().join(made)), 0o700, "{made}");
    }
}

#[test]
fn a_socket_left_behind_is_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gateway.sock");
    drop(bind(&path).expect("bound"));
    assert!(matches!(connect(&path), Err(SocketError::NotServed { .. })));
    let listener = bind(&path).expect("bound again");
    let _stream = connect(&path).expect("connected");
    listener.accept().expect("accepted");
}

#[test]
fn a_served_socket_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gateway.sock");
    let _listener = bind(&path).expect("bound");
    let refused = bind(&path).expect_err("refused");
    assert!(matches!(refused, SocketError::InUse { .. }));
    assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
    connect(&path).expect("still served");
}

#[test]
fn a_file_in_the_way_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("gateway.sock");
    fs::write(&path, "precious").expect("written");
    assert!(matches!(bind(&path), Err(SocketError::NotSocket { .. })));
    assert_eq!(fs::read_to_string(&path).expect("readable"), "precious");
}

#[test]
fn every_error_names_the_path() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("missing.sock");
    let long = directory.path().join("x".repeat(200));
    for error in [
        connect(&missing).expect_err("not there"),
        connect(&long).expect_err("too long"),
        bind(&long).expect_err("too long"),
    ] {
        assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
    }
}
