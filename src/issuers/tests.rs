//! Options read, and what is written of issuers.

use super::*;

fn arguments(jwks: &[&str], audience: &[&str]) -> Result<Vec<IssuerSource>, String> {
    let pairs = |texts: &[&str]| {
        texts.iter().map(|text| text.parse::<Pair>()).collect::<Result<Vec<_>, _>>()
    };
    let arguments =
        IssuerArguments { jwks: pairs(jwks)?, audience: pairs(audience)?, jwks_every: None };
    arguments.issuers().map_err(|error| error.to_string())
}

#[test]
fn issuers_are_named_once_and_audiences_belong_to_them() {
    let issuers = arguments(
        &["https://id=http://127.0.0.1/k?a=b", "me=/etc/keys.json"],
        &["https://id=shop", "https://id=api=2"],
    )
    .expect("they are good");
    assert_eq!(issuers[0].source.to_string(), "http://127.0.0.1/k?a=b");
    assert_eq!(issuers[0].audiences, ["shop", "api=2"]);
    assert_eq!((issuers[1].issuer.as_str(), issuers[1].audiences.len()), ("me", 0));
    let many: Vec<String> = (0..=JWT_ISSUERS_MAX).map(|at| format!("{at}=x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (jwks, audience, expected) in [
        (&["me"][..], &[][..], "expected an issuer, '='"),
        (&["me="], &[], "expected an issuer, '='"),
        (&["=x"], &[], "expected the name of an issuer"),
        (&["me=x", "me=y"], &[], "is there twice"),
        (&["me=x"], &["you=shop"], "no --jwks names the issuer \"you\""),
        (&["me=x"], &["me=a\nb"], "expected an audience"),
        (&["me=x"], &["me=a"; 17], "at most 16 for one issuer"),
        (&many, &[], "at most 16 issuers, got 17"),
    ] {
        let error = arguments(jwks, audience).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn issuers_without_keys_are_called_so() {
    let state = |keys: &[&str]| IssuerState {
        issuer: "me".into(),
        audiences: vec![],
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
    };
    assert_eq!(believed(&state(&[])), "me: NO KEYS yet");
    assert_eq!(believed(&state(&["a"])), "me, key a");
    assert_eq!(believed(&state(&["a", "-"])), "me, keys a, -");
    let issuer = Issuer {
        issuer: "me".into(),
        source: "/k".into(),
        audiences: vec!["x".into()],
        error: Some("no".into()),
    };
    assert_eq!(source(&issuer), "issuer me\n  keys from /k\n  for x\n  not used: no\n");
}
