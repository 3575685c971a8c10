//! The logic of Halftone, pure: policy, tables, decisions, HTTP framing, socket frames.
//!
//! Owns every rule that must be the same wherever it is applied (worker, control plane, explain,
//! replay). Does not own a runtime, a socket, a file, a clock or a source of randomness: time, bytes
//! and random numbers are arguments. Imports none of the other packages.

pub mod both;
pub mod bucket;
pub mod compile;
pub mod expr;
pub mod http;
pub mod limits;
pub mod policy;
pub mod rollout;
pub mod route;
pub mod signal;
pub mod table;
pub mod telemetry;
pub mod wire;
