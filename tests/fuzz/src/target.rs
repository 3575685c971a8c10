//! The targets, one file for each kind of bytes, and what they share: a request to decide.

pub(crate) mod archive;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod policy;
pub(crate) mod region;
pub(crate) mod token;

use bumpalo::Bump;
use halftone_core::{
    http::Header,
    route::{self, NoTags, RequestView, UnitId, route},
    signal::{device::Unremembered, geo::NoGeo, jwt::NoClaims, lists::NoLists, signature::NoKeys},
    table::{RuleTable, archive::Archive},
};

/// Decides a few requests by rules that were verified, and asks for everything that follows from a decision.
fn decide_by(rules: &Archive<RuleTable>) {
    let field = |name, value: &'static str| Header { name, value: value.as_bytes() };
    let headers = [
        field("Host", "api.example.com"),
        field("Cookie", "uid=u7; halftone=1"),
        field("Baggage", "release.user-v2=canary,%75ser=1,c=d"),
        field("User-Agent", "App (Android 14; Pixel 8)"),
        field("X-User-Id", "u7"),
        field("X-Release-Group", "canary"),
        field("X-Age", "30"),
    ];
    let places = [("api.example.com", "/user/7"), ("shop.example.com", "/"), ("", "/a/b/c/d")];
    for (host, path) in places {
        for trusted in [true, false] {
            let arena = Bump::new();
            let view = RequestView {
                method: "GET",
                scheme: "http",
                protocol: "HTTP/1.1",
                host: host.as_bytes(),
                path: path.as_bytes(),
                query: b"user=1&city=%E5%8C%97",
                headers: &headers,
                client_ip: "192.0.2.1",
                trusted,
                tags: &NoTags,
                witness: None,
                geo: &NoGeo,
                lists: &NoLists,
                signatures: &NoKeys,
                fresh_unit: UnitId::default(),
                devices: &Unremembered::default(),
                claims: &NoClaims,
                arena: &arena,
            };
            let Some(decision) = route(rules.rules(), &view, 1, 0) else { continue };
            let table = rules.table();
            assert!((decision.variant as usize) < table.variants.len());
            let _ = route::baggage(table, &decision, decision.variant, &headers, trusted);
            let fallback = route::fallback(table, &decision);
            assert!(fallback.is_none_or(|variant| (variant as usize) < table.variants.len()));
        }
    }
}
