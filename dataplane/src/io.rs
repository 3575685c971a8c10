//! Buffers, deadlines and sockets, below the protocols and above the engines.

pub mod buffers;
pub mod connect;
pub mod deadline;
pub mod reused;
pub mod splice;
