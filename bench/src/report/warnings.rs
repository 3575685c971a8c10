//! What makes figures doubtful, in words.
//!
//! Owns the judgement of phases. Invariant: nothing is left out of the figures without a line here.

use super::{ContenderReport, Measurement, PhaseReport, SATURATED_PERCENT, SUSTAINED_PERCENT};
use super::{saturation_percent, values};
use crate::cpu::CpuPlan;

/// Lists what makes figures doubtful.
pub(super) fn list(cpus: CpuPlan, contenders: &[ContenderReport]) -> Vec<String> {
    let mut warnings = Vec::new();
    if cpus.shared() {
        warnings.push("only one CPU is allowed: generator and contender shared it, and no figure is meaningful".to_owned());
    }
    if cpus.same_core {
        warnings.push(format!(
            "CPUs {} and {} are threads of one core: generator and contender slowed each other down",
            cpus.generator, cpus.contender
        ));
    }
    for contender in contenders {
        for (phase, report) in
            [("saturated", &contender.saturated), ("fixed rate", &contender.fixed_rate)]
        {
            warnings.extend(failed(&contender.name, phase, report));
            warnings.extend(dropped(&contender.name, phase, report));
            warnings.extend(
                report
                    .refused
                    .as_ref()
                    .map(|why| format!("REFUSED: {} ({phase}): {why}", contender.name)),
            );
        }
        warnings.extend(unsaturated(contender));
        warnings.extend(unsustained(contender));
    }
    warnings
}

fn failed(name: &str, phase: &str, report: &PhaseReport) -> Option<String> {
    let failed = report.errors.failed();
    (failed > 0).then(|| {
        format!("ERRORS: {name} failed {failed} requests ({phase}; {}), in rounds that were repeated or dropped", report.errors)
    })
}

/// Tells of dropped rounds; where all were, the refusal does.
fn dropped(name: &str, phase: &str, report: &PhaseReport) -> Option<String> {
    report.median?;
    let reasons: Vec<&str> =
        report.rounds.iter().filter_map(|round| round.dropped.as_deref()).collect();
    let last = reasons.last()?;
    let all = report.rounds.len();
    Some(format!("{} of {all} rounds of {name} ({phase}) dropped: {last}", reasons.len()))
}

/// Tells of single rounds that were not saturated, of a contender that was.
fn unsaturated(contender: &ContenderReport) -> Option<String> {
    let saturated = &contender.saturated;
    saturated.median?;
    let least = values(&saturated.rounds, saturation_percent).into_iter().reduce(f64::min)?;
    (least < SATURATED_PERCENT).then(|| {
        format!("{} was only {least:.1} % busy in one of the saturated rounds", contender.name)
    })
}

#[expect(clippy::cast_precision_loss, reason = "request counts are far below 2^52")]
fn unsustained(contender: &ContenderReport) -> Option<String> {
    let sustained = |round: &Measurement| {
        let meant = round.scheduled.filter(|&meant| meant > 0)?;
        Some(100.0 * round.completed as f64 / meant as f64)
    };
    let kept = contender.fixed_rate.rounds.iter().filter(|round| round.dropped.is_none());
    let least = kept.filter_map(sustained).reduce(f64::min)?;
    (least < SUSTAINED_PERCENT).then(|| {
        format!("{} answered only {least:.1} % of a fixed-rate round in time: latencies are those of an overload", contender.name)
    })
}
