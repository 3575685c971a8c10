//! Releases: their targets and splits, and what else they say.
//!
//! Owns nested tables and moments as well.

use serde_json::{Map, Value, json};

use super::{HEADERS, Seeded};

impl Seeded {
    pub(super) fn release(&mut self) -> Value {
        let targets: Vec<Value> = (0..self.below(4))
            .map(|at| {
                let nested = self.one_in(4);
                let mut target = if nested { json!({}) } else { self.choice() };
                target["id"] = json!(format!("t{at}"));
                if nested {
                    let levels = [
                        "user.city",
                        "first",
                        "user.vip",
                        "user.id",
                        "user.age",
                        "user.level",
                        "geo.place",
                        "geo.cell",
                        "device.os",
                        "device.class",
                    ];
                    let depth = 1 + self.below(3);
                    target["nested"] = (0..depth).map(|_| self.pick(&levels)).collect();
                    target["table"] = self.cells(depth);
                } else if self.one_in(2) {
                    target["when"] = json!(self.when(2));
                } else {
                    target["match"] = self.conditions(true);
                }
                if self.one_in(3) {
                    target["expiresAt"] = self.moment();
                }
                target
            })
            .collect();
        let mut release = json!({ "upstream": self.pick(&["u", "w"]), "default": self.choice(), "targets": targets });
        if !self.one_in(4) {
            let requires = self.pick(&["trusted", "trusted", "signed", "any"]);
            release["overrides"] =
                json!([{ "header": self.pick(&HEADERS[1..3]), "requires": requires }]);
        }
        if !self.one_in(3) {
            release["unit"] =
                if self.one_in(2) { json!(["user.id"]) } else { json!(["user.id", "client.ip"]) };
        }
        if self.one_in(4) {
            release["unit"] =
                if self.one_in(2) { json!(["device.id"]) } else { json!(["device.id", "user.id"]) };
        }
        if self.one_in(3) {
            release["unit"] = json!(["session"]);
            release["unitMissing"] = json!("mint");
        }
        if self.one_in(2) {
            release["stickiness"] = json!("pinned");
            release["generation"] = json!(self.below(4) / 3);
        }
        if !self.one_in(3) {
            release["propagate"] = json!({ "baggage": self.pick(&["release.r", "Chain"]) });
        }
        if self.one_in(3) {
            release["salt"] = json!(self.pick(&["user-v2.1", "北京"]));
        }
        if self.one_in(8) {
            release["disabled"] = json!(true);
        }
        if self.one_in(6) {
            release["expiresAt"] = self.moment();
        }
        release
    }

    /// A table of so many levels.
    fn cells(&mut self, depth: usize) -> Value {
        if depth == 0 {
            return if self.one_in(2) {
                json!({ "weight": format!("{}%", self.below(100)) })
            } else {
                self.choice()
            };
        }
        let values = [
            "北京", "上海", "canary", "user", "a", "GET", "true", "u7", "19", "1", "wtw3", "Porto",
            "android", "phone", "ios", "*", "*",
        ];
        let rows: Map<String, Value> = (0..1 + self.below(3))
            .map(|_| (self.pick(&values).to_owned(), self.cells(depth - 1)))
            .collect();
        Value::Object(rows)
    }

    fn moment(&mut self) -> Value {
        json!(format!("1970-01-01T00:00:{:02}Z", self.below(60)))
    }

    fn choice(&mut self) -> Value {
        match self.below(4) {
            0 => json!({ "variant": self.pick(&["stable", "canary", "beta"]) }),
            1 => json!({ "split": "scheduled" }),
            _ => {
                let canary = format!("{}.{}%", self.below(50), self.below(10));
                json!({ "split": { "canary": canary, "beta": format!("{}%", self.below(50)) } })
            }
        }
    }
}
