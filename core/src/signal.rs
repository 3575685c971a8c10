//! Signals: what a request tells about who sent it and from where.
//!
//! Owns the trust in peers and the caller's address ([`trust`]), what is known of users beside their
//! requests ([`tags`]), what clients say they are ([`device`]), and where addresses are ([`geo`]).

pub mod device;
pub mod geo;
pub mod tags;
pub mod trust;
