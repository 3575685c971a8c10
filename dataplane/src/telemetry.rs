//! What a worker counts and writes about finished requests.
//!
//! Owns per-worker counters ([`counters`]), the access log ([`log`]) and the metrics page ([`metrics`]). Invariants: plain integers
//! and histograms, no lock, no system call and, in the steady state, no allocation on the request
//! path; what cannot be written is dropped and counted, never waited for.

pub mod counters;
pub mod exposures;
pub mod faults;
pub mod log;
pub mod metrics;
pub mod values;
