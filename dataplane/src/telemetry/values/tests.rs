//! What is written is JSON, bounded, and as its inputs are called.

use serde_json::Value;

use super::*;

fn written(see: impl FnOnce(&Values<'_>)) -> Value {
    let hasher = RandomState::with_seeds(1, 2, 3, 4);
    let values = Values::new(Vec::new(), &hasher);
    see(&values);
    let members = String::from_utf8(values.finish()).expect("text");
    assert!(members.len() <= LOGGED_VALUES_BYTES_MAX);
    serde_json::from_str(&format!("{{{members}}}")).expect("JSON")
}

#[test]
fn names_are_those_of_inputs_and_values_are_escaped() {
    let inputs = [
        Input::Header("x-a"),
        Input::Cookie("a\"b"),
        Input::Tag { tenant: "t", id: "北\n", name: "level" },
        Input::Device("os"),
        Input::Other("jwt sub"),
        Input::Claim { name: "sub", issuer: None },
        Input::Claim { name: "a.b", issuer: Some("https://\"id\"") },
        Input::Geo { field: "city", lang: "zh-CN" },
        Input::Position,
        Input::Signed { used: "cookie", tenant: "t", name: "uid" },
        Input::DeviceId { tenant: "t" },
        Input::CanSign,
        Input::FreshUnit,
        Input::Random,
    ];
    let found = written(|values| {
        for input in inputs.iter().chain(&inputs) {
            values.saw(*input, Some("v\"\u{1b}上".as_bytes()));
        }
        values.saw(Input::Cookie("none"), None);
    });
    let found = found.as_object().expect("an object");
    assert_eq!(found.len(), 15, "each once: {found:?}");
    for input in inputs {
        assert_eq!(found[&input.to_string()], "v\"\u{1b}上", "{input}");
    }
    assert_eq!(found["cookie none"], Value::Null);
}

#[test]
fn what_is_secret_long_no_text_or_too_much_is_not_there() {
    let long = "x".repeat(LOGGED_VALUE_BYTES_MAX + 1);
    let found = written(|values| {
        values.saw(Input::Header("authorization"), Some(b"Bearer s3cret"));
        values.saw(Input::Header("cookie"), Some(b"sid=s3cret"));
        values.saw(Input::Header("x-long"), Some(long.as_bytes()));
        values.saw(Input::Header("x-bytes"), Some(b"\xff"));
        values.saw(Input::Header("x-fine"), Some(&long.as_bytes()[1..]));
    });
    assert_eq!(
        found.as_object().map(|found| found.keys().collect::<Vec<_>>()),
        Some(vec![&"header x-fine".to_owned()])
    );
    let names: Vec<String> = (0..2 * LOGGED_VALUES_MAX).map(|at| format!("x-{at}")).collect();
    let few = written(|values| {
        names.iter().for_each(|name| values.saw(Input::Header(name), Some(b"v")));
    });
    assert_eq!(few.as_object().map(serde_json::Map::len), Some(LOGGED_VALUES_MAX));
    let much = written(|values| {
        names.iter().for_each(|name| values.saw(Input::Header(name), Some(&long.as_bytes()[1..])));
    });
    let count = much.as_object().map_or(0, serde_json::Map::len);
    assert!((2..LOGGED_VALUES_MAX).contains(&count), "{count}");
}
