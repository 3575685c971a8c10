//! End to end: the binary as people run it, on real sockets.
//!
//! Owns the tests that start processes. Each test of the gateway runs on every engine through
//! [`on_each_engine`]. Does not measure: no test asserts how long something took.
//!
//! Invariants:
//! - a test starts its own processes on its own ports and directory, and leaves none behind;
//! - nothing waits for a fixed time: what is expected is polled for, with a deadline.

mod api;
mod apply;
mod browser;
mod chain;
mod check;
mod client;
mod decision_log;
mod demo;
mod devices;
mod drain;
mod explain;
mod expressions;
mod failures;
mod fingerprint;
mod framing;
mod full_disk;
mod gateway_file;
mod idle_connections;
mod kept_connections;
mod large_bodies;
mod leaving_callers;
mod limits;
mod live_weights;
mod measured;
mod members;
mod message;
mod metrics;
mod objects;
mod poll;
mod ports;
mod published;
mod push;
mod quick_start;
mod ramp;
mod readme;
mod regions;
mod replay;
mod rollout;
mod several;
mod shadow;
mod shop;
mod signed;
mod smuggling;
mod sources;
mod split;
mod stack;
mod static_stability;
mod status;
mod supervision;
mod tags;
mod targets;
mod tokens;
mod trust;
mod tunnel;
mod upstream;
mod visible;

/// Makes of each function of an [`stack::Engine`] one test per engine.
macro_rules! on_each_engine {
    ($($(#[$attribute:meta])* fn $name:ident($engine:ident: $kind:ty) $body:block)*) => {
        $($(#[$attribute])* mod $name {
            use super::*;

            fn check($engine: $kind) $body

            #[test]
            fn io_uring() {
                if $crate::stack::Engine::IoUring.runs_here() {
                    check($crate::stack::Engine::IoUring);
                }
            }

            #[test]
            fn epoll() {
                check($crate::stack::Engine::Epoll);
            }

            #[test]
            fn glommio() {
                if $crate::stack::Engine::Glommio.runs_here() {
                    check($crate::stack::Engine::Glommio);
                }
            }
        })*
    };
}
pub(crate) use on_each_engine;
