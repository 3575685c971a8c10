//! Tags: from what is loaded to the variant a request meets, also when nobody can say.

use std::fmt::Write as _;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    message::Wire,
    on_each_engine,
    poll::until_true,
    shop,
    stack::{Engine, Stack, get, halftone, send},
    upstream::Upstream,
};

/// Who is `vip` meets the canary, who is not known is `new`.
const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
attributes:
  user.id: { type: string, from: [{ header: x-user-id, trusted: true }] }
  user.level: { type: string, from: [{ tags: level }], default: new }
upstreams:
  shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } }
routes: [{ name: all, rules: [{ release: shop-v2 }] }]
releases:
  shop-v2:
    upstream: shop
    targets: [{ id: vip, when: "user.level == 'vip'", variant: canary }]
    default: { variant: stable }
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

    fn put(&self, id: &str, level: &str) {
        let (path, body) = (format!("/v1/tenants/shop/tags/{id}"), json!({ "level": level }));
        let told = self.stack.api.call("PUT", &path, &body.to_string()).expect("an answer");
        assert_eq!(told.0, 200, "{}", told.1);
    }

    fn variant(&self, id: &str) -> String {
        self.stack.get(&[("X-User-Id", id)]).text()
    }

    /// Returns how many ids the gateway has asked the control plane for.
    fn asked(&self) -> u64 {
        let page = Wire::connect(self.stack.api.address).send(get("/metrics", &[])).answer().text();
        let line = page.lines().find_map(|line| line.strip_prefix("halftone_tag_ids_asked_total "));
        line.expect("it is counted").parse().expect("a number")
    }
}

on_each_engine! {
    fn who_is_tagged_meets_the_canary(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put("u7", "vip");
        shop.put("u8", "old");
        // A cold id waits for its budget at most; on a busy machine that may be over too soon, and the next request knows.
        // That is so on each worker.
        for _ in 0..3 {
            until_true("the vip to be known", || shop.variant("u7") == "canary");
            for id in ["u8", "nobody"] {
                assert_eq!(shop.variant(id), "stable", "{id}");
            }
        }
        let asked = shop.asked();
        for _ in 0..20 {
            shop.variant("u7");
        }
        // Each worker asks for itself, once.
        assert!(shop.asked() <= asked + 8, "{} and then {}", asked, shop.asked());

        // A change is seen, either way.
        shop.put("u7", "old");
        shop.put("nobody", "vip");
        until_true("the changes to be seen", || {
            shop.variant("u7") == "stable" && shop.variant("nobody") == "canary"
        });
        assert_eq!(shop.stack.get(&[]).text(), "stable", "nobody is asked for");
    }

    fn a_load_is_served(engine: Engine) {
        let shop = Shop::start(engine);
        let mut lines = "id,level\n".to_owned();
        for at in 0..30_000 {
            let _ = writeln!(lines, "u{at},{}", if at % 2 == 0 { "vip" } else { "old" });
        }
        let file = shop.stack.data().join("users.csv");
        std::fs::write(&file, lines).expect("written");
        let api = format!("http://{}", shop.stack.api.address);
        let mut load = halftone(&["tags", "load", "--tenant", "shop", "--api", &api]);
        let output = load.arg(&file).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text, "30000 rows loaded; 30000 ids have tags, revision 3\n");
        for at in [0, 1, 14_998, 29_999] {
            let expected = if at % 2 == 0 { "canary" } else { "stable" };
            until_true("an id to be known", || shop.variant(&format!("u{at}")) == expected);
        }
    }

    /// Random ids are told by the filter, but for one in a hundred.
    fn who_has_no_tags_is_not_asked_for(engine: Engine) {
        let shop = Shop::start(engine);
        for at in 0..200 {
            shop.put(&format!("u{at}"), "vip");
        }
        for at in [0, 199] {
            until_true("a vip to be known", || shop.variant(&format!("u{at}")) == "canary");
        }
        let before = shop.asked();
        let mut connection = shop.stack.connect();
        let mut random = 0x9E37_79B9_7F4A_7C15u64;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let id = format!("{random:x}");
            let answer = connection.send(get("/", &[("X-User-Id", &id)])).answer();
            assert_eq!((answer.status(), answer.text()), (200, "stable".to_owned()), "{id}");
        }
        let asked = shop.asked() - before;
        println!("{asked} of 20000 ids reached the store");
        assert!(asked <= 200, "{asked} of 20000 ids reached the store");
        // What is new is in the next filter.
        shop.put("newcomer", "vip");
        until_true("who is new to be known", || shop.variant("newcomer") == "canary");
    }

    /// Stopped, not killed: its sockets are there, and nothing comes of them.
    fn a_control_plane_that_hangs_costs_defaults_and_no_request(engine: Engine) {
        let shop = Shop::start(engine);
        for at in 0..200 {
            shop.put(&format!("u{at}"), "vip");
        }
        until_true("the last vip to be known", || shop.variant("u199") == "canary");
        let control = shop.stack.child("control");
        send(control, Signal::STOP);
        let mut connection = shop.stack.connect();
        // Nobody has asked for these yet.
        for at in 0..199 {
            let id = format!("u{at}");
            let answer = connection.send(get("/", &[("X-User-Id", &id)])).answer();
            assert_eq!((answer.status(), answer.text()), (200, "stable".to_owned()), "{id}");
        }
        drop(connection);
        send(control, Signal::CONT);
        until_true("a vip to be known again", || shop.variant("u9") == "canary");
    }

    fn explain_asks_as_a_request_does(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put("u7", "vip");
        let asked = json!({ "url": "/", "headers": [{ "name": "X-User-Id", "value": "u7" }] });
        until_true("the vip to be explained", || {
            let told = shop.stack.api.call("POST", "/v1/explain", &asked.to_string());
            told.is_some_and(|(_, explained): (u16, Value)| {
                explained["targetId"] == "vip" && explained.to_string().contains("user.level")
            })
        });
    }
}
