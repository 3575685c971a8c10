//! Tokens that callers show, and the keys that others publish for them.

use halftone_core::{
    http::Header,
    signal::{
        fingerprint::cookie::device_id,
        jwt::{Issuer, Issuers, bearer, jwks::parse_jwks, token::Bearer},
        keys::{KeyRing, parse_keys},
        signature::Use,
    },
};
use halftone_tokens::{Signer, jwks};
use serde_json::json;

/// Who issues the seeds.
const ISSUER: &str = "https://id.example.com";
/// A key of ours, as its file has it.
const KEYS: &str = "k1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

/// Reads a JSON Web Token, one of our own tokens, a device's cookie, a JWKS document and a file of keys.
pub(crate) fn read(bytes: &[u8]) {
    let headers = [Header { name: "Authorization", value: bytes }];
    if let Ok(Some(token)) = bearer(&headers) {
        read_jwt(token);
    }
    read_jwt(bytes);
    let keys = KeyRing::new(&parse_keys(KEYS).expect("a key"));
    let uses = [
        Use::Override { tenant: "shop", release: "v2" },
        Use::Cookie { tenant: "shop", name: "uid" },
        Use::Pin { tenant: "shop", release: "v2" },
        Use::Explain,
    ];
    for used in uses {
        // The fuzzer has no key: what it finds is good was signed by us, or nobody checks.
        let _ = keys.verify(used, bytes, 1);
    }
    let _ = device_id(bytes);
    if let Ok((keys, _)) = parse_jwks(bytes) {
        let _ =
            Issuers::open(vec![Issuer { issuer: ISSUER.to_owned(), audiences: Vec::new(), keys }]);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_keys(text);
    }
}

fn read_jwt(token: &[u8]) {
    let Ok(token) = Bearer::split(token) else { return };
    if let Ok(verified) = token.verify(&issuers()) {
        let _ = verified.is_current(1);
        let _ = verified.claim("sub", Some(ISSUER));
    }
}

fn signer() -> Signer {
    Signer::ed25519("k", 7)
}

fn issuers() -> Issuers {
    let document = jwks(&[&signer()]).to_string();
    let (keys, _) = parse_jwks(document.as_bytes()).expect("a document");
    let issuer = Issuer { issuer: ISSUER.to_owned(), audiences: Vec::new(), keys };
    Issuers::open(vec![issuer]).expect("sound")
}

/// A token of each kind, and a document of each.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let jwt = signer().sign(&json!({ "iss": ISSUER, "sub": "u7", "exp": 2_000_000_000_u64 }));
    let mut own = Vec::new();
    let keys = KeyRing::new(&parse_keys(KEYS).expect("a key"));
    keys.sign(Use::Explain, b"api.example.com", 2_000_000_000, &mut own);
    vec![
        format!("Bearer {jwt}").into_bytes(),
        jwt.into_bytes(),
        own,
        jwks(&[&signer()]).to_string().into_bytes(),
        KEYS.as_bytes().to_vec(),
    ]
}
