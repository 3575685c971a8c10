//! Signals: what a request tells about who sent it and from where.
//!
//! Owns the trust in peers and the caller's address ([`trust`]), what is known of users beside their
//! requests ([`tags`]) and which lists they are on ([`lists`]), what clients say they are ([`device`]), how their devices
//! are known again ([`fingerprint`]), where addresses are ([`geo`]), and what is believed of anybody who shows a signature
//! ([`keys`], [`signature`]; [`draw`] makes what nobody can guess) or a token of an issuer ([`jwt`]).

pub mod device;
pub mod draw;
pub mod fingerprint;
pub mod geo;
pub mod jwt;
pub mod keys;
pub mod lists;
pub mod signature;
pub mod tags;
pub mod trust;
