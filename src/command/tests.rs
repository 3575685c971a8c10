//! The command line as a whole.

use clap::{CommandFactory as _, Parser as _};

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_shows_an_example() {
    fn check(command: &clap::Command) {
        let name = command.get_name();
        if command.has_subcommands() {
            command.get_subcommands().filter(|inner| !inner.is_hide_set()).for_each(check);
        } else {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains("  halftone "), "{name}: {help}");
        }
    }
    check(&Arguments::command());
}

#[test]
fn values_that_are_none_are_refused() {
    let check = |line: &str, part: &str| {
        let error = Arguments::try_parse_from(line.split(' ')).expect_err(line).to_string();
        assert!(error.contains(part), "{line}: {error}");
    };
    check("halftone gateway --engine kqueue", "expected auto, io_uring, epoll or glommio");
    check("halftone gateway --cpus all", "expected CPUs such as 0,2-3");
    check("halftone gateway --listen here", "socket address");
    check("halftone control --upstream https://a", "TLS to upstreams is not supported");
    check("halftone up --upstream http://a/b", "a path cannot be given");
    check("halftone up --engine fast", "expected auto, io_uring, epoll or glommio");
    check("halftone bench compare --peers apache", "possible values");
    check("halftone", "Usage");
}
