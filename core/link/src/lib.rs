//! The control socket's I/O, shared by both of its ends.
//!
//! Owns blocking frames over a Unix stream ([`Channel`]), tables as sealed memory files
//! ([`SealedTable`], [`read_sealed`]) the socket's place in the file system ([`bind`],
//! [`connect`]), one-time visits to a gateway ([`Visit`]), and that what is large gives way ([`give_way`]). Does not know what frames mean (`halftone_core::wire`), does not verify tables
//! (`halftone_core::table::archive`), and starts no threads but for what is done [`AtOnce`].
//!
//! Invariants: whatever a peer sends is hostile: sizes are checked before anything is allocated, a
//! memory file is read only once nobody can change it, and every file descriptor that arrives is
//! either handed on or closed.

mod at_once;
mod channel;
mod give_way;
mod sealed;
mod socket;
mod visit;

pub use at_once::AtOnce;
pub use channel::{Channel, LinkError, PeerCredentials, Received};
pub use give_way::give_way;
pub use sealed::{SealedError, SealedTable, read_sealed, read_sealed_bytes};
pub use socket::{SocketError, bind, connect};
pub use visit::{Visit, VisitError};
