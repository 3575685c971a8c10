//! Tests of the judgement and of both forms.

use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    options: CompareOptions,
}

fn measurement(cpu_us: f64, busy_percent: f64) -> Measurement {
    let figures = Figures {
        requests_per_second: 1e6 / cpu_us,
        busy_percent: Some(busy_percent),
        idle_percent: Some(100.0 - busy_percent),
        cpu_us_per_request: Some(cpu_us),
        ..Figures::default()
    };
    Measurement {
        figures,
        completed: 1000,
        scheduled: None,
        errors: ErrorCounts::default(),
        attempts: 1,
    }
}

fn contender(name: &str, rounds: &[Measurement]) -> ContenderReport {
    let fixed_rate =
        rounds.iter().map(|round| Measurement { scheduled: Some(1000), ..*round }).collect();
    ContenderReport {
        name: name.to_owned(),
        version: "1".to_owned(),
        counted: "all".to_owned(),
        saturated: PhaseReport::new(rounds.to_vec()),
        fixed_rate: PhaseReport::new(fixed_rate),
    }
}

fn report(cpus: CpuPlan, contenders: Vec<ContenderReport>) -> Report {
    let machine = Machine {
        kernel: "6.1".to_owned(),
        architecture: "x86_64".to_owned(),
        cpu_model: "a CPU".to_owned(),
        tcp_congestion_control: "cubic".to_owned(),
        cpus,
    };
    Report::new(machine, Command::parse_from(["compare"]).options, contenders)
}

const TWO_CPUS: CpuPlan = CpuPlan { generator: 0, contender: 1, same_core: false };

fn good() -> Report {
    let subject = contender(
        "subject",
        &[measurement(10.0, 99.0), measurement(12.0, 98.0), measurement(11.0, 99.0)],
    );
    let peer = contender(
        "peer",
        &[measurement(20.0, 99.0), measurement(12.0, 99.0), measurement(22.0, 99.0)],
    );
    report(TWO_CPUS, vec![subject, peer])
}

#[test]
fn medians_and_ratios_are_taken_over_rounds() {
    let report = good();
    assert_eq!(report.contenders[0].saturated.median.cpu_us_per_request, Some(11.0));
    let ratios = &report.ratios[0];
    assert_eq!((ratios.subject.as_str(), ratios.peer.as_str()), ("subject", "peer"));
    let cpu = ratios.saturated.iter().find(|ratio| ratio.metric == "CPU").unwrap().ratio.unwrap();
    assert_eq!((cpu.median, cpu.min, cpu.max), (0.5, 0.5, 1.0));
    let rss = ratios.saturated.iter().find(|ratio| ratio.metric == "RSS").unwrap();
    assert_eq!(rss.ratio, None);
}

#[test]
fn a_good_run_has_no_warnings() {
    assert_eq!(good().warnings, Vec::<String>::new());
}

#[test]
fn doubtful_figures_are_warned_of() {
    fn check(report: &Report, expected: &str) {
        assert!(
            report.warnings.iter().any(|warning| warning.contains(expected)),
            "{expected}: {:?}",
            report.warnings
        );
        let mut text = Vec::new();
        report.write_tables(&mut text).unwrap();
        assert!(String::from_utf8(text).unwrap().contains(expected));
    }
    let fine = || vec![contender("one", &[measurement(10.0, 99.0)])];
    check(&report(CpuPlan { contender: 0, ..TWO_CPUS }, fine()), "only one CPU is allowed");
    check(&report(CpuPlan { same_core: true, ..TWO_CPUS }, fine()), "threads of one core");
    let idle = contender("one", &[measurement(10.0, 99.0), measurement(10.0, 94.9)]);
    check(&report(TWO_CPUS, vec![idle]), "one was idle for 5.1 %");
    let mut slowed = measurement(10.0, 99.0);
    slowed.figures.disturbed_percent = 3.0;
    check(
        &report(TWO_CPUS, vec![contender("one", &[slowed])]),
        "for up to 3.0 % of 2 windows of one",
    );
    let mut failed = measurement(10.0, 99.0);
    failed.errors.status = 2;
    let run = report(TWO_CPUS, vec![contender("one", &[failed])]);
    check(&run, "ERRORS: one failed 2 requests (saturated");
    assert_eq!(run.failed(), 4);
    let mut late = contender("one", &[measurement(10.0, 99.0)]);
    late.fixed_rate.rounds[0].completed = 900;
    check(&report(TWO_CPUS, vec![late]), "only 90.0 %");
}

#[test]
fn both_forms_hold_the_figures() {
    let report = good();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["contenders"][0]["saturated"]["median"]["cpu_us_per_request"], 11.0);
    assert_eq!(json["contenders"][1]["saturated"]["rounds"][1]["figures"]["busy_percent"], 99.0);
    assert_eq!(json["ratios"][0]["saturated"][2]["ratio"]["median"], 0.5);
    assert_eq!(json["options"]["rounds"], 5);
    let mut text = Vec::new();
    report.write_tables(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for expected in ["subject / peer", "us/req", "0.500 [0.500..1.000]", "11.00"] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
}
