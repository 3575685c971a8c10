//! Instructions of the pure parts, counted by valgrind and compared with `instructions.golden`.
//!
//! Owns the counting and the tolerance. Runs itself under callgrind, one case at a time: only what
//! happens inside the case is collected, after it has run once (decision 0007). `UPDATE_GOLDEN=1`
//! writes the counts anew.

mod cases;

use std::{collections::BTreeMap, env, fs, process::Command};

use cases::{CASES, Inputs};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.golden");
/// How far a count may be from the golden one, percent: compilers and C libraries differ by less.
const TOLERANCE_PERCENT: f64 = 3.0;
/// What a run under callgrind is given: the case to run.
const CASE: &str = "--case";
/// The function whose instructions are collected.
const COUNTED: &str = "*instructions::counted*";

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CASE) {
        return run_once(&arguments[at + 1]);
    }
    let counts: BTreeMap<&str, u64> =
        CASES.iter().map(|(name, _)| (*name, count(name, &arguments[0]))).collect();
    let text: String = counts.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(GOLDEN, text).expect("the golden file can be written");
        return;
    }
    let golden = fs::read_to_string(GOLDEN).expect("the golden file is there");
    let golden: BTreeMap<&str, u64> = golden.lines().filter_map(parse_line).collect();
    let mut failed = counts.len() != golden.len();
    for (name, count) in &counts {
        let before = golden.get(name).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let change = 100.0 * (*count as f64 - before as f64) / before.max(1) as f64;
        let off = change.abs() > TOLERANCE_PERCENT;
        failed |= off;
        let verdict = if off { "  OFF: explain it, and run with UPDATE_GOLDEN=1" } else { "" };
        println!("{name:<14}{count:>12} instructions, {change:+.2} % of {before}{verdict}");
    }
    assert!(!failed, "instruction counts differ from {GOLDEN} by more than {TOLERANCE_PERCENT} %");
}

/// Runs a case twice: what is set up once, such as the choice of vector instructions, is not counted.
fn run_once(name: &str) {
    let inputs = Inputs::new();
    let (_, case) = CASES.iter().find(|(own, _)| *own == name).expect("a known case");
    case(&inputs);
    counted(*case, &inputs);
}

/// Is what callgrind collects.
#[inline(never)]
fn counted(case: fn(&Inputs), inputs: &Inputs) {
    case(std::hint::black_box(inputs));
}

/// Counts the instructions of a case.
fn count(name: &str, own: &str) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect={COUNTED}")).arg(own).args([CASE, name]);
    let output = valgrind.output().expect("valgrind is installed (tests/setup.sh instructions)");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count.filter(|count| *count > 0).unwrap_or_else(|| panic!("nothing was collected: {text}"))
}

fn parse_line(line: &str) -> Option<(&str, u64)> {
    let (name, count) = line.split_once(' ')?;
    Some((name, count.parse().ok()?))
}
