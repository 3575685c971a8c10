//! Lists of CPUs, governors and the huge page switch.

use super::*;
use crate::Status;
use crate::planted::Planted;

#[test]
fn a_list_of_cpus_is_ranges_in_order() {
    let check = |text: &str, expected: Option<&[u32]>| {
        assert_eq!(parse_cpus(text).as_deref(), expected, "{text:?}");
    };
    check("0", Some(&[0]));
    check("0-3", Some(&[0, 1, 2, 3]));
    check("0-1,4,6-7", Some(&[0, 1, 4, 6, 7]));
    check("8191", Some(&[8191]));
    check("8192", None);
    check("0-4294967295", None);
    check("3-0", None);
    check("1,0", None);
    check("0,0", None);
    check("0-", None);
    check(",", None);
    check("", None);
    check("all", None);
}

#[test]
fn the_huge_page_switch_is_the_word_in_brackets() {
    let check = |text: &str, status: Status, commands: Option<(&str, &str)>| {
        let finding = check_huge_pages(&Planted::new(&[(HUGE_PAGES, text)]).root());
        assert_eq!(finding.status, status, "{text:?}");
        assert_eq!(finding.how.as_deref().zip(finding.undo.as_deref()), commands, "{text:?}");
    };
    check("always [madvise] never\n", Status::Ok, None);
    check("always madvise [never]\n", Status::Ok, None);
    check(
        "[always] madvise never\n",
        Status::Low,
        Some((
            "echo madvise | tee /sys/kernel/mm/transparent_hugepage/enabled",
            "echo always | tee /sys/kernel/mm/transparent_hugepage/enabled",
        )),
    );
    check("always madvise never\n", Status::Unknown, None);
    check("[sometimes]\n", Status::Unknown, None);
    check("[]\n", Status::Unknown, None);
}

fn governor(cpu: u32) -> String {
    format!("{CPUS}/cpu{cpu}/cpufreq/scaling_governor")
}

#[test]
fn only_the_cpus_that_fall_short_are_changed() {
    let planted = Planted::new(&[
        (&governor(0), "powersave\n"),
        (&governor(2), "schedutil\n"),
        (&governor(10), "performance\n"),
        (&format!("{CPUS}/cpu1/online"), "0\n"),
        (&format!("{CPUS}/cpuidle/current_driver"), "none\n"),
    ]);
    let finding = check_governor(&planted.root());
    assert_eq!(finding.status, Status::Low);
    assert_eq!(
        finding.current.as_deref(),
        Some("performance on 1, powersave on 1, schedutil on 1")
    );
    let (zero, two) = (governor(0), governor(2));
    assert_eq!(finding.how, Some(format!("echo performance | tee /{zero} /{two}")));
    assert_eq!(
        finding.undo,
        Some(format!("echo powersave | tee /{zero} && echo schedutil | tee /{two}"))
    );
}

#[test]
fn governors_are_judged_together() {
    let check = |first: &str, second: &str, status: Status| {
        let planted = Planted::new(&[(&governor(0), first), (&governor(1), second)]);
        assert_eq!(check_governor(&planted.root()).status, status, "{first:?}, {second:?}");
    };
    check("performance", "performance", Status::Ok);
    check("performance", "ondemand", Status::Low);
    check("performance", "", Status::Unknown);
    check("performance", "x; reboot", Status::Unknown);
    check("performance", "-n", Status::Unknown);
}

#[test]
fn a_guest_without_governors_is_unknown() {
    let planted = Planted::new(&[(CPUS_ONLINE, "0-1\n"), (&format!("{CPUS}/cpu0/online"), "1\n")]);
    let finding = check_governor(&planted.root());
    assert_eq!(finding.status, Status::Unknown);
    assert!(matches!(finding.unread, Some(ReadError::Unlisted { .. })), "{finding:?}");
}
