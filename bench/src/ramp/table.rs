//! The table for people. Owns layout only.

use std::io::{self, Write};

use super::{RampReport, Step};

/// Writes the whole report.
pub(super) fn write(report: &RampReport, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output)?;
    writeln!(
        output,
        "{} users, each asked for at every step; shares in percent, differences in percentage points",
        report.options.users
    )?;
    writeln!(
        output,
        "{:<10}{:>9}  {:<14}{:>16}{:>20}{:>8}{:>8}{:>12}",
        "contender", "versions", "step", "wanted", "got", "off", "chance", "thrown out"
    )?;
    for step in &report.steps {
        let Step { contender, versions, wanted_percent, got_percent, .. } = step;
        writeln!(
            output,
            "{contender:<10}{versions:>9}  {:<14}{:>16}{:>20}{:>8.3}{:>8.3}{:>12}",
            step.step,
            list(wanted_percent, 1),
            list(got_percent, 3),
            step.off_points,
            step.chance_points,
            step.thrown_out,
        )?;
    }
    Ok(())
}

fn list(shares: &[f64], digits: usize) -> String {
    let shares: Vec<String> = shares.iter().map(|share| format!("{share:.digits$}")).collect();
    shares.join(" + ")
}
