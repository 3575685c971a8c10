//! Issuers of JSON Web Tokens, for tests: keys, their JWKS document, and tokens signed with them.
//!
//! Owns signing only, so that what verifies is held against somebody else. Whatever head and claims it is given it signs:
//! hostile ones, too.
//!
//! # Panics
//! Every function, on what no test gives it.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on ends")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use serde_json::{Value, json};

/// An RSA key of 2048 bits in PKCS #8, made for these tests with `openssl genpkey`. It protects nothing.
const RSA: &str = include_str!("rsa.txt");

/// A key of an issuer.
pub struct Signer {
    kid: String,
    alg: &'static str,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl Signer {
    /// Makes an Ed25519 key of a seed: the same one each time.
    #[must_use]
    pub fn ed25519(kid: &str, seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("any seed is one");
        Self { kid: kid.to_owned(), alg: "EdDSA", pair: Pair::Ed25519(pair) }
    }

    /// Makes a new P-256 key.
    #[must_use]
    pub fn es256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let pkcs8 = pkcs8.expect("a key is made");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self { kid: kid.to_owned(), alg: "ES256", pair: Pair::P256(pair.expect("it is one")) }
    }

    /// Takes the RSA key there is, for RS256.
    #[must_use]
    pub fn rs256(kid: &str) -> Self {
        Self { kid: kid.to_owned(), alg: "RS256", pair: Pair::Rsa(rsa(), &RSA_PKCS1_SHA256) }
    }

    /// Takes the RSA key there is, for PS256.
    #[must_use]
    pub fn ps256(kid: &str) -> Self {
        Self { kid: kid.to_owned(), alg: "PS256", pair: Pair::Rsa(rsa(), &RSA_PSS_SHA256) }
    }

    /// Returns its public half as a JWKS document has it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = json!({ "kid": self.kid, "alg": self.alg, "use": "sig" });
        match &self.pair {
            Pair::Ed25519(pair) => {
                jwk["kty"] = "OKP".into();
                jwk["crv"] = "Ed25519".into();
                jwk["x"] = encode(pair.public_key()).into();
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                jwk["kty"] = "EC".into();
                jwk["crv"] = "P-256".into();
                jwk["x"] = encode(&point[1..33]).into();
                jwk["y"] = encode(&point[33..]).into();
            }
            Pair::Rsa(pair, _) => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                jwk["kty"] = "RSA".into();
                jwk["n"] = encode(&key.n).into();
                jwk["e"] = encode(&key.e).into();
            }
        }
        jwk
    }

    /// Signs claims under the head an issuer writes.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&json!({ "alg": self.alg, "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// Signs claims under any head.
    #[must_use]
    pub fn sign_under(&self, head: &Value, claims: &Value) -> String {
        self.sign_bytes(&format!("{}.{}", encode(head.to_string()), encode(claims.to_string())))
    }

    /// Signs what is in front of the last dot, whatever it is.
    #[must_use]
    pub fn sign_bytes(&self, signed: &str) -> String {
        let (bytes, random) = (signed.as_bytes(), SystemRandom::new());
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Pair::P256(pair) => pair.sign(&random, bytes).expect("it is signed").as_ref().to_vec(),
            Pair::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*padding, &random, bytes, &mut signature).expect("it is signed");
                signature
            }
        };
        format!("{signed}.{}", encode(signature))
    }
}

/// Writes the document in which an issuer publishes keys.
#[must_use]
pub fn jwks(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

/// Writes base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa() -> RsaKeyPair {
    let text: String = RSA.split_ascii_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    RsaKeyPair::from_pkcs8(&der).expect("an RSA key")
}
