//! Masks of CPUs, and devices with few and many queues.

use super::*;
use crate::Status;
use crate::planted::Planted;

#[test]
fn a_mask_is_words_of_32_cpus() {
    let check = |text: &str, expected: Option<&[u32]>| {
        assert_eq!(parse_mask(text).as_deref(), expected, "{text:?}");
    };
    check("0", Some(&[]));
    check("3", Some(&[0, 1]));
    check("00000000,00000005", Some(&[0, 2]));
    check("00000001,80000000", Some(&[31, 32]));
    check("", None);
    check(",1", None);
    check("g", None);
    check("+1", None);
    check("0x1", None);
    check("100000000", None);
}

#[test]
fn a_mask_written_is_read_back() {
    let check = |cpus: &[u32], expected: &str| {
        assert_eq!(format_mask(cpus), expected, "{cpus:?}");
        assert_eq!(parse_mask(expected).as_deref(), Some(cpus));
    };
    check(&[], "00000000");
    check(&[0, 1], "00000003");
    check(&[31, 32, 95], "80000000,00000001,80000000");
}

/// Status and `current` of a device on a machine with these CPUs online and these masks.
fn found(online: &str, masks: &[&str]) -> (Status, Option<String>) {
    let planted = Planted::new(&[
        ("sys/devices/system/cpu/online", online),
        ("sys/class/net/eth0/device/vendor", "0x1af4"),
        ("sys/class/net/eth0/queues/tx-0/xps_cpus", "0"),
        ("sys/class/net/lo/queues/rx-0/rps_cpus", "0"),
    ]);
    for (number, mask) in masks.iter().enumerate() {
        planted.plant(&format!("sys/class/net/eth0/queues/rx-{number}/rps_cpus"), mask.as_bytes());
    }
    let mut findings = check_receive_steering(&planted.root());
    assert_eq!(findings.len(), 1, "loopback has no driver: {findings:?}");
    let finding = findings.remove(0);
    assert_eq!(finding.knob, "rps_cpus eth0");
    (finding.status, finding.current)
}

#[test]
fn every_cpu_is_reached_by_queues_or_by_steering() {
    let check = |online: &str, masks: &[&str], status: Status, current: Option<&str>| {
        assert_eq!(
            found(online, masks),
            (status, current.map(str::to_owned)),
            "{online} {masks:?}"
        );
    };
    check("0", &["0"], Status::Ok, Some("1 by queues, 0 by steering"));
    check("0-1", &["0"], Status::Low, Some("1 by queues, 0 by steering"));
    check("0-1", &["1"], Status::Low, Some("1 by queues, 1 by steering"));
    check("0-1", &["3"], Status::Ok, Some("1 by queues, 2 by steering"));
    check("0-1", &["0", "0"], Status::Ok, Some("2 by queues, 0 by steering"));
    check("0-3", &["3", "c"], Status::Ok, Some("2 by queues, 4 by steering"));
    check("0-3", &["3", "6"], Status::Low, Some("2 by queues, 3 by steering"));
    check("0-1", &["3", "mask"], Status::Unknown, None);
    check("0-1", &[], Status::Unknown, None);
    check("both", &["3"], Status::Unknown, None);
}

#[test]
fn commands_set_every_queue_and_restore_each() {
    let planted = Planted::new(&[
        ("sys/devices/system/cpu/online", "0-3"),
        ("sys/class/net/eth0/device/vendor", "0x1af4"),
        ("sys/class/net/eth0/queues/rx-0/rps_cpus", "1"),
        ("sys/class/net/eth0/queues/rx-1/rps_cpus", "0"),
    ]);
    let finding = check_receive_steering(&planted.root()).remove(0);
    let (zero, one) =
        ("/sys/class/net/eth0/queues/rx-0/rps_cpus", "/sys/class/net/eth0/queues/rx-1/rps_cpus");
    assert_eq!(finding.how, Some(format!("echo 0000000f | tee {zero} {one}")));
    assert_eq!(finding.undo, Some(format!("echo 1 | tee {zero} && echo 0 | tee {one}")));
}

#[test]
fn a_device_whose_name_is_no_plain_word_is_left_out() {
    let planted = Planted::new(&[
        ("sys/devices/system/cpu/online", "0-1"),
        ("sys/class/net/x;reboot/device/vendor", "0x1af4"),
        ("sys/class/net/x;reboot/queues/rx-0/rps_cpus", "0"),
    ]);
    let findings = check_receive_steering(&planted.root());
    assert_eq!(findings.len(), 1);
    assert!(matches!(findings[0].unread, Some(ReadError::Unlisted { .. })), "{findings:?}");
}
