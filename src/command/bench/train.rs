//! `halftone bench train`: the load that a profile-guided build learns from (decision 0032).
//!
//! Owns what is learnt. Each lesson is a measurement that anyone can type; what it measures is not told.
//!
//! Invariants: every engine and both processes have a part, since what never runs here is built as if it never ran;
//! a lesson in which anything failed teaches nothing, and ends the training.

use std::io::{self, Write};

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use halftone_bench::compare;

use super::{BenchArguments, What, run};

/// What is run, in this order: what is after `halftone bench` each time.
///
/// The first two are the request's path and most of the time. The others are the control plane's work, in sizes that it
/// does in seconds while it counts.
const LESSONS: [&str; 8] = [
    "compare --workload plain,canary,short,b16k,b1m --peers halftone-epoll,halftone-glommio --rounds 1 --seconds 2 \
     --disturbed-max 1000",
    "compare --workload dimensions --peers halftone-shadowed --rounds 1 --seconds 2 --disturbed-max 1000",
    "push --pushes 200 --load 2000",
    "scale --routes 10000 --hosts 1000 --targets 1000 --releases 100 --segments 100 --changes 3",
    "tags --seconds 2 --load 2000",
    "geo --networks 50000 --lookups 20000 --load 2000 --seconds 1",
    "replay --lines 50000 --users 5000",
    "ramp --users 2000",
];

/// A lesson as it is typed.
#[derive(Debug, clap::Parser)]
#[command(name = "halftone bench", no_binary_name = true)]
struct Lesson {
    #[command(flatten)]
    arguments: BenchArguments,
}

/// Runs every lesson and names each to `output` when it begins.
///
/// # Errors
/// A lesson cannot be run, or anything failed in it. That a contender was not saturated, or fell behind a rate, is no error:
/// nothing is measured.
pub(super) fn train(output: &mut dyn Write) -> Result<()> {
    for line in LESSONS {
        writeln!(output, "halftone bench {line}")?;
        learn(line).with_context(|| format!("halftone bench {line}"))?;
    }
    Ok(())
}

fn learn(line: &str) -> Result<()> {
    let lesson = Lesson::try_parse_from(line.split_ascii_whitespace())?;
    let What::Compare(options) = &lesson.arguments.what else {
        return run(&lesson.arguments, &mut io::sink());
    };
    match compare::run(options, &mut io::sink())?.broken() {
        0 => Ok(()),
        requests => bail!("{requests} requests were answered wrongly, or not to the end"),
    }
}

#[cfg(test)]
mod tests;
