//! Signals: what a request tells about who sent it and from where.
//!
//! Owns the trust in peers and the caller's address ([`trust`]).

pub mod trust;
