//! Rollouts as a person runs them: bundles come and go, weights are set, and users meet what was asked for.

use std::{collections::BTreeSet, net::TcpStream, thread};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    on_each_engine,
    poll::{until, until_true},
    stack::{Engine, Stack, get, halftone, is_alive, send},
    upstream::Upstream,
};

const USERS: usize = 200;
const ACTION: &str = "/v1/tenants/shop/releases/web-v2:setWeight";

/// A running stack, and the services behind it.
struct Shop {
    stack: Stack,
    services: [Upstream; 3],
}

impl Shop {
    fn start(engine: Engine) -> Self {
        let services = ["stable", "canary", "next"].map(Upstream::named);
        Self { stack: Stack::start(engine, &[]), services }
    }

    /// Returns a bundle whose routes go to `target`, with these releases.
    fn bundle(&self, target: &str, releases: &str) -> String {
        let [stable, canary, next] = self.services.each_ref().map(Upstream::address);
        format!(
            "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: shop }}
attributes: {{ user.id: {{ type: string, from: [ {{ cookie: uid }} ] }} }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{stable}\"] }}, canary: {{ addresses: [\"{canary}\"] }}, next: {{ addresses: [\"{next}\"] }} }} }}
routes: [ {{ name: all, rules: [ {{ {target} }} ] }} ]
{releases}
"
        )
    }

    /// Returns a bundle with a scheduled release.
    fn release(&self, canary: &str) -> String {
        let release = format!(
            "upstream: web, canary: {canary}, unit: [user.id], default: {{ split: scheduled }}"
        );
        self.bundle("release: web-v2", &format!("releases: {{ web-v2: {{ {release} }} }}"))
    }

    fn put(&self, text: &str) {
        self.stack.api.put_bundle("shop", text);
    }

    fn put_release(&self, canary: &str) {
        self.put(&self.release(canary));
    }

    fn set_weight(&self, weight: &str) -> (u16, Value) {
        let body = format!("{{\"weight\":\"{weight}\"}}");
        self.stack.api.call("POST", ACTION, &body).expect("the API answers")
    }

    /// Returns the users that meet this service.
    fn users(&self, service: &str) -> BTreeSet<usize> {
        let met = |user: &usize| {
            self.stack.get(&[("Cookie", &format!("uid=user-{user}"))]).text() == service
        };
        (0..USERS).filter(met).collect()
    }

    /// Returns how many users meet this service.
    fn meet(&self, service: &str) -> usize {
        self.users(service).len()
    }
}

on_each_engine! {
    /// POLICY: applying a bundle never starts a rollout.
    fn a_release_that_comes_back_is_not_started(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put_release("canary");
        assert_eq!(shop.set_weight("60%").0, 200);
        assert!(shop.meet("canary") > 0);
        shop.put(&shop.bundle("upstream: web", ""));
        shop.put_release("canary");
        assert_eq!((shop.meet("canary"), shop.meet("stable")), (0, USERS));
    }

    /// A weight is about what the bundle's canary is now; the last one's users are stable's again.
    fn another_canary_takes_the_weight_of_its_own(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put_release("canary");
        assert_eq!(shop.set_weight("60%").0, 200);
        let met = shop.meet("canary");
        shop.put_release("next");
        assert_eq!(shop.meet("stable"), USERS);
        let (status, answer) = shop.set_weight("60%");
        assert_eq!((status, &answer["applied"]), (200, &true.into()), "{answer}");
        assert_eq!((shop.meet("next"), shop.meet("canary")), (met, 0));
        assert_eq!(shop.set_weight("0%").0, 200);
        assert_eq!(shop.meet("stable"), USERS);
    }

    /// Many write at once, and the control plane is killed right after: nothing acknowledged is lost.
    fn writes_at_once_are_all_kept(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put_release("canary");
        let api = &shop.stack.api;
        thread::scope(|scope| {
            for writer in 0..12 {
                let (shop, service) = (&shop, shop.services[0].address());
                scope.spawn(move || {
                    api.register(&format!("service-{writer}"), service, &json!({}));
                    let (status, answer) = shop.set_weight(&format!("{}%", 10 + writer));
                    assert_eq!((status, &answer["applied"]), (200, &true.into()), "{answer}");
                });
            }
        });
        let met = shop.meet("canary");
        assert!(met > 0);
        send(shop.stack.child("control"), Signal::KILL);
        let (_, instances) = until("another control plane", || api.call("GET", "/v1/instances", ""));
        assert_eq!(instances.as_array().map(Vec::len), Some(12), "{instances}");
        shop.stack.until_serving();
        assert_eq!(shop.meet("canary"), met, "the last weight is everyone's");
    }

    /// A weight moves ranges alone; whoever reads them elsewhere sees the same.
    fn a_moved_weight_is_seen_everywhere(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put_release("canary");
        let moved = |weight: &str| {
            let (status, answer) = shop.set_weight(weight);
            assert_eq!((status, &answer["applied"]), (200, &true.into()), "{answer}");
            shop.users("canary")
        };
        let (few, met) = (moved("20%"), moved("60%"));
        assert!(!few.is_empty() && few.is_subset(&met) && few.len() < met.len());
        for user in [*met.first().expect("somebody"), USERS + 1] {
            let url = "http://localhost/";
            let asked = json!({ "url": url, "headers": [{ "name": "cookie", "value": format!("uid=user-{user}") }] });
            let explained = shop.stack.api.call("POST", "/v1/explain", &asked.to_string());
            let (_, explained) = explained.expect("the API answers");
            let within = explained["bucket"].as_u64() < Some(600_000);
            assert_eq!(explained["variant"] == "canary", within, "{explained}");
        }

        // A push reads them out of the table, and the control plane's next change replaces what was pushed.
        let file = shop.stack.data().join("pushed.yaml");
        std::fs::write(&file, shop.release("canary")).expect("written");
        let mut push = halftone(&["push"]);
        push.arg(&file).arg("--socket").arg(shop.stack.data().join("gateway.sock"));
        let pushed = push.output().expect("it starts");
        assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
        assert_eq!(shop.users("canary"), met);
        assert_eq!(moved("20%"), few);
        assert_eq!(moved("60%"), met);

        // So does a gateway that comes back while there is no control plane.
        let kept = shop.stack.data().join("gateway/last-good/rules.table");
        let revision = shop.stack.api.gateway().expect("connected")["revision"].as_u64();
        until_true("the served rules on disk", || {
            let bytes = std::fs::read(&kept).unwrap_or_default();
            bytes.get(32..40).map(|bytes| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))) == revision
        });
        let (control, gateway) = (shop.stack.child("control"), shop.stack.child("gateway"));
        send(control, Signal::STOP);
        send(gateway, Signal::KILL);
        until_true("the end of the gateway", || !is_alive(gateway));
        until_true("another gateway that answers", || {
            TcpStream::connect(shop.stack.listen).is_ok_and(|_| {
                let mut wire = shop.stack.connect();
                let sent = wire.try_send(get("/", &[]).as_bytes());
                sent.and_then(|()| wire.try_answer()).is_ok_and(|answer| answer.status() == 200)
            })
        });
        assert_eq!(shop.users("canary"), met);
        send(control, Signal::CONT);
        shop.stack.until_serving();
        assert_eq!(moved("20%"), few);
    }
}
