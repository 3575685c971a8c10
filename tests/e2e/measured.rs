//! Measurements of `halftone bench`, shorter than they are made for: what they promise beside figures, which nobody asserts.

use serde_json::Value;

use crate::stack::halftone;

/// Runs a measurement; returns its report, and its exit code.
fn bench(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = halftone(&["bench"]).args(arguments).arg("--json").output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    (report, output.status.code())
}

/// Nobody waits for the delay, nobody fails, and who is known stays known without a control plane.
#[test]
fn tags_that_are_far_away_or_gone_cost_defaults_and_no_request() {
    let short = ["--seconds", "2", "--load", "100", "--cold", "40", "--connections", "4"];
    let (report, code) = bench(&[&["tags", "--delay-ms", "100"][..], &short].concat());
    assert_eq!(code, Some(0), "{report:#}");
    let phases = report["phases"].as_array().expect("phases");
    let names: Vec<&str> = phases.iter().filter_map(|phase| phase["phase"].as_str()).collect();
    assert_eq!(names, ["near", "far", "killed"]);
    for (phase, users) in phases.iter().flat_map(|phase| [(phase, "known"), (phase, "cold")]) {
        let met = &phase[users];
        assert_eq!(met["failed"], 0, "{phase}");
        let count = |name: &str| met[name].as_u64().expect("a count");
        let (answered, defaults) = (count("answered"), count("defaults"));
        assert!(answered > 0, "{phase}");
        match (phase["phase"].as_str(), users) {
            // A worker that has not met a user before asks for itself.
            (_, "known") => assert!(defaults * 2 < answered, "{phase}"),
            (Some("near"), _) => assert!(defaults < answered, "{phase}"),
            // The answer takes longer than anybody waits for it.
            _ => assert_eq!(defaults, answered, "{phase}"),
        }
    }
}

/// A database is replaced under load, and nobody fails.
#[test]
fn a_database_is_replaced_under_load() {
    let short = ["--networks", "2000", "--lookups", "1000", "--load", "100", "--seconds", "1"];
    let (report, code) = bench(&[&["geo"][..], &short].concat());
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["found"], 1000, "{report:#}");
    assert_eq!(report["accept"]["difference"]["changed"], 20, "{report:#}");
    let loads = report["swap"]["loads"].as_array().expect("loads");
    let names: Vec<&Value> = loads.iter().map(|load| &load[0]).collect();
    assert_eq!(names, ["before", "during", "after"]);
    for load in loads {
        assert_eq!(load[1]["failed"], 0, "{load}");
        assert!(load[1]["answered"].as_u64() > Some(0), "{load}");
    }
}

/// Both gateways answer everything, and their CPU time is told; a busy machine may refuse what was not saturated.
#[test]
fn a_shadow_is_measured_beside_none() {
    let short = ["--rounds", "1", "--seconds", "1", "--rate", "300", "--connections", "4"];
    let (report, _) = bench(&[&["shadow", "--disturbed-max", "1000"][..], &short].concat());
    for phase in ["saturated", "fixed_rate"] {
        assert_eq!(report[phase]["failed"], 0, "{report:#}");
    }
    for figure in ["with_us", "without_us"] {
        assert!(report["fixed_rate"][figure].as_f64() > Some(0.0), "{report:#}");
    }
}

/// Every line of the log that is written for it says enough to be decided again.
#[test]
fn a_log_is_replayed() {
    let (report, code) = bench(&["replay", "--lines", "3000", "--users", "1000"]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!((&report["requests"], &report["lacking"]), (&3000.into(), &0.into()), "{report:#}");
    let moved = report["moved"].as_u64().expect("a count");
    // One percent of most users, give or take what chance does.
    assert!((1..300).contains(&moved), "{report:#}");
    assert!(report["peak_bytes"].as_u64() > Some(0), "{report:#}");
}
