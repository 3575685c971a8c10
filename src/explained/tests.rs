//! What an explanation looks like, line by line.

use super::*;

#[test]
fn every_step_has_its_line() {
    let asked = ExplainRequest {
        method: "GET".to_owned(),
        url: "http://a/b?c".to_owned(),
        headers: Vec::new(),
        ip: None,
        trusted: None,
    };
    let seen = |holds: bool| Seen {
        part: "header x-qa".to_owned(),
        wanted: "1".to_owned(),
        found: holds.then(|| "1".to_owned()),
        holds,
        reads: Vec::new(),
    };
    let name = |name: &str| name.to_owned();
    let steps = vec![
        Step::Normal {
            method: name("GET"),
            host: name("a"),
            path: name("/b"),
            query: name("c"),
            client_ip: name("203.0.113.7"),
            peer_ip: name("127.0.0.1"),
            trusted: false,
        },
        Step::Stripped { headers: vec![name("X-Release-Group")], members: 2 },
        Step::Host { name: name("a"), routes: 0 },
        Step::Route { name: name("r"), conditions: vec![seen(true)], matched: true },
        Step::KillSwitch { tenant: name("t"), release: name("u"), disabled: false, expired: false },
        Step::Override { header: name("x-g"), found: None, outcome: Overridden::Untrusted },
        Step::Override {
            header: name("x-s"),
            found: Some(name("canary")),
            outcome: Overridden::Unsigned(Rejected::Expired),
        },
        Step::Chain { key: name("r"), found: None, outcome: Chain::Untrusted },
        Step::Chain { key: name("r"), found: Some(name("beta")), outcome: Chain::UnknownVariant },
        Step::Pin {
            cookie: name("p"),
            found: Some(name("1~canary")),
            outcome: Pinned::OtherGeneration,
        },
        Step::Target {
            id: name("qa"),
            expired: false,
            conditions: vec![seen(false)],
            matched: false,
        },
        Step::Target { id: name("old"), expired: true, conditions: vec![], matched: false },
        Step::Default,
        Step::Unit {
            part: name("signed cookie sid"),
            found: None,
            outcome: Keyed::Unsigned(Rejected::Malformed),
        },
        Step::Minted { unit: name("u8") },
        Step::NotMinted { has_keys: true },
        Step::NotMinted { has_keys: false },
        Step::Unit { part: name("cookie uid"), found: Some(name("u7")), outcome: Keyed::Used },
        Step::Bucket {
            unit: name("u7"),
            salt: name("user-v2.1"),
            hash: 0x265c_fd4a,
            bucket: 149_856,
        },
        Step::Range { start: Some(0), end: Some(150_000), variant: name("canary") },
        Step::Health { variant: name("canary"), instances: 0, fallback: Some(name("stable")) },
        Step::Instances { names: vec![name("127.0.0.1:1")], count: 2 },
        Step::Propagated { key: name("r"), value: name("stable") },
    ];
    let explained = Explained {
        rules_epoch: 3,
        instances_epoch: 4,
        revision: 5,
        route: Some(name("r")),
        tenant: Some(name("t")),
        release: Some(name("u")),
        variant: Some(name("stable")),
        fallback_from: Some(name("canary")),
        reason: Some(name("SPLIT")),
        bucket: Some(149_856),
        steps,
        not_shown: 2,
        ..Explained::default()
    };
    let expected = "\
GET http://a/b?c
  0 normal form  GET a /b?c, caller 203.0.113.7, peer 127.0.0.1 (not trusted)
  1 stripped     X-Release-Group, 2 members of the baggage
  2 host         a has no routes
  2 route        r matches
                   yes: header x-qa has to be \"1\", is \"1\"
  3 kill switch  t/u: not pulled
  4 override     header x-g: believed from trusted peers only
  4 override     header x-s: \"canary\" is not believed: its time is over
  4 chain        baggage r: believed from trusted peers only
  4 chain        baggage r: \"beta\" is no variant: stable
  5 pin          cookie p: \"1~canary\" is of another generation
  6 target       qa does not match
                   no: header x-qa has to be \"1\", is nothing
  6 target       old has expired
  7 default      nothing else took it
  8 unit         signed cookie sid: not believed: it is no token
  8 unit         none is present: \"u8\" is minted, and set as a cookie
  8 unit         none is present, and over plain http none would be kept: stable
  8 unit         none is present, and the gateway has no key to sign one: stable
  8 unit         cookie uid: \"u7\", taken
  8 bucket       hash of \"user-v2.1\", \":\" and \"u7\" is 0x265cfd4a: 149856
  8 range        [0, 150000) is of canary
  9 health       canary has 0 instance(s); stable serves instead
 10 instance     in turn, by weight: 127.0.0.1:1, …
    sent on      baggage r=stable
    (2 more did not match)
=> stable of release u of tenant t: SPLIT, bucket 149856, in place of canary, which has no instance
   decided by worker 0 with revision 5 (rules epoch 3, instances epoch 4)
";
    assert_eq!(text(&asked, &explained), expected);
}
