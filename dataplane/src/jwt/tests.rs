//! Claims read for decisions, and what is counted of it.

use halftone_core::{
    limits::JWT_BAD_PER_CALLER,
    signal::jwt::{Issuer, jwks::parse_jwks},
};
use halftone_tokens::{Signer, jwks};
use serde_json::json;

use super::*;

fn tokens(signers: &[&Signer]) -> (Tokens, Arc<EpochCell<Issuers>>) {
    let document = jwks(signers).to_string();
    let (keys, _) = parse_jwks(document.as_bytes()).expect("a document");
    let issuer = Issuer { issuer: "me".into(), audiences: vec![], keys };
    let cell = Arc::new(EpochCell::new(Issuers::open(vec![issuer]).expect("sound")));
    (Tokens::new(Arc::clone(&cell)), cell)
}

/// Reads `sub` twice for one decision; returns it, and what was counted so far as (result, count).
fn read(
    tokens: &Tokens,
    value: Option<&str>,
    now: u64,
) -> (Option<String>, Vec<(&'static str, u64)>) {
    read_of(tokens, "192.0.2.1", value, now)
}

/// The same for a request of this address.
fn read_of(
    tokens: &Tokens,
    client_ip: &str,
    value: Option<&str>,
    now: u64,
) -> (Option<String>, Vec<(&'static str, u64)>) {
    let field = value.map(|value| Header { name: "Authorization", value: value.as_bytes() });
    let headers: Vec<Header<'_>> = field.into_iter().collect();
    let reader = tokens.reader(&headers, client_ip, now);
    let sub = reader.claim("sub", None).map(str::to_owned);
    assert_eq!(reader.claim("sub", Some("me")).map(str::to_owned), sub);
    assert_eq!(reader.claim("sub", Some("you")), None);
    tokens.count(reader.seen());
    let counts = RESULTS.into_iter().zip(tokens.counts());
    (sub, counts.filter(|(_, count)| *count > 0).collect())
}

#[test]
fn a_claim_is_read_while_its_token_is_good() {
    let signer = Signer::ed25519("k", 1);
    let (tokens, cell) = tokens(&[&signer]);
    let good = signer.sign(&json!({ "iss": "me", "sub": "u7", "nbf": 1_000, "exp": 2_000 }));
    let bearer = format!("Bearer {good}");
    let sub = Some("u7".to_owned());
    assert_eq!(read(&tokens, None, 1_500), (None, vec![]));
    assert_eq!(read(&tokens, Some("Basic eDp5"), 1_500), (None, vec![]));
    assert_eq!(read(&tokens, Some(&bearer), 1_500), (sub.clone(), vec![("valid", 1)]));
    assert_eq!(read(&tokens, Some(&bearer), 1_600), (sub, vec![("valid", 2)]));
    let (none, counts) = read(&tokens, Some(&bearer), 9_000);
    assert_eq!((none, counts), (None, vec![("valid", 2), ("expired", 1)]));
    let (none, counts) = read(&tokens, Some(&bearer), 10);
    assert_eq!(none, None);
    assert_eq!(counts, [("valid", 2), ("expired", 1), ("not_yet_valid", 1)]);
    cell.publish(Issuers::default());
    assert_eq!(read(&tokens, Some(&bearer), 1_500).1[1], ("no_issuers", 1));
}

#[test]
fn a_tick_brings_another_budget() {
    let signer = Signer::ed25519("k", 1);
    let (tokens, _cell) = tokens(&[&signer]);
    for flood in 0..=JWT_JUDGED_PER_TICK {
        let client_ip = format!("192.0.2.{}", flood % 200);
        read_of(&tokens, &client_ip, Some(&format!("Bearer a.b.{flood}")), 0);
    }
    let good = format!("Bearer {}", signer.sign(&json!({ "iss": "me", "sub": "u7", "exp": 9 })));
    let (sub, counts) = read(&tokens, Some(&good), 1);
    assert_eq!(
        (sub, counts),
        (None, vec![("malformed", u64::from(JWT_JUDGED_PER_TICK)), ("busy", 2)])
    );
    tokens.turn();
    assert_eq!(read(&tokens, Some(&good), 1).0.as_deref(), Some("u7"));
}

/// What a shadow verifies is remembered for all, and takes nothing from callers, however many tokens it meets.
#[test]
fn a_shadow_spends_a_budget_of_its_own() {
    let (signer, other) = (Signer::ed25519("k", 1), Signer::ed25519("k", 2));
    let (tokens, _cell) = tokens(&[&signer]);
    let bearer = |signer: &Signer, sub: &str| {
        format!("Bearer {}", signer.sign(&json!({ "iss": "me", "sub": sub, "exp": 9 })))
    };
    let look = |value: &str| {
        let headers = [Header { name: "Authorization", value: value.as_bytes() }];
        let reader = tokens.shadow(&headers, 1);
        (reader.claim("sub", None).map(str::to_owned), reader.was_busy())
    };
    let u7 = bearer(&signer, "u7");
    assert_eq!(look(&u7), (Some("u7".to_owned()), false));
    for flood in 1..JWT_SHADOWED_PER_TICK {
        assert_eq!(look(&bearer(&other, &flood.to_string())), (None, false));
    }
    assert_eq!(look(&bearer(&signer, "u8")), (None, true));
    assert_eq!(look(&u7), (Some("u7".to_owned()), false), "remembered");
    for caller in 0..JWT_JUDGED_PER_TICK {
        let sub = caller.to_string();
        let (found, _) = read(&tokens, Some(&bearer(&signer, &sub)), 1);
        assert_eq!(found, Some(sub), "nobody is blamed, and nothing was taken");
    }
    tokens.turn();
    assert_eq!(look(&bearer(&signer, "u8")), (Some("u8".to_owned()), false));
}

/// One who sends ever new bad tokens is decided for without them; others are not.
#[test]
fn one_caller_alone_takes_a_part_of_the_budget() {
    let (signer, other) = (Signer::ed25519("k", 1), Signer::ed25519("k", 2));
    let (tokens, _cell) = tokens(&[&signer]);
    let bearer = |signer: &Signer, sub: &str| {
        format!("Bearer {}", signer.sign(&json!({ "iss": "me", "sub": sub, "exp": 9 })))
    };
    let of = |client_ip: &str, value: &str| read_of(&tokens, client_ip, Some(value), 1).0;
    for flood in 0..2 * JWT_JUDGED_PER_TICK {
        // A network of IPv6 addresses is one caller.
        of(&format!("2001:db8::{flood:x}"), &bearer(&other, &flood.to_string()));
    }
    let bad = u64::from(JWT_BAD_PER_CALLER);
    assert_eq!(tokens.counts()[Rejected::WrongSignature.index()], bad);
    assert_eq!(tokens.counts()[Rejected::Busy.index()], 2 * u64::from(JWT_JUDGED_PER_TICK) - bad);
    let u7 = bearer(&signer, "u7");
    for stranger in ["192.0.2.7", "2001:db8:0:1::1", ""] {
        assert_eq!(of(stranger, &bearer(&signer, stranger)).as_deref(), Some(stranger));
    }
    assert_eq!(of("2001:db8::7", &u7), None, "its address is out of them for this tick");
    assert_eq!(of("192.0.2.7", &u7).as_deref(), Some("u7"));
    assert_eq!(of("2001:db8::7", &u7).as_deref(), Some("u7"), "who is remembered is believed");
    tokens.turn();
    assert_eq!(of("2001:db8::7", &bearer(&signer, "u8")).as_deref(), Some("u8"));
}

#[test]
fn what_is_told_is_never_the_token() {
    let (signer, other) = (Signer::ed25519("k", 1), Signer::ed25519("k", 2));
    let (tokens, _cell) = tokens(&[&signer]);
    let claims = json!({ "iss": "me", "sub": "u7", "exp": 1_000 });
    for (token, now, expected) in [
        (signer.sign(&claims), 1, (Some("me"), Some("k"), Some(1_000), None)),
        (
            signer.sign(&claims),
            9_999,
            (Some("me"), Some("k"), Some(1_000), Some(Rejected::Expired)),
        ),
        (other.sign(&claims), 1, (None, None, None, Some(Rejected::WrongSignature))),
    ] {
        let value = format!("Bearer {token}");
        let headers = [Header { name: "authorization", value: value.as_bytes() }];
        let reader = tokens.reader(&headers, "192.0.2.1", now);
        assert_eq!(reader.told(), None, "nobody asked");
        let _ = reader.claim("sub", None);
        let told = reader.told().expect("a step");
        let Step::Token { issuer, key, expires_unix_s, rejected } = &told else {
            panic!("{told:?}")
        };
        assert_eq!((issuer.as_deref(), key.as_deref(), *expires_unix_s, *rejected), expected);
        assert!(!format!("{told:?} {reader:?} {tokens:?}").contains(&token[..12]));
    }
}
