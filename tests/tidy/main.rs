//! Checks of the house itself: what the code may import, where words may stand, what must exist.
//!
//! Each check is a test of its own that collects every [`offence::Offence`] before it fails. The
//! judging part of a check is a pure function with tests of its own, which show that it can fail.
//! Reads the repository and asks cargo; changes nothing and starts nothing else but git.
//!
//! - `card`: the folders and files that must be there
//! - `drawing`: which package may import which, and no tokio runtime in the data plane
//! - `manifests`: every package takes the workspace's lints
//! - `words`: words in their rooms
//! - `heads`: every file says what it owns
//! - `docs`: paths named in documents exist
//! - `machine`: no file names the machine it was made on
//! - `licences`: what we build on may be built on

mod card;
mod cargo;
mod docs;
mod drawing;
mod heads;
mod licences;
mod machine;
mod manifests;
mod offence;
mod repository;
mod source;
mod words;
