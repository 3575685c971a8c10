//! The parts of the replay bench that need no process.

use super::*;

#[test]
fn a_line_is_json_with_what_its_decisions_read() {
    let lines: Vec<Value> =
        (0..2_000).map(|number| serde_json::from_str(&line(number, 500)).expect("JSON")).collect();
    let users: std::collections::BTreeSet<String> =
        lines.iter().map(|line| line["values"]["header x-user-id"].to_string()).collect();
    assert_eq!(users.len(), 500);
    for line in &lines {
        assert_eq!(line["values"].as_object().map(serde_json::Map::len), Some(4), "{line}");
        assert_eq!(line["route"], line["release"], "{line}");
    }
    assert_eq!(lines[0], serde_json::from_str::<Value>(&line(0, 500)).expect("JSON"));
}

#[test]
fn the_high_water_mark_is_read() {
    let status = "Name:\thalftone\nVmPeak:\t   20 kB\nVmHWM:\t   12 kB\nVmRSS:\t    8 kB\n";
    for (text, expected) in [(status, 12 * 1024), ("VmHWM:\tmuch kB\n", 0), ("", 0)] {
        assert_eq!(high_water_bytes(text), expected, "{text}");
    }
    let own = fs::read_to_string("/proc/self/status").expect("a process");
    assert!(high_water_bytes(&own) > 0);
}
