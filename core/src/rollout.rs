//! Rollouts: what changes over time beside the bundle.
//!
//! Owns the allocation of bucket ranges. Does not own clocks or the bundle itself: an allocation is
//! run-time state, stored beside the bundle and never written into it (POLICY "Buckets and
//! allocation").

pub mod allocation;
