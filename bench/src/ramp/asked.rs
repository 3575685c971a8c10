//! Who got which version, step after step, and the bundles that lead there.
//!
//! Owns the steps and the arithmetic. Does not ask anybody.

use super::{Step, percent_of};
use crate::contender::{PARTS, Setting, scheduled};

/// The steps, percent of all users who have a version other than stable.
pub(super) const STEPS: [u32; 5] = [1, 5, 25, 50, 100];
/// The step after which the bundle is edited while its weights stay.
pub(super) const EDITED_AT: u32 = 25;

/// Returns the share of each version after stable, in [`PARTS`]: all have the same.
pub(super) fn shares(percent: u32, versions: usize) -> Vec<u32> {
    let after_stable = versions - 1;
    let all = PARTS / 100 * percent;
    vec![all / u32::try_from(after_stable).unwrap_or(u32::MAX); after_stable]
}

/// Returns the bundle whose split is moved by `:setWeight`.
pub(super) fn scheduled_bundle(setting: &Setting) -> String {
    scheduled(setting, "items", "")
}

/// Returns the same bundle after somebody worked on it: another route's name, one more target.
pub(super) fn edited_bundle(setting: &Setting) -> String {
    let target = "{ id: qa, match: { headers: [ { name: x-qa, value: '1' } ] }, variant: canary }";
    scheduled(setting, "items-again", target)
}

/// The version of each user: 0 is stable.
pub(super) struct Asked(Vec<u8>);

impl Asked {
    /// Takes the lengths of all bodies; `None` when one is no version's.
    pub(super) fn new(bodies: &[Option<u64>], stable_bytes: u64, versions: usize) -> Option<Self> {
        let version_of = |body: &Option<u64>| {
            let version = u8::try_from((*body)?.checked_sub(stable_bytes)?).ok()?;
            (usize::from(version) < versions).then_some(version)
        };
        bodies.iter().map(version_of).collect::<Option<Vec<u8>>>().map(Self)
    }

    #[expect(clippy::cast_precision_loss, reason = "users are far fewer than 2^52")]
    fn percent(&self, version: usize) -> f64 {
        let count = self.0.iter().filter(|&&has| usize::from(has) == version).count();
        100.0 * count as f64 / self.0.len() as f64
    }
}

/// The steps of one contender.
pub(super) struct Course {
    contender: &'static str,
    versions: usize,
    before: Option<(Vec<u32>, Asked)>,
}

impl Course {
    /// Starts with nothing asked.
    pub(super) fn new(contender: &'static str, versions: usize) -> Self {
        Self { contender, versions, before: None }
    }

    /// Returns how many versions there are, stable included.
    pub(super) fn versions(&self) -> usize {
        self.versions
    }

    /// Compares a step with the one before, and keeps it for the next.
    #[expect(clippy::cast_precision_loss, reason = "users are far fewer than 2^52")]
    pub(super) fn step(&mut self, step: String, shares: &[u32], asked: Asked) -> Step {
        let wanted: Vec<f64> = shares.iter().map(|&share| percent_of(share)).collect();
        let got: Vec<f64> = (1..self.versions).map(|version| asked.percent(version)).collect();
        let off = wanted.iter().zip(&got).map(|(wanted, got)| (wanted - got).abs());
        let users = asked.0.len() as f64;
        let chance =
            wanted.iter().map(|share| (share / 100.0 * (1.0 - share / 100.0) / users).sqrt());
        let report = Step {
            contender: self.contender.to_owned(),
            versions: self.versions,
            step,
            off_points: off.fold(0.0, f64::max),
            chance_points: 100.0 * chance.fold(0.0, f64::max),
            thrown_out: self.thrown_out(shares, &asked),
            wanted_percent: wanted,
            got_percent: got,
        };
        self.before = Some((shares.to_vec(), asked));
        report
    }

    /// Counts who had a version whose share did not fall, and has another now.
    fn thrown_out(&self, shares: &[u32], asked: &Asked) -> usize {
        let Some((shares_before, before)) = &self.before else { return 0 };
        let stays = |version: u8| {
            // Stable gives users away as the others grow: that is what a ramp is.
            let index = usize::from(version).checked_sub(1);
            index.is_some_and(|index| shares[index] >= shares_before[index])
        };
        let users = before.0.iter().zip(&asked.0);
        users.filter(|(had, has)| had != has && stays(**had)).count()
    }
}
