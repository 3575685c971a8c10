//! What is remembered, forgotten and judged anew.

use std::sync::Arc;

use halftone_core::{
    limits::JWT_BYTES_MAX,
    signal::jwt::{Issuer, jwks::parse_jwks},
    table::epoch::{EpochCell, Reader},
};
use halftone_tokens::{Signer, jwks};
use serde_json::json;

use super::*;

fn issuers(signers: &[&Signer]) -> Issuers {
    let (keys, _) = parse_jwks(jwks(signers).to_string().as_bytes()).expect("a document");
    Issuers::open(vec![Issuer { issuer: "me".into(), audiences: vec![], keys }]).expect("sound")
}

struct Judge {
    known: Known,
    cell: Arc<EpochCell<Issuers>>,
    reader: Reader<Issuers>,
    left: Cell<u32>,
}

impl Judge {
    fn new(signers: &[&Signer]) -> Self {
        let cell = Arc::new(EpochCell::new(issuers(signers)));
        let reader = Reader::new(Arc::clone(&cell));
        Self { known: Known::default(), cell, reader, left: Cell::new(1_000_000) }
    }

    /// Judges, and returns how many were verified for it.
    fn judge(&mut self, token: &str) -> (Result<(), Rejected>, u32) {
        let before = self.left.get();
        let entry = self.known.judge(self.reader.current(), token.as_bytes(), &self.left);
        (entry.and_then(|entry| entry.judged().map(drop)), before - self.left.get())
    }
}

fn token(signer: &Signer, sub: &str) -> String {
    signer.sign(&json!({ "iss": "me", "sub": sub, "exp": 100 }))
}

#[test]
fn a_token_is_verified_once_until_its_key_goes() {
    let (old, new, next) =
        (Signer::ed25519("a", 1), Signer::ed25519("b", 2), Signer::ed25519("b", 3));
    let mut judge = Judge::new(&[&old, &new]);
    let (first, second, bad) = (token(&old, "x"), token(&new, "x"), token(&next, "x"));
    assert_eq!(judge.judge(&first), (Ok(()), 1));
    assert_eq!(judge.judge(&second), (Ok(()), 1));
    assert_eq!(judge.judge(&bad), (Err(Rejected::WrongSignature), 1));
    for _ in 0..3 {
        assert_eq!(judge.judge(&first), (Ok(()), 0));
        assert_eq!(judge.judge(&bad), (Err(Rejected::WrongSignature), 0));
    }
    judge.cell.publish(issuers(&[&next, &old]));
    assert_eq!(judge.judge(&first), (Ok(()), 0), "its key is there still");
    assert_eq!(judge.judge(&second), (Err(Rejected::WrongSignature), 1));
    assert_eq!(judge.judge(&bad), (Ok(()), 1));
    judge.cell.publish(issuers(&[&next]));
    assert_eq!(judge.judge(&first), (Err(Rejected::UnknownKey), 1));
    assert_eq!(judge.judge(&bad), (Ok(()), 0));
    assert!(!format!("{:?}", judge.known).contains(&first[..20]), "tokens are shown nowhere");
}

#[test]
fn nothing_is_verified_beyond_what_is_left() {
    let signer = Signer::ed25519("a", 1);
    let mut judge = Judge::new(&[&signer]);
    judge.left.set(2);
    assert_eq!(judge.judge("x"), (Err(Rejected::Malformed), 1));
    assert_eq!(judge.judge(&token(&signer, "1")), (Ok(()), 1));
    assert_eq!(judge.judge(&token(&signer, "2")), (Err(Rejected::Busy), 0));
    assert_eq!(judge.judge(&token(&signer, "1")), (Ok(()), 0));
    judge.left.set(1);
    assert_eq!(judge.judge(&token(&signer, "2")), (Ok(()), 1), "being busy is not remembered");
}

/// More bytes than there is room for: the newest stay.
#[test]
fn what_is_remembered_is_bounded() {
    let signer = Signer::ed25519("a", 1);
    let mut judge = Judge::new(&[&signer]);
    let long = "x".repeat(JWT_BYTES_MAX * 3 / 4 - 200);
    let count = JWT_REMEMBERED_BYTES_MAX / JWT_BYTES_MAX;
    for round in 0..count {
        let token = token(&signer, &format!("{round}{long}"));
        assert_eq!(judge.judge(&token), (Ok(()), 1));
        assert_eq!(judge.judge(&token), (Ok(()), 0));
        assert!(judge.known.bytes <= JWT_REMEMBERED_BYTES_MAX);
    }
    let kept: usize = judge.known.places.iter().flatten().map(|entry| entry.bytes()).sum();
    assert_eq!(kept, judge.known.bytes, "what is counted is what is there");
    assert!(judge.known.places.iter().flatten().count() < count);
}

/// A flood of bad tokens drives out no good one.
#[test]
fn bad_tokens_take_no_place_of_good_ones() {
    let signer = Signer::ed25519("a", 1);
    let mut judge = Judge::new(&[&signer]);
    let good: Vec<String> = (0..50).map(|sub| token(&signer, &sub.to_string())).collect();
    good.iter().for_each(|token| assert_eq!(judge.judge(token), (Ok(()), 1)));
    (0..5_000).for_each(|flood| {
        let _ = judge.judge(&format!("{flood}.x.y"));
    });
    good.iter().for_each(|token| assert_eq!(judge.judge(token), (Ok(()), 0)));
}
