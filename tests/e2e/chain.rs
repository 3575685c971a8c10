//! The chain: two services, two hops through a gateway, and one variant for both.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    message::{Message, Wire},
    on_each_engine,
    poll::until_true,
    shop::register,
    stack::{Engine, Stack, halftone},
    upstream::{Upstream, answer},
};

const CHAIN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/chain.yaml"));
/// Where services call from: the only peer that is believed.
const SERVICES: &str = "127.0.0.2";
const TRUSTED: [&str; 2] = ["--trusted", "127.0.0.2/32"];
/// What an SDK begins when it was sent no trace.
const NEW_TRACE: &str = "00-11111111111111111111111111111111-2222222222222222-01";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// A service that asks pay for each request, with the trace it is part of, and with these fields of it: what it was
/// sent of them it sends on, as SDKs do.
fn caller(name: &'static str, gateway: SocketAddr, sent_on: &'static [&'static str]) -> Upstream {
    Upstream::answering(move |request| {
        let trace = request.field("traceparent").unwrap_or(NEW_TRACE);
        let mut fields = format!("Host: pay.example.com\r\ntraceparent: {trace}\r\n");
        for name in sent_on {
            if let Some(value) = request.field(name) {
                fields.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let mut wire = Wire::connect_from(SERVICES, gateway);
        let paid = wire.send(format!("GET /pay HTTP/1.1\r\n{fields}\r\n")).answer().text();
        answer(&format!("{name} {paid}"))
    })
}

struct Shop {
    stack: Stack,
    cart: [Upstream; 2],
    pay: Vec<Upstream>,
}

impl Shop {
    /// Both services behind one gateway; pay has these groups.
    fn start(engine: Engine, sent_on: &'static [&'static str], pay: &[&'static str]) -> Self {
        let stack = Stack::start(engine, &TRUSTED);
        let cart = ["cart-stable", "cart-canary"].map(|name| caller(name, stack.listen, sent_on));
        register(&stack.api, "cart", &cart);
        let pay: Vec<Upstream> = pay.iter().map(|name| Upstream::named(name)).collect();
        for service in &pay {
            let group = if service.address() == pay[0].address() { "stable" } else { "canary" };
            stack.api.register("pay", service.address(), &json!({ "group": group }));
        }
        stack.api.put_bundle("shop", CHAIN);
        Self { stack, cart, pay }
    }

    /// Asks cart as a browser does.
    fn ask(&self, user: &str, fields: &str) -> String {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: cart.example.com\r\nCookie: uid={user}\r\n{fields}\r\n"
        );
        self.stack.connect().send(request).answer().text()
    }

    /// Returns what requests of a release said of their chain.
    fn chain(&self, release: &str, result: &str) -> u64 {
        let gateway = self.stack.api.gateway().expect("the API answers");
        gateway["stats"]["chains"][format!("shop/{release}")][result].as_u64().unwrap_or_default()
    }
}

fn last(service: &Upstream) -> Message {
    service.requests().last().cloned().expect("a request")
}

on_each_engine! {
    fn who_meets_the_canary_meets_it_in_both_services(engine: Engine) {
        let shop = Shop::start(engine, &["baggage"], &["pay-stable", "pay-canary"]);
        let mut met = [0, 0];
        for user in 0..40 {
            let answer = shop.ask(&format!("user-{user}"), "");
            let at = usize::from(answer.starts_with("cart-canary"));
            assert_eq!(answer, ["cart-stable pay-stable", "cart-canary pay-canary"][at]);
            met[at] += 1;
        }
        // Nobody comes to pay's canary but by the chain: its own weight is nothing.
        assert!(met[0] > 20 && met[1] > 1, "{met:?}");
        for (service, variant) in shop.cart.iter().chain(&shop.pay).zip(["stable", "canary"].iter().cycle()) {
            let expected = format!("release.shop-v2={variant}");
            assert_eq!(last(service).field("baggage"), Some(expected.as_str()));
        }
        until_true("the chains to be counted", || {
            shop.chain("cart-v2", "untrusted") == 40 && shop.chain("pay-v2", "kept") == 40
        });
    }

    /// What a browser says of a chain is neither believed nor sent on, in no spelling; what it says besides is.
    fn a_stranger_cannot_choose_by_baggage(engine: Engine) {
        let shop = Shop::start(engine, &["baggage"], &["pay-stable", "pay-canary"]);
        let user = (0..).map(|number| format!("user-{number}"));
        let user = user.clone().find(|user| shop.ask(user, "").starts_with("cart-stable")).expect("most are");
        let fields = format!(
            "Baggage: userId=alice,release.shop-v2=canary;p=1\r\nBAGGAGE: %72elease.shop-v2=canary,+Release.Shop-V2=canary , a=b\r\ntraceparent: {TRACE}\r\n"
        );
        assert_eq!(shop.ask(&user, &fields), "cart-stable pay-stable");
        let sent = last(&shop.cart[0]);
        assert_eq!(sent.field("baggage"), Some("release.shop-v2=stable,userId=alice,a=b"));
        // The trace goes on as it came.
        assert_eq!(sent.field("traceparent"), Some(TRACE));
        assert_eq!(last(&shop.pay[0]).field("traceparent"), Some(TRACE));
        until_true("the stripped members to be counted", || {
            shop.stack.api.gateway().is_some_and(|gateway| gateway["stats"]["strippedMembers"] == 3)
        });
        let explained = shop.stack.api.call("POST", "/v1/explain", &json!({
            "url": "http://pay.example.com/", "ip": SERVICES,
            "headers": [{ "name": "baggage", "value": "a=b, release.shop-v2=canary" }],
        }).to_string()).expect("an answer").1;
        assert_eq!((&explained["variant"], &explained["reason"]), (&json!("canary"), &json!("CACHED")), "{explained}");
        let step = |name: &str| {
            let steps = explained["steps"].as_array().expect("steps").iter();
            steps.filter(|step| step["step"] == name).cloned().collect::<Vec<Value>>()
        };
        assert_eq!(step("chain"), [json!({ "step": "chain", "key": "release.shop-v2", "found": "canary", "outcome": "kept" })]);
        assert_eq!(step("propagated"), [json!({ "step": "propagated", "key": "release.shop-v2", "value": "canary" })]);
    }

    /// A service without a canary takes the request with its stable, and hands on what is meant for those behind it.
    fn without_a_canary_stable_takes_it_and_the_chain_goes_on(engine: Engine) {
        let shop = Shop::start(engine, &["baggage"], &["pay-stable"]);
        let canary = |user: &String| shop.ask(user, "").starts_with("cart-canary");
        let user = (0..).map(|number| format!("user-{number}")).find(canary).expect("some are");
        assert_eq!(shop.ask(&user, ""), "cart-canary pay-stable");
        assert_eq!(last(&shop.pay[0]).field("baggage"), Some("release.shop-v2=canary"));
        // Also where no variant has that name.
        let variant = "      canary: { select: { service: pay, group: canary } }\n";
        let alone = CHAIN.replace(variant, "      beta: { select: { service: pay, group: beta } }\n");
        assert_ne!(alone, CHAIN);
        shop.stack.api.put_bundle("shop", &alone.replace("    upstream: pay\n", "    upstream: pay\n    canary: beta\n"));
        assert_eq!(shop.ask(&user, ""), "cart-canary pay-stable");
        assert_eq!(last(&shop.pay[0]).field("baggage"), Some("release.shop-v2=canary"));
        until_true("the unknown variant to be counted", || shop.chain("pay-v2", "unknown_variant") == 1);
    }

    /// A service that sends on its trace and nothing else breaks the chain, which is seen.
    fn a_lost_tag_is_counted(engine: Engine) {
        let shop = Shop::start(engine, &[], &["pay-stable", "pay-canary"]);
        for user in 0..20 {
            let answer = shop.ask(&format!("user-{user}"), "");
            assert!(answer.ends_with(" pay-stable"), "{answer}");
        }
        until_true("the losses to be counted", || shop.chain("pay-v2", "lost") == 20);
        let api = format!("http://{}", shop.stack.api.address);
        let output = halftone(&["status", "--api", &api]).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("shop/pay-v2: lost 20"), "{text}");
        // With neither trace nor member, a trusted peer starts a chain.
        let alone = "GET / HTTP/1.1\r\nHost: pay.example.com\r\n\r\n";
        assert_eq!(Wire::connect_from(SERVICES, shop.stack.listen).send(alone).answer().text(), "pay-stable");
        assert_eq!(last(&shop.pay[0]).field("baggage"), Some("release.shop-v2=stable"));
        until_true("the start to be counted", || shop.chain("pay-v2", "started") == 1);
    }
}
