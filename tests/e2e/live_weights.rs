//! Live weights: each combination's share and who met it, read and changed while requests come.

use serde_json::{Value, json};

use crate::{
    on_each_engine,
    poll::until_true,
    shop,
    stack::{Engine, Stack, get, halftone},
    upstream::Upstream,
};

/// Tag × region × device, each as a trusted peer says it.
const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
attributes:
  user.id: { type: string, from: [ { header: x-user-id, trusted: true } ] }
  geo.city: { type: string, from: [ { header: x-city, trusted: true } ] }
  device.os: { type: string, from: [ { header: x-os, trusted: true } ] }
  user.level: { type: string, from: [ { header: x-level, trusted: true } ], default: new }
upstreams:
  shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } }
routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
releases:
  shop-v2:
    upstream: shop
    unit: [ user.id ]
    overrides: [ { header: X-Release-Group } ]
    targets:
      - id: matrix
        nested: [ geo.city, device.os, user.level ]
        table:
          上海: { ios: { vip: { split: scheduled }, "*": { weight: 100% } }, "*": { "*": { split: scheduled } } }
    default: { split: scheduled }
"#;

struct Shop {
    stack: Stack,
    _services: [Upstream; 2],
}

impl Shop {
    fn start(engine: Engine) -> Self {
        let (stack, _services) = shop::start(engine, &[], BUNDLE);
        Self { stack, _services }
    }

    /// Has so many users of one combination ask; returns how many met the canary.
    fn ask(&self, (city, os, level): (&str, &str, &str), users: usize) -> usize {
        let mut wire = self.stack.connect();
        let met = (0..users).filter(|user| {
            let id = format!("user-{user}");
            let fields =
                [("X-User-Id", id.as_str()), ("X-City", city), ("X-Os", os), ("X-Level", level)];
            wire.send(get("/", &fields)).answer().text() == "canary"
        });
        met.count()
    }

    fn set(&self, weight: &str, targets: &[&str]) -> u16 {
        let body = json!({ "weight": weight, "targets": targets }).to_string();
        let path = "/v1/tenants/shop/releases/shop-v2:setWeight";
        self.stack.api.call("POST", path, &body).expect("an answer").0
    }

    fn split(&self, name: &str) -> Value {
        let path = "/v1/tenants/shop/releases/shop-v2";
        let (status, release) = self.stack.api.call("GET", path, "").expect("an answer");
        assert_eq!(status, 200, "{release}");
        let splits = release["splits"].as_array().expect("splits").iter();
        splits.clone().find(|split| split["split"] == name).cloned().expect("the split")
    }

    /// Waits until these were counted.
    fn until_met(&self, split: &str, expected: &Value) {
        until_true(&format!("{split} to have met {expected}"), || {
            self.split(split)["exposures"] == *expected
        });
    }
}

on_each_engine! {
    fn each_combination_is_read_and_moved_alone(engine: Engine) {
        let shop = Shop::start(engine);
        let (vip, other, android) = (("上海", "ios", "vip"), ("上海", "ios", "new"), ("上海", "android", "vip"));
        assert_eq!((shop.ask(vip, 10), shop.ask(other, 7), shop.ask(android, 5)), (0, 7, 0));
        assert_eq!(shop.ask(("北京", "ios", "vip"), 3), 0);
        shop.until_met("matrix/上海/ios/vip", &json!({ "stable": 10 }));
        shop.until_met("matrix/上海/ios/*", &json!({ "canary": 7 }));
        shop.until_met("matrix/上海/*/*", &json!({ "stable": 5 }));
        shop.until_met("default", &json!({ "stable": 3 }));

        // One cell moves; its neighbours do not.
        assert_eq!(shop.set("50%", &["matrix/上海/ios/vip"]), 200);
        let canary = shop.ask(vip, 100);
        assert!((30..70).contains(&canary), "{canary}");
        assert_eq!((shop.ask(android, 5), shop.ask(("北京", "ios", "vip"), 3)), (0, 0));
        shop.until_met("matrix/上海/ios/vip", &json!({ "stable": 110 - canary, "canary": canary }));
        let cell = shop.split("matrix/上海/ios/vip");
        assert_eq!((&cell["scheduled"], &cell["weights"]), (&json!(true), &json!({ "canary": "50%", "stable": "50%" })));
        assert_eq!(shop.split("default")["weights"], json!({ "stable": "100%" }));
        // What the bundle says is the bundle's.
        assert_eq!(shop.set("50%", &["matrix/上海/ios/*"]), 409);
        assert_eq!(shop.split("matrix/上海/ios/*")["scheduled"], false);
        assert_eq!(shop.set("50%", &["matrix/上海/web/vip"]), 422);

        // Nobody's word is the weight's work.
        let before = shop.split("default");
        assert_eq!(shop.stack.get(&[("X-Release-Group", "canary")]).text(), "canary");
        assert_eq!(shop.ask(("北京", "ios", "vip"), 1), 0);
        shop.until_met("default", &json!({ "stable": before["exposures"]["stable"].as_u64().expect("some") + 1 }));

        let api = format!("http://{}", shop.stack.api.address);
        let mut status = halftone(&["status", "--release", "shop/shop-v2", "--api", &api]);
        let shown = status.output().expect("it runs").stdout;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let row = |start: &str| {
            let line = shown.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {shown}"));
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(row("matrix/上海/ios/*"), ["matrix/上海/ios/*", "canary", "100%", "7"]);
        assert_eq!(row("matrix/上海/ios/vip"), ["matrix/上海/ios/vip", "canary", "50%", &canary.to_string()]);
        let unknown = shop.stack.api.call("GET", "/v1/tenants/shop/releases/absent", "").expect("an answer");
        assert_eq!(unknown.0, 404, "{}", unknown.1);
    }
}
