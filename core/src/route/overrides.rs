//! Overrides: POLICY stage 4.
//!
//! Owns who may name a variant by a header. A header that nobody may believe is told, and passed over.

use super::{
    asked::{Asked, Signed},
    trace::{Overridden, Recorder, Step, text},
};
use crate::{
    signal::signature::{Use, shown},
    table::{ArchivedOverrideRow, ArchivedReleaseRow, ArchivedRequiresRow, Rules},
};

/// Returns the variant that a header names.
pub(super) fn overridden<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    request: &Asked<'_>,
    recorder: &mut R,
) -> Option<u32> {
    for rule in release.overrides.iter() {
        let (found, outcome) = match named(rule, release, request) {
            Ok(wanted) => match variant_named(table, release, wanted) {
                Some(variant) => {
                    tell(rule, Some(wanted), Overridden::Accepted, recorder);
                    return Some(variant);
                }
                None => (Some(wanted), Overridden::UnknownVariant),
            },
            Err(told) => told,
        };
        tell(rule, found, outcome, recorder);
    }
    None
}

fn tell<R: Recorder>(
    rule: &ArchivedOverrideRow,
    found: Option<&[u8]>,
    outcome: Overridden,
    recorder: &mut R,
) {
    let header = || rule.header.to_string();
    recorder.step(|| Step::Override { header: header(), found: found.map(text), outcome });
}

/// Returns the name that a header gives, or why it counts for nothing.
fn named<'a>(
    rule: &ArchivedOverrideRow,
    release: &ArchivedReleaseRow,
    request: &Asked<'a>,
) -> Result<&'a [u8], (Option<&'a [u8]>, Overridden)> {
    match rule.requires {
        ArchivedRequiresRow::Trusted if !request.trusted => Err((None, Overridden::Untrusted)),
        ArchivedRequiresRow::Trusted | ArchivedRequiresRow::Any => {
            request.believed_header(&rule.header).ok_or((None, Overridden::Absent))
        }
        ArchivedRequiresRow::Signed => {
            let used = Use::Override { tenant: request.tenant(), release: &release.name };
            let signed = request.signed(used, || request.any_header(&rule.header));
            let Signed { token, verified } = signed.ok_or((None, Overridden::Absent))?;
            let verified =
                verified.map_err(|why| (Some(shown(token)), Overridden::Unsigned(why)))?;
            Ok(verified.value)
        }
    }
}

/// Returns the variant of this name.
pub(super) fn variant_named(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    name: &[u8],
) -> Option<u32> {
    let mut variants = release.variants.start.to_native()..release.variants.end.to_native();
    variants.find(|at| table.variants[*at as usize].name.as_bytes() == name)
}
