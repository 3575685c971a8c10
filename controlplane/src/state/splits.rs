//! What a release does now: every choice it has, and the weights in it.
//!
//! Owns the way from the bundle's choices and the stored ranges to what is shown. Changes nothing.

use std::collections::BTreeMap;

use halftone_core::{
    compile::SplitKey,
    limits::BUCKETS,
    policy::{DEFAULT_SPLIT, Release, STABLE, Split, cell_name},
};

use super::State;

/// Where the requests of one combination go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// All to one variant.
    Variant(String),
    /// By weight, in parts per million; stable among them.
    Weights {
        /// Whether `:setWeight` moves them.
        is_scheduled: bool,
        /// By variant.
        weights: BTreeMap<String, u32>,
    },
}

impl State {
    /// Returns whether the kill switch of a release is pulled, and its choices by their names, in the order they are tried;
    /// nothing when there is no such release.
    pub(crate) fn choices(
        &self,
        tenant: &str,
        release: &str,
    ) -> Option<(bool, Vec<(String, Choice)>)> {
        let model = self.read();
        let judged = model.tenants.find(tenant)?.bundle.as_ref().ok()?;
        let spec = judged.bundle().releases.get(release)?;
        let weights = |split: &str| {
            let (tenant, release) = (tenant.to_owned(), release.to_owned());
            let key = SplitKey { tenant, release, split: split.to_owned() };
            let ranges = model.tenants.ranges().find(&key);
            ranges.map(|ranges| ranges.weights()).unwrap_or_default()
        };
        Some((spec.disabled, choices(spec, weights)))
    }
}

fn choices(
    release: &Release,
    stored: impl Fn(&str) -> BTreeMap<String, u32>,
) -> Vec<(String, Choice)> {
    let mut choices = Vec::new();
    let mut add = |name: String, variant: Option<&String>, split: Option<&Split>| {
        let choice = match split {
            None => Choice::Variant(variant.map_or(STABLE, String::as_str).to_owned()),
            Some(split) => {
                let mut weights = stored(&name);
                weights.retain(|_, ppm| *ppm > 0);
                let taken: u32 = weights.values().sum();
                weights.insert(STABLE.to_owned(), BUCKETS.saturating_sub(taken));
                Choice::Weights { is_scheduled: matches!(split, Split::Named(_)), weights }
            }
        };
        choices.push((name, choice));
    };
    for target in &release.targets {
        match &target.table {
            None => add(target.id.clone(), target.variant.as_ref(), target.split.as_ref()),
            Some(table) => {
                for (values, cell) in table.cells() {
                    let name = format!("{}/{}", target.id, cell_name(&values));
                    let split = cell.split(&release.canary);
                    add(name, cell.variant.as_ref(), split.as_deref());
                }
            }
        }
    }
    let default = &release.default;
    add(DEFAULT_SPLIT.to_owned(), default.variant.as_ref(), default.split.as_ref());
    choices
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_choice_is_there_with_its_weights() {
        let release: Release = serde_json::from_value(json!({
            "upstream": "u",
            "targets": [
                { "id": "qa", "when": "true", "variant": "canary" },
                { "id": "matrix", "nested": ["city", "os"], "table": {
                    "上海": { "ios": { "weight": "20%" }, "*": { "split": "scheduled" } } } },
            ],
            "default": { "split": "scheduled" },
        }))
        .expect("the shape is right");
        let stored = |split: &str| match split {
            "matrix/上海/ios" => BTreeMap::from([("canary".to_owned(), 200_000)]),
            "default" => BTreeMap::from([("canary".to_owned(), 0)]),
            _ => BTreeMap::new(),
        };
        let weights = |is_scheduled, weights: &[(&str, u32)]| Choice::Weights {
            is_scheduled,
            weights: weights.iter().map(|(name, ppm)| ((*name).to_owned(), *ppm)).collect(),
        };
        let expected = [
            ("qa", Choice::Variant("canary".to_owned())),
            ("matrix/上海/*", weights(true, &[("stable", BUCKETS)])),
            ("matrix/上海/ios", weights(false, &[("canary", 200_000), ("stable", 800_000)])),
            ("default", weights(true, &[("stable", BUCKETS)])),
        ];
        let expected: Vec<(String, Choice)> =
            expected.into_iter().map(|(name, choice)| (name.to_owned(), choice)).collect();
        assert_eq!(choices(&release, stored), expected);
    }
}
