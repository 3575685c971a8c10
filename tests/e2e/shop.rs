//! A shop: two services, stable and canary, behind a stack of their own.
//!
//! Owns the set-up that tests of decisions begin with. What they ask of it, and its bundle, is their own.

use serde_json::json;

use crate::{
    client::Api,
    stack::{Engine, Stack},
    upstream::Upstream,
};

/// Starts a stack with these further arguments, in which two services, each of which answers with its group, are
/// registered as `shop`, and the tenant `shop` has this bundle.
pub(crate) fn start(engine: Engine, arguments: &[&str], bundle: &str) -> (Stack, [Upstream; 2]) {
    let services = [Upstream::named("stable"), Upstream::named("canary")];
    let stack = Stack::start(engine, arguments);
    register(&stack.api, "shop", &services);
    stack.api.put_bundle("shop", bundle);
    (stack, services)
}

/// Registers the groups of a service: stable, then canary.
pub(crate) fn register(api: &Api, service: &str, instances: &[Upstream; 2]) {
    for (instance, group) in instances.iter().zip(["stable", "canary"]) {
        api.register(service, instance.address(), &json!({ "group": group }));
    }
}
