//! One worker, whole, on sockets: the test is its callers, its services and its clock.
//!
//! Time passes when a test says so, so that deadlines of a minute are seen without waiting for one.

mod bounds;
mod callers;
mod conformance;
mod deadlines;
mod fields;
mod harness;
mod panics;
mod patience;
mod tripping;

/// Makes of each function of an engine choice one test per engine that this machine lets run.
macro_rules! on_each_engine {
    ($($(#[$attribute:meta])* fn $name:ident($choice:ident) $body:block)*) => {
        $($(#[$attribute])* mod $name {
            use super::*;

            fn check($choice: $crate::engine::probe::Choice) $body

            #[test]
            fn io_uring() {
                use $crate::engine::probe::{Request, probe};
                if let Ok((choice, _)) = probe(Request::IoUring) {
                    check(choice);
                }
            }

            #[test]
            fn epoll() {
                check($crate::engine::probe::Choice::Epoll);
            }

            #[test]
            fn glommio() {
                use $crate::engine::probe::{Request, probe};
                if let Ok((choice, _)) = probe(Request::Glommio) {
                    check(choice);
                }
            }
        })*
    };
}
use on_each_engine;
