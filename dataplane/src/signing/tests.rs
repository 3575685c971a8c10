//! What a worker knows of signatures is what a ring says.

use halftone_core::signal::keys::Secret;

use super::*;

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let key = |(id, byte): &(&str, u8)| Secret { id: (*id).to_owned(), bytes: vec![*byte; 32] };
    KeyRing::new(&keys.iter().map(key).collect::<Vec<_>>())
}

fn token(ring: &KeyRing, used: Use<'_>, value: &str, expires: u64) -> Vec<u8> {
    let mut token = Vec::new();
    assert!(ring.sign(used, value.as_bytes(), expires, &mut token));
    token
}

const COOKIE: Use<'_> = Use::Cookie { tenant: "t", name: "uid" };
const PIN: Use<'_> = Use::Pin { tenant: "t", release: "uid" };

#[test]
fn a_known_token_is_judged_as_it_would_be_anew() {
    let (old, new) = (ring(&[("a", 1)]), ring(&[("b", 2), ("a", 1)]));
    let given = Given { keys: Arc::new(EpochCell::new(old.clone())), ..Given::without_keys() };
    let signing = Signing::new(given.clone());
    let tokens = [
        token(&old, COOKIE, "u7", 0),
        token(&old, COOKIE, "u8", 50),
        token(&old, PIN, "0~canary", 0),
        token(&new, COOKIE, "u9", 0),
        b"u7".to_vec(),
    ];
    for keys in [old, new, ring(&[("a", 3)]), KeyRing::default()] {
        given.keys.publish(keys.clone());
        for now in [1, 49, 50, 51, 1] {
            let verifier = signing.verifier(now);
            for used in [COOKIE, PIN] {
                for token in &tokens {
                    for _ in 0..2 {
                        let expected = keys.verify(used, token, now);
                        assert_eq!(verifier.verify(used, token), expected, "{used:?} at {now}");
                    }
                }
            }
        }
    }
}

#[test]
fn many_tokens_share_places_and_none_is_taken_for_another() {
    let ring = ring(&[("a", 1)]);
    let keys = Arc::new(EpochCell::new(ring.clone()));
    let signing = Signing::new(Given { keys, ..Given::without_keys() });
    let verifier = signing.verifier(1);
    for _ in 0..2 {
        for number in 0..6_000 {
            let value = format!("u{number}");
            let token = token(&ring, COOKIE, &value, 0);
            let found = verifier.verify(COOKIE, &token).expect("signed").value;
            assert_eq!(found, value.as_bytes());
        }
    }
}

#[test]
fn a_decision_counts_a_token_once() {
    let ring = ring(&[("a", 1)]);
    let keys = Arc::new(EpochCell::new(ring.clone()));
    let signing = Signing::new(Given { keys, ..Given::without_keys() });
    let good = token(&ring, COOKIE, "u7", 0);
    for _ in 0..3 {
        let verifier = signing.verifier(1);
        for _ in 0..5 {
            let _ = verifier.verify(COOKIE, &good);
            let _ = verifier.verify(PIN, &good);
        }
        let _ = verifier.verify(Use::Explain, b"x");
        signing.count(verifier.finish());
    }
    let mut expected = Judged::default();
    expected[COOKIE.index()][0] = 3;
    expected[PIN.index()][Rejected::WrongSignature.index()] = 3;
    expected[Use::Explain.index()][Rejected::Malformed.index()] = 3;
    assert_eq!(signing.judged(), expected);
}

#[test]
fn a_unit_is_given_once() {
    let signing = Signing::new(Given::without_keys());
    let first = signing.unit();
    assert_eq!(signing.unit(), first);
    signing.spend_unit();
    assert_ne!(signing.unit(), first);
}
