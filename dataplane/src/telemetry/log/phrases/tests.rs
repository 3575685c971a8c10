//! A phrase is what its names say, kept or not, and is forgotten with its tables.

use super::*;

fn written(phrases: &mut Phrases, epochs: (u64, u64), row: u32, variant: &str) -> String {
    let names = || Names { route: "shop", variant, ..Names::default() };
    let mut out = b"before".to_vec();
    let decided = Decided { epochs, rows: [row; 8], names: &names };
    phrases.write(&decided, &mut out);
    String::from_utf8(out).expect("text")
}

fn phrase((rules, instances): (u64, u64), variant: &str) -> String {
    format!(
        "before,\"route\":\"shop\",\"variant\":\"{variant}\",\"rules_epoch\":{rules},\"instances_epoch\":{instances}"
    )
}

#[test]
fn a_phrase_is_put_together_once_for_each_combination_of_the_newest_tables() {
    let phrases = &mut Phrases::default();
    assert_eq!(written(phrases, (1, 1), 0, "stable"), phrase((1, 1), "stable"));
    assert_eq!(written(phrases, (1, 1), 1, "canary"), phrase((1, 1), "canary"));
    // Nobody asks for names again.
    assert_eq!(written(phrases, (1, 1), 0, "never"), phrase((1, 1), "stable"));
    assert_eq!(written(phrases, (1, 1), 1, "never"), phrase((1, 1), "canary"));
    // Rows of other tables mean something else; requests of older ones are still under way.
    assert_eq!(written(phrases, (1, 2), 0, "other"), phrase((1, 2), "other"));
    assert_eq!(written(phrases, (1, 1), 0, "stable"), phrase((1, 1), "stable"));
    assert_eq!(written(phrases, (1, 2), 0, "never"), phrase((1, 2), "other"));
    assert_eq!(written(phrases, (2, 2), 0, "newer"), phrase((2, 2), "newer"));
    assert_eq!(phrases.places.len(), 1);
}

#[test]
fn phrases_have_a_bound_and_what_is_beyond_is_still_told() {
    let phrases = &mut Phrases::default();
    let variant = "v".repeat(1_000);
    for row in 0..500 {
        assert_eq!(written(phrases, (1, 1), row, &variant), phrase((1, 1), &variant));
        assert!(phrases.text.len() <= PHRASE_BYTES_MAX);
    }
    assert_eq!(
        written(phrases, (1, 1), 0, "never"),
        phrase((1, 1), &variant),
        "the first are kept"
    );
    assert_eq!(
        written(phrases, (1, 1), 499, "now"),
        phrase((1, 1), "now"),
        "there was no room for the last"
    );
}
