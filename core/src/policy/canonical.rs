//! The canonical form of a bundle, and its digest.
//!
//! Owns the one text that two bundles share exactly when they ask for the same thing: JSON with
//! sorted keys, defaults written out, comments and spelling gone.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Bundle;

/// Returns the digest that names `bundle`: `sha256:` and 64 hexadecimal digits of its canonical form.
#[must_use]
pub fn digest(bundle: &Bundle) -> String {
    // A value tree sorts keys; its types (text, numbers, maps with text keys) cannot fail to serialise.
    let canonical = serde_json::to_value(bundle).map(|value| value.to_string()).unwrap_or_default();
    let mut text = String::from("sha256:");
    for byte in Sha256::digest(canonical.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
