//! Watched files: the file decides, a bad one changes nothing, and nobody else may write its tenant.

use std::fs;

use crate::{
    on_each_engine,
    poll::until_true,
    readme::CANARY_BUNDLE,
    stack::{Engine, Stack},
    upstream::Upstream,
};

on_each_engine! {
    fn a_watched_file_leads_its_tenant(engine: Engine) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("demo.yaml");
        fs::write(&path, CANARY_BUNDLE.replace("20%", "0%")).expect("written");
        let (stable, canary) = (Upstream::named("stable"), Upstream::named("canary"));
        let arguments = ["--bundle", path.to_str().expect("text"), "--watch"];
        let stack = Stack::start(engine, &arguments);
        stack.api.register("hello", stable.address(), &serde_json::json!({ "group": "stable" }));
        stack.api.register("hello", canary.address(), &serde_json::json!({ "group": "canary" }));
        assert_eq!(stack.get(&[]).text(), "stable");
        fs::write(&path, CANARY_BUNDLE.replace("20%", "100%")).expect("written");
        until_true("the changed file is served", || stack.get(&[]).text() == "canary");
        fs::write(&path, "releases: [").expect("written");
        until_true("the broken file is reported", || {
            let sources = stack.api.call("GET", "/v1/sources", "").expect("an answer").1;
            sources.to_string().contains("demo.yaml") && sources.to_string().contains("rror")
        });
        assert_eq!(stack.get(&[]).text(), "canary");
        let (status, problem) = stack.api.call("DELETE", "/v1/tenants/demo/bundle", "").expect("an answer");
        assert_eq!(status, 409, "{problem}");
    }
}
