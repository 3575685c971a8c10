//! What the control plane counts, as its page shows it.

use std::fs;

use super::{bundle, directory, poll};
use crate::{
    control::{Control, options},
    gateway::Gateway,
};

/// Returns the value of a sample on the page.
fn sample(control: &Control, name: &str) -> Option<u64> {
    let page = control.get("/metrics");
    assert_eq!((page.status, &*page.media_type), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let line = page.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok())
}

fn check(control: &Control, expected: &[(&str, u64)]) {
    for (name, value) in expected {
        assert_eq!(sample(control, name), Some(*value), "{name}: {}", control.get("/metrics").text);
    }
}

#[test]
fn a_bundle_that_is_refused_is_counted_whichever_way_it_came() {
    let directory = directory();
    let file = directory.path().join("blog.yaml");
    fs::write(&file, bundle("blog", "blog.example", "1%")).expect("written");
    let mut options = options(directory.path(), &[]);
    (options.bundles, options.watch) = (vec![file.clone()], true);
    let control = Control::start(options);
    let refused = |source: &str| format!("halftone_bundles_refused_total{{source=\"{source}\"}}");
    let of_file = format!("halftone_source_refused{{path=\"{}\"}}", file.display());
    let [rest, files, rollback] = ["rest", "file", "rollback"].map(refused);
    check(&control, &[(&rest, 0), (&files, 0), (&rollback, 0), (&of_file, 0)]);
    check(&control, &[("halftone_tenant_revision{tenant=\"blog\"}", 2)]);

    // What is wrong, what another has, and what a file owns; not what nobody asked to be kept.
    let shop = bundle("shop", "shop.example", "1%");
    for text in [&shop.replace("canary", "canray"), "kind: [", &bundle("blog", "b.example", "1%")] {
        control.put_bundle("shop", text);
    }
    control.put_bundle("shop", &bundle("shop", "blog.example", "1%"));
    control.call("PUT", "/v1/tenants/shop/bundle?dryRun=true", None, b"kind: [");
    assert_eq!(control.put_bundle("shop", &shop).status, 200);
    let back = control.call("POST", "/v1/tenants/blog:rollback", None, br#"{"revision":2}"#);
    assert_eq!(back.status, 409, "{back:?}");
    fs::write(&file, "kind: [").expect("written");
    poll(&control, "/v1/sources", |sources| sources[0]["error"].is_string());
    check(&control, &[(&rest, 4), (&files, 1), (&rollback, 1), (&of_file, 1)]);
    for store in ["control", "tags", "lists"] {
        let of = |name: &str| format!("halftone_store_{name}{{store=\"{store}\"}}");
        check(&control, &[(&of("failures_total"), 0), (&of("failing"), 0)]);
    }
    fs::write(&file, bundle("blog", "blog.example", "2%")).expect("written");
    poll(&control, "/v1/sources", |sources| sources[0].get("error").is_none());
    check(&control, &[(&files, 1), (&of_file, 0)]);
}

#[test]
fn gateways_and_what_they_reject_are_counted() {
    let directory = directory();
    let gateway = Gateway::start(directory.path());
    let away = directory.path().join("away.sock");
    let control = Control::start(options(directory.path(), &[&gateway.socket, &away]));
    gateway.wait("the first commit", |seen| seen.commits == 1);
    let of = |name: &str, socket: &std::path::Path| {
        format!("halftone_gateway_{name}{{socket=\"{}\"}}", socket.display())
    };
    gateway.reject(Some("too strange"));
    control.put_bundle("shop", &bundle("shop", "shop.example", "20%"));
    check(&control, &[(&of("connected", &gateway.socket), 1), (&of("connected", &away), 0)]);
    check(&control, &[(&of("rejecting", &gateway.socket), 1)]);
    check(&control, &[(&of("rejections_total", &gateway.socket), 1)]);
    check(&control, &[("halftone_publications_total", 2), ("halftone_publication_failing", 0)]);
    gateway.reject(None);
    control.put_bundle("shop", &bundle("shop", "shop.example", "30%"));
    check(&control, &[(&of("rejecting", &gateway.socket), 0)]);
    check(&control, &[(&of("rejections_total", &gateway.socket), 1)]);
}
