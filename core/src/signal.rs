//! Signals: what a request tells about who sent it and from where.
//!
//! Owns the trust in peers and the caller's address ([`trust`]), what is known of users beside their
//! requests ([`tags`]), and what clients say they are ([`device`]).

pub mod device;
pub mod tags;
pub mod trust;
