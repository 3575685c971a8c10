//! Regions: from a database file to the variant a request meets, through changes of the file, good and bad.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use halftone_mmdb::{
    Writer,
    shared::{BUILT_UNIX_S, PLACES, asn, city, record},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    message::Wire,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    published::{Published, replace},
    shop,
    stack::{Engine, Process, Stack, get, halftone},
    upstream::Upstream,
};

/// The bundle that the documentation shows.
const REGIONS: &str = include_str!("../../docs/examples/regions.yaml");
const BEIJING: &str = "198.51.100.7";
const SHANGHAI: &str = "198.51.100.77";
const SHENZHEN: &str = "198.51.100.140";
const PORTO: &str = "203.0.113.9";

struct Shop {
    stack: Stack,
    services: [Upstream; 2],
    folder: TempDir,
}

impl Shop {
    /// Starts with a City and an ASN database.
    fn start(engine: Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        replace(&folder.path().join("city.mmdb"), city(BUILT_UNIX_S).finish());
        replace(&folder.path().join("asn.mmdb"), asn(BUILT_UNIX_S).finish());
        let paths =
            ["city.mmdb", "asn.mmdb"].map(|name| folder.path().join(name).display().to_string());
        let words = ["--geo", &paths[0], "--geo", &paths[1]];
        let (stack, services) = shop::start(engine, &words, REGIONS);
        let shop = Self { stack, services, folder };
        shop.until_served(2);
        shop
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("city.mmdb")
    }

    fn until_served(&self, count: usize) {
        until_true("the gateway to serve the databases", || self.served().len() == count);
    }

    /// Returns the digests of what the gateway serves.
    fn served(&self) -> Vec<String> {
        let gateway = self.stack.api.gateway().unwrap_or_default();
        let served = gateway["geo"].as_array().cloned().unwrap_or_default();
        served.iter().map(|state| state["digest"].as_str().expect("a digest").to_owned()).collect()
    }

    /// Returns what the API says of the City database's source.
    fn source(&self) -> Value {
        let told = self.stack.api.call("GET", "/v1/geo", "").expect("an answer");
        told.1[0].clone()
    }

    fn put_age(&self, id: &str, age: u32) {
        let (path, body) = (format!("/v1/tenants/shop/tags/{id}"), json!({ "age": age }));
        let told = self.stack.api.call("PUT", &path, &body.to_string()).expect("an answer");
        assert_eq!(told.0, 200, "{}", told.1);
    }

    fn variant(&self, address: &str, fields: &[(&str, &str)]) -> String {
        let fields = [&[("X-Forwarded-For", address)], fields].concat();
        self.stack.get(&fields).text()
    }
}

on_each_engine! {
    /// The expression of the mission, in either quote: ages are tags, cities are in the database, in Chinese.
    fn adults_of_two_cities_meet_the_canary(engine: Engine) {
        let shop = Shop::start(engine);
        let literal = "\"age > 18 && city in ['北京','上海']\"";
        let double = "'age > 18 && city in [\"北京\",\"上海\"]'";
        assert!(REGIONS.contains(literal));
        for (id, age) in [("old", 30), ("young", 18)] {
            shop.put_age(id, age);
        }
        for bundle in [REGIONS.to_owned(), REGIONS.replace(literal, double)] {
            shop.stack.api.put_bundle("shop", &bundle);
            until_true("the ages to be known", || {
                shop.variant(BEIJING, &[("X-User-Id", "old")]) == "canary"
                    && shop.variant(BEIJING, &[("X-User-Id", "young")]) == "stable"
            });
            for (id, address, expected) in [
                ("old", BEIJING, "canary"),
                ("old", SHANGHAI, "canary"),
                ("old", "2001:db8:1::9", "canary"),
                ("old", SHENZHEN, "stable"),
                ("old", "192.0.2.1", "stable"),
                ("young", BEIJING, "stable"),
                ("nobody", SHANGHAI, "stable"),
            ] {
                // Each worker asks for a cold id itself; on a busy machine its budget may be over too soon, and
                // the next request knows.
                until_true(&format!("{id} at {address} to meet {expected}"), || {
                    shop.variant(address, &[("X-User-Id", id)]) == expected
                });
            }
        }
        let api = format!("http://{}", shop.stack.api.address);
        let mut explain = halftone(&["explain", "--api", &api, "--ip", "127.0.0.1"]);
        explain.args(["-H", "X-Forwarded-For: 198.51.100.140", "-H", "X-User-Id: old", "/"]);
        let output = explain.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        for expected in ["geo.city is \"深圳\"", "user.age is \"30\"", "position is \"22.5455,114.0683\"", "geohash is \"ws10"] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
    }

    fn places_are_said_or_known(engine: Engine) {
        let shop = Shop::start(engine);
        for (address, said, expected) in [
            (PORTO, &[][..], "canary"),
            (SHANGHAI, &[], "stable"),
            // What the request says comes before the address, when it says both.
            (SHANGHAI, &[("X-Lat", "31.2304"), ("X-Lon", "121.4737")], "canary"),
            (SHANGHAI, &[("X-Lat", "31.2304")], "stable"),
            (PORTO, &[("X-Lat", "31.2304")], "canary"),
            (PORTO, &[("X-Lat", "0"), ("X-Lon", "0")], "stable"),
            (PORTO, &[("X-Lat", "north"), ("X-Lon", "west")], "stable"),
            ("192.0.2.1", &[("X-Lat", "30.6598"), ("X-Lon", "104.0633")], "canary"),
            (SHENZHEN, &[], "stable"),
        ] {
            assert_eq!(shop.variant(address, said), expected, "{address} {said:?}");
        }
    }

    /// A database is replaced a few times under load: nobody notices but by where it says they are.
    fn a_swap_costs_no_request(engine: Engine) {
        let shop = Shop::start(engine);
        shop.stack.api.put_bundle("shop", &REGIONS.replace("age > 18 && ", ""));
        until_true("the new bundle", || shop.variant(BEIJING, &[]) == "canary");
        let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        let failures: Vec<String> = thread::scope(|scope| {
            let caller = || {
                let (mut failures, mut connection) = (Vec::new(), shop.stack.connect());
                while !done.load(Ordering::Relaxed) {
                    let request = get("/", &[("X-Forwarded-For", BEIJING)]);
                    match connection.try_send(request.as_bytes()).and_then(|()| connection.try_answer()) {
                        Ok(answer) if answer.status() == 200 => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Ok(answer) => failures.push(answer.start),
                        Err(error) => {
                            failures.push(error.to_string());
                            connection = shop.stack.connect();
                        }
                    }
                }
                failures
            };
            let callers: Vec<_> = (0..4).map(|_| scope.spawn(caller)).collect();
            for (round, place) in [&PLACES[2], &PLACES[0], &PLACES[2]].into_iter().enumerate() {
                let moved = city(BUILT_UNIX_S + 1 + round as u64).network("198.51.100.0/26", record(place));
                replace(&shop.file(), moved.finish());
                let expected = if place.city[1] == "北京" { "canary" } else { "stable" };
                let digest = halftone_core::signal::geo::digest(&moved.finish());
                until_true("the database to be served", || shop.served().contains(&digest));
                let before = answered.load(Ordering::Relaxed);
                until_true("requests under load", || answered.load(Ordering::Relaxed) > before + 50);
                until_true("the region to be known", || shop.variant(BEIJING, &[]) == expected);
            }
            done.store(true, Ordering::Relaxed);
            callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
        });
        println!("{} requests", answered.load(Ordering::Relaxed));
        assert_eq!(failures, Vec::<String>::new());
        let difference = &shop.source()["difference"];
        assert_eq!((&difference["changed"], &difference["same"]), (&json!(1), &json!(4)), "{difference}");
    }

    fn what_is_damaged_is_refused_and_the_last_good_one_stays(engine: Engine) {
        let shop = Shop::start(engine);
        shop.stack.api.put_bundle("shop", &REGIONS.replace("age > 18 && ", ""));
        until_true("the new bundle", || shop.variant(BEIJING, &[]) == "canary");
        let (served, good) = (shop.served(), city(BUILT_UNIX_S).finish());
        let error = || shop.source()["error"].as_str().unwrap_or_default().to_owned();
        // Written over in place, as a copy that was cut short.
        fs::write(shop.file(), &good[..good.len() / 3]).expect("written");
        until_true("the half to be refused", || error().starts_with("not a sound database"));
        replace(&shop.file(), b"<html>404</html>");
        until_true("the page to be refused", || error().contains("not a sound database"));
        replace(&shop.file(), asn(BUILT_UNIX_S + 1).finish());
        until_true("the other kind to be refused", || error().contains("there is a asn database already"));
        fs::remove_file(shop.file()).expect("removed");
        until_true("its absence to be told", || error().starts_with("it cannot be read"));
        assert_eq!(shop.served(), served);
        assert_eq!(shop.variant(BEIJING, &[]), "canary");
        let page = Wire::connect(shop.stack.api.address).send(get("/metrics", &[])).answer().text();
        let refused = page.lines().find(|line| line.starts_with("halftone_geo_source_refused") && line.ends_with(" 1"));
        assert!(refused.is_some_and(|line| line.contains("city.mmdb")), "{page}");
        replace(&shop.file(), city(BUILT_UNIX_S + 7).finish());
        until_true("the next good one", || shop.served() != served && error().is_empty());
        // A symbolic link that is turned to another file, as Kubernetes does it.
        let other = shop.folder.path().join("other.mmdb");
        replace(&other, city(BUILT_UNIX_S + 8).network("198.51.100.0/26", record(&PLACES[4])).finish());
        fs::remove_file(shop.file()).expect("removed");
        std::os::unix::fs::symlink(&other, shop.file()).expect("linked");
        until_true("the region to be another", || shop.variant(BEIJING, &[]) == "stable");
    }

    /// A gateway that starts alone knows what it knew, until a control plane says otherwise.
    fn a_gateway_alone_knows_regions(engine: Engine) {
        let shop = Shop::start(engine);
        shop.stack.api.put_bundle("shop", &REGIONS.replace("age > 18 && ", ""));
        until_true("the new bundle", || shop.variant(BEIJING, &[]) == "canary");
        let kept = shop.stack.data().join("gateway/last-good");
        until_true("everything to be kept", || {
            let rules = fs::read(kept.join("rules.table")).unwrap_or_default();
            let rules = String::from_utf8_lossy(&rules).into_owned();
            let files = fs::read_dir(&kept).map_or(0, Iterator::count);
            files == 5 && rules.contains("city in") && !rules.contains("age > 18 &&")
        });
        let Shop { mut stack, services, folder } = shop;
        let data = stack.data();
        stack.process.signal(rustix::process::Signal::TERM);
        stack.process.ended();
        drop(folder);
        let (listen, output) = (free_address(), tempfile::tempdir().expect("a folder"));
        let mut command = halftone(&["gateway", "--engine", engine.name(), "--listen", &listen.to_string()]);
        let _gateway = Process::start(command.arg("--data").arg(&data), output.path());
        let ask = |address: &str| {
            // Nobody listens at first.
            drop(std::net::TcpStream::connect(listen).ok()?);
            let mut connection = Wire::connect(listen);
            Some(connection.send(get("/", &[("X-Forwarded-For", address)])).answer().text())
        };
        until_true("the gateway to answer", || ask(BEIJING).is_some_and(|answer| answer == "canary"));
        assert_eq!(ask("192.0.2.1").as_deref(), Some("stable"));
        assert_eq!(services.len(), 2);
        // A control plane that has none any more.
        let mut command = halftone(&["control", "--api", &free_address().to_string()]);
        let folder = tempfile::tempdir().expect("a folder");
        let _control = Process::start(command.arg("--data").arg(&data), folder.path());
        until_true("regions to be forgotten", || ask(BEIJING).is_some_and(|answer| answer == "stable"));
        until_true("their copies to be gone", || fs::read_dir(&kept).map_or(0, Iterator::count) == 3);
    }
}

#[test]
fn a_url_is_asked_for_what_is_new() {
    let published = Published::start(city(BUILT_UNIX_S).finish());
    let url = published.url("city.mmdb");
    let stack = Stack::start(Engine::Epoll, &["--geo", &url, "--geo-every", "100ms"]);
    let told =
        || stack.api.call("GET", "/v1/geo", "").map(|told| told.1[0].clone()).unwrap_or_default();
    until_true("the first to be served", || {
        stack.api.gateway().is_some_and(|gateway| gateway["geo"][0]["builtUnixS"] == BUILT_UNIX_S)
    });
    until_true("questions that cost nothing", || published.spared() >= 2);
    assert_eq!(published.sent(), 1);
    published.renew(b"nothing of use".to_vec());
    until_true("the answer to be refused", || {
        told()["error"].as_str().is_some_and(|error| error.starts_with("not a sound database"))
    });
    published.renew(city(BUILT_UNIX_S + 9).finish());
    until_true("the next to be served", || {
        stack
            .api
            .gateway()
            .is_some_and(|gateway| gateway["geo"][0]["builtUnixS"] == BUILT_UNIX_S + 9)
    });
    assert_eq!(told()["error"], Value::Null);
}

#[test]
fn what_cannot_be_asked_is_told_at_once() {
    let output =
        halftone(&["up", "--geo", "https://example.com/x.mmdb"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("https is not supported in this build"),
        "{text}"
    );
}

/// `Writer` has to be able to make what the tests above damage.
#[test]
fn an_empty_database_is_one() {
    let bytes = Writer::new("Test-City", 1).finish();
    assert!(halftone_core::signal::geo::Database::open(bytes).is_ok());
}
