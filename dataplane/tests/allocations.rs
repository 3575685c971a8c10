//! Allocations: a worker makes none per plain request on the engines it chooses by itself.
//!
//! Owns a counting allocator for its own process and the comparison of a short run with a long one: what
//! a start, a connection and a stop cost is in both. Counted is the worker's thread alone.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
    thread,
    time::Instant,
};

use crossbeam::channel::unbounded;
use halftone_core::{
    compile::{Allocations, allocate, compile_instances, compile_rules},
    policy::Bundle,
    route::{UNIT_COOKIE, pin_cookie, pin_value},
    signal::{
        fingerprint::cookie::DEVICE_COOKIE,
        geo::{Database, Databases},
        jwt::{Issuer, Issuers, jwks::parse_jwks},
        keys::{KeyRing, Secret},
        lists::IdLists,
        signature::Use,
        trust::Trusted,
    },
    table::{
        AddressRow, IdList, RuleTable, TagFilter, archive::Archive, epoch::EpochCell,
        fingerprint_of_id,
    },
};
use halftone_dataplane::{
    engine::{
        self,
        probe::{Choice, Request, probe},
    },
    io::connect::bind,
    limits::Limits,
    shadow::Candidate,
    signing::Given,
    tables::{Loaded, Tables},
    tags::{Key, News, Outcome},
    telemetry::log::LogWriter,
    worker::{self, Command, Start, WAKE},
};
use halftone_mmdb::shared::{BUILT_UNIX_S, city};
use halftone_tokens::{Signer, jwks};
use serde_json::json;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nHello, world";

/// What is asked, again and again.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// Sent one after the other.
    pieces: &'static [&'static [u8]],
    /// What the request ends with.
    end: &'static [u8],
    /// Whether each has a line in the access log.
    logged: bool,
    /// An expression that decides it.
    when: Option<&'static str>,
    /// Whether it is decided by other rules, too, that move it.
    shadowed: bool,
    /// Whether the worker is told of the user's tags, and a nested table decides by them.
    tagged: bool,
}

const GET: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\n\r\n";
/// From an address in the database, through a trusted peer, with a position of its own.
const FROM_BEIJING: &[u8] =
    b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 198.51.100.7\r\n\
X-Lat: 31.2304\r\nX-Lon: 121.4737\r\n\r\n";
const PHONE: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (Linux; Android 10; K) \
AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36\r\nSec-CH-UA-Model: \"SM-S918B\"\r\n\r\n";
/// Whatever rules may ask for.
const EVERYTHING: &[u8] =
    b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 198.51.100.7\r\nX-User-Id: u7\r\n\
User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36\r\n\r\n";
const MEMBER: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-User-Id: u7\r\n\r\n";
const POST: &[u8] = b"POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n";
const POST_WHOLE: &[u8] =
    b"POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
const EXPECTING: &[u8] =
    b"POST /hello HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

/// The second hop of a chain, with what SDKs send: a trace, and members of their own.
const CHAINED: &[u8] = b"GET /chained HTTP/1.1\r\nHost: localhost\r\n\
    Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\
    Baggage: userId=alice,release.user-v2=stable;p=1\r\nBaggage: tenant=t\r\n\r\n";
/// One that has lost what the first hop decided.
const LOST: &[u8] = b"GET /chained HTTP/1.1\r\nHost: localhost\r\n\
    Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

const PLAIN: Case = Case {
    name: "GET",
    pieces: &[GET],
    end: b"\r\n\r\n",
    logged: false,
    when: None,
    shadowed: false,
    tagged: false,
};
const CASES: [Case; 12] = [
    PLAIN,
    Case { name: "GET, logged", logged: true, ..PLAIN },
    Case {
        name: "GET, by device, logged with what was read",
        pieces: &[PHONE],
        logged: true,
        when: Some("device.os == 'android' && device.model.startsWith('SM-')"),
        ..PLAIN
    },
    Case {
        name: "GET, shadowed by device",
        pieces: &[PHONE],
        when: Some("device.os == 'android'"),
        shadowed: true,
        ..PLAIN
    },
    Case {
        name: "GET, by region",
        pieces: &[FROM_BEIJING],
        logged: true,
        when: Some("city == '北京' && geohash.startsWith('wtw3') && geo.within(31.2, 121.5, 50)"),
        ..PLAIN
    },
    Case {
        name: "GET, by tag, region and device, in a nested table",
        pieces: &[EVERYTHING],
        logged: true,
        when: Some("tier in ['new', 'vip'] && city == '北京' && device.os == 'android'"),
        tagged: true,
        ..PLAIN
    },
    Case { name: "GET, by list", pieces: &[MEMBER], when: Some("staff() && !others()"), ..PLAIN },
    Case { name: "POST", pieces: &[POST_WHOLE], end: b"hello", logged: true, ..PLAIN },
    Case {
        name: "POST in pieces",
        pieces: &[POST, b"he", b"llo"],
        end: b"hello",
        logged: true,
        ..PLAIN
    },
    Case { name: "GET, second hop", pieces: &[CHAINED], logged: true, ..PLAIN },
    Case { name: "GET, lost on the way", pieces: &[LOST], logged: true, ..PLAIN },
    Case { name: "Expect", pieces: &[EXPECTING, b"hello"], end: b"hello", logged: true, ..PLAIN },
];
/// By a claim of a token that was verified before.
fn by_token() -> Case {
    let claims =
        json!({ "iss": "me", "aud": ["shop"], "exp": 32_503_680_000_u64, "realm": { "level": 3 } });
    let request = format!(
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        signer().sign(&claims)
    );
    let pieces: [&'static [u8]; 1] = [request.into_bytes().leak()];
    let (name, when) = ("GET, by token", Some("level >= 3"));
    Case { name, pieces: Vec::from(pieces).leak(), when, ..PLAIN }
}

/// Requests of the short run: everything that is made once has been made.
const SHORT: u64 = 500;
/// Further requests of the long one.
const MORE: u64 = 2_000;

/// The key of the worker.
fn keys() -> KeyRing {
    KeyRing::new(&[Secret { id: "k1".to_owned(), bytes: vec![7; 32] }])
}

/// A request that brings a pin, a unit and a device's id, as they were set.
fn remembered(path: &str) -> Case {
    let mut head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: a=b").into_bytes();
    let pin =
        (pin_cookie("pinned"), Use::Pin { tenant: "t", release: "pinned" }, pin_value(0, "stable"));
    let unit =
        (UNIT_COOKIE.to_owned(), Use::Cookie { tenant: "t", name: UNIT_COOKIE }, "u7".to_owned());
    let device = (
        DEVICE_COOKIE.to_owned(),
        Use::Cookie { tenant: "t", name: DEVICE_COOKIE },
        format!("0123456789abcdefghij-_~690~{}", "x".repeat(64)),
    );
    for (name, used, value) in [pin, unit, device] {
        head.extend_from_slice(format!("; {name}=").as_bytes());
        assert!(keys().sign(used, value.as_bytes(), 0, &mut head));
    }
    head.extend_from_slice(b"\r\n\r\n");
    let name: &'static str = Box::leak(format!("GET {path}").into_boxed_str());
    let pieces = Box::leak(Box::new([&*head.leak()]));
    Case { name, pieces, logged: true, ..PLAIN }
}

/// Returns the allocations of [`MORE`] requests, if the engine runs here.
fn counted(request: Request, case: Case) -> Option<u64> {
    let choice = match probe(request) {
        Ok((choice, _)) => choice,
        Err(refusal) => {
            println!("not counted: {refusal}");
            return None;
        }
    };
    // The first run also makes what the process makes once.
    let [_, short, long] = [1, SHORT, SHORT + MORE].map(|requests| run(choice, case, requests));
    let (more, name) = (long.abs_diff(short), case.name);
    println!("{choice}, {name}: {more} allocations in {MORE} requests, {short} in the run before");
    Some(more)
}

#[test]
fn a_plain_request_allocates_nothing() {
    let remembered =
        [remembered("/pinned"), remembered("/minted"), remembered("/device"), by_token()];
    let cases = CASES.into_iter().chain(remembered);
    for case in cases {
        for request in [Request::IoUring, Request::Epoll] {
            // A worker on epoll that is woken before its connection ends does not come to its end here, whatever it is
            // woken for.
            if (case.shadowed || case.tagged) && request == Request::Epoll {
                continue;
            }
            if let Some(more) = counted(request, case) {
                let name = case.name;
                // A stray allocation, and the first blocks of a log, are none of a request.
                assert!(more < MORE / 100, "{request:?}: {more} allocations in {MORE} × {name}");
            }
        }
    }
    // glommio makes a source for every wait; the figure is told and not asserted.
    counted(Request::Glommio, CASES[0]);
}

/// Serves `requests` and returns how often the worker's thread allocated.
fn run(choice: Choice, case: Case, requests: u64) -> u64 {
    let service = serve(case.end);
    let folder = tempfile::tempdir().expect("a folder");
    let writer = LogWriter::start(&folder.path().join("access.log"), true).expect("a writer");
    let listening = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
    let listening = TcpListener::from(listening);
    let address = listening.local_addr().expect("bound");
    let (mut wake, woken) = UnixStream::pair().expect("a pair");
    let (commands, received) = unbounded();
    let start = Start {
        id: 0,
        listeners: vec![OwnedFd::from(listening)],
        sockets: 10_000,
        wake: woken.into(),
        commands: received,
        applied: unbounded().0,
        tables: Arc::new(EpochCell::new(Some(tables(service, &case)))),
        trusted: Trusted::default(),
        limits: Limits::default(),
        log: case.logged.then(|| writer.handle(Instant::now())),
        asker: None,
        databases: Arc::new(EpochCell::new(databases())),
        lists: Arc::new(EpochCell::new(lists())),
        issuers: Arc::new(EpochCell::new(issuers())),
        seed: 1,
        signing: Given { keys: Arc::new(EpochCell::new(keys())), seed: [1; 32] },
        fingerprint: true,
    };
    let work = move || allocation_counter::measure(move || work(choice, start)).count_total;
    let worker = thread::spawn(work);
    let mut caller = TcpStream::connect(address).expect("the worker listens");
    caller.set_nodelay(true).expect("a flag");
    for request in 0..requests {
        for piece in case.pieces {
            caller.write_all(piece).expect("the worker reads");
        }
        read_to(&mut caller, b"world");
        if request == 0 {
            let shadow = || Command::Shadow(Some(candidate()), unbounded().0);
            let told = if case.tagged { known().map(Command::Tags).into() } else { Vec::new() };
            for command in told.into_iter().chain(case.shadowed.then(shadow)) {
                commands.send(command).expect("the worker listens");
                wake.write_all(&[WAKE]).expect("the worker listens");
            }
        }
    }
    drop(caller);
    commands.send(Command::Drain).expect("the worker listens");
    wake.write_all(&[WAKE]).expect("the worker listens");
    // The worker looks whether its last connection has ended when it is woken. Its engine keeps the other end open
    // when it is done, and nobody reads it then: what does not fit is not waited for.
    wake.set_nonblocking(true).expect("a flag");
    while !worker.is_finished() {
        let _ = wake.write_all(&[WAKE]);
        thread::yield_now();
    }
    let count = worker.join().expect("no panic");
    writer.finish();
    count
}

/// Returns what tells a worker that the user who asks is a VIP.
fn known() -> [News; 2] {
    let mut filter = TagFilter::with_room("t", 1);
    filter.insert("u7");
    let filter = Archive::build(&filter, 1).expect("verifies");
    let tags = Some([("tier".to_owned(), "vip".to_owned())].into());
    let key = Key { tenant: "t".into(), id: "u7".into() };
    let told = vec![(key, Outcome::Answered { revision: 1, tags })];
    [News::Filter(Arc::new(filter)), News::Told(told)]
}

/// Returns rules that move what is asked for.
fn candidate() -> Arc<Candidate> {
    let rules = rules(Some("device.os == 'ios'"), false).1;
    Arc::new(Candidate { rules, sample_ppm: 1_000_000, ticks: 36_000, key: [1, 2] })
}

fn work(choice: Choice, start: Start) {
    match choice {
        Choice::IoUring(flags) => {
            engine::monoio::block_on(Some(flags), |engine| worker::run(engine, start))
        }
        Choice::Epoll => engine::monoio::block_on(None, |engine| worker::run(engine, start)),
        Choice::Glommio => engine::glommio::block_on(|engine| worker::run(engine, start)),
    }
    .expect("probed");
}

/// Answers every request of the first connection, and returns where.
fn serve(end: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the worker connects");
        stream.set_nodelay(true).expect("a flag");
        while read_to(&mut stream, end) {
            stream.write_all(ANSWER).expect("the worker reads");
        }
    });
    address
}

/// Reads to the end of a message, which is all there is; returns whether there was one.
fn read_to(stream: &mut TcpStream, end: &[u8]) -> bool {
    let (mut bytes, mut length) = ([0; 4096], 0);
    while !bytes[..length].ends_with(end) {
        match stream.read(&mut bytes[length..]) {
            Ok(read @ 1..) => length += read,
            _ => return false,
        }
    }
    true
}

/// The issuer of the token above.
fn issuers() -> Issuers {
    let document = jwks(&[&signer()]).to_string();
    let (keys, _) = parse_jwks(document.as_bytes()).expect("a document");
    let issuer = Issuer { issuer: "me".to_owned(), audiences: vec!["shop".to_owned()], keys };
    Issuers::open(vec![issuer]).expect("sound")
}

fn signer() -> Signer {
    Signer::ed25519("k", 1)
}

fn databases() -> Databases {
    let database = Database::open(city(BUILT_UNIX_S).finish()).expect("sound");
    Databases::default().with(Arc::new(database))
}

/// One list that has the user who asks, and one that has others.
fn lists() -> IdLists {
    let list = |name: &str, ids: std::ops::Range<u32>| {
        let mut prints: Vec<u64> = ids.map(|at| fingerprint_of_id(7, &format!("u{at}"))).collect();
        prints.sort_unstable();
        let list = IdList { tenant: "t".to_owned(), name: name.to_owned(), key: 7, prints };
        Arc::new(Archive::build(&list, 1).expect("verifies"))
    };
    IdLists::default().with(list("staff", 0..1_000)).with(list("others", 1_000..2_000))
}

/// Returns the tables; with an expression, who it does not hold for meets a variant without an instance.
fn tables(service: SocketAddr, case: &Case) -> Tables {
    let (bundle, rules) = rules(case.when, case.tagged);
    let place = AddressRow::V4(Ipv4Addr::LOCALHOST.octets(), service.port());
    let instances = compile_instances(&[&bundle], &[], &|_| vec![place.clone()]);
    Tables::join(
        Arc::new(Loaded { epoch: 1, archive: rules }),
        Arc::new(Loaded { epoch: 1, archive: Archive::build(&instances, 1).expect("verifies") }),
    )
}

fn rules(when: Option<&str>, nested: bool) -> (Bundle, Archive<RuleTable>) {
    let target = |when: &str| json!({ "id": "d", "when": format!("!({when})"), "variant": "none" });
    let table = || {
        let levels = json!({ "vip": { "weight": "20%" }, "*": { "weight": "5%" } });
        let nested = ["geo.city", "device.os", "user.tier"];
        json!({ "id": "n", "nested": nested, "table": { "北京": { "android": levels } } })
    };
    let targets: Vec<_> = when.map(target).into_iter().chain(nested.then(table)).collect();
    let device = |property: &str| json!({ "type": "string", "from": [{ "device": property }] });
    let header = |name: &str| json!({ "type": "double", "from": [{ "header": name }] });
    let bundle: Bundle = serde_json::from_value(json!({
        "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "t" },
        "attributes": {
            "device.os": device("os"), "device.model": device("model"),
            "user.id": { "type": "string", "from": [{ "cookie": "uid", "signed": true }] },
            "geo.city": { "type": "string", "alias": "city", "from": [{ "geoip": "city", "lang": "zh-CN" }] },
            "user.level": { "type": "int", "alias": "level", "from": [{ "jwt": "realm.level", "issuer": "me" }] },
            "geo.lat": header("x-lat"), "geo.lon": header("x-lon"),
            "user.id": { "type": "string", "from": [{ "header": "x-user-id" }] },
            "user.tier": { "type": "string", "alias": "tier", "from": [{ "tags": "tier" }], "default": "new" },
        },
        "segments": { "staff": { "members": "staff" }, "others": { "members": "others" } },
        "upstreams": { "u": { "variants": {
            "stable": { "addresses": ["127.0.0.1:1"] }, "none": { "select": { "service": "none" } },
            "canary": { "select": { "service": "none" } } } } },
        "routes": [{ "name": "all", "rules": [
            { "matches": [{ "path": { "type": "Exact", "value": "/pinned" } }], "release": "pinned" },
            { "matches": [{ "path": { "type": "Exact", "value": "/minted" } }], "release": "minted" },
            { "matches": [{ "path": { "type": "Exact", "value": "/device" } }], "release": "device" },
            { "matches": [{ "path": { "type": "Exact", "value": "/chained" } }], "release": "chained" },
            { "release": "r" },
        ] }],
        "releases": {
            "r": { "upstream": "u", "onNoHealthy": { "none": "fail" },
                "targets": targets, "unit": ["user.id"], "default": { "variant": "stable" } },
            "chained": { "upstream": "u", "propagate": { "baggage": "release.user-v2" }, "default": { "variant": "stable" } },
            "pinned": { "upstream": "u", "stickiness": "pinned", "default": { "split": "scheduled" } },
            "device": { "upstream": "u", "unit": ["device.id"], "unitMissing": "stable", "default": { "split": "scheduled" } },
            "minted": { "upstream": "u", "unit": ["user.id"], "unitMissing": "mint", "default": { "split": "scheduled" } },
        },
    }))
    .expect("the shape is right");
    let mut allocations = Allocations::new();
    allocate(&bundle, &mut allocations).expect("weights fit");
    let rules = compile_rules(&[&bundle], &allocations).expect("compiles");
    (bundle, Archive::build(&rules, 1).expect("verifies"))
}
