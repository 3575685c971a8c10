//! What is remembered: the very answers, within the bound.

use super::{Counts, DEVICES_MAX, Devices};
use crate::{
    limits::{DEVICE_AGENT_BYTES_MAX, DEVICE_HINT_BYTES_MAX},
    signal::device::{Client, Device, DeviceProperty, DeviceReader as _},
};

fn client<'a>(agent: &'a str, model: &'a str) -> Client<'a> {
    Client::new([agent.as_bytes(), b"", b"", b"", b"", model.as_bytes()])
}

#[test]
fn an_answer_is_that_of_recognition() {
    let devices = Devices::new(7);
    let agents = ["App (Android 14; Pixel 8)", "curl/8.5.0", "x", ""];
    for _ in 0..3 {
        for agent in agents {
            for model in ["", "\"SM-X910\"", "nonsense"] {
                let client = client(agent, model);
                assert_eq!(devices.find(&client), Device::recognise(&client));
            }
        }
    }
    // Who says nothing is not looked up: the last agent without a model.
    assert_eq!(devices.counts(), Counts { cached: 22, recognised: 11 });
}

#[test]
fn fields_are_not_taken_for_one_another() {
    let devices = Devices::new(7);
    let one = Client::new([b"App (Android", b" 14)", b"", b"", b"", b""]);
    let other = Client::new([b"App (Android 14)", b"", b"", b"", b"", b""]);
    assert_ne!(devices.find(&one), devices.find(&other));
    assert_eq!(devices.find(&one), Device::recognise(&one));
}

#[test]
fn a_flood_takes_no_more_than_its_bound_and_changes_no_answer() {
    let devices = Devices::new(7);
    let steady = client("App (Android 14; Pixel 8)", "");
    let expected = Device::recognise(&steady);
    for at in 0..4 * DEVICES_MAX {
        let agent = format!("{at} {}", "x".repeat(2 * DEVICE_AGENT_BYTES_MAX));
        let hint = "y".repeat(DEVICE_HINT_BYTES_MAX);
        assert!(devices.find(&client(&agent, &hint)).is_some());
        assert_eq!(devices.find(&steady), expected);
    }
    let entries = devices.entries.borrow();
    assert_eq!(entries.len(), DEVICES_MAX);
    let bytes: usize = entries.iter().map(|entry| entry.bytes.capacity()).sum();
    let bound = DEVICES_MAX * (DEVICE_AGENT_BYTES_MAX + 5 * DEVICE_HINT_BYTES_MAX);
    assert!(bytes <= bound, "{bytes} bytes");
    // Who is met again and again outlives those who never come back.
    let counts = devices.counts();
    assert!(counts.cached > 4 * DEVICES_MAX as u64 - 10, "{counts:?}");
}

#[test]
fn nobody_asks_and_nothing_is_taken() {
    let devices = Devices::new(7);
    let reader = devices.reader();
    assert_eq!(devices.entries.borrow().capacity(), 0);
    // The fields are asked for once.
    let asked = std::cell::Cell::new(0);
    let fields = || {
        asked.set(asked.get() + 1);
        client("curl/8.5.0", "")
    };
    for _ in 0..3 {
        let device = reader.device(&fields).expect("a device");
        assert_eq!(device.get(DeviceProperty::Browser), Some("curl"));
    }
    assert_eq!((asked.get(), devices.counts().recognised), (1, 1));
}
