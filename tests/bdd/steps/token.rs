//! Issuers' keys, and requests with tokens.

use std::fs;

use cucumber::{gherkin::Step, given, when};
use halftone_tokens::{Signer, jwks};
use serde_json::Value;

use super::given::text;
use crate::stage::Stage;

/// The key of this name: the same one each time, and another for another name.
fn signer(name: &str) -> Signer {
    Signer::ed25519(name, name.bytes().fold(0, u8::wrapping_add))
}

/// The JWKS document of a key.
#[given(expr = "the keys {word} of {word}")]
#[when(expr = "the keys {word} of {word}")]
fn keys(stage: &mut Stage, file: String, name: String) {
    let path = stage.file(&file);
    fs::write(path, jwks(&[&signer(&name)]).to_string()).expect("a file can be written");
}

#[when(regex = r"^GET / is requested with a token of (\S+) that says$")]
fn shown(stage: &mut Stage, step: &Step, name: String) {
    let claims: Value = serde_json::from_str(&text(step)).expect("JSON");
    let token = signer(&name).sign(&claims);
    stage.request =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    stage.ask();
}
