//! The whole check over planted machines, and over the machine the test runs on.

use super::*;
use crate::planted::Planted;

const KNOBS: [&str; 13] = [
    "kernel.osrelease",
    "RLIMIT_NOFILE",
    "kernel.io_uring_disabled",
    "fs.nr_open",
    "fs.file-max",
    "net.core.somaxconn",
    "net.ipv4.tcp_max_syn_backlog",
    "net.core.netdev_max_backlog",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.ip_local_port_range",
    "transparent_hugepage",
    "scaling_governor",
    "irqbalance",
];

/// Files of a machine as a distributor leaves it.
const USUAL: [(&str, &str); 17] = [
    ("proc/sys/kernel/osrelease", "5.15.0-91-generic\n"),
    ("proc/self/limits", "Limit Soft Hard Units\nMax open files 1024 524288 files\n"),
    ("proc/sys/kernel/io_uring_disabled", "2\n"),
    ("proc/sys/fs/nr_open", "1048576\n"),
    ("proc/sys/fs/file-max", "9223372036854775807\n"),
    ("proc/sys/net/core/somaxconn", "128\n"),
    ("proc/sys/net/ipv4/tcp_max_syn_backlog", "1024\n"),
    ("proc/sys/net/core/netdev_max_backlog", "1000\n"),
    ("proc/sys/net/ipv4/tcp_tw_reuse", "2\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
    ("sys/devices/system/cpu/online", "0-1\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
    ("sys/class/net/eth0/device/vendor", "0x1af4\n"),
    ("sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n"),
    ("proc/2/comm", "kthreadd\n"),
    ("proc/700/comm", "irqbalance\n"),
];

fn knobs(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.knob.as_str()).collect()
}

fn assert_invariants(findings: &[Finding]) {
    for finding in findings {
        let unknown = finding.status == Status::Unknown;
        assert_eq!(finding.current.is_none(), unknown, "{finding:?}");
        assert_eq!(finding.unread.is_some(), unknown, "{finding:?}");
        assert_eq!(finding.how.is_some(), finding.undo.is_some(), "{finding:?}");
        assert!(finding.how.is_none() || finding.status == Status::Low, "{finding:?}");
        assert!(finding.reason.ends_with('.'), "{finding:?}");
    }
}

#[test]
fn an_empty_root_is_unknown_knob_by_knob() {
    let planted = Planted::new(&[]);
    let findings = check(&planted.root());
    assert_invariants(&findings);
    assert_eq!(knobs(&findings), [&KNOBS[..], &["rps_cpus"]].concat());
    for finding in &findings {
        assert_eq!(finding.status, Status::Unknown, "{finding:?}");
    }
}

#[test]
fn a_usual_machine_has_every_shortcoming_named() {
    let planted = Planted::new(&USUAL);
    let findings = check(&planted.root());
    assert_invariants(&findings);
    assert_eq!(knobs(&findings), [&KNOBS[..], &["rps_cpus eth0"]].concat());
    let ok: Vec<&Finding> =
        findings.iter().filter(|finding| finding.status == Status::Ok).collect();
    assert_eq!(
        ok.iter().map(|finding| finding.knob.as_str()).collect::<Vec<_>>(),
        ["fs.nr_open", "fs.file-max"]
    );
    assert!(!findings.iter().any(|finding| finding.status == Status::Unknown), "{findings:?}");
}

#[test]
fn odd_content_is_unknown_and_reaches_no_command() {
    let odd: [&[u8]; 8] = [
        b"",
        b"\n\n",
        b"-1",
        b"$(reboot)",
        b"\xff\xfe\x00",
        b"99999999999999999999999999",
        b"[",
        b"Max open files",
    ];
    for content in odd {
        let planted = Planted::new(&[("sys/class/net/eth0/device/vendor", "")]);
        for (path, _) in USUAL {
            planted.plant(path, content);
        }
        let findings = check(&planted.root());
        assert_invariants(&findings);
        for finding in &findings {
            assert_eq!(finding.status, Status::Unknown, "{content:?}: {finding:?}");
        }
    }
}

#[test]
fn this_machine_is_read_without_a_panic() {
    let findings = check(&Root::default());
    assert_invariants(&findings);
    assert!(findings.len() > KNOBS.len(), "{findings:?}");
}
