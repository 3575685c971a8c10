//! Issuers kept, damaged and read back.

use halftone_core::signal::jwt::jwks::parse_jwks;
use halftone_tokens::{Signer, jwks};

use super::*;

#[test]
fn what_is_kept_is_read_back_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = IssuerKeeper::open(folder.path()).expect("the folder is made");
    assert!(keeper.load().is_empty());
    let document = jwks(&[&Signer::ed25519("a", 1), &Signer::rs256("b")]).to_string();
    let (keys, _) = parse_jwks(document.as_bytes()).expect("a document");
    let list = vec![Issuer { issuer: "me".into(), audiences: vec!["you".into()], keys }];
    keeper.keep(&list).expect("written");
    assert_eq!(keeper.load().list(), list);

    let text = fs::read(&keeper.path).expect("there");
    for at in (0..text.len()).step_by(7) {
        let mut damaged = text.clone();
        damaged[at] ^= 1;
        fs::write(&keeper.path, &damaged).expect("written");
        assert!(keeper.load().is_empty(), "byte {at}");
        fs::write(&keeper.path, &text[..at]).expect("written");
        assert!(keeper.load().is_empty(), "cut at {at}");
    }
    keeper.keep(&[]).expect("written");
    assert!(keeper.load().is_empty());
}
