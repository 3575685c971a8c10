//! A request as one tenant's rules may read it.
//!
//! Owns POLICY stage 1 for decisions: a header that a tenant chooses variants by is not there when the
//! peer is not trusted, since it will be stripped, and what is stripped decides nothing.

use std::ops::Deref;

use rkyv::{rend::u32_le, string::ArchivedString, vec::ArchivedVec};

use super::{RequestView, evaluate::present_text, values::header};
use crate::{
    limits::UNIT_BYTES_MAX,
    signal::device::{Client, DeviceProperty},
    table::{ArchivedAttributeRow, ArchivedRuleTable},
};

/// A request, and whose rules ask.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    request: &'a RequestView<'a>,
    reserved: &'a ArchivedVec<ArchivedString>,
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
        Self { request, reserved: &row.reserved, attributes: &table.attributes, tenant: &row.name }
    }

    /// Returns the tag `name` of the user whose id is the attribute in row `id`.
    pub(super) fn tag(&self, id: u32_le, name: &str) -> Option<&'a [u8]> {
        let id = present_text(&self.attributes[id.to_native() as usize], self)?;
        if !(1..=UNIT_BYTES_MAX).contains(&id.len()) {
            return None;
        }
        let id = std::str::from_utf8(id).ok()?;
        self.request.tags.tag(self.tenant, id, name).map(str::as_bytes)
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
        self.trusted || !self.reserved.iter().any(|reserved| **reserved == *name)
    }

    /// Returns the value of a header that is believed.
    pub(super) fn believed_header(&self, name: &str) -> Option<&'a [u8]> {
        let value = header(self.request.headers, name, self.request.arena)?;
        self.believes(name).then_some(value)
    }
}

impl<'a> Deref for Asked<'a> {
    type Target = RequestView<'a>;

    fn deref(&self) -> &RequestView<'a> {
        self.request
    }
}
