//! Empty until its first room.
