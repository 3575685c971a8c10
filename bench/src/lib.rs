//! Load and comparison: halftone and other gateways side by side on one machine.
//!
//! Owns the load generator, the light backend it carries, the start and stop of the contenders, and
//! the report. Does not tune the machine (`halftone-kernel-tuning` does) and knows halftone only by
//! its command line, as any outsider would; [`geo`] alone also times a part of it in its own process.
//!
//! Invariants:
//! - every contender of a run meets the same requests, the same backend and the same CPU;
//! - a latency counts from the moment a request was meant to be sent, never from a later one;
//! - a failed request is counted and named, never dropped from the figures in silence;
//! - what was started is stopped, on every way out.
//!
//! Life of a run: [`compare::run`] pins itself, starts the contenders, drives them round by round
//! through one [`generator::Generator`], reads their CPU time with [`process::CpuMeter`], and folds
//! the rounds into a [`report::Report`].

pub mod backend;
pub mod compare;
pub mod contender;
pub mod cpu;
pub mod floor;
pub mod generator;
pub mod geo;
pub mod process;
pub mod push;
pub mod ramp;
mod relay;
pub mod replay;
pub mod report;
pub mod scale;
pub mod shadow;
pub mod stack;
pub mod statistics;
pub mod tags;
