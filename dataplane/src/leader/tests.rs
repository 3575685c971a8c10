//! Who is let in, before and after restarts.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn plane(id: u64) -> ControlPlane {
    ControlPlane { id, takes_over: false }
}

#[test]
fn the_first_one_leads_until_another_is_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let leadership = Leadership::open(folder.path()).expect("a folder");
    assert!(leadership.check(7).is_err(), "nobody does");
    assert_eq!((leadership.lead(plane(7)), leadership.lead(plane(7))), (Ok(()), Ok(())));
    let refused = leadership.lead(plane(8)).expect_err("another").to_string();
    for part in ["0000000000000007", "0000000000000008", "--take-over"] {
        assert!(refused.contains(part), "{refused}");
    }
    leadership.note_push();
    let leadership = Leadership::open(folder.path()).expect("a folder");
    assert!(
        leadership.lead(plane(8)).is_err() && leadership.check(7).is_ok(),
        "also over a restart"
    );
    assert_eq!(leadership.lead(ControlPlane { id: 8, takes_over: true }), Ok(()));
    assert!(
        leadership.check(7).is_err() && leadership.lead(plane(7)).is_err(),
        "the last one told does"
    );
}

#[test]
fn what_was_pushed_is_nobodys_to_replace() {
    let folder = tempfile::tempdir().expect("a folder");
    Leadership::open(folder.path()).expect("a folder").note_push();
    let leadership = Leadership::open(folder.path()).expect("a folder");
    let refused = leadership.lead(plane(7)).expect_err("pushed").to_string();
    assert!(refused.contains("pushed"), "{refused}");
    assert_eq!(leadership.lead(ControlPlane { id: 7, takes_over: true }), Ok(()));
}

#[test]
fn a_damaged_file_lets_nobody_in_unasked() {
    for text in [&b""[..], b"7", b"\xff", b"000000000000000g", b"00000000000000071"] {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Leadership::open(folder.path()).expect("a folder"));
        fs::write(folder.path().join("last-good/leader"), text).expect("written");
        let leadership = Leadership::open(folder.path()).expect("a folder");
        assert!(leadership.lead(plane(7)).is_err(), "{text:?}");
        assert_eq!(leadership.lead(ControlPlane { id: 7, takes_over: true }), Ok(()));
    }
}

/// Whoever takes over waits for what the one before is about, and finds it done.
#[test]
fn nobody_takes_over_in_the_midst_of_a_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let leadership = Leadership::open(folder.path()).expect("a folder");
    leadership.lead(plane(7)).expect("the first");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let leading = leadership.leading(7).expect("it leads");
        let next = scope.spawn(|| {
            leadership.lead(ControlPlane { id: 8, takes_over: true }).expect("told to");
            is_done.load(Ordering::Relaxed)
        });
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        assert!(!next.is_finished());
        is_done.store(true, Ordering::Relaxed);
        drop(leading);
        assert!(next.join().expect("no panic"), "it was done before");
    });
    assert!(leadership.leading(7).is_err() && leadership.leading(8).is_ok());
}
