//! Archives of tables: what crosses the control socket, and what lies on a gateway's disk.
//!
//! Owns the forging: the checksum is made good, so that structure and meaning are what is checked. What opens in spite of
//! that is decided by, looked into, and written again.

use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    policy::Bundle,
    table::{
        IdList, InstanceTable, RuleTable, TagFilter,
        archive::{Archive, HEADER_BYTES, LAYOUT},
    },
};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

use super::decide_by;

/// Where the checksum begins; it is of what lies before it, and of the body's own.
const CHECKED_BYTES: usize = 48;

/// Reads an archive whose header is made good; its kind, its revision and its body are as they are.
pub(crate) fn read(bytes: &[u8]) {
    let Some(bytes) = forged(bytes) else { return };
    if let Ok(rules) = Archive::<RuleTable>::copy_from(&bytes) {
        decide_by(&rules);
        let table = rules.read().expect("what is read in place can be copied");
        Archive::build(&table, 1).expect("what was verified is good");
    }
    if let Ok(instances) = Archive::<InstanceTable>::copy_from(&bytes) {
        let table = instances.read().expect("what is read in place can be copied");
        Archive::build(&table, 1).expect("what was verified is good");
    }
    if let Ok(filter) = Archive::<TagFilter>::copy_from(&bytes) {
        let _ = filter.table().may_have("user-42");
    }
    if let Ok(list) = Archive::<IdList>::copy_from(&bytes) {
        let _ = list.has("user-42");
    }
}

fn forged(bytes: &[u8]) -> Option<Vec<u8>> {
    let body = bytes.get(HEADER_BYTES..)?;
    let mut forged = bytes.to_vec();
    forged[..8].copy_from_slice(b"halftone");
    forged[8..16].copy_from_slice(&LAYOUT.to_le_bytes());
    forged[24..32].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let mut checked = forged[..CHECKED_BYTES].to_vec();
    checked.extend_from_slice(&xxh3_128(body).to_le_bytes());
    forged[CHECKED_BYTES..HEADER_BYTES].copy_from_slice(&xxh3_128(&checked).to_le_bytes());
    Some(forged)
}

/// One archive of each kind.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
        "attributes": {
            "user.id": { "type": "string", "from": [{ "header": "x-user-id", "trusted": true }] },
            "age": { "type": "int", "from": [{ "header": "x-age" }] },
            "level": { "type": "string", "from": [{ "tags": "level" }] },
        },
        "segments": { "adults": { "when": "age > 18 && level in ['a', 'b']" } },
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "canary": { "addresses": ["127.0.0.1:2"] } } } },
        "routes": [
            { "name": "r", "hostnames": ["api.example.com", "*.example.com"], "rules": [
                { "matches": [{ "path": { "type": "RegularExpression", "value": "/u[a-z]+/[0-9]" } }], "release": "v2" },
                { "matches": [{ "path": { "type": "PathPrefix", "value": "/user" } }], "release": "v2" } ] },
            { "name": "s", "rules": [{ "upstream": "u" }] },
        ],
        "releases": { "v2": {
            "upstream": "u", "unit": ["user.id"], "stickiness": "pinned", "propagate": { "baggage": "release.user-v2" },
            "overrides": [{ "header": "x-release-group", "requires": "trusted" }],
            "targets": [
                { "id": "t", "when": "segment('adults') && request.path.matches('^/user')", "split": { "canary": "5%" } },
                { "id": "n", "nested": ["level", "age"], "table": { "a": { "1": { "weight": "5%" }, "*": { "weight": "1%" } } } },
            ],
            "default": { "split": { "canary": "20%" } },
        } },
    }))
    .expect("the shape is right");
    let mut allocations = Allocations::new();
    allocate(&bundle, &mut allocations).expect("its weights fit");
    let rules = compile_rules(&[&bundle], &allocations).expect("it compiles");
    let mut filter = TagFilter::with_room("shop", 10);
    filter.insert("user-42");
    vec![
        Archive::build(&rules, 1).expect("it verifies").bytes().to_vec(),
        Archive::build(&filter, 1).expect("it verifies").bytes().to_vec(),
    ]
}
