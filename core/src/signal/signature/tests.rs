//! Tokens: signed, verified, forged.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::signal::keys::Secret;

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let key = |(id, byte): &(&str, u8)| Secret { id: (*id).to_owned(), bytes: vec![*byte; 32] };
    KeyRing::new(&keys.iter().map(key).collect::<Vec<_>>())
}

const OVERRIDE: Use<'_> = Use::Override { tenant: "shop", release: "shop-v2" };
const COOKIE: Use<'_> = Use::Cookie { tenant: "shop", name: "uid" };

fn signed(ring: &KeyRing, used: Use<'_>, value: &str, expires: u64) -> Vec<u8> {
    let mut token = Vec::new();
    assert!(ring.sign(used, value.as_bytes(), expires, &mut token));
    token
}

#[test]
fn the_format_is_the_published_one() {
    // Made by the Python lines of docs/signatures.md, with 32 bytes 0x07 as the secret of k1.
    let ring = ring(&[("k1", 7)]);
    for (used, value, expires, expected) in [
        (OVERRIDE, "canary", 2_000_000_000, include_str!("tests/override.txt")),
        (COOKIE, "u7.x", 0, include_str!("tests/cookie.txt")),
        (Use::Explain, "shop.example.com", 2_000_000_000, include_str!("tests/explain.txt")),
    ] {
        let token = signed(&ring, used, value, expires);
        assert_eq!(String::from_utf8_lossy(&token), expected.trim_end());
        let found = ring.verify(used, &token, 1_999_999_999);
        let expected =
            Verified { value: value.as_bytes(), expires_unix_s: expires, is_newest: true };
        assert_eq!(found, Ok(expected));
    }
}

#[test]
fn a_token_is_good_for_one_use_and_one_scope() {
    let ring = ring(&[("k1", 7)]);
    let token = signed(&ring, OVERRIDE, "canary", 100);
    assert!(ring.verify(OVERRIDE, &token, 99).is_ok());
    for other in [
        Use::Override { tenant: "shop", release: "other" },
        Use::Override { tenant: "other", release: "shop-v2" },
        Use::Pin { tenant: "shop", release: "shop-v2" },
        Use::Cookie { tenant: "shop", name: "shop-v2" },
        Use::Explain,
    ] {
        assert_eq!(ring.verify(other, &token, 99), Err(Rejected::WrongSignature), "{other:?}");
    }
}

#[test]
fn time_and_keys_end_it() {
    let old = ring(&[("k1", 7)]);
    let token = signed(&old, OVERRIDE, "canary", 100);
    assert_eq!(old.verify(OVERRIDE, &token, 100), Err(Rejected::Expired));
    // What grants something ends; what names somebody may not.
    let lasting = signed(&old, OVERRIDE, "canary", 0);
    assert_eq!(old.verify(OVERRIDE, &lasting, 1), Err(Rejected::Expired));
    let cookie = signed(&old, COOKIE, "u7", 0);
    assert!(old.verify(COOKIE, &cookie, u64::MAX).is_ok());
    // Added, then first, then alone.
    for (keys, expected) in [
        (ring(&[("k1", 7), ("k2", 8)]), Ok(true)),
        (ring(&[("k2", 8), ("k1", 7)]), Ok(false)),
        (ring(&[("k2", 8)]), Err(Rejected::UnknownKey)),
        (ring(&[("k1", 8)]), Err(Rejected::WrongSignature)),
        (ring(&[]), Err(Rejected::NoKeys)),
    ] {
        let found = keys.verify(COOKIE, &cookie, 5).map(|verified| verified.is_newest);
        assert_eq!(found, expected, "{keys:?}");
    }
    assert!(!ring(&[]).sign(COOKIE, b"u7", 0, &mut Vec::new()));
}

#[test]
fn what_is_no_token_is_malformed() {
    let ring = ring(&[("k1", 7)]);
    let good = String::from_utf8(signed(&ring, COOKIE, "u7", 0)).expect("ASCII");
    let mac = good.rsplit('.').next().expect("a signature").to_owned();
    for text in [
        String::new(),
        "canary".to_owned(),
        "...".to_owned(),
        format!(".0.k1.{mac}"),
        format!("u7.00.k1.{mac}"),
        format!("u7.+0.k1.{mac}"),
        format!("u7.9999999999999.k1.{mac}"),
        format!("u7..k1.{mac}"),
        format!("u7.0.k1.{}", &mac[1..]),
        format!("u7.0.k1.{mac}="),
        format!("u7.0.k1.*{}", &mac[1..]),
        format!("{}.0.k1.{mac}", "u".repeat(TOKEN_BYTES_MAX)),
    ] {
        let found = ring.verify(COOKIE, text.as_bytes(), 5);
        assert_eq!(found, Err(Rejected::Malformed), "{text}");
    }
    assert_eq!(shown(good.as_bytes()), b"u7");
    assert_eq!(shown(b"canary"), b"canary");
}

proptest! {
    /// Any bytes are judged, and none are believed.
    #[test]
    fn noise_is_rejected(token in vec(any::<u8>(), 0..200), tail in "[.a-zA-Z0-9_-]{0,80}") {
        let ring = ring(&[("k1", 7), ("k2", 8)]);
        let mut token = token;
        token.extend_from_slice(tail.as_bytes());
        prop_assert!(ring.verify(COOKIE, &token, 0).is_err());
        let _ = shown(&token);
    }

    /// Whatever is signed is verified, and no bit of it can be another.
    #[test]
    fn every_bit_counts(value in vec(any::<u8>().prop_filter("a field", |byte| *byte != b'\n'), 1..40), expires in 1u64..999_999_999_999) {
        let ring = ring(&[("k1", 7), ("k0", 8)]);
        let mut token = Vec::new();
        ring.sign(OVERRIDE, &value, expires, &mut token);
        let found = ring.verify(OVERRIDE, &token, expires - 1);
        prop_assert_eq!(found.map(|found| found.value), Ok(&value[..]));
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(ring.verify(OVERRIDE, &changed, 0).is_err(), "bit {}", bit);
        }
    }
}
