//! Bundles in files: every way in which an editor, a script or Kubernetes replaces one.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use tempfile::TempDir;

use super::{bundle, directory, poll};
use crate::{
    control::{Control, options},
    gateway::Gateway,
};

/// A control plane that watches `paths` (below `directory`) for a gateway.
fn start(directory: &TempDir, gateway: Option<&Gateway>, paths: &[&str]) -> Control {
    let gateways: Vec<&Path> = gateway.iter().map(|gateway| gateway.socket.as_path()).collect();
    let mut options = options(directory.path(), &gateways);
    options.bundles = paths.iter().map(|path| directory.path().join(path)).collect();
    options.watch = true;
    Control::start(options)
}

fn shop(canary: &str) -> String {
    bundle("shop", "shop.example", canary)
}

/// Waits until the newest revision of the shop gives canary `ppm`; returns how many there are.
fn applied(control: &Control, canary: &str) -> usize {
    poll(control, "/v1/tenants/shop/bundle", |shown| {
        shown["releases"]["web-v2"]["default"]["split"]["canary"] == canary
    });
    control.get("/v1/tenants/shop/revisions").json().as_array().map_or(0, Vec::len)
}

fn refused(control: &Control, part: &str) -> Value {
    poll(control, "/v1/sources", |sources| {
        sources.as_array().is_some_and(|sources| {
            sources.iter().any(|source| source["error"].as_str().is_some_and(|e| e.contains(part)))
        })
    })
}

fn error_free(control: &Control) -> Value {
    poll(control, "/v1/sources", |sources| {
        sources.as_array().is_some_and(|all| all.iter().all(|one| one.get("error").is_none()))
    })
}

#[test]
fn every_way_of_replacing_a_file_is_one_reload() {
    let directory = directory();
    let file = directory.path().join("shop.yaml");
    fs::write(&file, shop("1%")).expect("written");
    let gateway = Gateway::start(directory.path());
    let control = start(&directory, Some(&gateway), &["shop.yaml"]);
    gateway.wait("the file", |seen| seen.rules.hosts == ["shop.example"]);
    assert_eq!(applied(&control, "1%"), 1);
    let refused = control.put_bundle("shop", &shop("9%"));
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(refused.json()["type"], "urn:halftone:problem:owned");
    assert!(refused.text.contains("shop.yaml"), "{refused:?}");
    assert_eq!(control.delete("/v1/tenants/shop/bundle").status, 409);

    // In place.
    fs::write(&file, shop("2%")).expect("written");
    assert_eq!(applied(&control, "2%"), 2);
    // As vim does: the old one becomes a backup, which is removed when the new one is there.
    let backup = directory.path().join("shop.yaml~");
    fs::rename(&file, &backup).expect("moved");
    fs::write(&file, shop("3%")).expect("written");
    fs::remove_file(&backup).expect("removed");
    assert_eq!(applied(&control, "3%"), 3);
    // As mv does.
    let new = directory.path().join("new");
    fs::write(&new, shop("4%")).expect("written");
    fs::rename(&new, &file).expect("moved");
    assert_eq!(applied(&control, "4%"), 4);
    // The same again, and a comment.
    fs::write(&file, shop("4%")).expect("written");
    fs::write(&file, format!("# by hand\n{}", shop("4%"))).expect("written");
    fs::write(&file, shop("5%")).expect("written");
    assert_eq!(applied(&control, "5%"), 5);
    let sources = control.get("/v1/sources").json();
    assert_eq!(sources[0]["path"], file.display().to_string());
    assert_eq!(sources[0]["tenant"], "shop");
    assert_eq!(sources[0]["appliedDigest"], control.get("/v1/tenants").json()[0]["digest"]);
    let history = control.get("/v1/tenants/shop/revisions").json();
    assert_eq!(history[0]["source"], format!("file:{}", file.display()));
}

#[test]
fn half_a_text_is_refused_once_and_the_last_good_stays() {
    let directory = directory();
    let file = directory.path().join("shop.yaml");
    fs::write(&file, shop("1%")).expect("written");
    let control = start(&directory, None, &["shop.yaml"]);
    let text = shop("2%");
    let (head, tail) = text.split_at(text.find("addresses").expect("there") + 14);
    fs::write(&file, head).expect("written");
    let sources = refused(&control, "shop.yaml:");
    assert_eq!(sources[0]["tenant"], "shop", "{sources}");
    assert_eq!(applied(&control, "1%"), 1);
    OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut file| file.write_all(tail.as_bytes()))
        .expect("written");
    assert_eq!(applied(&control, "2%"), 2);
    error_free(&control);
    // Every problem, each with its place in the bundle.
    let bad = shop("2%").replace("canary: 2%", "canray: 2%").replace("halftone/v1", "v0");
    fs::write(&file, bad).expect("written");
    let sources = refused(&control, "apiVersion");
    assert!(sources.to_string().contains("canray"), "{sources}");
    control.stop();

    // A restart with a bad file: still owned, still served.
    let control = start(&directory, None, &["shop.yaml"]);
    refused(&control, "apiVersion");
    assert_eq!(applied(&control, "2%"), 2);
    assert_eq!(control.put_bundle("shop", &shop("9%")).status, 409);
    fs::remove_file(&file).expect("removed");
    refused(&control, "kept");
    assert_eq!(applied(&control, "2%"), 2);
    control.stop();
    let mut plain = options(directory.path(), &[]);
    plain.watch = true;
    let control = Control::start(plain);
    assert_eq!(control.put_bundle("shop", &shop("9%")).status, 200, "nobody owns it any more");
}

#[test]
fn a_folder_is_many_sources_and_links_are_swapped_as_one() {
    let directory = directory();
    // As Kubernetes mounts a ConfigMap.
    let mount = directory.path().join("mount");
    let version = |name: &str, canary: &str| -> PathBuf {
        let version = mount.join(name);
        fs::create_dir_all(&version).expect("made");
        fs::write(version.join("shop.yaml"), shop(canary)).expect("written");
        fs::write(version.join("blog.json"), "{}").expect("written");
        fs::write(version.join("notes.txt"), "no bundle").expect("written");
        version
    };
    let first = version("..2026_1", "1%");
    symlink("..2026_1", mount.join("..data")).expect("linked");
    for name in ["shop.yaml", "blog.json", "notes.txt"] {
        symlink(Path::new("..data").join(name), mount.join(name)).expect("linked");
    }
    let control = start(&directory, None, &["mount", "later"]);
    assert_eq!(applied(&control, "1%"), 1);
    refused(&control, "blog.json");
    refused(&control, "later");
    version("..2026_2", "2%");
    symlink("..2026_2", mount.join("..data_tmp")).expect("linked");
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).expect("swapped");
    fs::remove_dir_all(first).expect("removed");
    assert_eq!(applied(&control, "2%"), 2);

    // A second file for the same tenant, in a folder that comes later.
    let later = directory.path().join("later");
    fs::create_dir(&later).expect("made");
    fs::write(later.join("twin.yml"), shop("7%")).expect("written");
    let sources = refused(&control, "owned by the file");
    assert!(sources.to_string().contains("mount/shop.yaml"), "{sources}");
    assert_eq!(applied(&control, "2%"), 2);
    fs::write(later.join("twin.yml"), bundle("twin", "twin.example", "7%")).expect("written");
    poll(&control, "/v1/tenants", |tenants| tenants.as_array().is_some_and(|all| all.len() == 2));
    // A folder without files removes nothing.
    fs::remove_file(later.join("twin.yml")).expect("removed");
    refused(&control, "gone");
    assert_eq!(control.get("/v1/tenants/twin/bundle").status, 200);
}

#[test]
fn a_change_of_tenant_moves_what_the_file_owns_in_one_step() {
    let directory = directory();
    let (file, other) = (directory.path().join("a.yaml"), directory.path().join("b.yaml"));
    let scheduled = |tenant: &str, host: &str| {
        bundle(tenant, host, "1%").replace("split: { canary: 1% }", "split: scheduled")
    };
    fs::write(&file, scheduled("blog", "blog.example")).expect("written");
    fs::write(&other, bundle("news", "news.example", "1%")).expect("written");
    let control = start(&directory, None, &["a.yaml", "b.yaml"]);
    let weigh = |tenant: &str| {
        let path = format!("/v1/tenants/{tenant}/releases/web-v2:setWeight");
        control.call("POST", &path, Some("application/json"), br#"{"weight":"5%"}"#).status
    };
    assert_eq!(weigh("blog"), 200);
    // What cannot come moves nothing; what the file says of its tenant stays its word alone.
    for (tenant, host, why) in [
        ("blog2", "news.example", "belongs to tenant"),
        ("news", "blog.example", "owned by the file"),
    ] {
        fs::write(&file, scheduled(tenant, host)).expect("written");
        let sources = refused(&control, why);
        assert_eq!(sources[0]["tenant"], "blog", "{sources}");
        assert_eq!(control.get("/v1/tenants/blog2/bundle").status, 404);
        let bundle = bundle("blog", "blog.example", "9%");
        assert_eq!(control.put_bundle("blog", &bundle).status, 409, "still owned");
    }
    fs::write(&file, scheduled("blog2", "blog.example")).expect("written");
    let moved = |tenants: &Value| {
        let name = |one: &Value| one["tenant"].as_str().map(str::to_owned);
        tenants.as_array().is_some_and(|all| {
            let names: Vec<_> = all.iter().filter_map(name).collect();
            names == ["news", "blog2"]
        })
    };
    poll(&control, "/v1/tenants", moved);
    error_free(&control);
    assert_eq!(control.get("/v1/sources").json()[0]["tenant"], "blog2");
    let gone = control.get("/v1/tenants/blog/revisions").json();
    let came = control.get("/v1/tenants/blog2/revisions").json();
    assert_eq!((&gone[0]["deleted"], &gone[0]["revision"]), (&true.into(), &came[0]["revision"]));
    control.stop();

    // While nobody watches, too: with its hosts, and with other ones.
    for (tenant, host) in [("blog3", "blog.example"), ("blog4", "else.example")] {
        fs::write(&file, scheduled(tenant, host)).expect("written");
        let control = start(&directory, None, &["a.yaml", "b.yaml"]);
        let tenants = control.get("/v1/tenants").json();
        assert_eq!(tenants.as_array().map(Vec::len), Some(2), "{tenants}");
        assert_eq!(tenants[1]["owner"], file.display().to_string(), "{tenants}");
        assert_eq!(tenants[1]["tenant"], tenant);
        error_free(&control);
        control.stop();
    }
}

#[test]
fn a_claim_that_is_dropped_ends_the_dispute_over_it() {
    let directory = directory();
    let (first, second) = (directory.path().join("a.yaml"), directory.path().join("b.yaml"));
    let control = start(&directory, None, &["a.yaml", "b.yaml"]);
    refused(&control, "a.yaml");
    assert_eq!(control.put_bundle("old", &bundle("old", "old.example", "1%")).status, 200);
    // It is refused, and owns the name all the same.
    fs::write(&first, bundle("shop", "old.example", "1%")).expect("written");
    refused(&control, "belongs to tenant");
    fs::write(&second, shop("1%")).expect("written");
    refused(&control, "owned by the file");
    fs::write(&first, bundle("pub", "old.example", "1%")).expect("written");
    assert_eq!(applied(&control, "1%"), 1);
    let sources = control.get("/v1/sources").json();
    assert_eq!(sources[1].get("error"), None, "{sources}");
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_up_nothing() {
    let directory = directory();
    let file = directory.path().join("shop.yaml");
    let pipe = |path: &Path| {
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, path, FileType::Fifo, mode, 0).expect("made");
    };
    // From the start, and in the place of a watched file.
    pipe(&file);
    let control = start(&directory, None, &["shop.yaml"]);
    refused(&control, "expected a regular file, found a pipe");
    for canary in ["1%", "2%"] {
        fs::remove_file(&file).expect("removed");
        fs::write(&file, shop(canary)).expect("written");
        applied(&control, canary);
        error_free(&control);
        fs::remove_file(&file).expect("removed");
        pipe(&file);
        refused(&control, "found a pipe");
        assert_eq!(control.get("/v1/tenants/shop/bundle").status, 200);
    }
}

#[test]
fn a_dispute_is_tried_again_when_it_may_be_over() {
    let directory = directory();
    let file = directory.path().join("shop.json");
    let control = start(&directory, None, &["shop.json"]);
    refused(&control, "shop.json");
    assert_eq!(control.put_bundle("old", &bundle("old", "shop.example", "1%")).status, 200);
    // YAML would take it, too.
    fs::write(&file, shop("1%")).expect("written");
    refused(&control, "shop.json:2:");
    let value: Value = control.get("/v1/tenants/old/bundle").json();
    fs::write(&file, value.to_string().replace("\"old\"", "\"shop\"")).expect("written");
    refused(&control, "belongs to tenant");
    assert_eq!(control.delete("/v1/tenants/old/bundle").status, 204);
    assert_eq!(applied(&control, "1%"), 1);
    error_free(&control);
}
