//! Tests of options, figures and the errors of a run that cannot start.

use clap::Parser as _;

use std::path::PathBuf;

use super::measure::{Cost, measurement};
use super::*;
use crate::contender::Entrant;
use crate::generator::Outcome;
use crate::process::CpuTime;

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    options: CompareOptions,
}

fn parse(arguments: &[&str]) -> Result<CompareOptions, clap::Error> {
    Command::try_parse_from([&["compare"], arguments].concat()).map(|command| command.options)
}

#[test]
fn options_have_the_documented_defaults() {
    let options = parse(&[]).unwrap();
    assert_eq!(
        (options.subject, options.peers.as_slice()),
        (Entrant::Halftone, [Entrant::Nginx].as_slice())
    );
    assert_eq!(
        (options.rounds, options.seconds, options.connections, options.rate),
        (5, 5, 64, 25_000)
    );
    assert_eq!(
        (options.engine.as_str(), options.access_log, options.json),
        ("auto", Switch::On, false)
    );
    assert_eq!((options.workload.as_slice(), options.idle), ([Workload::Plain].as_slice(), None));
    let options = parse(&["--peers", "nginx,direct", "--access-log", "off", "--json"]).unwrap();
    assert_eq!(options.peers, [Entrant::Nginx, Entrant::Direct]);
    assert_eq!((options.access_log, options.json), (Switch::Off, true));
}

#[test]
fn options_out_of_bounds_are_refused() {
    for arguments in [
        ["--rounds", "0"],
        ["--seconds", "0"],
        ["--rate", "0"],
        ["--connections", "0"],
        ["--peers", "x"],
        ["--workload", "x"],
        ["--idle", "0"],
    ] {
        assert!(parse(&arguments).is_err(), "{arguments:?}");
    }
}

#[test]
fn figures_follow_from_counts_and_times() {
    let mut latencies = hdrhistogram::Histogram::new(3).unwrap();
    latencies.record(100_000).unwrap();
    let outcome = Outcome {
        measured: Duration::from_secs(2),
        completed: 100_000,
        scheduled: None,
        latencies,
        errors: crate::generator::ErrorCounts::default(),
        bodies: Vec::new(),
        generator_idle: Duration::from_millis(500),
    };
    let used = CpuTime {
        total_ns: 1_000_000_000,
        waited_ns: 20_000_000,
        user_ticks: 25,
        system_ticks: 75,
    };
    let generator = CpuTime { waited_ns: 40_000_000, ..CpuTime::default() };
    let cost = Cost { contender: Some(used), generator, rss_bytes: Some(3 << 20) };
    let figures = measurement(&outcome, cost).figures;
    fn check(actual: Option<f64>, expected: f64) {
        assert!(
            actual.is_some_and(|actual| (actual - expected).abs() < expected / 1000.0),
            "{actual:?} {expected}"
        );
    }
    check(Some(figures.requests_per_second), 50_000.0);
    check(figures.busy_percent, 50.0);
    check(figures.idle_percent, 49.0);
    check(figures.cpu_us_per_request, 10.0);
    check(figures.cpu_user_us_per_request, 2.5);
    check(figures.cpu_system_us_per_request, 7.5);
    check(Some(figures.latency_p99_us), 100.0);
    check(figures.rss_mib, 3.0);
    check(Some(figures.generator_busy_percent), 75.0);
    check(Some(figures.disturbed_percent), 3.0);
    let no_process = Cost { contender: None, rss_bytes: None, ..cost };
    assert_eq!(measurement(&outcome, no_process).figures.cpu_us_per_request, None);
}

#[test]
fn a_gateway_that_ends_is_shown_with_its_output() {
    let mut options = parse(&[]).unwrap();
    // It has no option `--listen`, says so, and ends.
    options.halftone = Some(PathBuf::from("ls"));
    let error = run(&options, &mut Vec::new()).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("halftone-gateway has ended") && text.contains("option"), "{text}");
}

#[test]
fn a_gateway_that_is_missing_is_named() {
    let mut options = parse(&[]).unwrap();
    options.halftone = Some(PathBuf::from("no-such-halftone"));
    let text = format!("{:#}", run(&options, &mut Vec::new()).unwrap_err());
    assert!(
        text.contains("starting halftone-gateway") && text.contains("no-such-halftone"),
        "{text}"
    );
}

#[test]
fn a_whole_run_against_the_backend_itself() {
    let mut options =
        parse(&["--subject", "direct", "--peers", "direct", "--rounds", "1"]).unwrap();
    options.rate = 100;
    options.json = true;
    let mut output = Vec::new();
    let lengths =
        Lengths { warm_up: Duration::from_millis(20), measured: Duration::from_millis(200) };
    let report = run_for(&options, lengths, &mut output).unwrap();
    assert_eq!(report.failed(), 0, "{:?}", report.workloads[0].warnings);
    let json: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(json["workloads"][0]["contenders"][1]["name"], "direct");
}

/// nginx against a second nginx, which stands in for a gateway with processes of its own.
#[test]
fn a_whole_run_of_processes() {
    let mut options = parse(&["--subject", "nginx", "--peers", "nginx", "--rounds", "2"]).unwrap();
    options.workload = vec![Workload::Plain, Workload::Canary];
    options.disturbed_max = 100;
    options.rate = 100;
    let lengths =
        Lengths { warm_up: Duration::from_millis(20), measured: Duration::from_millis(200) };
    let mut output = Vec::new();
    let report = match run_for(&options, lengths, &mut output) {
        Ok(report) => report,
        Err(error) => {
            let text = format!("{error:#}");
            assert!(text.contains("nginx-light"), "nginx is installed, and yet: {text}");
            return;
        }
    };
    let [plain, canary] = report.workloads.as_slice() else { panic!("two workloads") };
    for workload in [plain, canary] {
        assert_eq!(workload.contenders.len(), 2, "{:?}", workload.warnings);
        for contender in &workload.contenders {
            assert!(contender.version.starts_with("nginx/"), "{}", contender.version);
            let [first, _] = contender.saturated.rounds.as_slice() else { panic!("two rounds") };
            assert!(first.figures.cpu_us_per_request > Some(0.0));
            assert!(first.figures.rss_mib > Some(0.0));
        }
    }
    let shares =
        canary.contenders[0].saturated.rounds.iter().map(|round| round.figures.canary_percent);
    for share in shares.flatten() {
        assert!((1.0..10.0).contains(&share), "{share} % of the requests met the canary");
    }
    assert_eq!(plain.contenders[0].saturated.rounds[0].figures.canary_percent, None);
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("nginx / nginx") && text.contains("round 2 of 2"), "{text}");
}

/// One idle connection costs nginx something, and every one stays open.
#[test]
fn idle_connections_are_counted() {
    let options = parse(&["--subject", "nginx", "--peers", "nginx", "--idle", "300"]).unwrap();
    let lengths = Lengths { warm_up: Duration::ZERO, measured: Duration::from_millis(1) };
    let mut output = Vec::new();
    let report = match run_for(&options, lengths, &mut output) {
        Ok(report) => report,
        Err(error) => {
            let text = format!("{error:#}");
            assert!(text.contains("nginx-light"), "nginx is installed, and yet: {text}");
            return;
        }
    };
    let [first, second] = report.idle.as_slice() else { panic!("two contenders") };
    for idle in [first, second] {
        assert_eq!((idle.errors.failed(), idle.errors.reconnects), (0, 0));
        assert!(idle.rss_with_mib >= idle.rss_before_mib && idle.rss_before_mib > 0.0);
    }
    let text = String::from_utf8(output).unwrap();
    assert!(text.contains("300 idle connections: nginx"), "{text}");
}
