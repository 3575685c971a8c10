//! Where a request has its token.

use super::*;

fn found<'h>(fields: &[(&'h str, &'h str)]) -> Result<Option<&'h [u8]>, Rejected> {
    let headers: Vec<Header<'h>> =
        fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    bearer(&headers)
}

#[test]
fn one_bearer_is_shown() {
    for (fields, expected) in [
        (&[][..], Ok(None)),
        (&[("X", "Bearer a.b.c")], Ok(None)),
        (&[("Authorization", "Bearer a.b.c")], Ok(Some(&b"a.b.c"[..]))),
        (&[("authorization", "bEARER   a.b.c ")], Ok(Some(b"a.b.c"))),
        (&[("Authorization", "Bearer a.b.c, Bearer d.e.f")], Ok(Some(b"a.b.c, Bearer d.e.f"))),
        (&[("Authorization", "Bearer")], Ok(None)),
        (&[("Authorization", "Bearera.b.c")], Ok(None)),
        (&[("Authorization", "Bearer ")], Ok(Some(b""))),
        (&[("Authorization", "Basic YTpi")], Ok(None)),
        (&[("Authorization", "")], Ok(None)),
        (
            &[("Authorization", "Basic YTpi"), ("AUTHORIZATION", "Bearer a.b.c")],
            Err(Rejected::Repeated),
        ),
    ] {
        assert_eq!(found(fields), expected, "{fields:?}");
    }
    let long = format!("Bearer {}", "a".repeat(JWT_BYTES_MAX));
    assert_eq!(found(&[("Authorization", &long)]).map(|token| token.is_some()), Ok(true));
    let long = format!("{long}a");
    assert_eq!(found(&[("Authorization", &long)]), Err(Rejected::Malformed));
}

#[test]
fn each_reason_has_a_place_of_its_own() {
    use Rejected::*;
    let all = [
        NoIssuers,
        Repeated,
        Malformed,
        Algorithm,
        Unsupported,
        UnknownIssuer,
        UnknownKey,
        WrongSignature,
        WrongAudience,
        Expired,
        NotYetValid,
        Busy,
    ];
    let places: Vec<usize> = all.iter().map(|why| why.index()).collect();
    assert_eq!(places, (1..RESULTS.len()).collect::<Vec<_>>());
    let words: std::collections::BTreeSet<&str> = all.iter().map(|why| why.as_str()).collect();
    assert_eq!(words.len(), all.len());
}
