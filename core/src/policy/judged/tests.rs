//! What is judged after a change is what is judged as a whole.

use super::*;
use crate::policy::{
    canonical_text,
    drawn::{Chance, read},
    lint::lint,
};

#[test]
fn a_change_is_judged_as_the_whole_is() {
    let (mut good, mut bad, mut shared) = (0, 0, 0);
    for seed in 0..20 {
        let mut chance = Chance::new(seed);
        let mut text = chance.bundle("shop");
        let Ok(mut judged) = Judged::new(read(&text)) else { continue };
        for step in 0..60 {
            let before = text.clone();
            for _ in 0..=chance.below(2) {
                chance.change("shop", &mut text);
            }
            let bundle = read(&text);
            let found = validate(&bundle);
            match judged.after(bundle.clone()) {
                Ok(next) => {
                    assert_eq!(found, [], "seed {seed}, step {step}");
                    assert_eq!(**next.bundle(), bundle, "seed {seed}, step {step}");
                    let whole = Canonical::of(&bundle);
                    assert_eq!(*next.canonical, whole, "seed {seed}, step {step}");
                    assert_eq!(next.canonical.text(), canonical_text(&bundle));
                    assert_eq!(next.digest(), whole.digest(), "seed {seed}, step {step}");
                    assert_eq!(next.warnings(), lint(&bundle), "seed {seed}, step {step}");
                    let same = next.bundle.routes.iter().zip(&judged.bundle.routes);
                    shared += same.filter(|(a, b)| Arc::ptr_eq(a, b)).count();
                    good += 1;
                    judged = next;
                }
                Err(problems) => {
                    assert_eq!(problems, found, "seed {seed}, step {step}");
                    assert_ne!(found, [], "seed {seed}, step {step}");
                    bad += 1;
                    text = before;
                }
            }
        }
    }
    // The drawing is worth something only while it draws both.
    assert!(good > 300 && bad > 30 && shared > 5 * good, "{good} good, {bad} bad, {shared}");
}

#[test]
fn what_is_equal_is_one_thing() {
    let text = Chance::new(3).bundle("shop");
    let judged = Judged::new(read(&text)).expect("good");
    let again = judged.after(read(&text)).expect("good");
    assert!(Arc::ptr_eq(judged.bundle(), again.bundle()));
    let mut moved = read(&text);
    moved.routes.swap(0, 1);
    let moved = judged.after(moved).expect("good");
    assert_ne!(moved.digest(), judged.digest(), "the order of routes is as it was written");
}

/// A type far away from where it is used.
#[test]
fn an_attribute_of_another_type_is_found_where_it_is_used() {
    let mut text = Chance::new(3).bundle("shop");
    text["releases"]["r0"]["targets"] =
        serde_json::json!([{ "id": "a", "when": "age > 18", "variant": "canary" }]);
    let judged = Judged::new(read(&text)).expect("good");
    text["attributes"]["user.age"]["type"] = "string".into();
    let problems = judged.after(read(&text)).expect_err("ill-typed");
    assert!(problems.iter().any(|one| one.path == "releases.r0.targets[0].when"), "{problems:?}");
}
