//! The data plane of Halftone: one pinned worker per CPU, its own event loop, nothing shared but tables.
//!
//! Owns everything between a caller's bytes and an upstream's. Imports `halftone-core` for every
//! decision and `halftone-link` for the control socket; never the control plane, and no tokio runtime.
//!
//! The life of a request: [`worker`] accepts → [`conn`] reads → [`proxy`] prepares, routes, exchanges
//! and records. The life of a table here: [`link`] receives and verifies → [`publish`] commits →
//! workers read it at their next request.

pub mod admin;
pub mod conn;
pub mod engine;
pub mod explain;
pub mod fingerprint;
pub mod gateway;
pub mod geo;
pub mod io;
pub mod jwt;
pub mod keys;
pub mod last_good;
pub mod leader;
pub mod limits;
pub mod link;
pub mod lists;
pub mod proxy;
pub mod publish;
pub mod shadow;
pub mod signing;
pub mod tables;
pub mod tags;
pub mod telemetry;
pub mod upstream;
pub mod worker;
