//! Deciding inside a release: POLICY stages 3 to 8.
//!
//! Owns the order of the stages (the chain's, which POLICY leaves open, is decision 0024's), and of these kill switch and expiry, targets, default and split.

use super::{
    Reason, Remember,
    asked::Asked,
    chain::{Chain, chained},
    conditions::all_hold,
    nested,
    overrides::overridden,
    pins::{is_to_pin, pin},
    trace::{Recorder, Step},
    units::{Place, place_of},
    value::Fault,
};
use crate::table::{ArchivedChoiceRow, ArchivedReleaseRow, ArchivedTargetRow, Rules};

/// What was decided inside a release.
pub(super) struct Choice {
    pub(super) variant: u32,
    pub(super) reason: Reason,
    pub(super) target: Option<u32>,
    pub(super) cell: Option<u32>,
    pub(super) bucket: Option<u32>,
    pub(super) remember: Remember,
    pub(super) chain: Option<Chain>,
}

impl Choice {
    /// A variant that no bucket led to.
    fn plain(variant: u32, reason: Reason) -> Self {
        let remember = Remember::default();
        Self { variant, reason, target: None, cell: None, bucket: None, remember, chain: None }
    }
}

/// A variant, and the place that led to it.
struct Chosen {
    variant: u32,
    place: Option<Place>,
}

pub(super) fn decide<'a, R: Recorder>(
    table: Rules<'a>,
    release: &'a ArchivedReleaseRow,
    request: &Asked<'a>,
    random: u32,
    now_unix_s: u64,
    recorder: &mut R,
) -> Choice {
    let stable = release.variants.start.to_native();
    let expired = release.expires_unix_s.to_native() <= now_unix_s;
    recorder.step(|| Step::KillSwitch {
        tenant: release.tenant.to_string(),
        release: release.name.to_string(),
        disabled: release.disabled,
        expired,
    });
    if release.disabled || expired {
        return Choice::plain(stable, Reason::Disabled);
    }
    if let Some(variant) = overridden(table, release, request, recorder) {
        return Choice::plain(variant, Reason::Override);
    }
    let (chain, kept) = chained(table, release, request, recorder);
    if let Some(variant) = kept {
        return Choice { chain, ..Choice::plain(variant, Reason::Cached) };
    }
    if let Some(pin) = pin(table, release, request, recorder) {
        let remember = Remember { pin: pin.renew, unit: None };
        return Choice { remember, chain, ..Choice::plain(pin.variant, Reason::Cached) };
    }
    let audience = audience(table, release, request, random, now_unix_s, recorder);
    let (Chosen { variant, place }, target, cell) = audience;
    let bucket = place.as_ref().map(|place| place.bucket);
    let reason = match (target, bucket) {
        (Some(_), _) => Reason::TargetingMatch,
        (None, Some(_)) => Reason::Split,
        (None, None) => Reason::Default,
    };
    let unit = place.and_then(|place| place.unit);
    let remember = Remember { unit, pin: is_to_pin(release, request) };
    Choice { variant, reason, target, cell, bucket, remember, chain }
}

/// Returns what the first target that takes the request chooses, with target and cell; else what the default does.
fn audience<'a, R: Recorder>(
    table: Rules<'a>,
    release: &'a ArchivedReleaseRow,
    request: &Asked<'a>,
    random: u32,
    now_unix_s: u64,
    recorder: &mut R,
) -> (Chosen, Option<u32>, Option<u32>) {
    for (at, target) in (0u32..).zip(release.targets.iter()) {
        let expired = target.expires_unix_s.to_native() <= now_unix_s;
        let taken = if expired { Ok(None) } else { choice_of(table, target, request, recorder) };
        if taken.is_err() {
            recorder.fault(release, at);
        }
        recorder.step(|| Step::Target {
            id: target.id.to_string(),
            expired,
            conditions: Vec::new(),
            matched: matches!(taken, Ok(Some(_))),
        });
        if let Ok(Some(choice)) = taken {
            let row = &target.choices[choice as usize];
            let chosen = choose(table, release, row, request, random, recorder);
            return (chosen, Some(at), target.nested.as_ref().map(|_| choice));
        }
    }
    recorder.step(|| Step::Default);
    (choose(table, release, &release.default, request, random, recorder), None, None)
}

/// Returns which choice of a target takes the request, if one does.
fn choice_of<'a, R: Recorder>(
    table: Rules<'a>,
    target: &'a ArchivedTargetRow,
    request: &Asked<'a>,
    recorder: &mut R,
) -> Result<Option<u32>, Fault> {
    if !all_hold(table, &target.conditions, request, recorder)? {
        return Ok(None);
    }
    let Some(nested) = target.nested.as_ref() else { return Ok(Some(0)) };
    let cell = nested::cell(table, nested, request, recorder);
    recorder.condition(|| nested::seen(nested, cell));
    Ok(cell)
}

/// Returns the variant and, where a split was asked and the request has a place in it, that.
fn choose<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    choice: &ArchivedChoiceRow,
    request: &Asked<'_>,
    random: u32,
    recorder: &mut R,
) -> Chosen {
    let stable = release.variants.start.to_native();
    let name = |variant: u32| table.variants[variant as usize].name.to_string();
    match choice {
        ArchivedChoiceRow::Variant(variant) => {
            let variant = variant.to_native();
            recorder.step(|| Step::Variant { name: name(variant) });
            Chosen { variant, place: None }
        }
        ArchivedChoiceRow::Split(ranges) => {
            let Some(place) = place_of(table, release, request, random, recorder) else {
                return Chosen { variant: stable, place: None };
            };
            let bucket = place.bucket;
            let after = ranges.partition_point(|range| range.end.to_native() <= bucket);
            let range = ranges.get(after).filter(|range| range.start.to_native() <= bucket);
            let variant = range.map_or(stable, |range| range.variant.to_native());
            recorder.step(|| Step::Range {
                start: range.map(|range| range.start.to_native()),
                end: range.map(|range| range.end.to_native()),
                variant: name(variant),
            });
            Chosen { variant, place: Some(place) }
        }
    }
}
