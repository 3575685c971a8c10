//! What a decision read is enough to take it again, on generated pairs; what another policy reads besides is missed.

use std::{cell::RefCell, collections::BTreeMap};

use halftone_core::{
    route::{Input, Recorded, Unreplayable, Witness},
    table::{RuleTable, archive::Archive},
};

use crate::{
    agreement::{answer, compiled, served, served_before},
    evaluator::{Answer, Request},
    generator::Seeded,
};

/// Keeps what a decision sees.
#[derive(Debug, Default)]
struct Keeper(RefCell<BTreeMap<String, Option<String>>>);

impl Witness for Keeper {
    fn saw(&self, input: Input<'_>, value: Option<&[u8]>) {
        if input.is_secret() {
            return;
        }
        let value = value.map(|value| String::from_utf8(value.to_vec()).expect("generated text"));
        let before = self.0.borrow_mut().insert(input.to_string(), value.clone());
        assert!(before.is_none_or(|before| before == value), "{input} is two things");
    }
}

/// Decides and keeps what was read.
fn record(table: &Archive<RuleTable>, request: &Request) -> Option<(Recorded, Option<Answer>)> {
    let keeper = Keeper::default();
    let expected = served_before(table, request, Some(&keeper))?.map(decided);
    let query = if request.query.is_empty() { "" } else { "?" };
    let recorded = Recorded {
        method: request.method.clone(),
        host: request.host.clone(),
        target: format!("{}{query}{}", request.path, request.query),
        protocol: "HTTP/1.1".to_owned(),
        https: request.scheme == "https",
        client_ip: request.client_ip.clone(),
        trusted: request.trusted,
        unix_s: request.now_unix_s,
        values: keeper.0.into_inner(),
    };
    Some((recorded, expected))
}

/// Leaves out what the caller is to remember: it has been told.
fn decided(answer: Answer) -> Answer {
    Answer { unit: None, pin: false, chain: None, member: None, stripped: 0, ..answer }
}

fn again(recorded: &Recorded, table: &Archive<RuleTable>) -> Result<Option<Answer>, String> {
    let found = recorded.replay(|replay| {
        let found = replay.route(table.rules())?;
        Ok(found.map(|decision| decided(answer(table.rules(), &decision, &[], true))))
    });
    found.and_then(|found| found).map_err(|Unreplayable(what)| what)
}

#[test]
fn what_was_read_is_enough_and_what_was_not_is_missed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("POLICY_SEED").unwrap_or_else(|| std::process::id().into());
    println!("POLICY_SEED={seed}");
    let mut seeded = Seeded(seed);
    let (mut same, mut other, mut missed) = (0u32, 0u32, 0u32);
    for _ in 0..100 {
        let (a, b) = (compiled(&seeded.bundle()), compiled(&seeded.bundle()));
        for _ in 0..50 {
            let request = seeded.request();
            let Some((recorded, expected)) = record(&a, &request) else { continue };
            let told = format!("POLICY_SEED={seed}\n{request:#?}\n{recorded:#?}");
            match again(&recorded, &a) {
                Ok(found) => assert_eq!(found, expected, "{told}"),
                // One that no parser lets in, or that read what is never kept.
                Err(what) => {
                    let never = what.starts_with("the request") || what == "header baggage";
                    assert!(never, "{what}: {told}");
                    continue;
                }
            }
            same += 1;
            match again(&recorded, &b) {
                Ok(found) => {
                    other += 1;
                    let expected = served(&b, &request).expect("the same path").map(decided);
                    assert_eq!(found, expected, "{told}");
                }
                Err(_) => missed += 1,
            }
        }
    }
    println!("{same} decided again, {other} by another policy, {missed} missed something");
    assert!(same > 2_000 && other > 200 && missed > 200, "the test would show nothing");
}
