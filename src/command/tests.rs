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

fn each(command: &clap::Command, visit: &mut dyn FnMut(&clap::Command)) {
    visit(command);
    command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
        .for_each(|inner| each(inner, visit));
}

#[test]
fn every_command_and_option_says_what_it_is() {
    let mut command = Arguments::command();
    command.build();
    let mut seen = 0;
    each(&command, &mut |command| {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name}");
        assert!(command.clone().render_help().to_string().contains("Usage:"), "{name}");
        let options = command.get_arguments().filter(|option| !option.is_hide_set());
        for option in options {
            assert!(option.get_help().is_some(), "{name} {}", option.get_id());
        }
        seen += 1;
    });
    assert!(seen > 10, "{seen}");
}

#[test]
fn manual_pages_and_completions_know_every_command() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("man1");
    let print = |line: &[&str]| {
        let arguments = Arguments::try_parse_from([&["halftone"], line].concat()).expect("a call");
        let mut output = Vec::new();
        run(arguments.command, &mut output).expect("done");
        String::from_utf8(output).expect("UTF-8")
    };
    assert_eq!(print(&["man", "--out", out.to_str().expect("UTF-8")]), "");
    let top = print(&["man"]);
    let shells = ["bash", "zsh", "fish", "elvish", "powershell"];
    let scripts = shells.map(|shell| print(&["completions", shell]));
    for command in Arguments::command().get_subcommands().filter(|inner| !inner.is_hide_set()) {
        let name = command.get_name();
        let page = std::fs::read_to_string(out.join(format!("halftone-{name}.1"))).expect(name);
        assert!(page.contains(".SH NAME") && page.contains("halftone"), "{name}: {page}");
        assert!(top.contains(&format!("halftone\\-{name}(1)")), "{name}: {top}");
        for script in &scripts {
            assert!(script.contains(name), "{name}: {script}");
        }
    }
    assert!(!top.contains("demo\\-service"), "{top}");
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
