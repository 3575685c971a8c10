//! Tests of the `/proc` parsers and the meter.

use super::*;

#[test]
fn stat_is_parsed() {
    fn check(text: &str, expected: Option<Stat>) {
        assert_eq!(parse_stat(text), expected, "{text:?}");
    }
    let plain = "42 (nginx) S 7 42 42 0 -1 4194560 100 0 3 0 1234 5678 0 0 20 0 1 0 99 100 200";
    check(plain, Some(Stat { parent: 7, user_ticks: 1234, system_ticks: 5678 }));
    let hostile = "42 (a) S (b) ) R 7 42 42 0 -1 4194560 100 0 3 0 12 56 0 0 20 0 1 0 99 100 200";
    check(hostile, Some(Stat { parent: 7, user_ticks: 12, system_ticks: 56 }));
    check("42 (nginx) S 7 42", None);
    check("", None);
}

#[test]
fn schedstat_is_parsed() {
    fn check(text: &str, expected: Option<(u64, u64)>) {
        assert_eq!(parse_schedstat(text), expected, "{text:?}");
    }
    check("123456789 1 2\n", Some((123_456_789, 1)));
    check("123 1", None);
    check("x 1 2", None);
    check("1 x 2", None);
    check("", None);
}

#[test]
fn statm_is_parsed() {
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_statm(text), expected, "{text:?}");
    }
    check("500 250 100 1 0 90 0\n", Some(250));
    check("500", None);
}

#[test]
fn trees_are_followed_in_any_order() {
    fn check(root: u32, parents: &[(u32, u32)], expected: &[u32]) {
        let mut tree = descendants(root, parents);
        tree.sort_unstable();
        assert_eq!(tree, expected);
    }
    check(10, &[], &[10]);
    check(10, &[(12, 11), (11, 10), (13, 1), (14, 10)], &[10, 11, 12, 14]);
}

#[test]
fn own_cpu_time_grows() {
    let meter = CpuMeter::attach(&[std::process::id()]).unwrap();
    let before = meter.read().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let used = meter.read().unwrap().since(&before);
        if used.total_ns > 0 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "no CPU time seen: {used:?}");
    }
    assert!(CpuMeter::attach_current_thread().unwrap().read().unwrap().total_ns > 0);
    assert!(resident_bytes(&[std::process::id()]).unwrap() > 0);
    assert!(process_tree(std::process::id()).unwrap().contains(&std::process::id()));
}

#[test]
fn user_share_is_of_ticks() {
    let time = CpuTime { total_ns: 1, waited_ns: 0, user_ticks: 1, system_ticks: 3 };
    assert!((time.user_share() - 0.25).abs() < 1e-9);
    assert!(CpuTime::default().user_share().abs() < 1e-9);
}

#[test]
fn a_thread_that_ends_counts_with_what_it_had_used() {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || ended.recv());
    let meter = CpuMeter::attach(&[std::process::id()]).unwrap();
    let before = meter.read().unwrap();
    end.send(()).unwrap();
    thread.join().unwrap().unwrap();
    assert!(meter.read().unwrap().total_ns >= before.total_ns);
}
