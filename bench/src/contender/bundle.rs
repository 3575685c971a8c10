//! The bundles that halftone is given: a split of all users by a hash of one header.
//!
//! Owns the text only. Invariant: one release of one tenant, so that its cohorts live through every
//! change of the bundle.

use super::{PARTS, Setting, USER_HEADER};

/// Whose bundle it is.
pub(super) const TENANT: &str = "bench";
/// The release that splits.
pub(super) const RELEASE: &str = "items-v2";

/// Returns the bundle whose split is what `setting` says.
pub(crate) fn bundle(setting: &Setting) -> String {
    let share = |share: u32| f64::from(share) * 100.0 / f64::from(PARTS);
    let shares: Vec<String> =
        setting.variants().map(|(name, _, parts)| format!("{name}: {}%", share(parts))).collect();
    written(setting, "items", "", &format!("{{ {} }}", shares.join(", ")))
}

/// Returns the bundle whose split is moved by a call, with this name of its route and these targets.
pub(crate) fn scheduled(setting: &Setting, route: &str, targets: &str) -> String {
    written(setting, route, targets, "scheduled")
}

fn written(setting: &Setting, route: &str, targets: &str, split: &str) -> String {
    let mut variants = format!("stable: {{ addresses: [ '{}' ] }}", setting.stable());
    for (name, address) in setting.named() {
        variants += &format!(", {name}: {{ addresses: [ '{address}' ] }}");
    }
    format!(
        "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: {TENANT} }}
attributes: {{ user.id: {{ type: string, from: [ {{ header: {USER_HEADER}, trusted: true }} ] }} }}
upstreams: {{ items: {{ variants: {{ {variants} }} }} }}
routes: [ {{ name: {route}, rules: [ {{ release: {RELEASE} }} ] }} ]
releases:
  {RELEASE}: {{ upstream: items, unit: [ user.id ], targets: [ {targets} ], default: {{ split: {split} }} }}
"
    )
}
