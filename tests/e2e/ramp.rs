//! `halftone bench ramp`, with fewer users than it is made for.

use serde_json::Value;

use crate::stack::halftone;

const USERS: u32 = 2_000;

/// Up to everybody, with two versions and with three, and across an edit: whoever is in stays in.
#[test]
fn a_ramp_throws_nobody_out() {
    let mut command = halftone(&["bench", "ramp", "--json", "--users", &USERS.to_string()]);
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = report["steps"].as_array().expect("steps");
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    let two = ["1 %", "5 %", "25 %", "25 %, edited", "50 %", "100 %"];
    let three = ["1 %", "5 %", "25 %", "50 %", "100 %"];
    assert_eq!(names, [two.as_slice(), three.as_slice()].concat());
    for step in steps {
        assert_eq!(step["thrown_out"], 0, "{step}");
        let number = |name: &str| step[name].as_f64().expect("a number");
        // Beyond five standard deviations it is no hash of the users.
        assert!(number("off_points") <= 5.0 * number("chance_points") + 1e-9, "{step}");
    }
    assert_eq!(steps[10]["got_percent"].as_array().map(Vec::len), Some(2), "{}", steps[10]);
}
