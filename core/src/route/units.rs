//! The bucketing key of a request: POLICY stage 8.
//!
//! Owns where it is looked for, and what stands in for one that is not there.

use rkyv::string::ArchivedString;

use super::{
    asked::{Asked, Signed},
    parts::{part, part_name},
    pins::keeps,
    remember::{UNIT_COOKIE, UnitId},
    trace::{Keyed, Recorder, Step, text},
    values::cookie,
};
use crate::{
    bucket,
    limits::UNIT_BYTES_MAX,
    signal::signature::{Use, shown},
    table::{
        ArchivedPartRow, ArchivedReleaseRow, ArchivedSourceRow, ArchivedUnitMissingRow, Rules,
    },
};

/// Where a request lies in the splits of a release.
pub(super) struct Place {
    pub(super) bucket: u32,
    /// The unit that the caller is to remember.
    pub(super) unit: Option<UnitId>,
}

impl Place {
    fn of(bucket: u32) -> Self {
        Self { bucket, unit: None }
    }
}

pub(super) fn place_of<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    request: &Asked<'_>,
    random: u32,
    recorder: &mut R,
) -> Option<Place> {
    for unit in release.units.iter() {
        for source in table.attributes[unit.to_native() as usize].sources.iter() {
            if let Some(bucket) = unit_bucket(&release.salt, source, request, recorder) {
                return Some(Place::of(bucket));
            }
        }
    }
    match release.unit_missing {
        ArchivedUnitMissingRow::Stable => {
            recorder.step(|| Step::NoUnit);
            None
        }
        ArchivedUnitMissingRow::Random => {
            request.saw_random(random);
            let bucket = bucket::project(random);
            recorder.step(|| Step::Random { bucket });
            Some(Place::of(bucket))
        }
        ArchivedUnitMissingRow::Mint => minted(&release.salt, request, recorder),
    }
}

/// Returns the place of the unit that was minted for this caller, earlier or now.
fn minted<R: Recorder>(
    salt: &ArchivedString,
    request: &Asked<'_>,
    recorder: &mut R,
) -> Option<Place> {
    let used = Use::Cookie { tenant: request.tenant(), name: UNIT_COOKIE };
    let signed = request.signed(used, || cookie(request.headers, UNIT_COOKIE));
    if let Some(Signed { token, verified }) = signed {
        let part = || format!("signed cookie {UNIT_COOKIE}");
        let (found, outcome) = match verified {
            Ok(found) if is_usable(found.value) => (found.value, Keyed::Used),
            Ok(found) => (found.value, Keyed::Unusable),
            Err(why) => (shown(token), Keyed::Unsigned(why)),
        };
        recorder.step(|| Step::Unit { part: part(), found: Some(text(found)), outcome });
        if let (Ok(verified), Keyed::Used) = (verified, outcome) {
            let renew = !verified.is_newest && keeps(request);
            let unit = UnitId::read(verified.value).filter(|_| renew);
            return Some(Place { bucket: bucket_of(salt, verified.value, recorder), unit });
        }
    }
    let has_keys = request.can_sign();
    if !has_keys || !keeps(request) {
        recorder.step(|| Step::NotMinted { has_keys });
        return None;
    }
    let unit = request.fresh_unit();
    recorder.step(|| Step::Minted { unit: text(unit.text()) });
    Some(Place { bucket: bucket_of(salt, unit.text(), recorder), unit: Some(unit) })
}

fn unit_bucket<R: Recorder>(
    salt: &ArchivedString,
    source: &ArchivedSourceRow,
    request: &Asked<'_>,
    recorder: &mut R,
) -> Option<u32> {
    let mut tell = |found: Option<&[u8]>, outcome| {
        let part = || part_name(&source.part);
        recorder.step(|| Step::Unit { part: part(), found: found.map(text), outcome });
    };
    if source.trusted && !request.trusted {
        tell(None, Keyed::Untrusted);
        return None;
    }
    let found = match &source.part {
        ArchivedPartRow::SignedCookie(name) => request.signed_cookie(name),
        ArchivedPartRow::DeviceId => request.device_id(),
        other => Ok(part(request, other)),
    };
    let value = match found {
        Ok(Some(value)) => value,
        Ok(None) => {
            tell(None, Keyed::Absent);
            return None;
        }
        Err(why) => {
            tell(None, Keyed::Unsigned(why));
            return None;
        }
    };
    if !is_usable(value) {
        tell(Some(value), Keyed::Unusable);
        return None;
    }
    tell(Some(value), Keyed::Used);
    Some(bucket_of(salt, value, recorder))
}

fn is_usable(value: &[u8]) -> bool {
    (1..=UNIT_BYTES_MAX).contains(&value.len())
}

fn bucket_of<R: Recorder>(salt: &ArchivedString, unit: &[u8], recorder: &mut R) -> u32 {
    let hash = bucket::hash(salt.as_bytes(), unit);
    let bucket = bucket::project(hash);
    recorder.step(|| Step::Bucket { unit: text(unit), salt: salt.to_string(), hash, bucket });
    bucket
}
