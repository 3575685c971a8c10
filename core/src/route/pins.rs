//! Pins: POLICY stage 5.
//!
//! Owns when a pin counts: it is of this release and generation, signed, and names a variant there is.

use super::{
    asked::{Asked, Signed},
    overrides::variant_named,
    remember::{self, parse_pin, pin_cookie, read_pin},
    trace::{Pinned, Recorder, Step, text},
};
use crate::{
    signal::signature::{Use, shown},
    table::{ArchivedReleaseRow, Rules},
};

/// A pin that counts.
pub(super) struct Pin {
    /// The variant.
    pub(super) variant: u32,
    /// Whether the caller is to be given another for the same variant, since an older key has signed it.
    pub(super) renew: bool,
}

/// Returns the pin of a request, if it has one that counts.
pub(super) fn pin<R: Recorder>(
    table: Rules<'_>,
    release: &ArchivedReleaseRow,
    request: &Asked<'_>,
    recorder: &mut R,
) -> Option<Pin> {
    let generation = release.pins.as_ref()?.to_native();
    let mut tell = |found: Option<&[u8]>, outcome| {
        recorder.step(|| Step::Pin {
            cookie: pin_cookie(&release.name),
            found: found.map(text),
            outcome,
        });
    };
    let used = Use::Pin { tenant: request.tenant(), release: &release.name };
    let signed = request.signed(used, || read_pin(request.headers, &release.name));
    let Some(Signed { token, verified }) = signed else {
        tell(None, Pinned::Absent);
        return None;
    };
    let verified = match verified {
        Ok(verified) => verified,
        Err(why) => {
            tell(Some(shown(token)), Pinned::Unsigned(why));
            return None;
        }
    };
    let value = Some(verified.value);
    let Some((_, variant)) = parse_pin(verified.value).filter(|(of, _)| *of == generation) else {
        tell(value, Pinned::OtherGeneration);
        return None;
    };
    let Some(variant) = variant_named(table, release, variant.as_bytes()) else {
        tell(value, Pinned::UnknownVariant);
        return None;
    };
    tell(value, Pinned::Taken);
    Some(Pin { variant, renew: !verified.is_newest && keeps(request) })
}

/// Returns whether the caller is to be pinned to what is decided now.
pub(super) fn is_to_pin(release: &ArchivedReleaseRow, request: &Asked<'_>) -> bool {
    release.pins.is_some() && request.signatures.can_sign() && keeps(request)
}

/// Returns whether a cookie that is set now would come back.
pub(super) fn keeps(request: &Asked<'_>) -> bool {
    remember::is_kept(request.scheme, request.host)
}
