//! Deadlines armed, moved and passed, on real socket pairs.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::{fd::AsRawFd, unix::net::UnixStream},
};

use super::*;

fn pair(wheel: &Rc<Wheel>) -> (UnixStream, UnixStream, Deadline) {
    let (watched, other) = UnixStream::pair().expect("a pair");
    let deadline = wheel.watch(watched.as_raw_fd());
    (watched, other, deadline)
}

fn turns_until_passed(wheel: &Wheel, deadline: &Deadline, most: u64) -> u64 {
    (0..most)
        .find(|_| {
            deadline.has_passed() || {
                wheel.turn();
                false
            }
        })
        .unwrap_or(most)
}

#[test]
fn fires_late_by_at_most_one_tick() {
    let wheel = Rc::new(Wheel::default());
    for ms in [0, 1, 100, 150, 1_000, 75_000, 200_000] {
        let (mut watched, _other, deadline) = pair(&wheel);
        deadline.arm(ms, End::Both);
        let ticks = turns_until_passed(&wheel, &deadline, 5_000);
        assert!(
            ticks * TICK_MS >= ms && ticks <= ms.div_ceil(TICK_MS) + 1,
            "{ms} ms fired after {ticks} ticks"
        );
        assert_eq!(watched.read(&mut [0; 1]).expect("ended"), 0);
    }
}

#[test]
fn an_abort_is_no_end() {
    let wheel = Rc::new(Wheel::default());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut caller = TcpStream::connect(listener.local_addr().expect("bound")).expect("a caller");
    let (mut watched, _) = listener.accept().expect("the caller");
    watched.write_all(b"half an answer").expect("room");
    let deadline = wheel.watch(watched.as_raw_fd());
    deadline.arm(0, End::Abort);
    turns_until_passed(&wheel, &deadline, 10);
    // The socket is still open: its owner has not noticed yet.
    let error = caller.read_to_end(&mut Vec::new()).expect_err("no end");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(watched.write(b"more").is_err());
}

#[test]
fn moving_a_deadline_either_way_counts_the_last() {
    let wheel = Rc::new(Wheel::default());
    let (_watched, _other, deadline) = pair(&wheel);
    deadline.arm(60_000, End::Both);
    deadline.arm(300, End::Both);
    wheel.turn();
    deadline.arm(2_000, End::Both);
    let ticks = turns_until_passed(&wheel, &deadline, 5_000);
    assert!((20..=22).contains(&ticks), "{ticks}");
}

#[test]
fn a_cap_holds_until_it_is_lifted() {
    let wheel = Rc::new(Wheel::default());
    let (_watched, _other, deadline) = pair(&wheel);
    deadline.cap(wheel.due_in(500));
    wheel.turn();
    wheel.turn();
    deadline.arm(60_000, End::Both);
    let ticks = turns_until_passed(&wheel, &deadline, 5_000);
    assert!((3..=5).contains(&ticks), "{ticks}");
    let (_watched, _other, deadline) = pair(&wheel);
    deadline.cap(1);
    deadline.arm(60_000, End::Both);
    assert_eq!(turns_until_passed(&wheel, &deadline, 5_000), 1, "overdue already");
    let (_watched, _other, deadline) = pair(&wheel);
    deadline.cap(1);
    deadline.cap(u64::MAX);
    deadline.arm(1_000, End::Both);
    assert!(turns_until_passed(&wheel, &deadline, 5_000) >= 10);
}

#[test]
fn a_dropped_deadline_touches_nothing() {
    let wheel = Rc::new(Wheel::default());
    let (watched, mut other, deadline) = pair(&wheel);
    deadline.arm(100, End::Both);
    drop(deadline);
    (0..5).for_each(|_| wheel.turn());
    other.set_nonblocking(true).expect("a flag");
    assert_eq!(
        other.read(&mut [0; 1]).expect_err("still open").kind(),
        std::io::ErrorKind::WouldBlock
    );
    drop(watched);
}

#[test]
fn only_idle_connections_end_when_draining() {
    let wheel = Rc::new(Wheel::default());
    let (_idle_socket, _a, idle) = pair(&wheel);
    let (_busy_socket, _b, busy) = pair(&wheel);
    idle.arm_idle(75_000);
    busy.arm_idle(75_000);
    busy.arm(60_000, End::Both);
    wheel.end_idle();
    assert!(idle.has_passed() && !busy.has_passed());
}

#[test]
fn a_caller_that_leaves_ends_the_wait_for_it() {
    use std::io::Write as _;
    let wheel = Rc::new(Wheel::default());
    let (mut service, _far, deadline) = pair(&wheel);
    let (_gateway, mut caller, watched) = pair(&wheel);
    deadline.arm_for(&watched, 60_000, End::Both);
    (0..3).for_each(|_| wheel.turn());
    assert!(!deadline.has_passed(), "it is there");
    // What it has sent already is its next request.
    caller.write_all(b"GET").expect("taken");
    (0..3).for_each(|_| wheel.turn());
    assert!(!deadline.has_passed(), "it goes on asking");
    let (_gateway, caller, watched) = pair(&wheel);
    deadline.arm_for(&watched, 60_000, End::Both);
    drop(caller);
    wheel.turn();
    assert!(deadline.has_passed() && deadline.has_lost_caller());
    assert_eq!(service.read(&mut [0; 1]).expect("ended"), 0);
}

#[test]
fn a_caller_is_looked_at_only_while_it_is_waited_for() {
    let wheel = Rc::new(Wheel::default());
    let (_service, _far, deadline) = pair(&wheel);
    let (_gateway, caller, watched) = pair(&wheel);
    deadline.arm_for(&watched, 60_000, End::Both);
    deadline.arm(300, End::Both);
    drop(caller);
    assert_eq!(turns_until_passed(&wheel, &deadline, 5_000), 4, "its own time");
    assert!(!deadline.has_lost_caller());
    let (_service, _far, deadline) = pair(&wheel);
    deadline.arm_for(&watched, 200, End::Both);
    drop(watched);
    assert_eq!(
        turns_until_passed(&wheel, &deadline, 5_000),
        3,
        "a connection that is gone is not looked at"
    );
}

#[test]
fn what_is_not_taken_is_due_whatever_else_is_armed() {
    let wheel = Rc::new(Wheel::default());
    let (_watched, mut other, deadline) = pair(&wheel);
    deadline.arm_write(500);
    for _ in 0..4 {
        // The peer sends all the while.
        deadline.arm(1_000, End::Read);
        wheel.turn();
        deadline.disarm();
    }
    assert_eq!(turns_until_passed(&wheel, &deadline, 5_000), 2);
    assert_eq!(other.read(&mut [0; 1]).expect("ended"), 0);
    // The end of reading is not the end of writing.
    let (_watched, mut other, deadline) = pair(&wheel);
    deadline.arm(200, End::Read);
    deadline.arm_write(500);
    assert_eq!(turns_until_passed(&wheel, &deadline, 5_000), 3);
    other.set_nonblocking(true).expect("a flag");
    assert!(other.read(&mut [0; 1]).is_err(), "open");
    (0..3).for_each(|_| wheel.turn());
    assert_eq!(other.read(&mut [0; 1]).expect("ended"), 0);
    // What was taken in time is not due.
    let (_watched, _other, deadline) = pair(&wheel);
    deadline.arm_write(200);
    deadline.disarm_write();
    assert_eq!(turns_until_passed(&wheel, &deadline, 50), 50);
}

/// A connection leaves nothing behind, so what the wheel holds does not grow with the rate of connections.
#[test]
fn a_dropped_deadline_leaves_its_place() {
    let wheel = Rc::new(Wheel::default());
    let mut kept = Vec::new();
    for round in 0..1_000 {
        let (watched, other, deadline) = pair(&wheel);
        deadline.arm_idle(75_000);
        deadline.arm(1_000, End::Both);
        deadline.arm_write(60_000);
        if round % 100 == 0 {
            kept.push((watched, other, deadline));
        }
        if round % 7 == 0 {
            wheel.turn();
        }
    }
    let placed: usize = wheel.places.borrow().iter().map(Vec::len).sum();
    assert!(placed <= kept.len(), "{placed} places of {} connections", kept.len());
    let lasting = kept.iter().filter(|(_, _, deadline)| !deadline.has_passed()).count();
    assert!(lasting < kept.len() && placed >= lasting);
}
