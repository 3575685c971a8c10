//! Documents as issuers publish them, and what else is at such URLs.

use halftone_tokens::{Signer, jwks};
use serde_json::json;

use super::*;

fn parsed(document: &Value) -> Result<(Vec<Jwk>, usize), JwksError> {
    parse_jwks(document.to_string().as_bytes())
}

fn signers() -> [Signer; 4] {
    [Signer::rs256("r"), Signer::ps256("p"), Signer::es256("e"), Signer::ed25519("d", 1)]
}

#[test]
fn keys_of_every_kind_are_served() {
    let signers = signers();
    let (keys, left_out) = parsed(&jwks(&signers.each_ref())).expect("a document");
    assert_eq!(left_out, 0);
    let kinds: Vec<_> = keys.iter().map(|key| (key.kid.as_deref(), key.alg)).collect();
    let alg = |alg| Some(alg);
    assert_eq!(
        kinds,
        [
            (Some("r"), alg(Algorithm::Rs256)),
            (Some("p"), alg(Algorithm::Ps256)),
            (Some("e"), alg(Algorithm::Es256)),
            (Some("d"), alg(Algorithm::EdDsa)),
        ]
    );
    for key in &keys {
        let text = serde_json::to_string(key).expect("JSON");
        assert_eq!(serde_json::from_str::<Jwk>(&text).expect("the same"), *key);
    }
}

#[test]
fn other_keys_are_left_out() {
    let [rsa, _, ec, ed] = signers().map(|signer| signer.jwk());
    let changed = |key: &Value, field: &str, value: Value| {
        let mut key = key.clone();
        key[field] = value;
        key
    };
    for other in [
        changed(&rsa, "use", json!("enc")),
        changed(&rsa, "use", json!(1)),
        changed(&rsa, "key_ops", json!(["encrypt"])),
        changed(&rsa, "key_ops", json!("verify")),
        changed(&rsa, "kty", json!("oct")),
        changed(&rsa, "alg", json!("RS512")),
        changed(&rsa, "alg", json!("ES256")),
        changed(&rsa, "alg", json!("none")),
        changed(&rsa, "alg", json!("HS256")),
        changed(&rsa, "alg", json!(null)),
        changed(&rsa, "kid", json!(7)),
        changed(&rsa, "kid", json!("k".repeat(JWT_NAME_BYTES_MAX + 1))),
        // 1024 bits, an even modulus, an exponent of one, and what is no number.
        changed(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([0xff; 128]))),
        changed(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([0xfe; 256]))),
        changed(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([0xff; 513]))),
        changed(&rsa, "e", json!("AQ")),
        changed(&rsa, "e", json!("AAAA")),
        changed(&rsa, "e", json!("AQAAAAE")),
        changed(&rsa, "n", json!("=")),
        changed(&rsa, "n", json!("A".repeat(100_000))),
        changed(&ec, "crv", json!("P-384")),
        changed(&ec, "x", json!("AAAA")),
        changed(&ec, "y", json!(null)),
        changed(&ed, "crv", json!("X25519")),
        changed(&ed, "crv", json!("Ed448")),
        changed(&ed, "x", json!("")),
        json!({}),
        json!(7),
    ] {
        assert_eq!(parsed(&json!({ "keys": [&other] })), Err(JwksError::NoKey { found: 1 }));
        let (keys, left_out) = parsed(&json!({ "keys": [other, &ed] })).expect("one is served");
        assert_eq!((keys.len(), left_out), (1, 1), "{other}");
    }
    // What some write in front of a number changes nothing.
    let modulus = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().expect("text")).expect("base64");
    let padded = URL_SAFE_NO_PAD.encode([vec![0], modulus].concat());
    let (keys, _) = parsed(&json!({ "keys": [changed(&rsa, "n", json!(padded)), &rsa] }))
        .expect("both are served");
    assert_eq!(keys[0].material.decoded(), keys[1].material.decoded());
    let (keys, _) = parsed(&json!({ "keys": [changed(&ed, "alg", json!("Ed25519"))] }))
        .expect("the newer name");
    assert_eq!(keys[0].alg, Some(Algorithm::EdDsa));
}

#[test]
fn what_is_no_document_is_refused() {
    let key = Signer::ed25519("d", 1).jwk();
    let mut private = key.clone();
    private["d"] = json!("AAAA");
    for (text, expected) in [
        ("".to_owned(), "expected a JWKS document"),
        ("<html>404</html>".to_owned(), "expected a JWKS document (RFC 7517): expected value"),
        (json!([key]).to_string(), "an object with a list \"keys\""),
        (json!({ "keys": key }).to_string(), "an object with a list \"keys\""),
        (json!({ "keys": [] }).to_string(), "none of its 0 keys is served"),
        (json!({ "keys": [key, private] }).to_string(), "key \"d\" is a private key"),
        (
            json!({ "keys": [{ "kty": "oct", "k": "AAAA" }, key] }).to_string(),
            "key 0 is a private key",
        ),
        (json!({ "keys": vec![&key; JWT_KEYS_MAX + 1] }).to_string(), "it has 65 keys"),
        (" ".repeat(JWKS_BYTES_MAX + 1), "it has 1048577 bytes"),
    ] {
        let error = parse_jwks(text.as_bytes()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("AAAA"), "no secret is shown: {error}");
    }
}
