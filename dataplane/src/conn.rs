//! Downstream connections.
//!
//! Owns what lives as long as a connection: the peer, the receive buffer ([`http1`]), how bodies are
//! followed to their end ([`body`]), and the memory a busy connection works in ([`slot`]).

pub mod body;
pub mod http1;
pub mod slot;
