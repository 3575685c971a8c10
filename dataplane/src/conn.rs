//! Downstream connections.
//!
//! Owns what lives as long as a connection: the peer, the receive buffer ([`http1`]), and how bodies
//! are followed to their end ([`body`]).

pub mod body;
pub mod http1;
