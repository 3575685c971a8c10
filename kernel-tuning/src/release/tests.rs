//! Releases as kernels and distributors write them.

use super::*;
use crate::Status;
use crate::planted::Planted;

#[test]
fn the_two_leading_numbers_count() {
    let check = |text: &str, expected: Option<(u32, u32)>| {
        let found = Release::parse(text).ok().map(|release| (release.major, release.minor));
        assert_eq!(found, expected, "{text:?}");
    };
    check("6.18.44-fc", Some((6, 18)));
    check("6.18", Some((6, 18)));
    check("5.10.0-60.18.0.50.oe2203.aarch64", Some((5, 10)));
    check("4.19.90-52.22.v2207.ky10.x86_64", Some((4, 19)));
    check("5.15-rc1", Some((5, 15)));
    check("5.15+", Some((5, 15)));
    check("6.1.", Some((6, 1)));
    check("", None);
    check("6", None);
    check("6.", None);
    check(".6", None);
    check("6.x", None);
    check("+6.1", None);
    check("6.+1", None);
    check("-6.1", None);
    check(" 6.1", None);
    check("6.99999999999", None);
    check("Linux 6.1", None);
}

#[test]
fn an_error_names_the_text() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Release::parse(text).expect_err("no release").to_string(), expected);
    };
    check("six", "kernel release \"six\" is not of the form MAJOR.MINOR…");
    check("6.x", "kernel release \"6.x\" has a part that is no number");
}

#[test]
fn features_follow_the_release() {
    let check = |text: &str, expected: [bool; 4]| {
        let release = Release::parse(text).expect("a release");
        let found = [
            release.io_uring(),
            release.coop_taskrun(),
            release.single_issuer(),
            release.defer_taskrun(),
        ];
        assert_eq!(found, expected, "{text}: io_uring, coop_taskrun, single_issuer, defer_taskrun");
    };
    check("4.19", [false, false, false, false]);
    check("5.9", [false, false, false, false]);
    check("5.10", [true, false, false, false]);
    check("5.18", [true, false, false, false]);
    check("5.19", [true, true, false, false]);
    check("6.0", [true, true, true, false]);
    check("6.1", [true, true, true, true]);
    check("6.18.44-fc", [true, true, true, true]);
    check("10.0", [true, true, true, true]);
}

#[test]
fn an_old_kernel_is_low_and_no_command_mends_it() {
    let check_one = |text: &str, status: Status| {
        let planted = Planted::new(&[("proc/sys/kernel/osrelease", text)]);
        let finding = check(&planted.root());
        assert_eq!((finding.status, finding.how), (status, None), "{text}");
    };
    check_one("6.1.0-13-amd64\n", Status::Ok);
    check_one("6.0.0\n", Status::Low);
    check_one("4.19.90-ky10\n", Status::Low);
    check_one("unknown\n", Status::Unknown);
}
