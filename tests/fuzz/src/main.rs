//! The fuzzer: libFuzzer, with the target that `FUZZ_TARGET` names.
//!
//! Owns its start: the first folder among the arguments is given the target's seeds, so that a corpus begins with them.
#![no_main]

use std::{env, fs, path::Path, sync::OnceLock};

use halftone_fuzz::{TARGETS, Target, named};
use libfuzzer_sys::fuzz_target;

static CHOSEN: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: start(),
    |bytes: &[u8]| if let Some(target) = CHOSEN.get() { (target.read)(bytes) }
);

fn start() {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    let names = TARGETS.map(|target| target.name).join(", ");
    let target = named(&name)
        .unwrap_or_else(|| panic!("FUZZ_TARGET: expected one of {names}, got {name:?}"));
    let folders = env::args().skip(1).filter(|argument| Path::new(argument).is_dir());
    for folder in folders.take(1) {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            let path = Path::new(&folder).join(format!("seed-{number}"));
            fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    let _ = CHOSEN.set(target);
}
