//! What is no regular file is refused without waiting for it.

use std::os::unix::net::UnixListener;

use halftone_core::limits::BUNDLE_BYTES_MAX;
use rustix::fs::{CWD, FileType as Kind, mknodat};

use super::*;

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let (pipe, socket) = (directory.path().join("pipe.yaml"), directory.path().join("s.yaml"));
    mknodat(CWD, &pipe, Kind::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
    let _listener = UnixListener::bind(&socket).expect("bound");
    for (path, expected) in [
        (pipe.as_path(), "a pipe"),
        (&socket, "a socket"),
        (directory.path(), "a folder"),
        (Path::new("/dev/zero"), "a device"),
    ] {
        let seen = Fingerprint::take(path).expect("there");
        let error = read(path, &seen, BUNDLE_BYTES_MAX).expect_err("refused").to_string();
        assert_eq!(error, format!("expected a regular file, found {expected}"));
    }
}
