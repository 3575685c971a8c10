//! A request as one tenant's rules may read it.
//!
//! Owns POLICY stage 1 for decisions: a header that a tenant chooses variants by is not there when the
//! peer is not trusted, since it will be stripped, and what is stripped decides nothing.

use std::{io::Write as _, ops::Deref};

use rkyv::{rend::u32_le, string::ArchivedString, vec::ArchivedVec};
use smallvec::SmallVec;

use super::{
    Input, RequestView, UnitId,
    evaluate::present_text,
    memo::Memo,
    value::{Evaluated, Fault, typed},
    values::{Joins, cookie, header},
    witness::digits,
};
use crate::{
    http::{has_reserved, is_baggage},
    limits::UNIT_BYTES_MAX,
    signal::{
        device::{Client, DeviceProperty},
        fingerprint::cookie::{DEVICE_COOKIE, device_id},
        geo::{GeoField, GeoLang, position::is_on_globe},
        signature::{Rejected, USES, Use, Verified},
    },
    table::{ArchivedAttributeRow, ArchivedPositionRow, ArchivedRuleTable, NONE},
};

/// A request, and whose rules ask.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    request: &'a RequestView<'a>,
    /// What was joined so far.
    joins: &'a Joins<'a>,
    reserved: &'a ArchivedVec<ArchivedString>,
    /// The keys of the tenant's baggage, in lower case and order.
    baggage: &'a ArchivedVec<ArchivedString>,
    /// Every attribute.
    attributes: &'a ArchivedVec<ArchivedAttributeRow>,
    /// Whose rules ask.
    tenant: &'a str,
    /// What was read before; nothing where that is not kept.
    memo: Option<&'a Memo<'a>>,
}

impl<'a> Asked<'a> {
    /// Returns `request` as the rules of a tenant, a row of `tenants`, may read it.
    pub(super) fn of_tenant(
        request: &'a RequestView<'a>,
        joins: &'a Joins<'a>,
        table: &'a ArchivedRuleTable,
        tenant: u32_le,
    ) -> Self {
        let row = &table.tenants[tenant.to_native() as usize];
        Self {
            request,
            joins,
            reserved: &row.reserved,
            baggage: &row.baggage,
            attributes: &table.attributes,
            tenant: &row.name,
            memo: None,
        }
    }

    /// Returns the same request, of which is kept in `memo` what is read.
    pub(super) fn with(self, memo: &'a Memo<'a>) -> Self {
        Self { memo: Some(memo), ..self }
    }

    /// Returns what the request itself says of the attribute in `row`.
    #[inline]
    pub(super) fn present(&self, row: u32_le) -> Option<&'a [u8]> {
        let row = row.to_native();
        let read = || present_text(&self.attributes[row as usize], self);
        match self.memo {
            Some(memo) => memo.present(row, read),
            None => read(),
        }
    }

    /// Returns the text of the attribute in `row`: what the request says, else its default.
    #[inline]
    pub(super) fn text(&self, row: u32_le) -> Option<&'a [u8]> {
        let default = || self.attributes[row.to_native() as usize].default.as_ref();
        self.present(row).or_else(|| Some(default()?.as_bytes()))
    }

    /// Returns the value of the attribute in `row`.
    #[inline(always)]
    pub(super) fn value(&self, row: u32_le) -> Evaluated<'a> {
        let known = self.memo.and_then(|memo| memo.value(row.to_native()));
        known.unwrap_or_else(|| self.new_value(row))
    }

    #[inline(never)]
    fn new_value(&self, row: u32_le) -> Evaluated<'a> {
        let value = typed(&self.attributes[row.to_native() as usize], self.text(row));
        if let Some(memo) = self.memo {
            memo.keep(row.to_native(), value);
        }
        value
    }

    /// Returns the tag `name` of the user whose id is the attribute in row `id`.
    pub(super) fn tag(&self, id: u32_le, name: &str) -> Option<&'a [u8]> {
        let (tenant, id) = (self.tenant, self.id(id)?);
        let input = Input::Tag { tenant, id, name };
        self.seen(input, || self.request.tags.tag(tenant, id, name).map(str::as_bytes))
    }

    /// Returns whether the user whose id is the attribute in row `id` is on `list`; nothing when nobody is named, or there
    /// is no such list.
    pub(super) fn is_member(&self, id: u32_le, list: &str) -> Option<bool> {
        let (tenant, id) = (self.tenant, self.id(id)?);
        let input = Input::Member { tenant, id, list };
        let held = self.seen(input, || {
            let held = self.request.lists.contains(tenant, list, id)?;
            Some(if held { b"true" } else { b"false" })
        })?;
        Some(held == b"true")
    }

    /// Returns the id that the request itself says, by the attribute in row `id`.
    fn id(&self, id: u32_le) -> Option<&'a str> {
        let id = std::str::from_utf8(self.present(id)?).ok()?;
        (1..=UNIT_BYTES_MAX).contains(&id.len()).then_some(id)
    }

    /// Returns the value of a header, whether it is believed or not.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.seen(Input::Header(name), || self.any_header(name))
    }

    /// Returns the value of a cookie.
    pub(super) fn cookie(&self, name: &str) -> Option<&'a [u8]> {
        self.seen(Input::Cookie(name), || cookie(self.request.headers, name))
    }

    /// Returns what `read` finds, and tells the witness; or what the witness found before.
    #[inline]
    pub(super) fn seen(
        &self,
        input: Input<'_>,
        read: impl FnOnce() -> Option<&'a [u8]>,
    ) -> Option<&'a [u8]> {
        let Some(witness) = self.request.witness else { return read() };
        if let Some(given) = witness.gives(input) {
            return given;
        }
        let value = read();
        witness.saw(input, value);
        value
    }

    /// Tells the witness the random number, which it has given before if it gives anything.
    pub(super) fn saw_random(&self, random: u32) {
        if let Some(witness) = self.request.witness
            && witness.gives(Input::Random).is_none()
        {
            witness.saw(Input::Random, Some(&digits(random)));
        }
    }

    /// Returns where the caller is, degrees north and east: what its request says, when that says both, else where its
    /// address is.
    pub(super) fn position(&self, row: &ArchivedPositionRow) -> Result<(f64, f64), Fault> {
        let declared = row.latitude.to_native() != NONE;
        let both =
            if declared { self.text(row.latitude).zip(self.text(row.longitude)) } else { None };
        let Some((latitude, longitude)) = both else {
            return self.address_position().ok_or(Fault::Missing);
        };
        let degrees = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
        let position = degrees(latitude).zip(degrees(longitude));
        position.filter(|position| is_on_globe(*position)).ok_or(Fault::Type)
    }

    /// Returns a field of the caller's address.
    pub(super) fn geo(&self, field: GeoField, lang: GeoLang) -> Option<&'a [u8]> {
        let input = Input::Geo { field: field.as_str(), lang: lang.as_str() };
        self.seen(input, || self.request.geo.field(field, lang).map(str::as_bytes))
    }

    /// Returns a claim of the caller's token.
    pub(super) fn claim(&self, name: &str, issuer: Option<&str>) -> Option<&'a [u8]> {
        let input = Input::Claim { name, issuer };
        self.seen(input, || self.request.claims.claim(name, issuer).map(str::as_bytes))
    }

    /// Returns where the caller's address is; for a witness as text, which has every digit that counts.
    fn address_position(&self) -> Option<(f64, f64)> {
        if self.request.witness.is_none() {
            return self.request.geo.position();
        }
        let text = self.seen(Input::Position, || {
            let (latitude, longitude) = self.request.geo.position()?;
            let mut text = SmallVec::<[u8; 64]>::new();
            // Writing to a vector cannot fail.
            let _ = write!(text, "{latitude},{longitude}");
            Some(self.request.arena.alloc_slice_copy(&text))
        })?;
        let (latitude, longitude) = std::str::from_utf8(text).ok()?.split_once(',')?;
        Some((latitude.parse().ok()?, longitude.parse().ok()?))
    }

    /// Returns the name of the tenant whose rules ask.
    pub(super) fn tenant(&self) -> &'a str {
        self.tenant
    }

    /// Verifies the token that `find` finds; nothing when there is none.
    ///
    /// A witness is told what a good token holds, never the token; what it gives is believed, and newest.
    pub(super) fn signed(
        &self,
        used: Use<'_>,
        find: impl FnOnce() -> Option<&'a [u8]>,
    ) -> Option<Signed<'a>> {
        let verify =
            |token| Signed { token, verified: self.request.signatures.verify(used, token) };
        let Some(witness) = self.request.witness else { return find().map(verify) };
        let (tenant, name) = used.scope().unwrap_or_default();
        let input = Input::Signed { used: USES[used.index()], tenant, name };
        if let Some(given) = witness.gives(input) {
            let believed = |value| Verified { value, expires_unix_s: 0, is_newest: true };
            return given.map(|value| Signed { token: value, verified: Ok(believed(value)) });
        }
        let signed = find().map(verify);
        let believed = signed.as_ref().and_then(|signed| signed.verified.ok());
        witness.saw(input, believed.map(|verified| verified.value));
        signed
    }

    /// Returns what a signed cookie holds; nothing when the request has none.
    pub(super) fn signed_cookie(&self, name: &str) -> Result<Option<&'a [u8]>, Rejected> {
        let used = Use::Cookie { tenant: self.tenant, name };
        let signed = self.signed(used, || cookie(self.request.headers, name));
        signed.map_or(Ok(None), |signed| signed.verified.map(|verified| Some(verified.value)))
    }

    /// Returns the id of the device; nothing when the request has none. A witness is told the id, and nothing of what is
    /// beside it in the cookie.
    pub(super) fn device_id(&self) -> Result<Option<&'a [u8]>, Rejected> {
        let find = || {
            let Some(token) = cookie(self.request.headers, DEVICE_COOKIE) else { return Ok(None) };
            let used = Use::Cookie { tenant: self.tenant, name: DEVICE_COOKIE };
            let verified = self.request.signatures.verify(used, token)?;
            device_id(verified.value).ok_or(Rejected::Malformed).map(Some)
        };
        let Some(witness) = self.request.witness else { return find() };
        let input = Input::DeviceId { tenant: self.tenant };
        if let Some(given) = witness.gives(input) {
            return Ok(given);
        }
        let found = find();
        witness.saw(input, found.ok().flatten());
        found
    }

    /// Returns whether a unit can be signed.
    pub(super) fn can_sign(&self) -> bool {
        let can_sign = || self.request.signatures.can_sign().then_some(&b"true"[..]);
        self.seen(Input::CanSign, can_sign).is_some()
    }

    /// Returns the unit for a caller that has none.
    pub(super) fn fresh_unit(&self) -> UnitId {
        let unit = self.request.fresh_unit;
        let Some(witness) = self.request.witness else { return unit };
        if let Some(given) = witness.gives(Input::FreshUnit) {
            return given.and_then(UnitId::read).unwrap_or_default();
        }
        witness.saw(Input::FreshUnit, Some(unit.text()));
        unit
    }

    /// Returns a header whoever sent it: what it says has to be signed.
    pub(super) fn any_header(&self, name: &str) -> Option<&'a [u8]> {
        header(self.request.headers, name, self.joins, self.request.arena)
    }

    /// Returns a property of the device.
    pub(super) fn device(&self, property: DeviceProperty) -> Option<&'a [u8]> {
        self.seen(Input::Device(property.as_str()), || {
            let device = self.request.devices.device(&|| self.client())?;
            device.get(property).map(str::as_bytes)
        })
    }

    /// Returns what the client says it is.
    fn client(&self) -> Client<'a> {
        let believed = |name: &str| self.believes(name);
        Client::of(self.request.headers, believed, |name| self.any_header(name))
    }

    fn believes(&self, name: &str) -> bool {
        self.trusted || !(self.is_reserved(name) || self.is_stripped_baggage(name))
    }

    /// Returns the value of a header that is believed.
    pub(super) fn believed_header(&self, name: &str) -> Option<&'a [u8]> {
        let value = self.header(name)?;
        self.believes(name).then_some(value)
    }

    fn is_reserved(&self, name: &str) -> bool {
        self.reserved.iter().any(|reserved| **reserved == *name)
    }

    /// Returns whether this is the baggage, and some of it is stripped.
    fn is_stripped_baggage(&self, name: &str) -> bool {
        let is_key =
            |key: &[u8]| self.baggage.binary_search_by(|one| one.as_bytes().cmp(key)).is_ok();
        is_baggage(name) && !self.baggage.is_empty() && has_reserved(self.headers, is_key)
    }
}

/// A token of a request, and what it is worth.
pub(super) struct Signed<'a> {
    pub(super) token: &'a [u8],
    pub(super) verified: Result<Verified<'a>, Rejected>,
}

impl<'a> Deref for Asked<'a> {
    type Target = RequestView<'a>;

    fn deref(&self) -> &RequestView<'a> {
        self.request
    }
}
