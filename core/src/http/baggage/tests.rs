//! Baggage as peers write it, and as it goes on.

use proptest::prelude::*;

use super::*;

const KEY: &str = "release.user-v2";

fn headers<'a>(values: &'a [&'a str]) -> Vec<Header<'a>> {
    let names = ["baggage", "Baggage", "BAGGAGE"].into_iter().cycle();
    values.iter().zip(names).map(|(value, name)| Header { name, value: value.as_bytes() }).collect()
}

/// Writes the baggage of an untrusted peer, or of a trusted one, with a member of our own or without.
fn written(values: &[&str], trusted: bool, value: Option<&str>) -> Option<(String, u32)> {
    let headers = headers(values);
    let member = value.map(|value| (KEY, value.as_bytes()));
    let plan = Baggage::plan(&headers, member, |key| !trusted && key == KEY.as_bytes())?;
    let mut out = Vec::new();
    plan.write(&headers, Mask::default(), &mut out);
    Some((String::from_utf8(out).expect("text"), plan.stripped))
}

#[test]
fn the_first_member_of_the_key_counts() {
    for (values, expected) in [
        (&["release.user-v2=canary"][..], Some("canary")),
        (&["a=b, release.user-v2 = canary ;p=1;q , c=d"], Some("canary")),
        (&["a=b", "release.user-v2=canary"], Some("canary")),
        (&["release.user-v2=one,release.user-v2=two"], Some("one")),
        (&["release.user-v2=can%61ry"], Some("can%61ry")),
        (&["release.user-v2=a=b"], Some("a=b")),
        (&["Release.User-v2=canary"], None),
        (&["%72elease.user-v2=canary"], None),
        (&["release.user-v2"], None),
        (&["release.user-v2="], None),
        (&["release.user-v2=;p=1"], None),
        (&["xrelease.user-v2=canary, =, ,;"], None),
        (&["p=1;release.user-v2=canary"], None),
        (&[""], None),
        (&[], None),
    ] {
        let headers = headers(values);
        let found =
            value_of(&headers, KEY).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(found.as_deref(), expected, "{values:?}");
    }
    let long = format!("{KEY}={}", "x".repeat(BAGGAGE_VALUE_BYTES_MAX + 1));
    assert_eq!(value_of(&headers(&[&long]), KEY), None);
}

#[test]
fn values_are_compared_decoded() {
    for (value, name, expected) in [
        ("canary", "canary", true),
        ("can%61ry", "canary", true),
        ("%63%61%6e%61%72%79", "canary", true),
        ("%E5%8C%97", "北", true),
        ("canary%", "canary", false),
        ("canar", "canary", false),
        ("canaryy", "canary", false),
        ("%zz", "%zz", true),
        ("%2", "%2", true),
        ("", "canary", false),
    ] {
        assert_eq!(is_value(value.as_bytes(), name.as_bytes()), expected, "{value}");
    }
}

/// Each of these is the key to some library, once it has decoded and trimmed.
#[test]
fn no_spelling_of_a_reserved_key_passes() {
    for spelling in [
        "release.user-v2",
        "RELEASE.user-V2",
        "%72elease.user-v2",
        "%2572elease.user-v2",
        "%25%37%32elease.user-v2",
        "%25252572elease.user-v2",
        "+release.user-v2",
        "release.user-v2%20",
        "%C2%A0release.user-v2",
        "%E3%80%80release.user-v2",
        "\u{a0}release.user-v2",
        "release%2euser%2Dv2",
        "release.user-v2\t",
    ] {
        for value in [format!("{spelling}=canary"), format!("a=b,{spelling}=canary;p=1,{spelling}")]
        {
            let (out, stripped) = written(&[&value], false, None).expect("something is stripped");
            let expected = if value.starts_with("a=b") { ("baggage: a=b\r\n", 2) } else { ("", 1) };
            assert_eq!((out.as_str(), stripped), expected, "{value}");
            // A hop that may say so is replaced in any spelling but another case, which is another key.
            let (out, stripped) = written(&[&value], true, Some("beta")).expect("a member");
            assert!(out.starts_with("baggage: release.user-v2=beta"), "{out}");
            assert!(
                stripped == 0 && (spelling.starts_with('R') || !out.contains("canary")),
                "{out}"
            );
        }
    }
    for other in ["release.user-v20", "release.user-v", "my.release.user-v2", "%", "%7", "", "a%72"]
    {
        assert_eq!(written(&[&format!("{other}=canary")], false, None), None, "{other}");
    }
}

#[test]
fn other_members_stay_as_they_are() {
    let (out, stripped) =
        written(&["userId=alice , a=%20;p=1", "x=y"], false, Some("canary")).expect("a member");
    assert_eq!(out, "baggage: release.user-v2=canary,userId=alice,a=%20;p=1,x=y\r\n");
    assert_eq!(stripped, 0);
    assert_eq!(written(&["userId=alice"], false, None), None);
    assert_eq!(written(&["release.user-v2=canary"], true, None), None);
    let dropped = {
        let mut mask = Mask::default();
        mask.insert(0);
        mask
    };
    let headers = headers(&["a=b", "c=d"]);
    let plan = Baggage::plan(&headers, Some((KEY, b"canary")), |_| false).expect("a member");
    let mut out = Vec::new();
    plan.write(&headers, dropped, &mut out);
    assert_eq!(out, b"baggage: release.user-v2=canary,c=d\r\n");
}

#[test]
fn what_does_not_fit_is_left_out_whole() {
    let many: Vec<String> = (0..200).map(|at| format!("k{at}=v")).collect();
    let many = many.join(",");
    let (out, _) = written(&[&many], true, Some("canary")).expect("a member");
    assert_eq!(out.trim_end().split(',').count(), BAGGAGE_MEMBERS_MAX);
    assert!(out.ends_with(",k62=v\r\n"), "{out}");
    // Of a peer that may not say everything, what is not looked at does not pass.
    let (out, stripped) = written(&[&format!("{many},{KEY}=canary")], false, None).expect("long");
    assert!(!out.contains("canary") && out.ends_with(",k63=v\r\n") && stripped == 0, "{out}");
    let large = "x".repeat(5_000);
    let (out, _) = written(&[&format!("a={large},b={large},c=1")], true, Some("canary")).expect("");
    assert_eq!(out, format!("baggage: release.user-v2=canary,a={large},c=1\r\n"));
}

#[test]
fn keys_that_libraries_decode_are_none() {
    for (key, expected) in [
        ("release.user-v2", true),
        ("A_b~c", true),
        ("a%62", false),
        ("a+b", false),
        ("a b", false),
        ("a=b", false),
        ("北", false),
        ("", false),
    ] {
        assert_eq!(is_baggage_key(key), expected, "{key}");
    }
    assert!(!is_baggage_key(&"x".repeat(NAME_BYTES_MAX + 1)));
}

proptest! {
    /// Whatever is sent: our member is there once and first, the limits hold, and no reserved key is left.
    #[test]
    fn any_bytes_go_on_in_bounds(
        values in prop::collection::vec("([%+=,; a-e0-7]|release[.]user-v2|%72elease|%25|=canary,){0,60}", 0..4),
        trusted in any::<bool>(),
    ) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let (out, _) = written(&values, trusted, Some("beta")).expect("a member");
        let line = out.strip_prefix("baggage: ").and_then(|line| line.strip_suffix("\r\n")).expect("a line");
        prop_assert!(line.len() <= BAGGAGE_BYTES_MAX && !line.contains(['\r', '\n']));
        let lines = [line];
        let found = headers(&lines);
        prop_assert_eq!(value_of(&found, KEY), Some(&b"beta"[..]));
        let keys: Vec<_> = members(&found).map(|(_, member)| laxest_key(member)).collect();
        prop_assert!(keys.len() <= BAGGAGE_MEMBERS_MAX);
        prop_assert_eq!(keys.iter().filter(|key| key[..] == *KEY.as_bytes()).count(), 1);
    }
}
