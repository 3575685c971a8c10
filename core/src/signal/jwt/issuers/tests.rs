//! Lists of issuers, hostile ones, too.

use halftone_tokens::{Signer, jwks};

use super::*;
use crate::signal::jwt::jwks::{Material, parse_jwks};

fn keys(signers: &[&Signer]) -> Vec<Jwk> {
    parse_jwks(jwks(signers).to_string().as_bytes()).expect("a document").0
}

fn issuer(name: &str, keys: Vec<Jwk>) -> Issuer {
    Issuer { issuer: name.to_owned(), audiences: vec!["shop".to_owned()], keys }
}

#[test]
fn a_key_is_found_by_its_id_and_what_it_is_for() {
    let (old, new) = (Signer::ed25519("old", 1), Signer::es256("new"));
    let mut both = keys(&[&old, &new]);
    let mut nameless = keys(&[&Signer::rs256("")]);
    nameless[0].kid = None;
    both.append(&mut nameless);
    both.extend(keys(&[&Signer::ed25519("twice", 2), &Signer::ed25519("twice", 3)]));
    let issuers = Issuers::open(vec![issuer("a", both), issuer("b", vec![])]).expect("sound");
    let find = |kid, algorithm| {
        let known = issuers.known("a").expect("there");
        known.key(kid, algorithm).map(|(jwk, _)| jwk.kid.clone())
    };
    let named = |kid: &str| Ok(Some(kid.to_owned()));
    for (kid, algorithm, expected) in [
        (Some("old"), Algorithm::EdDsa, named("old")),
        (Some("new"), Algorithm::Es256, named("new")),
        (Some("new"), Algorithm::EdDsa, Err(Rejected::Algorithm)),
        (Some("old"), Algorithm::Rs256, Err(Rejected::Algorithm)),
        (Some("gone"), Algorithm::EdDsa, Err(Rejected::UnknownKey)),
        (Some(""), Algorithm::EdDsa, Err(Rejected::UnknownKey)),
        (Some("twice"), Algorithm::EdDsa, Err(Rejected::UnknownKey)),
        (None, Algorithm::Es256, named("new")),
        (None, Algorithm::EdDsa, Err(Rejected::UnknownKey)),
        (None, Algorithm::Rs256, Ok(None)),
        (None, Algorithm::Ps256, Err(Rejected::UnknownKey)),
    ] {
        assert_eq!(find(kid, algorithm), expected, "{kid:?} {algorithm:?}");
    }
    let b = issuers.known("b").expect("there");
    assert!(matches!(b.key(None, Algorithm::EdDsa), Err(Rejected::UnknownKey)));
    assert!(issuers.known("c").is_none() && issuers.known("").is_none());
    assert_eq!(issuers.states()[0].keys, ["old", "new", "-", "twice", "twice"]);
}

#[test]
fn a_mark_is_of_issuer_audiences_and_key() {
    let key = keys(&[&Signer::ed25519("k", 1)]);
    let mark = |list| {
        let issuers = Issuers::open(list).expect("sound");
        let mark = issuers.known("a").expect("there").key(None, Algorithm::EdDsa).expect("one");
        (mark.1.mark, issuers)
    };
    let (first, issuers) = mark(vec![issuer("a", key.clone())]);
    assert!(issuers.has(first) && !issuers.has(first + 1));
    let (same, _) = mark(vec![issuer("b", vec![]), issuer("a", key.clone())]);
    assert_eq!(same, first);
    let others = Issuer { audiences: vec![], ..issuer("a", key.clone()) };
    assert!(!issuers.has(mark(vec![others]).0));
    let (other, _) = mark(vec![issuer("a", keys(&[&Signer::ed25519("k", 2)]))]);
    assert!(!issuers.has(other));
}

#[test]
fn keys_that_are_not_known_yet_are_those_from_before() {
    let (a, b) = (keys(&[&Signer::ed25519("a", 1)]), keys(&[&Signer::ed25519("b", 2)]));
    let served = Issuers::open(vec![issuer("a", a.clone()), issuer("b", b)]).expect("sound");
    let other = Issuer { audiences: vec![], ..issuer("a", vec![]) };
    let renewed = served.renewed(vec![other, issuer("c", vec![])]).expect("sound").list();
    let told = renewed.iter().map(|one| (one.issuer.as_str(), one.keys.clone()));
    assert_eq!(told.collect::<Vec<_>>(), [("a", a), ("c", vec![])]);
    assert_eq!(renewed[0].audiences, Vec::<String>::new());
}

#[test]
fn meaningless_lists_are_refused() {
    let key = keys(&[&Signer::ed25519("k", 1)]).remove(0);
    let long = "x".repeat(JWT_NAME_BYTES_MAX + 1);
    let with = |change: fn(&mut Issuer)| {
        let mut one = issuer("a", vec![]);
        change(&mut one);
        vec![one]
    };
    let broken = Jwk { material: Material::Ed25519 { x: "AAAA".into() }, ..key.clone() };
    let confused = Jwk { alg: Some(Algorithm::Rs256), ..key.clone() };
    let lists = [
        (0..=JWT_ISSUERS_MAX).map(|at| issuer(&at.to_string(), vec![])).collect(),
        vec![issuer("", vec![])],
        vec![issuer(&long, vec![])],
        vec![issuer("a\n", vec![])],
        vec![issuer("a", vec![]), issuer("a", vec![])],
        with(|one| one.audiences = vec!["x".into(); JWT_AUDIENCES_MAX + 1]),
        with(|one| one.audiences = vec![String::new()]),
        vec![issuer("a", vec![key.clone(); JWT_KEYS_MAX + 1])],
        vec![issuer("a", vec![key.clone(), broken])],
        vec![issuer("a", vec![confused])],
        vec![issuer("a", vec![Jwk { kid: Some(long), ..key.clone() }])],
    ];
    for list in lists {
        let shown = format!("{:.120}", format!("{list:?}"));
        assert!(Issuers::open(list).is_err(), "{shown}");
    }
    assert!(Issuers::open(vec![issuer("a", vec![key; JWT_KEYS_MAX])]).is_ok());
    assert!(Issuers::open(vec![]).expect("sound").is_empty());
}
