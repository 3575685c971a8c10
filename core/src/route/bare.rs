//! A request beside which nothing is known, for tests.
//!
//! Owns what most of them leave out. Invariant: whatever is not said is asked of readers that know nothing.

use bumpalo::Bump;

use super::{NoTags, RequestView, UnitId};
use crate::signal::{
    device::Unremembered, geo::NoGeo, jwt::NoClaims, lists::NoLists, signature::NoKeys,
};

/// What such a request borrows.
#[derive(Debug, Default)]
pub(crate) struct Bare {
    arena: Bump,
    devices: Unremembered,
}

impl Bare {
    /// Returns `GET http://a/` without fields, from a peer that is not trusted.
    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            method: "GET",
            scheme: "http",
            protocol: "HTTP/1.1",
            host: b"a",
            path: b"/",
            query: b"",
            headers: &[],
            client_ip: "192.0.2.1",
            trusted: false,
            tags: &NoTags,
            witness: None,
            geo: &NoGeo,
            lists: &NoLists,
            signatures: &NoKeys,
            fresh_unit: UnitId::default(),
            devices: &self.devices,
            claims: &NoClaims,
            arena: &self.arena,
        }
    }
}
