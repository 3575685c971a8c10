//! Medians over rounds and ratios of paired rounds.
//!
//! Owns the arithmetic only. Does not know what a figure means ([`crate::report`] does).

use serde::Serialize;

/// A ratio of two contenders, round by round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// Median of the per-round ratios.
    pub median: f64,
    /// Smallest per-round ratio.
    pub min: f64,
    /// Largest per-round ratio.
    pub max: f64,
}

/// Returns the median, the mean of the middle two for an even count; `None` for no values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[middle - 1], upper))
}

/// Returns the ratio subject / peer over paired rounds; `None` when no pair can be divided.
#[must_use]
pub fn paired_ratio(subject: &[f64], peer: &[f64]) -> Option<Ratio> {
    let ratios: Vec<f64> = subject
        .iter()
        .zip(peer)
        .filter(|(_, below)| **below > 0.0)
        .map(|(above, below)| above / below)
        .collect();
    let median = median(&ratios)?;
    let min = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let max = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(Ratio { median, min, max })
}

#[cfg(test)]
mod tests;
