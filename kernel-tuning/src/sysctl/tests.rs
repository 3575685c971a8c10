//! Numbers below, at and beyond what is wanted.

use super::*;
use crate::Status;
use crate::planted::Planted;

/// Status, `current` and the two commands of one knob whose file holds `content`.
fn found(name: &str, content: &str) -> (Status, Option<String>, Option<(String, String)>) {
    let planted = Planted::new(&[(&path(name), content)]);
    let finding = check(&planted.root()).into_iter().find(|finding| finding.knob == name);
    let finding = finding.expect("the knob is checked");
    (finding.status, finding.current, finding.how.zip(finding.undo))
}

#[test]
fn a_number_is_judged_by_its_rule() {
    let check = |name: &str, content: &str, status: Status| {
        assert_eq!(found(name, content).0, status, "{name} = {content:?}");
    };
    check("net.core.somaxconn", "4095", Status::Low);
    check("net.core.somaxconn", "4096", Status::Ok);
    check("net.core.somaxconn", "65535", Status::Ok);
    check("fs.file-max", "18446744073709551615", Status::Ok);
    check("fs.nr_open", "65536", Status::Low);
    check("net.ipv4.tcp_max_syn_backlog", "2048", Status::Low);
    check("net.core.netdev_max_backlog", "1000", Status::Low);
    check("kernel.io_uring_disabled", "0", Status::Ok);
    check("kernel.io_uring_disabled", "1", Status::Low);
    check("kernel.io_uring_disabled", "2", Status::Low);
    check("net.ipv4.tcp_tw_reuse", "0", Status::Low);
    check("net.ipv4.tcp_tw_reuse", "1", Status::Ok);
    check("net.ipv4.tcp_tw_reuse", "2", Status::Low);
    check("net.core.somaxconn", "4096 4096", Status::Unknown);
    check("net.core.somaxconn", "many", Status::Unknown);
    check("net.core.somaxconn", "-4096", Status::Unknown);
}

#[test]
fn commands_set_and_restore() {
    let check = |name: &str, content: &str, current: &str, how: &str, undo: &str| {
        let expected =
            (Status::Low, Some(current.to_owned()), Some((how.to_owned(), undo.to_owned())));
        assert_eq!(found(name, content), expected);
    };
    check(
        "net.core.somaxconn",
        "128\n",
        "128",
        "sysctl -w net.core.somaxconn=4096",
        "sysctl -w net.core.somaxconn=128",
    );
    check(
        "net.ipv4.ip_local_port_range",
        "32768\t60999\n",
        "28232 (32768-60999)",
        "sysctl -w net.ipv4.ip_local_port_range=\"10240 65535\"",
        "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\"",
    );
}

#[test]
fn a_range_of_ports_is_two_numbers_in_order() {
    let check = |content: &str, status: Status| {
        assert_eq!(found("net.ipv4.ip_local_port_range", content).0, status, "{content:?}");
    };
    check("1024 65535", Status::Ok);
    check("10240\t65535", Status::Ok);
    check("15536 65535", Status::Ok);
    check("15537 65535", Status::Low);
    check("5 5", Status::Low);
    check("65535 1024", Status::Unknown);
    check("1024", Status::Unknown);
    check("1024 65536", Status::Unknown);
    check("1024 2048 4096", Status::Unknown);
}
