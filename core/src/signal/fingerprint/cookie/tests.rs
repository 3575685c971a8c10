//! Whose id stays, whose does not, and when it ends.

use super::*;
use crate::signal::{fingerprint::tests::features, keys::Secret, signature::Rejected};

const DAY: u64 = 24 * 3600;
const NOW: u64 = 100 * FINGERPRINT_PERIOD_S + 3 * DAY;

fn ring(keys: &[(&str, u8)]) -> KeyRing {
    let key = |(id, byte): &(&str, u8)| Secret { id: (*id).to_owned(), bytes: vec![*byte; 32] };
    KeyRing::new(&keys.iter().map(key).collect::<Vec<_>>())
}

/// A device whose agent, fonts and hardware are of these makes.
fn device(ua: &str, fonts: &str, hardware: &str) -> Features {
    let words =
        |make: &str, count: usize| (0..count).map(|at| format!("{make}{at}")).collect::<Vec<_>>();
    let mut agent = words("Mozilla", 9);
    agent.push(ua.to_owned());
    features(&agent, &words(fonts, 60), &words(hardware, 40))
}

fn given(keys: &KeyRing, features: &Features, token: Option<&[u8]>, now: u64) -> Issued {
    issue(keys, "shop", features, token, now).expect("there is a key")
}

fn id(issued: &Issued) -> String {
    let id = device_id(&issued.token).expect("an id in front");
    String::from_utf8(id.to_vec()).expect("ASCII")
}

#[test]
fn one_device_has_one_id_and_others_have_others() {
    let keys = ring(&[("a", 1)]);
    let makes = [("1", "f", "h"), ("2", "f", "h"), ("1", "g", "h"), ("1", "f", "i")];
    let ids = makes.map(|(ua, fonts, hardware)| {
        let device = device(ua, fonts, hardware);
        let first = given(&keys, &device, None, NOW);
        assert_eq!(first.outcome, Outcome::Made);
        // Without its cookie it is known again by what it is.
        assert_eq!(id(&given(&keys, &device, None, NOW + DAY)), id(&first));
        let again = given(&keys, &device, Some(&first.token), NOW + DAY);
        assert_eq!((again.outcome, &again.token), (Outcome::Kept, &first.token));
        id(&first)
    });
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), makes.len());
}

/// What gateways of another build, or another day's, have to make of the same device.
#[test]
fn a_device_of_today_is_one_tomorrow() {
    let keys = ring(&[("a", 1)]);
    let token = given(&keys, &device("1", "f", "h"), None, NOW).token;
    assert_eq!(
        String::from_utf8(token).expect("ASCII"),
        include_str!("tests/token.txt").trim_end()
    );
}

#[test]
fn an_update_keeps_the_id_and_another_device_does_not() {
    let keys = ring(&[("a", 1)]);
    let first = given(&keys, &device("1", "f", "h"), None, NOW);
    for (ua, fonts, hardware, outcome) in [
        ("2", "f", "h", Outcome::Kept),
        ("2", "g", "h", Outcome::Replaced),
        ("1", "g", "h", Outcome::Kept),
        ("1", "f", "i", Outcome::Replaced),
        ("2", "g", "i", Outcome::Replaced),
    ] {
        let told = given(&keys, &device(ua, fonts, hardware), Some(&first.token), NOW);
        assert_eq!(told.outcome, outcome, "{ua} {fonts} {hardware}");
        assert_eq!(id(&told) == id(&first), outcome == Outcome::Kept);
    }
}

#[test]
fn a_cookie_that_is_not_believed_is_none() {
    let keys = ring(&[("a", 1)]);
    let (own, other) = (device("1", "f", "h"), device("2", "g", "i"));
    let good = given(&keys, &own, None, NOW).token;
    let elsewhere = issue(&keys, "pay", &own, None, NOW).expect("a key").token;
    let mut changed = good.clone();
    changed[0] ^= 1;
    let unkeyed = given(&ring(&[("a", 2)]), &own, None, NOW).token;
    for bad in [&elsewhere, &changed, &unkeyed, &Vec::new(), &b"~.0.a.x".to_vec()] {
        let told = given(&keys, &other, Some(bad), NOW);
        assert_eq!(told.outcome, Outcome::Made);
        assert_eq!(id(&told), id(&given(&keys, &other, None, NOW)));
    }
    // What is signed, and still no cookie of ours.
    for value in ["x", "0123456789012345678901~x~y", "0123456789012345678901~100~", "~~"] {
        let mut token = Vec::new();
        let used = Use::Cookie { tenant: "shop", name: DEVICE_COOKIE };
        assert!(keys.sign(used, value.as_bytes(), 0, &mut token));
        assert_eq!(given(&keys, &other, Some(&token), NOW).outcome, Outcome::Made, "{value}");
    }
    assert_ne!(device_id(&elsewhere), device_id(&good), "tenants cannot compare ids");
}

#[test]
fn an_id_ends_with_the_next_period_and_leaves_nothing_behind() {
    let keys = ring(&[("a", 1)]);
    let own = device("1", "f", "h");
    let first = given(&keys, &own, None, NOW);
    let end = 102 * FINGERPRINT_PERIOD_S;
    assert_eq!(first.expires_unix_s, end);
    let late = given(&keys, &own, Some(&first.token), end - 1);
    assert_eq!((late.outcome, id(&late), late.expires_unix_s), (Outcome::Kept, id(&first), end));
    let used = Use::Cookie { tenant: "shop", name: DEVICE_COOKIE };
    assert_eq!(keys.verify(used, &first.token, end), Err(Rejected::Expired));
    let next = given(&keys, &own, Some(&late.token), end);
    assert_eq!(
        (next.outcome, next.expires_unix_s),
        (Outcome::Made, end + 2 * FINGERPRINT_PERIOD_S)
    );
    assert_ne!(id(&next), id(&first));
}

#[test]
fn an_older_key_keeps_the_id_and_the_newest_signs() {
    let (old, both) = (ring(&[("old", 1)]), ring(&[("new", 2), ("old", 1)]));
    let (own, other) = (device("1", "f", "h"), device("1", "f", "i"));
    let first = given(&old, &own, None, NOW);
    let renewed = given(&both, &own, Some(&first.token), NOW);
    assert_eq!((renewed.outcome, id(&renewed)), (Outcome::Kept, id(&first)));
    let alone = ring(&[("new", 2)]);
    let again = given(&alone, &own, Some(&renewed.token), NOW);
    assert_eq!((again.outcome, id(&again)), (Outcome::Kept, id(&first)));
    assert_eq!(given(&alone, &other, Some(&renewed.token), NOW).outcome, Outcome::Replaced);
    assert!(issue(&KeyRing::default(), "shop", &own, None, NOW).is_none());
}
