//! Tokens: published ones, good ones, hostile ones.

use std::sync::LazyLock;

use halftone_tokens::{Signer, encode, jwks};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::signal::jwt::{
    issuers::Issuer,
    jwks::{Jwk, parse_jwks},
};

const ISSUER: &str = "https://id.example.com";

fn issuers_of(keys: Vec<Jwk>, audiences: &[&str]) -> Issuers {
    let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
    let other = Issuer { issuer: "https://other".into(), audiences: vec![], keys: vec![] };
    let own = Issuer { issuer: ISSUER.to_owned(), audiences, keys };
    Issuers::open(vec![other, own]).expect("sound")
}

fn issuers(signers: &[&Signer], audiences: &[&str]) -> Issuers {
    let (keys, _) = parse_jwks(jwks(signers).to_string().as_bytes()).expect("a document");
    issuers_of(keys, audiences)
}

fn verify(token: &str, issuers: &Issuers) -> Result<Verified, Rejected> {
    Bearer::split(token.as_bytes())?.verify(issuers)
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "u7", "aud": "shop", "exp": 2_000, "nbf": 1_000, "level": 3 })
}

fn with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn without(field: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(field);
    claims
}

/// RFC 7515 appendices A.2 and A.3: published keys and tokens, made by nobody here. What they say of their time has no
/// `nbf`, and their issuer is `joe`.
#[test]
fn published_tokens_are_verified() {
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let rsa = json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" });
    let ec = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    let a2 = format!(
        "eyJhbGciOiJSUzI1NiJ9.{payload}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    let a3 = format!(
        "eyJhbGciOiJFUzI1NiJ9.{payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let document = json!({ "keys": [rsa, ec] }).to_string();
    let (keys, _) = parse_jwks(document.as_bytes()).expect("a document");
    let joe = Issuer { issuer: "joe".into(), audiences: vec![], keys };
    let issuers = Issuers::open(vec![joe]).expect("sound");
    for token in [a2, a3] {
        let verified = verify(&token, &issuers).expect("it is good");
        assert_eq!(verified.claim("http://example.com/is_root", None), Some("true"));
        assert_eq!((verified.expires_unix_s, verified.not_before_unix_s), (1_300_819_380, 0));
        assert_eq!(verified.is_current(1_300_819_000), Ok(()));
        assert_eq!(verified.is_current(1_600_000_000), Err(Rejected::Expired));
    }
}

/// RFC 8037 appendix A.4: what is signed is no claims, so the signature is held against alone.
#[test]
fn a_published_ed25519_signature_is_good() {
    let key = Decoded::Ed25519(
        URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").expect("base64"),
    );
    let signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = decode(
        b"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    )
    .expect("base64");
    assert!(is_signed(Algorithm::EdDsa, &key, signed, &signature));
    assert!(!is_signed(Algorithm::EdDsa, &key, &signed[1..], &signature));
    assert!(!is_signed(Algorithm::Es256, &key, signed, &signature));
}

#[test]
fn every_algorithm_is_verified_by_its_key() {
    for signer in
        [Signer::rs256("k"), Signer::ps256("k"), Signer::es256("k"), Signer::ed25519("k", 1)]
    {
        let issuers = issuers(&[&signer], &["shop"]);
        let verified = verify(&signer.sign(&claims()), &issuers).expect("it is good");
        assert_eq!(verified.claim("sub", None), Some("u7"));
        assert_eq!(verified.claim("sub", Some(ISSUER)), Some("u7"));
        assert_eq!(verified.claim("sub", Some("https://other")), None);
        assert_eq!(verified.claim("level", None), Some("3"));
        assert_eq!(verified.kid.as_deref(), Some("k"));
        assert!(issuers.has(verified.mark));
    }
}

#[test]
fn time_is_looked_at_with_some_leeway() {
    let signer = Signer::ed25519("k", 1);
    let issuers = issuers(&[&signer], &[]);
    let verified = verify(&signer.sign(&claims()), &issuers).expect("it is good");
    for (now, expected) in [
        (0, Err(Rejected::NotYetValid)),
        (999 - JWT_LEEWAY_S, Err(Rejected::NotYetValid)),
        (1_000 - JWT_LEEWAY_S, Ok(())),
        (1_999 + JWT_LEEWAY_S, Ok(())),
        (2_000 + JWT_LEEWAY_S, Err(Rejected::Expired)),
        (u64::MAX, Err(Rejected::Expired)),
    ] {
        assert_eq!(verified.is_current(now), expected, "{now}");
    }
    let part = verify(&signer.sign(&with("exp", json!(2000.75))), &issuers).expect("it is good");
    assert_eq!(part.expires_unix_s, 2_000);
    for bad in [json!("2000"), json!(-1), json!(1e300), json!(null), json!([1])] {
        let token = signer.sign(&with("exp", bad));
        assert_eq!(verify(&token, &issuers), Err(Rejected::Malformed));
        let token = signer.sign(&with("nbf", json!("soon")));
        assert_eq!(verify(&token, &issuers), Err(Rejected::Malformed));
    }
    assert_eq!(verify(&signer.sign(&without("exp")), &issuers), Err(Rejected::Expired));
    assert!(verify(&signer.sign(&without("nbf")), &issuers).is_ok());
    let far = verify(&signer.sign(&with("exp", json!(u64::MAX))), &issuers).expect("it is good");
    assert_eq!(far.is_current(1 << 40), Ok(()));
}

#[test]
fn audience_and_issuer_have_to_be_ours() {
    let signer = Signer::ed25519("k", 1);
    let (ours, anyones) = (issuers(&[&signer], &["shop", "api"]), issuers(&[&signer], &[]));
    for (claims, expected) in [
        (with("aud", json!("api")), Ok(())),
        (with("aud", json!(["x", "shop"])), Ok(())),
        (with("aud", json!(["x", 7])), Err(Rejected::WrongAudience)),
        (with("aud", json!("Shop")), Err(Rejected::WrongAudience)),
        (with("aud", json!([])), Err(Rejected::WrongAudience)),
        (without("aud"), Err(Rejected::WrongAudience)),
        (with("aud", json!(7)), Err(Rejected::Malformed)),
        (with("iss", json!("https://id.example.com/")), Err(Rejected::UnknownIssuer)),
        (with("iss", json!(7)), Err(Rejected::UnknownIssuer)),
        (without("iss"), Err(Rejected::UnknownIssuer)),
        // The keys of one issuer say nothing of another.
        (with("iss", json!("https://other")), Err(Rejected::UnknownKey)),
    ] {
        let token = signer.sign(&claims);
        assert_eq!(verify(&token, &ours).map(drop), expected, "{claims}");
    }
    assert!(verify(&signer.sign(&without("aud")), &anyones).is_ok());
    assert!(verify(&signer.sign(&with("aud", json!("x"))), &anyones).is_ok());
}

/// RFC 8725 §2: the attacks there are names for.
#[test]
fn confusions_are_refused() {
    let (rsa, ed) = (Signer::rs256("rsa"), Signer::ed25519("ed", 1));
    let (foreign, pss) = (Signer::ed25519("ed", 2), Signer::ps256("rsa"));
    let issuers = issuers(&[&rsa, &ed], &["shop"]);
    let under = |signer: &Signer, head: Value| signer.sign_under(&head, &claims());
    let none = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(claims().to_string()));
    for (token, expected) in [
        (under(&ed, json!({ "alg": "EdDSA", "kid": "ed" })), Ok(())),
        (under(&ed, json!({ "alg": "EdDSA" })), Ok(())),
        (none.clone(), Err(Rejected::Malformed)),
        (format!("{none}AAAA"), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "alg": "none", "kid": "ed" })), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "alg": "HS256", "kid": "rsa" })), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "alg": "eddsa", "kid": "ed" })), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "kid": "ed" })), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "alg": "RS256", "kid": "ed" })), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "alg": "EdDSA", "kid": "rsa" })), Err(Rejected::Algorithm)),
        // A key that is for RS256 is not for PS256.
        (under(&pss, json!({ "alg": "PS256", "kid": "rsa" })), Err(Rejected::Algorithm)),
        (under(&ed, json!({ "alg": "RS256", "kid": "rsa" })), Err(Rejected::WrongSignature)),
        (under(&foreign, json!({ "alg": "EdDSA", "kid": "ed" })), Err(Rejected::WrongSignature)),
        (under(&ed, json!({ "alg": "EdDSA", "kid": "gone" })), Err(Rejected::UnknownKey)),
        (
            under(&foreign, json!({ "alg": "EdDSA", "kid": "ed", "jwk": foreign.jwk() })),
            Err(Rejected::WrongSignature),
        ),
        (
            under(&ed, json!({ "alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false })),
            Err(Rejected::Unsupported),
        ),
        (under(&ed, json!({ "alg": "EdDSA", "crit": null })), Err(Rejected::Unsupported)),
        (under(&ed, json!({ "alg": "EdDSA", "cty": "JWT" })), Err(Rejected::Unsupported)),
        (under(&ed, json!({ "alg": "EdDSA", "typ": "logout+jwt" })), Err(Rejected::Unsupported)),
        (under(&ed, json!({ "alg": "EdDSA", "typ": "application/AT+JWT" })), Ok(())),
        (under(&ed, json!({ "alg": "EdDSA", "typ": "application/" })), Err(Rejected::Unsupported)),
        (under(&ed, json!({ "alg": "EdDSA", "typ": 7 })), Err(Rejected::Malformed)),
        (under(&ed, json!({ "alg": ["EdDSA"] })), Err(Rejected::Malformed)),
        (under(&ed, json!(["EdDSA"])), Err(Rejected::Malformed)),
        (ed.sign(&json!("claims")), Err(Rejected::Malformed)),
        (ed.sign(&json!([claims()])), Err(Rejected::Malformed)),
    ] {
        assert_eq!(verify(&token, &issuers).map(drop), expected, "{token}");
    }
}

#[test]
fn what_has_not_the_form_is_refused() {
    let ed = Signer::ed25519("k", 1);
    let issuers = issuers(&[&ed], &[]);
    let good = ed.sign(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let [head, body, signature] = parts.as_slice() else { panic!("three parts") };
    let nested = encode(format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000)));
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b".to_owned(),
        format!("{head}.{body}"),
        format!("{head}.{body}."),
        format!("{head}.{body}.{signature}."),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}.{body}.{signature}="),
        format!("{head}.{body}.{signature} "),
        format!("{head}.{body}+.{signature}"),
        format!("{}.{body}.{signature}", encode("{")),
        format!("{}.{body}.{signature}", encode([0xff, 0xfe])),
        format!("{head}.{nested}.{signature}"),
        "a".repeat(JWT_BYTES_MAX + 1),
        format!("{good}{}", "A".repeat(JWT_BYTES_MAX)),
    ] {
        assert_eq!(verify(&token, &issuers), Err(Rejected::Malformed), "{token:.60}");
    }
    // The last character of a signature of 64 bytes has four bits to spare: only one spelling is taken.
    let (front, last) = good.split_at(good.len() - 1);
    let others = ('A'..='z').map(String::from).filter(|other| other != last);
    for other in others {
        assert!(verify(&format!("{front}{other}"), &issuers).is_err(), "{other}");
    }
}

proptest! {
    /// Whatever one byte becomes, the token is none any more; and nothing panics.
    #[test]
    fn a_changed_token_is_never_believed(at in any::<prop::sample::Index>(), to in any::<u8>(), seed in 0_u8..4) {
        static SIGNERS: LazyLock<[Signer; 4]> = LazyLock::new(|| {
            [Signer::es256("k"), Signer::ed25519("k", 1), Signer::ps256("k"), Signer::rs256("k")]
        });
        let signer = &SIGNERS[usize::from(seed)];
        let mut token = signer.sign(&claims()).into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != to);
        token[at] = to;
        let issuers = issuers(&[signer], &["shop"]);
        let judged = Bearer::split(&token).and_then(|bearer| bearer.verify(&issuers));
        prop_assert!(judged.is_err());
    }

    /// Signed or not, what is no token panics nowhere.
    #[test]
    fn bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), head in ".{0,40}", body in ".{0,80}") {
        let signer = Signer::ed25519("k", 1);
        let issuers = issuers(&[&signer], &[]);
        let _ = Bearer::split(&bytes).and_then(|bearer| bearer.verify(&issuers));
        let signed = signer.sign_bytes(&format!("{}.{}", encode(head), encode(body)));
        prop_assert!(verify(&signed, &issuers).is_err());
        let _ = parse_jwks(&bytes);
    }
}
