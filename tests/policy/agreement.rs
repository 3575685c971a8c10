//! The decision of the compiled table is the evaluator's, on generated pairs.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use bumpalo::Bump;
use halftone_core::{
    compile::{Allocations, allocate, compile_rules},
    http::{Header, PathScratch, normalise},
    policy::{Bundle, validate},
    route::{
        Chain, Decision, HostScratch, RequestView, TagReader, UnitId, Witness, baggage, host_name,
        route,
    },
    signal::{
        device::Unremembered,
        geo::{Database, Databases, GeoField, GeoLang, GeoReader},
        jwt::{Issuer, Issuers, RESULTS, jwks::parse_jwks},
        keys::{KeyRing, Secret},
        lists::IdLists,
        signature::At,
    },
    table::{IdList, RuleTable, Rules, archive::Archive, epoch::EpochCell, fingerprint_of_id},
};
use halftone_dataplane::jwt::Tokens;
use halftone_mmdb::{
    Writer,
    shared::{BUILT_UNIX_S, asn, city},
};
use halftone_tokens::jwks;
use serde_json::Value;

use crate::{
    evaluator::{Answer, Request, decide, tokens::issuers},
    generator::Seeded,
};

/// Requests per bundle.
const REQUESTS: u64 = 50;

#[test]
fn the_compiled_decision_is_the_written_one() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let entropy = || std::process::id().into();
    let seed = number("POLICY_SEED").unwrap_or_else(entropy);
    let pairs = number("POLICY_PAIRS").unwrap_or(25_000);
    println!("POLICY_SEED={seed} POLICY_PAIRS={pairs}");
    let mut seeded = Seeded(seed);
    let tokens = tokens();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..pairs.div_ceil(REQUESTS) {
        let bundle = seeded.bundle();
        let table = compiled(&bundle);
        for _ in 0..REQUESTS {
            let request = seeded.request();
            let (expected, found) = (decide(&bundle, &request), served(&table, &request));
            assert_eq!(found, expected, "POLICY_SEED={seed}\n{request:#?}\n{bundle:#}");
            let answer = expected.as_ref().and_then(Option::as_ref);
            let unit = answer.and_then(|answer| answer.unit.as_ref());
            let pin = answer.is_some_and(|answer| answer.pin);
            let stripped = answer.is_some_and(|answer| answer.stripped > 0);
            let chain = answer.and_then(|answer| answer.chain);
            let by_device = has_device(&request) && answer.is_some_and(|one| one.bucket.is_some());
            let remembered = [
                (unit.is_some(), "minted"),
                (pin, "pinned"),
                (stripped, "stripped"),
                (by_device, "by device"),
                (chain.is_some(), chain.unwrap_or("no chain")),
            ];
            let reason = expected.map_or("refused", |found| found.map_or("no route", |a| a.reason));
            *reasons.entry(reason.to_owned()).or_default() += 1;
            for (is_there, what) in remembered {
                *reasons.entry(what.to_owned()).or_default() += u64::from(is_there);
            }
        }
    }
    println!("{reasons:?}");
    let shown: BTreeMap<&str, u64> = RESULTS.into_iter().zip(tokens.counts()).collect();
    println!("{shown:?}");
    for result in ["valid", "repeated", "wrong_signature", "expired", "not_yet_valid"] {
        assert!(pairs < 10_000 || shown[result] > 20, "{result} came up {} times", shown[result]);
    }
    // A generator that never meets a rule would agree about nothing.
    for reason in [
        "refused",
        "no route",
        "STATIC",
        "DISABLED",
        "OVERRIDE",
        "CACHED",
        "minted",
        "pinned",
        "stripped",
        "by device",
        "kept",
        "unknown_variant",
        "lost",
        "started",
        "untrusted",
        "TARGETING_MATCH",
        "DEFAULT",
        "SPLIT",
    ] {
        let share = reasons.get(reason).copied().unwrap_or_default();
        assert!(pairs < 10_000 || share * 200 > pairs, "{reason} came up {share} times in {pairs}");
    }
}

/// Whether a request brings the cookie of a device.
fn has_device(request: &Request) -> bool {
    let mut values = request.headers.iter().map(|(_, value)| value);
    values.any(|value| value.contains("__Host-halftone-device="))
}

/// What a worker knows of tokens: one for each test, which is a thread.
pub(crate) fn tokens() -> &'static Tokens {
    thread_local! {
        static TOKENS: &'static Tokens = {
            let list = issuers().map(|(name, signer)| {
                let document = jwks(&[&signer]).to_string();
                let (keys, _) = parse_jwks(document.as_bytes()).expect("a document");
                Issuer { issuer: name.to_owned(), audiences: Vec::new(), keys }
            });
            let issuers = Issuers::open(list.to_vec()).expect("sound");
            Box::leak(Box::new(Tokens::new(Arc::new(EpochCell::new(issuers)))))
        };
    }
    TOKENS.with(|tokens| *tokens)
}

pub(crate) fn compiled(bundle: &Value) -> Archive<RuleTable> {
    let bundle: Bundle = serde_json::from_value(bundle.clone()).expect("the shape is right");
    assert_eq!(validate(&bundle), [], "{bundle:#?}");
    let mut allocations = Allocations::new();
    allocate(&bundle, &mut allocations).expect("weights fit");
    let rules = compile_rules(&[&bundle], &allocations).expect("compiles");
    Archive::build(&rules, 1).expect("verifies")
}

/// What the request says is known of users.
#[derive(Debug)]
struct Known<'r>(&'r BTreeMap<String, BTreeMap<String, String>>);

impl TagReader for Known<'_> {
    fn tag(&self, tenant: &str, id: &str, name: &str) -> Option<&str> {
        assert_eq!(tenant, "t");
        Some(self.0.get(id)?.get(name)?.as_str())
    }
}

/// Makes the lists of a request as gateways have them.
fn lists(known: &BTreeMap<String, Vec<String>>) -> IdLists {
    known.iter().fold(IdLists::default(), |lists, (name, ids)| {
        let mut prints: Vec<u64> = ids.iter().map(|id| fingerprint_of_id(7, id)).collect();
        prints.sort_unstable();
        let list = IdList { tenant: "t".to_owned(), name: name.clone(), key: 7, prints };
        lists.with(Arc::new(Archive::build(&list, 1).expect("a good list")))
    })
}

/// What the tests' databases say of an address.
#[derive(Debug)]
struct Region {
    fields: BTreeMap<(u8, u8), Box<str>>,
    position: Option<(f64, f64)>,
}

impl Region {
    fn of(address: &str) -> Self {
        static DATABASES: LazyLock<Databases> = LazyLock::new(|| {
            let open = |writer: Writer| Database::open(writer.finish()).expect("sound");
            let databases = Databases::default().with(open(city(BUILT_UNIX_S)).into());
            databases.with(open(asn(BUILT_UNIX_S)).into())
        });
        let Ok(address) = address.parse() else {
            return Self { fields: BTreeMap::new(), position: None };
        };
        let fields = GeoField::ALL.into_iter().flat_map(|field| {
            let of = move |lang: GeoLang| {
                let value = DATABASES.field(address, field, lang)?;
                Some(((field.code(), lang.code()), value))
            };
            [GeoLang::En, GeoLang::ZhCn].into_iter().filter_map(of)
        });
        Self { fields: fields.collect(), position: DATABASES.position(address) }
    }
}

impl GeoReader for Region {
    fn field(&self, field: GeoField, lang: GeoLang) -> Option<&str> {
        self.fields.get(&(field.code(), lang.code())).map(AsRef::as_ref)
    }

    fn position(&self) -> Option<(f64, f64)> {
        self.position
    }
}

/// Decides as a worker does, and names what the rows are.
pub(crate) fn served(table: &Archive<RuleTable>, request: &Request) -> Option<Option<Answer>> {
    served_before(table, request, None)
}

/// The same before a witness.
pub(crate) fn served_before(
    table: &Archive<RuleTable>,
    request: &Request,
    witness: Option<&dyn Witness>,
) -> Option<Option<Answer>> {
    let headers: Vec<Header<'_>> = request
        .headers
        .iter()
        .map(|(name, value)| Header { name, value: value.as_bytes() })
        .collect();
    let (mut host, mut path) = (HostScratch::new(), PathScratch::new());
    let arena = Bump::new();
    let secret = |(id, bytes): &(String, Vec<u8>)| Secret { id: id.clone(), bytes: bytes.clone() };
    let keys = KeyRing::new(&request.keys.iter().map(secret).collect::<Vec<_>>());
    let tokens = tokens();
    tokens.turn();
    let claims = tokens.reader(&headers, &request.client_ip, request.now_unix_s);
    let view = RequestView {
        method: &request.method,
        scheme: request.scheme,
        protocol: "HTTP/1.1",
        host: host_name(&request.host, &mut host),
        path: normalise(request.path.as_bytes(), &mut path)?,
        query: request.query.as_bytes(),
        headers: &headers,
        client_ip: &request.client_ip,
        trusted: request.trusted,
        tags: &Known(&request.tags),
        witness,
        geo: &Region::of(&request.client_ip),
        lists: &lists(&request.lists),
        signatures: &At { keys: &keys, now_unix_s: request.now_unix_s },
        fresh_unit: UnitId::read(request.fresh.as_bytes()).expect("as long as one"),
        claims: &claims,
        devices: &Unremembered::default(),
        arena: &arena,
    };
    let table = table.rules();
    let decision = route(table, &view, 0, request.now_unix_s);
    tokens.count(claims.seen());
    let Some(decision) = decision else { return Some(None) };
    Some(Some(answer(table, &decision, &headers, request.trusted)))
}

/// Names what was decided.
pub(crate) fn answer(
    table: Rules<'_>,
    decision: &Decision,
    headers: &[Header<'_>],
    trusted: bool,
) -> Answer {
    let plan = baggage(table.table, decision, decision.variant, headers, trusted);
    let member = plan.and_then(|plan| plan.member);
    let key = table.variants[decision.variant as usize].key.as_str();
    let mut parts = key.split('/').skip(1).map(str::to_owned);
    let target = decision.target.zip(decision.release).map(|(target, release)| {
        let target = &table.releases[release as usize].targets[target as usize];
        let cell = target.nested.as_ref().zip(decision.cell);
        let cell = cell.map(|(nested, cell)| format!("/{}", nested.cells[cell as usize]));
        format!("{}{}", target.id, cell.unwrap_or_default())
    });
    Answer {
        route: table.routes[decision.route as usize].name.as_str().to_owned(),
        upstream: parts.next().unwrap_or_default(),
        variant: parts.next().unwrap_or_default(),
        reason: decision.reason.as_str(),
        target,
        bucket: decision.bucket,
        unit: decision
            .remember
            .unit
            .map(|unit| String::from_utf8(unit.text().to_vec()).expect("ASCII")),
        pin: decision.remember.pin,
        chain: decision.chain.map(Chain::as_str),
        member: member
            .map(|(key, value)| format!("{key}={}", std::str::from_utf8(value).expect("text"))),
        stripped: plan.map_or(0, |plan| plan.stripped as usize),
    }
}
