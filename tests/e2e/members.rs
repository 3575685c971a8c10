//! Segments of ids: from the file that is loaded to the variant a request meets, with the control plane and without.

use std::{
    fmt::Write as _,
    net::{SocketAddr, TcpStream},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    message::Wire,
    on_each_engine,
    poll::until_true,
    ports::free_address,
    shop,
    stack::{Engine, Process, Stack, get, halftone, send},
    upstream::Upstream,
};

/// Staff meets the canary, and so does who is on the list of testers and not on that of staff.
const BUNDLE: &str = r#"
apiVersion: halftone/v1
kind: Bundle
metadata: { tenant: shop }
attributes:
  user.id: { type: string, from: [{ header: x-user-id, trusted: true }] }
segments:
  staff: { members: staff }
  testers: { members: testers.2027 }
  outsiders: { when: "testers() && !staff()" }
upstreams:
  shop: { variants: { stable: { select: { service: shop, group: stable } }, canary: { select: { service: shop, group: canary } } } }
routes: [{ name: all, rules: [{ release: shop-v2 }] }]
releases:
  shop-v2:
    upstream: shop
    targets:
      - { id: staff, when: "segment('staff')", variant: canary }
      - { id: outsiders, when: outsiders(), variant: canary }
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

    /// Replaces a list; returns the status and the answer.
    fn put(&self, list: &str, ids: &str) -> (u16, Value) {
        let path = format!("/v1/tenants/shop/segments/{list}");
        self.stack.api.call("PUT", &path, ids).expect("an answer")
    }

    fn variant(&self, id: &str) -> String {
        self.stack.get(&[("X-User-Id", id)]).text()
    }
}

on_each_engine! {
    fn members_meet_the_canary(engine: Engine) {
        let shop = Shop::start(engine);
        // While there is no list, nobody is a member, and nobody is none.
        assert_eq!(shop.variant("u7"), "stable");
        let (status, told) = shop.put("staff", "u7\n u8 \r\n\n\u{5f20}\u{4e09}\n");
        assert_eq!((status, &told["ids"], &told["revision"]), (200, &json!(3), &json!(1)), "{told}");
        until_true("the list to be served", || shop.variant("u7") == "canary");
        for (id, expected) in [("u8", "canary"), ("\u{5f20}\u{4e09}", "canary"), ("u9", "stable")] {
            assert_eq!(shop.variant(id), expected, "{id}");
        }
        assert_eq!(shop.stack.get(&[]).text(), "stable", "nobody is named");

        // Another list takes the place of the first, wholly; the other one is added beside it.
        assert_eq!(shop.put("staff", "id,name\nu9,\"Zhang, San\"\n").0, 200);
        assert_eq!(shop.put("testers.2027", "{\"id\":\"u7\",\"age\":30}\n").0, 200);
        until_true("the lists to be served", || {
            shop.variant("u9") == "canary" && shop.variant("u7") == "canary"
        });
        assert_eq!(shop.variant("u8"), "stable");

        // What is bad changes nothing.
        let (status, told) = shop.put("staff", "id,name\nu1,a\nu2\n");
        assert_eq!(status, 422, "{told}");
        assert!(told.to_string().contains("\"path\":\"line 3\""), "{told}");
        assert_eq!(shop.put("staff", "").0, 422);
        for id in ["u1", "u2"] {
            assert_eq!(shop.variant(id), "stable", "{id}");
        }
        assert_eq!(shop.variant("u9"), "canary");

        // A list that is gone: who is on it can no longer be told, either way.
        let gone = shop.stack.api.call("DELETE", "/v1/tenants/shop/segments/staff", "");
        assert_eq!(gone.expect("an answer").0, 204);
        until_true("the list to be gone", || shop.variant("u9") == "stable");
        assert_eq!(shop.variant("u7"), "stable", "not staff is not known either");
    }

    fn a_large_list_is_loaded_and_outlives_the_control_plane(engine: Engine) {
        let mut shop = Shop::start(engine);
        let mut lines = String::new();
        for at in 0..200_000 {
            let _ = writeln!(lines, "user-{at}");
        }
        let file = shop.stack.data().join("staff.txt");
        std::fs::write(&file, lines).expect("written");
        let api = format!("http://{}", shop.stack.api.address);
        let mut load = halftone(&["segments", "load", "staff", "--tenant", "shop", "--api", &api]);
        let output = load.arg(&file).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text, "shop/staff: 200000 ids, revision 1\n");
        until_true("the list to be served", || shop.variant("user-0") == "canary");
        let check = |listen: SocketAddr| {
            let mut connection = Wire::connect(listen);
            for at in (0..200_000).step_by(4_999) {
                for (id, expected) in [(format!("user-{at}"), "canary"), (format!("x{at}"), "stable")] {
                    let answer = connection.send(get("/", &[("X-User-Id", &id)])).answer();
                    assert_eq!((answer.status(), answer.text()), (200, expected.to_owned()), "{id}");
                }
            }
        };
        check(shop.stack.listen);
        // A control plane that comes back has the list, and brings it again; meanwhile it is served.
        let control = shop.stack.child("control");
        send(control, Signal::KILL);
        check(shop.stack.listen);
        until_true("the list to be there again", || {
            let told = shop.stack.api.call("GET", "/v1/tenants/shop/segments/staff", "");
            told.is_some_and(|(status, told)| status == 200 && told["ids"] == 200_000)
        });
        check(shop.stack.listen);
        // A gateway that starts with no control plane has it, too.
        shop.stack.process.signal(Signal::TERM);
        assert!(shop.stack.process.ended().success());
        let directory = tempfile::tempdir().expect("a directory");
        let (listen, admin) = (free_address(), free_address());
        let mut command = halftone(&["gateway", "--engine", engine.name()]);
        command.arg("--listen").arg(listen.to_string()).arg("--admin").arg(admin.to_string());
        command.arg("--data").arg(shop.stack.data());
        let _gateway = Process::start(&mut command, directory.path());
        until_true("the gateway to listen", || TcpStream::connect(admin).is_ok());
        until_true("the gateway to be ready", || {
            Wire::connect(admin).send(get("/readyz", &[])).answer().status() == 200
        });
        check(listen);
    }

    fn explain_says_what_the_list_said(engine: Engine) {
        let shop = Shop::start(engine);
        assert_eq!(shop.put("staff", "u7\n").0, 200);
        let asked = json!({ "url": "/", "headers": [{ "name": "X-User-Id", "value": "u7" }] });
        until_true("the member to be explained", || {
            let told = shop.stack.api.call("POST", "/v1/explain", &asked.to_string());
            told.is_some_and(|(_, explained): (u16, Value)| {
                explained["targetId"] == "staff" && explained.to_string().contains("members of staff")
            })
        });
        until_true("the gateway to tell its lists", || {
            let told = shop.stack.api.call("GET", "/v1/gateways", "").map(|told: (u16, Value)| told.1);
            told.is_some_and(|told| {
                told[0]["lists"] == json!([{ "tenant": "shop", "list": "staff", "revision": 1, "ids": 1 }])
            })
        });
    }
}

#[test]
fn a_load_that_is_refused_before_its_end_says_why() {
    let stack = Stack::start(Engine::Epoll, &[]);
    let api = format!("http://{}", stack.api.address);
    let file = stack.data().join("ids.txt");
    let ids: String = (0..300_000).map(|at| format!("user-{at}\n")).collect();
    std::fs::write(&file, ids).expect("written");
    for (arguments, expected) in [
        (["segments", "load", "x", "--tenant", "a b"].as_slice(), "expected a tenant of letters"),
        (&["tags", "load", "--tenant", "shop"], "ids.txt:1: expected a column \"id\" among"),
    ] {
        let output = halftone(arguments).args(["--api", &api]).arg(&file).output();
        let output = output.expect("it runs");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
