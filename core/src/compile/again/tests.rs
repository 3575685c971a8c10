//! What is compiled after a change is what is compiled as a whole.

use super::*;
use crate::{
    compile::{allocate, allocate_after, compile_rules, set_weight},
    policy::{
        Judged, Percent,
        drawn::{Chance, read},
    },
    table::archive::Archive,
};

/// Bundles of two tenants, and everything made of them step by step.
struct Made {
    judged: Vec<Judged>,
    all: Allocations,
    compiled: Compiled,
}

impl Made {
    fn bundles(&self) -> Vec<&Bundle> {
        self.judged.iter().map(|judged| &**judged.bundle()).collect()
    }
}

fn start(seed: u64) -> Option<(Made, Vec<serde_json::Value>, Chance)> {
    let mut chance = Chance::new(seed);
    let texts = vec![chance.bundle("a"), chance.bundle("b")];
    let judged: Vec<Judged> =
        texts.iter().map(|text| Judged::new(read(text)).ok()).collect::<Option<_>>()?;
    let mut all = Allocations::new();
    for one in &judged {
        allocate(one.bundle(), &mut all).expect("fits");
    }
    let bundles: Vec<&Bundle> = judged.iter().map(|judged| &**judged.bundle()).collect();
    let compiled = Compiled::of(&bundles, &all).expect("compiles");
    Some((Made { judged, all, compiled }, texts, chance))
}

#[test]
fn a_change_is_compiled_as_the_whole_is() {
    let (mut patched, mut whole) = (0, 0);
    for seed in 0..12 {
        let Some((mut made, mut texts, mut chance)) = start(seed) else { continue };
        for step in 0..50 {
            let (of, before) = (chance.below(2), texts.clone());
            chance.change(["a", "b"][of], &mut texts[of]);
            let Ok(next) = made.judged[of].after(read(&texts[of])) else {
                texts = before;
                continue;
            };
            let what = format!("seed {seed}, step {step}: {:?}", ["a", "b"][of]);
            let before = made.judged[of].clone();
            let mut expected = made.all.clone();
            allocate(next.bundle(), &mut expected).expect("fits");
            let difference = Difference::between(before.bundle(), next.bundle());
            let tenant = &next.bundle().metadata.tenant;
            let stored = made.all.clone();
            let moved = allocate_after(tenant, &difference, &mut made.all).expect("fits");
            assert_eq!(made.all, expected, "{what}");
            let differs = |key| {
                stored.get(key).cloned().unwrap_or_default()
                    != made.all.get(key).cloned().unwrap_or_default()
            };
            let keys = stored.keys().chain(made.all.keys());
            assert!(keys.filter(|key| differs(key)).all(|key| moved.contains_key(key)), "{what}");

            made.judged[of] = next;
            let expected = compile_rules(&made.bundles(), &made.all).expect("compiles");
            let after = made.compiled.after(before.bundle(), made.judged[of].bundle(), &made.all);
            made.compiled = match after.expect("compiles") {
                Some(compiled) => {
                    patched += 1;
                    assert!(compiled.table == expected, "{what}");
                    compiled
                }
                None => {
                    whole += 1;
                    Compiled::of(&made.bundles(), &made.all).expect("compiles")
                }
            };
            Archive::build(&made.compiled.table, 1).expect("can be served");
        }
    }
    assert!(patched > 80 && whole > 8, "{patched} patched, {whole} whole");
}

/// Weights that move in between lie over what was compiled.
#[test]
fn moved_ranges_are_kept_by_a_change_elsewhere() {
    let (mut made, mut texts, _) = start(3).expect("good");
    texts[0]["releases"]["r0"]["default"] = serde_json::json!({ "split": "scheduled" });
    made.judged[0] = made.judged[0].after(read(&texts[0])).expect("good");
    allocate(made.judged[0].bundle(), &mut made.all).expect("fits");
    made.compiled = Compiled::of(&made.bundles(), &made.all).expect("compiles");
    let stored = made.all.clone();
    let weight: Percent = serde_json::from_str("\"7%\"").expect("a weight");
    let bundle = made.judged[0].bundle();
    let moved = set_weight(bundle, |key| stored.get(key), "r0", &[], weight).expect("moves");
    made.all.extend(moved.clone());
    crate::compile::replace_ranges(&mut made.compiled.table, moved.iter()).expect("fits");
    texts[0]["routes"][0]["rules"] = serde_json::json!([{ "upstream": "web" }]);
    let next = made.judged[0].after(read(&texts[0])).expect("good");
    let before = std::mem::replace(&mut made.judged[0], next);
    let after = made.compiled.after(before.bundle(), made.judged[0].bundle(), &made.all);
    let expected = compile_rules(&made.bundles(), &made.all).expect("compiles");
    let table = after.expect("compiles").map_or_else(|| expected.clone(), |after| after.table);
    assert_eq!(table, expected);
}

#[test]
fn a_host_name_of_another_tenant_is_refused() {
    let (made, mut texts, _) = start(3).expect("good");
    let theirs = texts[1]["routes"][0]["hostnames"].clone();
    texts[0]["routes"][2]["hostnames"] = theirs;
    let next = made.judged[0].after(read(&texts[0])).expect("good by itself");
    let after = made.compiled.after(made.judged[0].bundle(), next.bundle(), &made.all);
    match after {
        Err(CompileError::Hostname { tenant, owner, .. }) => {
            assert_eq!((tenant.as_str(), owner.as_str()), ("a", "b"));
        }
        Ok(None) => panic!("the change is not compiled by itself: draw another one"),
        other => panic!("{other:?}"),
    }
}
