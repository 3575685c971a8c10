//! Sources of keys followed, by hand.

use std::fs;

use halftone_tokens::{Signer, jwks};

use super::*;

#[test]
fn keys_are_kept_until_there_are_good_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    let source = IssuerSource {
        issuer: "me".into(),
        audiences: vec!["shop".into()],
        source: FollowedSource::File(path.clone()),
    };
    let (mut keys, _believed) = keys(vec![source], Duration::from_secs(1));
    let until = |keys: &mut Watched<Shown>| while !keys.look(0) {};
    let told = |keys: &Watched<Shown>| {
        let shown = &keys.shown[0];
        let ids = ids(&shown.told.keys).into_iter().map(str::to_owned).collect::<Vec<_>>();
        (ids, shown.left_out, shown.error.clone().unwrap_or_default())
    };
    assert!(keys.look(0));
    assert!(told(&keys).2.starts_with("it cannot be read: "));
    assert!(!keys.look(0), "told once");

    let (old, new) = (Signer::ed25519("old", 1), Signer::es256("new"));
    let mut document = jwks(&[&old]);
    let listed = document["keys"].as_array_mut().expect("a list");
    listed.push(serde_json::json!({ "kty": "RSA", "use": "enc" }));
    fs::write(&path, document.to_string()).expect("written");
    until(&mut keys);
    let good = (vec!["old".to_owned()], 1, String::new());
    assert_eq!(told(&keys), good);
    for damaged in ["", "<html>", "{\"keys\":[]}"] {
        fs::write(&path, damaged).expect("written");
        until(&mut keys);
        let (ids, _, error) = told(&keys);
        assert!(ids == good.0 && !error.is_empty(), "{error}");
    }
    fs::write(&path, document.to_string()).expect("written");
    until(&mut keys);
    assert_eq!(told(&keys), good);
    fs::write(&path, jwks(&[&new, &old]).to_string()).expect("written");
    until(&mut keys);
    assert_eq!(told(&keys), (vec!["new".to_owned(), "old".to_owned()], 0, String::new()));
}
