//! Claims: what the few tokens of the generator say, as whoever made them knows it.
//!
//! Owns a table of whole tokens, so that nothing is decoded or verified here.

use std::sync::LazyLock;

use halftone_tokens::Signer;
use serde_json::{Value, json};

use super::Seen;

/// A token, what it says, and from when until when that is believed, with the gateway's leeway; never, where it is forged.
pub(crate) struct Token {
    pub(crate) text: String,
    claims: Value,
    believed: std::ops::Range<u64>,
}

/// The keys that are believed, by issuer.
pub(crate) fn issuers() -> [(&'static str, Signer); 2] {
    [("one", Signer::ed25519("k", 1)), ("two", Signer::ed25519("k", 2))]
}

pub(crate) static TOKENS: LazyLock<Vec<Token>> = LazyLock::new(|| {
    let [(_, one), (_, two)] = issuers();
    let claims = |iss: &str, sub: &str, level: Value| json!({ "iss": iss, "sub": sub, "exp": 1_000, "realm": { "level": level, "tester": sub == "u7" }, "a.b": "canary", "roles": ["x"] });
    let mut tokens = Vec::new();
    for (iss, signer, forger) in [("one", &one, &two), ("two", &two, &one)] {
        for (sub, level) in
            [("u7", json!(3)), ("1", json!("2")), ("北京", json!(2.5)), ("x", json!(null))]
        {
            let said = claims(iss, sub, level);
            tokens.push(Token {
                text: signer.sign(&said),
                claims: said.clone(),
                believed: 0..1_030,
            });
            tokens.push(Token { text: forger.sign(&said), claims: said, believed: 0..0 });
        }
        // Times among those of requests: 0 to 69 seconds.
        for (name, at, believed) in [("exp", 10, 0..40), ("nbf", 70, 40..1_030)] {
            let mut said = claims(iss, "u7", json!(3));
            said[name] = json!(at);
            tokens.push(Token { text: signer.sign(&said), claims: said, believed });
        }
    }
    tokens
});

/// The text of a claim of the one token there is.
pub(super) fn claim(name: &str, issuer: Option<&str>, seen: &Seen<'_>) -> Option<String> {
    let fields: Vec<&(String, String)> = seen
        .request
        .headers
        .iter()
        .filter(|(field, _)| field.to_lowercase() == "authorization")
        .collect();
    let [(_, value)] = fields.as_slice() else { return None };
    let shown = value.strip_prefix("Bearer ")?;
    let token = TOKENS.iter().find(|token| token.text == shown)?;
    if !token.believed.contains(&seen.request.now_unix_s) {
        return None;
    }
    if issuer.is_some_and(|issuer| token.claims["iss"] != issuer) {
        return None;
    }
    let value = match name {
        // The generator asks for one claim by a path, and for one whose name has a dot.
        "realm.level" => &token.claims["realm"]["level"],
        "realm.tester" => &token.claims["realm"]["tester"],
        other => &token.claims[other],
    };
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
