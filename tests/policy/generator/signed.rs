//! Values that are signed, mostly well.
//!
//! Owns the keys of a gateway, and tokens of overrides, pins, units and devices.

use super::{HEADERS, Seeded, VALUES};
use crate::evaluator::signatures::{Keys, token};

impl Seeded {
    /// None, one, or two keys of few ids.
    pub(super) fn keys(&mut self) -> Keys {
        let key = |(id, byte): (&str, u8)| (id.to_owned(), vec![byte; 32]);
        let keys = [("k1", 1), ("k2", 2), ("k3", 1)].map(key);
        match self.below(8) {
            0 => Keys::new(),
            1 => vec![keys[1].clone(), keys[0].clone()],
            2 => vec![keys[2].clone()],
            _ => vec![keys[0].clone()],
        }
    }

    /// A field with a token, mostly a good one.
    pub(super) fn signed(&mut self, keys: &Keys) -> (String, String) {
        let other = ("k1".to_owned(), vec![9; 32]);
        let key = match keys.get(self.below(2)) {
            Some(key) if !self.one_in(6) => key.clone(),
            _ => other,
        };
        let expires = if self.one_in(2) { 0 } else { self.next() % 100 };
        let release = self.pick(&["r1", "r2"]);
        let generation = self.below(4) / 3;
        let variant = self.pick(&["stable", "canary", "canary", "beta", "gone"]);
        let (name, kind, scope, value) = match self.below(8) {
            0 | 1 => (
                self.pick(&HEADERS[1..3]).to_owned(),
                "override",
                format!("t/{release}"),
                variant.to_owned(),
            ),
            2..5 => {
                let name = format!("__Host-halftone-pin-{release}");
                (name, "pin", format!("t/{release}"), format!("{generation}~{variant}"))
            }
            5 if self.one_in(2) => {
                let id =
                    ["0123456789abcdefghij-_", "0123456789abcdefghij", "0123456789abcdefghijk:"];
                let name = "__Host-halftone-device";
                let rest = self.pick(&["~5~sketch", "~", "", "x~"]);
                let value = format!("{}{rest}", self.pick(&id));
                (name.to_owned(), "cookie", format!("t/{name}"), value)
            }
            5 => {
                let unit = self.pick(&["u7", "0123456789abcdefghijkl"]);
                let name = "__Host-halftone-unit";
                (name.to_owned(), "cookie", format!("t/{name}"), unit.to_owned())
            }
            _ => {
                let name = self.pick(&["uid", "sid"]);
                (name.to_owned(), "cookie", format!("t/{name}"), self.pick(&VALUES).to_owned())
            }
        };
        let mut token = token(&key, (kind, &scope), &value, expires);
        if self.one_in(8) {
            let at = self.below(token.len());
            token.replace_range(at..=at, "0");
        }
        match kind {
            "override" => (name, token),
            _ => ("cookie".to_owned(), format!("{name}={token}")),
        }
    }
}
