//! A request as one tenant's rules may read it.
//!
//! Owns POLICY stage 1 for decisions: a header that a tenant chooses variants by is not there when the
//! peer is not trusted, since it will be stripped, and what is stripped decides nothing.

use std::ops::Deref;

use rkyv::{rend::u32_le, string::ArchivedString, vec::ArchivedVec};

use super::{RequestView, values::header};
use crate::table::ArchivedRuleTable;

/// A request, and whose rules ask.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    request: &'a RequestView<'a>,
    reserved: &'a ArchivedVec<ArchivedString>,
}

impl<'a> Asked<'a> {
    /// Returns `request` as the rules of a tenant, a row of `tenants`, may read it.
    pub(super) fn of_tenant(
        request: &'a RequestView<'a>,
        table: &'a ArchivedRuleTable,
        tenant: u32_le,
    ) -> Self {
        Self { request, reserved: &table.tenants[tenant.to_native() as usize].reserved }
    }

    /// Returns the value of a header that is believed.
    pub(super) fn believed_header(&self, name: &str) -> Option<&'a [u8]> {
        let value = header(self.request.headers, name, self.request.arena)?;
        let believed = self.trusted || !self.reserved.iter().any(|reserved| **reserved == *name);
        believed.then_some(value)
    }
}

impl<'a> Deref for Asked<'a> {
    type Target = RequestView<'a>;

    fn deref(&self) -> &RequestView<'a> {
        self.request
    }
}
