//! What a peer may change in the served rules, and what it may not.

use crossbeam::channel::unbounded;
use halftone_core::{
    compile::{Allocations, SplitKey, allocate, allocations_of, compile_rules, set_weight},
    limits::{BUCKETS, SHADOW_MS_MAX},
    policy::{Bundle, Percent},
    rollout::allocation::{Allocation, Range},
    signal::{
        geo::{Databases, GeoKind},
        jwt::{Issuer, Issuers, jwks::parse_jwks},
        lists::{IdLists, ListName, ListReader as _},
    },
    table::{IdList, RuleTable, TableKind, archive::Archive, epoch::EpochCell, fingerprint_of_id},
    wire::{ControlPlane, ShadowRequest, SplitRanges},
};
use halftone_link::SealedTable;
use halftone_mmdb::shared::{asn, city};
use halftone_tokens::{Signer, jwks};

use super::*;
use crate::last_good::LastGood;

const BUNDLE: &str = r#"{ "apiVersion": "halftone/v1", "kind": "Bundle", "metadata": { "tenant": "shop" },
    "upstreams": { "web": { "variants": { "stable": { "addresses": ["127.0.0.1:1"] },
                                          "canary": { "addresses": ["127.0.0.1:2"] } } } },
    "routes": [{ "name": "web", "rules": [{ "release": "v2" }] }],
    "releases": { "v2": { "upstream": "web", "default": { "split": "scheduled" } } } }"#;

/// A control plane's end of a gateway without workers.
struct Peer {
    channel: Channel,
    link: Arc<Link>,
    directory: Arc<tempfile::TempDir>,
}

impl Peer {
    fn connect() -> Self {
        Self::connect_as(Role::Visitor)
    }

    fn connect_as(role: Role) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let tables = Arc::new(EpochCell::new(None));
        let keeper = LastGood::open(directory.path())
            .and_then(|last_good| last_good.keep(Arc::clone(&tables)))
            .expect("a folder");
        let geo = GeoKeeper::open(directory.path()).expect("a folder");
        let databases = Arc::new(EpochCell::new(Databases::default()));
        let ids = Arc::new(EpochCell::new(IdLists::default()));
        let believed = Arc::new(EpochCell::new(Issuers::default()));
        let applied = unbounded().1;
        let publisher =
            Publisher::new(tables, Vec::new(), applied, keeper, databases, ids, believed);
        let publisher = Arc::new(publisher);
        let lists = ListKeeper::open(directory.path()).expect("a folder");
        let issuers = IssuerKeeper::open(directory.path()).expect("a folder");
        let (state, control_planes) = (GatewayState::default(), AtomicU32::new(0));
        let (asker, askable) = (unbounded().0, AtomicU64::new(0));
        let version = "test";
        let link = Link {
            publisher,
            state,
            version,
            control_planes,
            asker,
            askable,
            geo,
            keys: Arc::default(),
            lists,
            issuers,
            leadership: Leadership::open(directory.path()).expect("a folder"),
        };
        Self::of(Arc::new(link), Arc::new(directory), role)
    }

    /// Connects to a gateway that has peers already.
    fn of(link: Arc<Link>, directory: Arc<tempfile::TempDir>, role: Role) -> Self {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let serving = Arc::clone(&link);
        thread::spawn(move || serve(&serving, &mut Channel::new(theirs)));
        let mut peer = Self { channel: Channel::new(ours), link, directory };
        let patience = Some(Duration::from_secs(20));
        peer.channel.set_timeouts(patience, patience).expect("timeouts");
        let hello = Hello::new("test", 1, None);
        let ours = ControlPlane { id: 1, takes_over: false };
        let hello = match role {
            Role::Visitor => hello,
            role => hello.of_control_plane(role, ours),
        };
        peer.ask(&Frame::Hello(hello));
        peer
    }

    fn ask(&mut self, frame: &Frame) -> Frame {
        self.channel.send(frame).expect("sent");
        self.answer()
    }

    fn answer(&mut self) -> Frame {
        self.channel.receive().expect("received").expect("a frame").frame
    }

    /// Has the whole table served; returns its epoch.
    fn serve(&mut self, table: &RuleTable, revision: u64) -> u64 {
        let archive = Archive::build(table, revision).expect("good");
        let file = SealedTable::create(archive.bytes()).expect("sealed");
        let digest = String::new();
        let frame = Frame::Prepare { kind: TableKind::Rules, revision, digest };
        self.channel.send_table(&frame, &file).expect("sent");
        let prepared = self.answer();
        self.commit(&prepared)
    }

    fn commit(&mut self, prepared: &Frame) -> u64 {
        let Frame::Prepared { kind: TableKind::Rules, epoch } = *prepared else {
            panic!("{prepared:?}");
        };
        let commit = Frame::Commit { rules: Some(epoch), instances: None, base: None };
        assert_eq!(self.ask(&commit), Frame::Committed { applied: 0, missing: 0 });
        epoch
    }

    /// Returns the served rules, their epoch and their revision.
    fn served(&self) -> (RuleTable, u64, u64) {
        let served = self.link.publisher.tables();
        let tables = served.as_ref().as_ref().expect("served");
        let archive = &tables.loaded_rules().archive;
        (archive.read().expect("readable"), tables.epochs().0, archive.revision())
    }
}

fn bundle() -> (Bundle, Allocations, RuleTable) {
    let bundle: Bundle = serde_json::from_str(BUNDLE).expect("a bundle");
    let mut all = Allocations::new();
    allocate(&bundle, &mut all).expect("fits");
    let table = compile_rules(&[&bundle], &all).expect("compiles");
    (bundle, all, table)
}

fn moved(bundle: &Bundle, all: &mut Allocations, weight: &str) -> Vec<SplitRanges> {
    let weight = Percent::parse(weight).expect("a percentage");
    let moved = set_weight(bundle, |key| all.get(key), "v2", &[], weight).expect("moves");
    all.extend(moved.clone());
    moved.into_iter().map(|(split, ranges)| SplitRanges { split, ranges }).collect()
}

#[test]
fn ranges_move_in_the_served_rules() {
    let (mut peer, (bundle, mut all, table)) = (Peer::connect(), bundle());
    let mut base = peer.serve(&table, 1);
    for (weight, revision) in [("5%", 2), ("60%", 3), ("0%", 4), ("1%", 5)] {
        let splits = moved(&bundle, &mut all, weight);
        let prepared = peer.ask(&Frame::Allocation { base, revision, splits });
        assert_eq!(peer.served().2, revision - 1, "not used before it is committed");
        base = peer.commit(&prepared);
        let expected = compile_rules(&[&bundle], &all).expect("compiles");
        assert_eq!(peer.served(), (expected, base, revision));
    }
    assert_eq!(allocations_of(&peer.served().0), all, "a push goes on from there");
}

#[test]
fn what_does_not_fit_the_served_rules_changes_nothing() {
    let (mut peer, (bundle, mut all, table)) = (Peer::connect(), bundle());
    let splits = moved(&bundle, &mut all, "5%");
    let change = |base, splits: &[SplitRanges]| {
        let splits = splits.to_vec();
        Frame::Allocation { base, revision: 9, splits }
    };
    let refused = peer.ask(&change(0, &splits));
    assert!(matches!(refused, Frame::Reject { .. }), "nothing is served: {refused:?}");
    let first = peer.serve(&table, 1);
    let prepared = peer.ask(&change(first, &splits));
    // Somebody else is faster.
    let second = peer.serve(&table, 2);
    let before = peer.served();
    let Frame::Prepared { epoch, .. } = prepared else { panic!("{prepared:?}") };
    let late = Frame::Commit { rules: Some(epoch), instances: None, base: None };
    let unknown = SplitKey { split: "nobody".to_owned(), ..splits[0].split.clone() };
    let unknown = SplitRanges { split: unknown, ranges: Allocation::default() };
    let beyond = [("canary".to_owned(), 0, Range { start: 0, end: u32::MAX })];
    let beyond = Allocation::of_taken(beyond.into_iter());
    let beyond = SplitRanges { ranges: beyond, ..splits[0].clone() };
    for (frame, told) in [
        (late, "was not prepared"),
        (change(first, &splits), "send the whole table"),
        (change(second, &[unknown]), "nobody"),
        (change(second, &[beyond]), "overlap others or leave"),
    ] {
        match peer.ask(&frame) {
            Frame::Reject { reason } => assert!(reason.contains(told), "{reason}"),
            other => panic!("{frame:?} led to {other:?}"),
        }
        assert_eq!(peer.served(), before);
    }
}

#[test]
fn a_shadow_is_checked_before_workers_see_it_and_ends_with_its_peer() {
    let (mut peer, (_, _, table)) = (Peer::connect(), bundle());
    let archive = Archive::build(&table, 1).expect("good");
    let good = SealedTable::create(archive.bytes()).expect("sealed");
    let mut bytes = archive.bytes().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bad = SealedTable::create(&bytes).expect("sealed");
    let asked = ShadowRequest { sample_ppm: 1, for_ms: 1, key: [1, 2], digest: String::new() };
    let shadow = |peer: &mut Peer, asked: &ShadowRequest, file: &SealedTable| {
        peer.channel.send_table(&Frame::Shadow(asked.clone()), file).expect("sent");
        peer.answer()
    };
    let refused = |answer: Frame, told: &str| match answer {
        Frame::Reject { reason } => assert!(reason.contains(told), "{reason}"),
        other => panic!("{other:?} instead of {told}"),
    };
    refused(peer.ask(&Frame::QueryShadow), "no candidate");
    for (asked, file, told) in [
        (ShadowRequest { sample_ppm: 0, ..asked.clone() }, &good, "sample"),
        (ShadowRequest { sample_ppm: BUCKETS + 1, ..asked.clone() }, &good, "sample"),
        (ShadowRequest { for_ms: 0, ..asked.clone() }, &good, "ms"),
        (ShadowRequest { for_ms: SHADOW_MS_MAX + 1, ..asked.clone() }, &good, "ms"),
        (asked.clone(), &bad, "checksum"),
    ] {
        refused(shadow(&mut peer, &asked, file), told);
        refused(peer.ask(&Frame::QueryShadow), "no candidate");
    }
    refused(peer.ask(&Frame::Shadowing), "cannot be sent to a gateway");
    assert_eq!(shadow(&mut peer, &asked, &good), Frame::Shadowing);
    assert!(matches!(peer.ask(&Frame::QueryShadow), Frame::Shadowed(_)));
    let mut other = Peer::of(Arc::clone(&peer.link), Arc::clone(&peer.directory), Role::Visitor);
    refused(shadow(&mut other, &asked, &good), "one at a time");
    refused(other.ask(&Frame::QueryShadow), "no candidate");
    // Whoever holds it may take another instead.
    assert_eq!(shadow(&mut peer, &asked, &good), Frame::Shadowing);
    drop(peer);
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while shadow(&mut other, &asked, &good) != Frame::Shadowing {
        assert!(std::time::Instant::now() < until, "a peer that is gone still holds it");
    }
}

#[test]
fn a_region_database_is_served_once_it_is_good() {
    let mut peer = Peer::connect_as(Role::Geo);
    let send = |peer: &mut Peer, bytes: &[u8]| {
        let file = SealedTable::create_of(bytes).expect("sealed");
        peer.channel.send_table(&Frame::Geo, &file).expect("sent");
        peer.answer()
    };
    let served = |peer: &Peer| {
        let served = peer.link.publisher.databases();
        served.iter().map(|database| database.state().clone()).collect::<Vec<_>>()
    };
    let (city, asn) = (city(1).finish(), asn(1).finish());
    for (bytes, count) in [(&city, 1), (&asn, 2), (&city, 2)] {
        let Frame::GeoServed(state) = send(&mut peer, bytes) else { panic!("refused") };
        assert_eq!(served(&peer).len(), count);
        assert!(served(&peer).contains(&state));
    }
    let before = served(&peer);
    for damaged in [&city[..200], b"", b"nothing"] {
        match send(&mut peer, damaged) {
            Frame::Reject { reason } => {
                assert!(reason.contains("not a sound database"), "{reason}")
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(served(&peer), before);
    }
    let Frame::Reject { .. } = peer.ask(&Frame::QueryStats) else { panic!("not asked here") };
    // What nobody brings any more is forgotten, here and on disk.
    assert_eq!(peer.ask(&Frame::GeoKinds { kinds: vec![GeoKind::Asn] }), Frame::Pong);
    assert_eq!(served(&peer).len(), 1);
    assert_eq!(peer.link.geo.load().iter().count(), 1);
}

#[test]
fn a_list_is_served_once_it_is_good() {
    let mut peer = Peer::connect_as(Role::Lists);
    let archive = |name: &str, ids: &[&str], revision| {
        let mut prints: Vec<u64> = ids.iter().map(|id| fingerprint_of_id(7, id)).collect();
        prints.sort_unstable();
        let list = IdList { tenant: "shop".to_owned(), name: name.to_owned(), key: 7, prints };
        Archive::build(&list, revision).expect("a good list").bytes().to_vec()
    };
    let send = |peer: &mut Peer, bytes: &[u8]| {
        let file = SealedTable::create_of(bytes).expect("sealed");
        peer.channel.send_table(&Frame::List, &file).expect("sent");
        peer.answer()
    };
    let is_member =
        |peer: &Peer, list: &str, id: &str| peer.link.publisher.lists().contains("shop", list, id);
    let staff = archive("staff", &["u7", "u8"], 1);
    for bytes in [&staff, &archive("beta", &["u9"], 1), &staff] {
        let Frame::ListServed(state) = send(&mut peer, bytes) else { panic!("refused") };
        assert_eq!((state.name.tenant.as_str(), state.revision), ("shop", 1));
    }
    assert_eq!(is_member(&peer, "staff", "u7"), Some(true));
    let mut flipped = archive("staff", &[], 2);
    *flipped.last_mut().expect("bytes") ^= 1;
    for damaged in [&staff[..70], &flipped, b"", b"nothing"] {
        let answer = send(&mut peer, damaged);
        assert!(matches!(answer, Frame::Reject { .. }), "{answer:?}");
        assert_eq!(is_member(&peer, "staff", "u7"), Some(true));
    }
    let Frame::ListServed(_) = send(&mut peer, &archive("staff", &["u8"], 2)) else { panic!() };
    assert_eq!(is_member(&peer, "staff", "u7"), Some(false));
    let Frame::Reject { .. } = peer.ask(&Frame::QueryStats) else { panic!("not asked here") };
    // What nobody brings any more is forgotten, here and on disk.
    let beta = ListName { tenant: "shop".to_owned(), list: "beta".to_owned() };
    assert_eq!(peer.ask(&Frame::ListNames { lists: vec![beta] }), Frame::Pong);
    assert_eq!(is_member(&peer, "staff", "u8"), None);
    assert_eq!(peer.link.lists.load().iter().count(), 1);
}

/// A list takes its time to be checked, and somebody else may lead when that has ended.
#[test]
fn nothing_of_the_one_before_is_served_after_a_take_over() {
    let mut before = Peer::connect_as(Role::Lists);
    let link = Arc::clone(&before.link);
    let take_over = |id| {
        link.leadership.lead(ControlPlane { id, takes_over: true }).expect("told to");
        link.publisher.lists()
    };
    for round in 0..8u64 {
        let prints = (0..200_000).map(|at| at * 16 + round).collect();
        let list = IdList { tenant: "shop".to_owned(), name: "staff".to_owned(), key: 7, prints };
        let archive = Archive::build(&list, round).expect("a good list");
        let file = SealedTable::create(archive.bytes()).expect("sealed");
        before.channel.send_table(&Frame::List, &file).expect("sent");
        // It may have been served already, or not yet; it is not from here on.
        let at_take_over = take_over(2);
        let answer = before.answer();
        assert!(Arc::ptr_eq(&link.publisher.lists(), &at_take_over), "{answer:?}");
        let kept = link.lists.load();
        assert_eq!(kept.iter().count(), at_take_over.iter().count(), "nor after a restart");
        take_over(1);
        before = Peer::of(Arc::clone(&link), Arc::clone(&before.directory), Role::Lists);
    }
}

#[test]
fn issuers_are_believed_as_they_are_told_and_no_others() {
    let mut peer = Peer::connect_as(Role::Issuers);
    let issuer = |name: &str, signers: &[&Signer]| {
        let keys = parse_jwks(jwks(signers).to_string().as_bytes()).map(|(keys, _)| keys);
        let keys = keys.unwrap_or_default();
        Issuer { issuer: name.to_owned(), audiences: vec!["shop".to_owned()], keys }
    };
    let (a, b) = (issuer("a", &[&Signer::ed25519("k", 1)]), issuer("b", &[&Signer::rs256("k")]));
    let unknown = |name| issuer(name, &[]);
    let tell = |peer: &mut Peer, issuers: &[Issuer]| match peer
        .ask(&Frame::Issuers { issuers: issuers.to_vec() })
    {
        Frame::IssuersServed { issuers } => Ok(issuers.len()),
        Frame::Reject { reason } => Err(reason),
        other => panic!("{other:?}"),
    };
    for (told, expected) in [
        (vec![a.clone(), unknown("b")], vec![a.clone(), unknown("b")]),
        (vec![unknown("a"), b.clone()], vec![a.clone(), b.clone()]),
        (vec![unknown("b"), unknown("c")], vec![b.clone(), unknown("c")]),
        (vec![], vec![]),
        (vec![a.clone()], vec![a.clone()]),
    ] {
        assert_eq!(tell(&mut peer, &told), Ok(expected.len()));
        assert_eq!(peer.link.publisher.issuers().list(), expected);
        assert_eq!(peer.link.issuers.load().list(), expected, "kept, too");
    }
    assert!(
        tell(&mut peer, &[a.clone(), a.clone()])
            .is_err_and(|reason| reason.contains("there twice"))
    );
    assert!(tell(&mut peer, &[unknown("")]).is_err());
    assert_eq!(peer.link.publisher.issuers().list(), [a]);
    let Frame::Reject { .. } = peer.ask(&Frame::QueryStats) else { panic!("not asked here") };
}
