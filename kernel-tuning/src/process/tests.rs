//! Limits as `/proc/self/limits` writes them, and process tables with and without irqbalance.

use super::*;
use crate::Status;
use crate::planted::Planted;

/// What stands above the line of interest.
const HEAD: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
";

#[test]
fn the_soft_limit_is_judged_and_the_hard_one_never_lowered() {
    let check = |line: &str, status: Status, commands: Option<(&str, &str)>| {
        let planted = Planted::new(&[(LIMITS, &format!("{HEAD}{line}\n"))]);
        let finding = check_descriptors(&planted.root());
        assert_eq!(finding.status, status, "{line}");
        assert_eq!(finding.how.as_deref().zip(finding.undo.as_deref()), commands, "{line}");
    };
    check(
        "Max open files            20000                20000                files     ",
        Status::Low,
        Some(("prlimit --pid $$ --nofile=131072:131072", "prlimit --pid $$ --nofile=20000:20000")),
    );
    check(
        "Max open files            1024                 524288               files     ",
        Status::Low,
        Some(("prlimit --pid $$ --nofile=131072:524288", "prlimit --pid $$ --nofile=1024:524288")),
    );
    check(
        "Max open files 1024 unlimited files",
        Status::Low,
        Some((
            "prlimit --pid $$ --nofile=131072:unlimited",
            "prlimit --pid $$ --nofile=1024:unlimited",
        )),
    );
    check("Max open files 131072 131072 files", Status::Ok, None);
    check("Max open files unlimited unlimited files", Status::Ok, None);
    check("Max open files", Status::Unknown, None);
    check("Max open files 1024", Status::Unknown, None);
    check("Max open files some 1024 files", Status::Unknown, None);
    check("Max processes 96365 96365 processes", Status::Unknown, None);
}

#[test]
fn irqbalance_not_seen_is_absent_only_where_the_whole_host_is_visible() {
    let check = |files: &[(&str, &str)], status: Status, current: Option<&str>| {
        let finding = check_irqbalance(&Planted::new(files).root());
        assert_eq!((finding.status, finding.current.as_deref()), (status, current), "{files:?}");
    };
    let host = ("proc/2/comm", "kthreadd\n");
    let shell = ("proc/900/comm", "sh\n");
    let balancer = ("proc/812/comm", "irqbalance\n");
    check(&[host, shell, balancer], Status::Low, Some("running as process 812"));
    check(&[shell, balancer], Status::Low, Some("running as process 812"));
    check(&[host, shell], Status::Ok, Some("not running"));
    check(&[("proc/2/comm", "sh\n"), shell], Status::Unknown, None);
    check(&[host, ("proc/irqbalance/comm", "irqbalance\n")], Status::Ok, Some("not running"));
    check(&[], Status::Unknown, None);
}
