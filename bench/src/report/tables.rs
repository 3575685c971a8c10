//! The tables for people.
//!
//! Owns layout only. Invariant: every column names its unit; warnings stand last, where they are read.

use std::io::{self, Write};

use super::{ContenderReport, METRICS, MetricRatio, PhaseReport, Report};
use crate::statistics::Ratio;

const NAME_COLUMNS: usize = 12;
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
        "generator and backend on CPU {}, contender on CPU {}; {} connections, access log {}, \
         medians of {} rounds of {} s",
        machine.cpus.generator,
        machine.cpus.contender,
        options.connections,
        if options.access_log == crate::compare::Switch::On { "on" } else { "off" },
        options.rounds,
        options.seconds,
    )?;
    for contender in &report.contenders {
        writeln!(
            output,
            "{}: {}; counted: {}",
            contender.name, contender.version, contender.counted
        )?;
    }
    write_phase(output, "saturated (every connection busy)", &report.contenders, |contender| {
        &contender.saturated
    })?;
    let title =
        format!("fixed rate ({} requests/s; latency from the intended send time)", options.rate);
    write_phase(output, &title, &report.contenders, |contender| &contender.fixed_rate)?;
    for ratios in &report.ratios {
        writeln!(output)?;
        writeln!(
            output,
            "{} / {}: median of the rounds' ratios [min..max]",
            ratios.subject, ratios.peer
        )?;
        write_ratios(output, &ratios.saturated, &ratios.fixed_rate)?;
    }
    write_warnings(output, &report.warnings)
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
        for metric in &METRICS {
            write!(output, "{:>FIGURE_COLUMNS$}", figure((metric.read)(&report.median)))?;
        }
        let generator = figure(Some(report.median.generator_busy_percent));
        let disturbed = figure(Some(report.median.disturbed_percent));
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
