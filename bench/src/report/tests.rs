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
        dropped: None,
    }
}

fn contender(name: &str, rounds: &[Measurement]) -> ContenderReport {
    let fixed_rate =
        rounds.iter().map(|round| Measurement { scheduled: Some(1000), ..round.clone() }).collect();
    ContenderReport {
        name: name.to_owned(),
        version: "1".to_owned(),
        counted: "all".to_owned(),
        saturated: PhaseReport::saturated(rounds.to_vec()),
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
    let mut report = Report::new(machine, Command::parse_from(["compare"]).options);
    report.add(WorkloadReport::new(Workload::Plain, 25_000, cpus, contenders));
    report
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
    let report = &good().workloads[0];
    let median = report.contenders[0].saturated.median.unwrap();
    assert_eq!(median.cpu_us_per_request, Some(11.0));
    let ratios = &report.ratios[0];
    assert_eq!((ratios.subject.as_str(), ratios.peer.as_str()), ("subject", "peer"));
    let cpu = ratios.saturated.iter().find(|ratio| ratio.metric == "CPU").unwrap().ratio.unwrap();
    assert_eq!((cpu.median, cpu.min, cpu.max), (0.5, 0.5, 1.0));
    let rss = ratios.saturated.iter().find(|ratio| ratio.metric == "RSS").unwrap();
    assert_eq!(rss.ratio, None);
}

#[test]
fn a_good_run_has_no_warnings() {
    let report = good();
    assert_eq!(report.workloads[0].warnings, Vec::<String>::new());
    assert_eq!(report.refused(), Vec::<String>::new());
}

fn text_of(report: &Report) -> String {
    let mut text = Vec::new();
    report.write_tables(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn check_warned(report: &Report, expected: &str) {
    let warnings = &report.workloads[0].warnings;
    assert!(warnings.iter().any(|warning| warning.contains(expected)), "{expected}: {warnings:?}");
    assert!(text_of(report).contains(expected));
}

#[test]
fn doubtful_figures_are_warned_of() {
    let check = check_warned;
    let fine = || vec![contender("one", &[measurement(10.0, 99.0)])];
    check(&report(CpuPlan { contender: 0, ..TWO_CPUS }, fine()), "only one CPU is allowed");
    check(&report(CpuPlan { same_core: true, ..TWO_CPUS }, fine()), "threads of one core");
    let busy = measurement(10.0, 99.0);
    let idle = contender("one", &[busy.clone(), busy.clone(), measurement(10.0, 94.9)]);
    check(&report(TWO_CPUS, vec![idle]), "one was only 94.9 % busy in one");
    let mut failed = busy.clone();
    failed.errors.status = 2;
    let run = report(TWO_CPUS, vec![contender("one", &[failed.clone()])]);
    check(&run, "ERRORS: one failed 2 requests (saturated");
    failed.errors.unanswered = 5;
    let behind = report(TWO_CPUS, vec![contender("one", &[failed])]);
    assert_eq!([&run, &behind].map(|run| (run.failed(), run.broken())), [(4, 4), (14, 4)]);
    let mut late = contender("one", &[busy]);
    late.fixed_rate.rounds[0].completed = 900;
    check(&report(TWO_CPUS, vec![late]), "only 90.0 %");
}

#[test]
fn a_dropped_round_counts_for_nothing() {
    let mut disturbed = measurement(100.0, 99.0);
    disturbed.dropped = Some("others took the CPUs".to_owned());
    let subject = contender("one", &[measurement(10.0, 99.0), disturbed.clone()]);
    let peer = contender("two", &[measurement(20.0, 99.0), measurement(1.0, 99.0)]);
    let report = report(TWO_CPUS, vec![subject, peer]);
    check_warned(&report, "1 of 2 rounds of one (saturated) dropped: others took the CPUs");
    let one = &report.workloads[0];
    assert_eq!(one.contenders[0].saturated.median.unwrap().cpu_us_per_request, Some(10.0));
    let cpu = one.ratios[0].saturated.iter().find(|ratio| ratio.metric == "CPU").unwrap();
    assert_eq!(cpu.ratio.map(|ratio| (ratio.min, ratio.max)), Some((0.5, 0.5)));
    let all = contender("one", &[disturbed]);
    let report = super::tests::report(TWO_CPUS, vec![all]);
    assert_eq!(report.refused().len(), 2, "saturated and fixed rate");
    check_warned(&report, "REFUSED: one (saturated): every round was dropped");
}

#[test]
fn what_was_not_saturated_is_refused() {
    let mut idle = measurement(10.0, 94.0);
    idle.figures.generator_busy_percent = 99.0;
    let fine = contender("two", &[measurement(20.0, 99.0)]);
    let report = report(TWO_CPUS, vec![contender("one", &[idle]), fine]);
    check_warned(&report, "REFUSED: one (saturated): it was 94.0 % busy");
    let [refused] = report.refused().try_into().unwrap();
    assert!(refused.starts_with("plain, one, saturated: it was 94.0 % busy"), "{refused}");
    assert!(refused.ends_with("the generator was the bottleneck"), "{refused}");
    let one = &report.workloads[0];
    assert_eq!(one.contenders[0].saturated.median, None);
    assert!(one.ratios[0].saturated.iter().all(|metric| metric.ratio.is_none()));
    assert!(one.ratios[0].fixed_rate.iter().any(|metric| metric.ratio.is_some()));
}

#[test]
fn both_forms_hold_the_figures() {
    let report = good();
    let json = serde_json::to_value(&report).unwrap();
    let one = &json["workloads"][0];
    assert_eq!(one["contenders"][0]["saturated"]["median"]["cpu_us_per_request"], 11.0);
    assert_eq!(one["contenders"][1]["saturated"]["rounds"][1]["figures"]["busy_percent"], 99.0);
    assert_eq!(one["ratios"][0]["saturated"][2]["ratio"]["median"], 0.5);
    assert_eq!(json["options"]["rounds"], 5);
    let text = text_of(&report);
    for expected in ["plain, subject / peer", "us/req", "0.500 [0.500..1.000]", "11.00"] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
}
