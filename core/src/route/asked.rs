//! A request as one tenant's rules may read it.
//!
//! Owns POLICY stage 1 for decisions: a header that a tenant chooses variants by is not there when the
//! peer is not trusted, since it will be stripped, and what is stripped decides nothing.

use std::ops::Deref;

use rkyv::{rend::u32_le, string::ArchivedString, vec::ArchivedVec};

use super::{
    RequestView,
    evaluate::{Fault, attribute_text, present_text},
    values::{cookie, header},
};
use crate::{
    http::{has_reserved, is_baggage},
    limits::UNIT_BYTES_MAX,
    signal::{
        device::{Client, DeviceProperty},
        geo::position::is_on_globe,
        signature::{Rejected, Use, Verified},
    },
    table::{ArchivedAttributeRow, ArchivedPositionRow, ArchivedRuleTable, NONE},
};

/// A request, and whose rules ask.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    request: &'a RequestView<'a>,
    reserved: &'a ArchivedVec<ArchivedString>,
    /// The keys of the tenant's baggage, in lower case and order.
    baggage: &'a ArchivedVec<ArchivedString>,
    /// Every attribute.
    attributes: &'a ArchivedVec<ArchivedAttributeRow>,
    /// Whose rules ask.
    tenant: &'a str,
}

impl<'a> Asked<'a> {
    /// Returns `request` as the rules of a tenant, a row of `tenants`, may read it.
    pub(super) fn of_tenant(
        request: &'a RequestView<'a>,
        table: &'a ArchivedRuleTable,
        tenant: u32_le,
    ) -> Self {
        let row = &table.tenants[tenant.to_native() as usize];
        Self {
            request,
            reserved: &row.reserved,
            baggage: &row.baggage,
            attributes: &table.attributes,
            tenant: &row.name,
        }
    }

    /// Returns the tag `name` of the user whose id is the attribute in row `id`.
    pub(super) fn tag(&self, id: u32_le, name: &str) -> Option<&'a [u8]> {
        self.request.tags.tag(self.tenant, self.id(id)?, name).map(str::as_bytes)
    }

    /// Returns whether the user whose id is the attribute in row `id` is on `list`; nothing when nobody is named, or there
    /// is no such list.
    pub(super) fn is_member(&self, id: u32_le, list: &str) -> Option<bool> {
        self.request.lists.contains(self.tenant, list, self.id(id)?)
    }

    /// Returns the id that the request itself says, by the attribute in row `id`.
    fn id(&self, id: u32_le) -> Option<&'a str> {
        let id = present_text(&self.attributes[id.to_native() as usize], self)?;
        let id = std::str::from_utf8(id).ok()?;
        (1..=UNIT_BYTES_MAX).contains(&id.len()).then_some(id)
    }

    /// Returns where the caller is, degrees north and east: what its request says, when that says both, else where its
    /// address is.
    pub(super) fn position(&self, row: &ArchivedPositionRow) -> Result<(f64, f64), Fault> {
        let said = |at: u32_le| {
            let row = self.attributes.get(at.to_native() as usize)?;
            attribute_text(row, self)
        };
        let declared = row.latitude.to_native() != NONE;
        let both = if declared { said(row.latitude).zip(said(row.longitude)) } else { None };
        let Some((latitude, longitude)) = both else {
            return self.request.geo.position().ok_or(Fault::Missing);
        };
        let degrees = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
        let position = degrees(latitude).zip(degrees(longitude));
        position.filter(|position| is_on_globe(*position)).ok_or(Fault::Type)
    }

    /// Returns the name of the tenant whose rules ask.
    pub(super) fn tenant(&self) -> &'a str {
        self.tenant
    }

    /// Verifies a token of this request.
    pub(super) fn verify(&self, used: Use<'_>, token: &'a [u8]) -> Result<Verified<'a>, Rejected> {
        self.request.signatures.verify(used, token)
    }

    /// Returns what a signed cookie holds; nothing when the request has none.
    pub(super) fn signed_cookie(&self, name: &str) -> Result<Option<&'a [u8]>, Rejected> {
        let Some(token) = cookie(self.request.headers, name) else { return Ok(None) };
        let used = Use::Cookie { tenant: self.tenant, name };
        self.verify(used, token).map(|verified| Some(verified.value))
    }

    /// Returns a header whoever sent it: what it says has to be signed.
    pub(super) fn any_header(&self, name: &str) -> Option<&'a [u8]> {
        header(self.request.headers, name, self.request.arena)
    }

    /// Returns a property of the device.
    pub(super) fn device(&self, property: DeviceProperty) -> Option<&'a [u8]> {
        let device = self.request.devices.device(&|| self.client())?;
        device.get(property).map(str::as_bytes)
    }

    /// Returns what the client says it is.
    fn client(&self) -> Client<'a> {
        let (headers, arena) = (self.request.headers, self.request.arena);
        let believed = |name: &str| self.believes(name);
        Client::of(headers, believed, |name| header(headers, name, arena))
    }

    fn believes(&self, name: &str) -> bool {
        self.trusted || !(self.is_reserved(name) || self.is_stripped_baggage(name))
    }

    /// Returns the value of a header that is believed.
    pub(super) fn believed_header(&self, name: &str) -> Option<&'a [u8]> {
        let value = header(self.request.headers, name, self.request.arena)?;
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

impl<'a> Deref for Asked<'a> {
    type Target = RequestView<'a>;

    fn deref(&self) -> &RequestView<'a> {
        self.request
    }
}
