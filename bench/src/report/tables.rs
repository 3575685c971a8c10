//! The tables for people.
//!
//! Owns layout only. Invariant: every column names its unit; warnings stand last, where they are read.

use std::io::{self, Write};

use super::{
    ContenderReport, IdleReport, METRICS, MetricRatio, PhaseReport, Report, WorkloadReport,
};
use crate::statistics::Ratio;

const NAME_COLUMNS: usize = 18;
const FIGURE_COLUMNS: usize = 10;
const RATIO_COLUMNS: usize = 32;
const ABSENT: &str = "-";

/// Writes the whole report.
pub(super) fn write(report: &Report, output: &mut dyn Write) -> io::Result<()> {
    let machine = &report.machine;
    let options = &report.options;
    writeln!(output)?;
    writeln!(
        output,
        "{}, Linux {} {}, congestion control {}",
        machine.cpu_model, machine.kernel, machine.architecture, machine.tcp_congestion_control
    )?;
    writeln!(
        output,
        "generator and backend on CPU {}, contender on CPU {}; access log {}",
        machine.cpus.generator,
        machine.cpus.contender,
        if options.access_log == crate::compare::Switch::On { "on" } else { "off" },
    )?;
    if let Some(first) = report.workloads.first() {
        writeln!(
            output,
            "{} connections, medians of {} rounds of {} s",
            options.connections, options.rounds, options.seconds
        )?;
        for contender in &first.contenders {
            let ContenderReport { name, version, counted, .. } = contender;
            writeln!(output, "{name}: {version}; counted: {counted}")?;
        }
    }
    report.workloads.iter().try_for_each(|workload| write_workload(output, workload))?;
    if report.idle.is_empty() { Ok(()) } else { write_idle(output, &report.idle) }
}

fn write_workload(output: &mut dyn Write, report: &WorkloadReport) -> io::Result<()> {
    let WorkloadReport { workload, rate, contenders, ratios, warnings } = report;
    let title = format!("{workload}, saturated (every connection busy)");
    write_phase(output, &title, contenders, |contender| &contender.saturated)?;
    let title = format!("{workload}, {rate} requests/s (latency from the intended send time)");
    write_phase(output, &title, contenders, |contender| &contender.fixed_rate)?;
    for ratios in ratios {
        writeln!(output)?;
        writeln!(
            output,
            "{workload}, {} / {}: median of the rounds' ratios [min..max]",
            ratios.subject, ratios.peer
        )?;
        write_ratios(output, &ratios.saturated, &ratios.fixed_rate)?;
    }
    write_warnings(output, warnings)
}

fn write_idle(output: &mut dyn Write, reports: &[IdleReport]) -> io::Result<()> {
    writeln!(output)?;
    writeln!(
        output,
        "{:<NAME_COLUMNS$}{:>12}{:>14}{:>14}{:>12}{:>10}{:>10}",
        "idle", "connections", "RSS before", "RSS with", "each", "failed", "closed"
    )?;
    writeln!(output, "{:<NAME_COLUMNS$}{:>12}{:>14}{:>14}{:>12}", "", "", "MiB", "MiB", "KiB")?;
    for report in reports {
        writeln!(
            output,
            "{:<NAME_COLUMNS$}{:>12}{:>14}{:>14}{:>12}{:>10}{:>10}  {}",
            report.name,
            report.connections,
            figure(Some(report.rss_before_mib)),
            figure(Some(report.rss_with_mib)),
            figure(Some(report.kib_per_connection)),
            report.errors.failed(),
            report.errors.reconnects,
            report.version,
        )?;
    }
    Ok(())
}

fn write_phase(
    output: &mut dyn Write,
    title: &str,
    contenders: &[ContenderReport],
    phase: fn(&ContenderReport) -> &PhaseReport,
) -> io::Result<()> {
    writeln!(output)?;
    writeln!(output, "{title}")?;
    write!(output, "{:<NAME_COLUMNS$}", "contender")?;
    write_columns(output, &METRICS.map(|metric| metric.name))?;
    write_columns(output, &["errors", "generator", "disturbed"])?;
    write!(output, "\n{:<NAME_COLUMNS$}", "")?;
    write_columns(output, &METRICS.map(|metric| metric.unit))?;
    write_columns(output, &["requests", "% busy", "% of time"])?;
    writeln!(output)?;
    for contender in contenders {
        let report = phase(contender);
        write!(output, "{:<NAME_COLUMNS$}", contender.name)?;
        let Some(median) = &report.median else {
            writeln!(output, "  refused: {}", report.refused.as_deref().unwrap_or(ABSENT))?;
            continue;
        };
        for metric in &METRICS {
            write!(output, "{:>FIGURE_COLUMNS$}", figure((metric.read)(median)))?;
        }
        let generator = figure(Some(median.generator_busy_percent));
        let disturbed = figure(Some(median.disturbed_percent));
        write_columns(output, &[&report.errors.failed().to_string(), &generator, &disturbed])?;
        writeln!(output)?;
    }
    Ok(())
}

fn write_columns(output: &mut dyn Write, cells: &[&str]) -> io::Result<()> {
    cells.iter().try_for_each(|cell| write!(output, "{cell:>FIGURE_COLUMNS$}"))
}

fn write_ratios(
    output: &mut dyn Write,
    saturated: &[MetricRatio],
    fixed_rate: &[MetricRatio],
) -> io::Result<()> {
    writeln!(
        output,
        "{:<NAME_COLUMNS$}{:>RATIO_COLUMNS$}{:>RATIO_COLUMNS$}",
        "", "saturated", "fixed rate"
    )?;
    for (left, right) in saturated.iter().zip(fixed_rate) {
        writeln!(
            output,
            "{:<NAME_COLUMNS$}{:>RATIO_COLUMNS$}{:>RATIO_COLUMNS$}",
            left.metric,
            ratio(left.ratio),
            ratio(right.ratio)
        )?;
    }
    Ok(())
}

fn write_warnings(output: &mut dyn Write, warnings: &[String]) -> io::Result<()> {
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(output)?;
    for warning in warnings {
        writeln!(output, "!! {warning}")?;
    }
    Ok(())
}

/// Renders a figure to four or so significant digits.
fn figure(value: Option<f64>) -> String {
    match value {
        None => ABSENT.to_owned(),
        Some(value) if value >= 1000.0 => format!("{value:.0}"),
        Some(value) if value >= 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// Renders a factor to three decimals while it is one a reader compares.
fn factor(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn ratio(value: Option<Ratio>) -> String {
    match value {
        None => ABSENT.to_owned(),
        Some(Ratio { median, min, max }) => {
            format!("{} [{}..{}]", factor(median), factor(min), factor(max))
        }
    }
}
