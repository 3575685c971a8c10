//! Rollouts as a person runs them: bundles come and go, weights are set, and users meet what was asked for.

use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    on_each_engine,
    poll::until,
    stack::{Engine, Stack, send},
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

    /// Puts a bundle whose routes go to `target`, with these releases.
    fn put(&self, target: &str, releases: &str) {
        let [stable, canary, next] = self.services.each_ref().map(Upstream::address);
        let text = format!(
            "apiVersion: halftone/v1
kind: Bundle
metadata: {{ tenant: shop }}
attributes: {{ user.id: {{ type: string, from: [ {{ cookie: uid }} ] }} }}
upstreams:
  web: {{ variants: {{ stable: {{ addresses: [\"{stable}\"] }}, canary: {{ addresses: [\"{canary}\"] }}, next: {{ addresses: [\"{next}\"] }} }} }}
routes: [ {{ name: all, rules: [ {{ {target} }} ] }} ]
{releases}
"
        );
        self.stack.api.put_bundle("shop", &text);
    }

    fn put_release(&self, canary: &str) {
        let release = format!(
            "upstream: web, canary: {canary}, unit: [user.id], default: {{ split: scheduled }}"
        );
        self.put("release: web-v2", &format!("releases: {{ web-v2: {{ {release} }} }}"));
    }

    fn set_weight(&self, weight: &str) -> (u16, Value) {
        let body = format!("{{\"weight\":\"{weight}\"}}");
        self.stack.api.call("POST", ACTION, &body).expect("the API answers")
    }

    /// Returns how many users meet this service.
    fn meet(&self, service: &str) -> usize {
        let met = |user: &usize| {
            self.stack.get(&[("Cookie", &format!("uid=user-{user}"))]).text() == service
        };
        (0..USERS).filter(met).count()
    }
}

on_each_engine! {
    /// POLICY: applying a bundle never starts a rollout.
    fn a_release_that_comes_back_is_not_started(engine: Engine) {
        let shop = Shop::start(engine);
        shop.put_release("canary");
        assert_eq!(shop.set_weight("60%").0, 200);
        assert!(shop.meet("canary") > 0);
        shop.put("upstream: web", "");
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
}
