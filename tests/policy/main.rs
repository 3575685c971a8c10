//! The policy from outside: an independent evaluator agrees with the compiled decision.
//!
//! Seeded: `POLICY_SEED` replays a run, `POLICY_PAIRS` changes its length.

mod agreement;
mod evaluator;
mod generator;
mod recorded;
