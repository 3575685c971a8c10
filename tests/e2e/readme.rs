//! README's commands, run as they are written, and its example, which is the tested file.

use std::process::Command;

use crate::{
    on_each_engine,
    stack::{Engine, Stack},
    upstream::Upstream,
};

/// The bundle that the README shows and the demo applies.
pub(crate) const CANARY_BUNDLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/canary.yaml"));
/// The configuration of a gateway that the README points to.
pub(crate) const GATEWAY_EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/gateway.yaml"));
const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));

/// Returns the lines of all shell blocks that begin with `program`.
fn commands(program: &str) -> Vec<&'static str> {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| line.starts_with(program)).collect()
}

#[test]
fn the_example_is_the_tested_file() {
    assert!(
        README.contains(&format!("```yaml\n{CANARY_BUNDLE}```")),
        "docs/examples/canary.yaml differs"
    );
}

#[test]
fn every_command_in_a_table_is_one() {
    let help =
        |words: &[&str]| crate::stack::halftone(words).arg("--help").output().expect("it starts");
    let named =
        README.lines().filter_map(|line| line.strip_prefix("| `halftone ")?.split('`').next());
    let named: Vec<&str> = named.collect();
    assert!(named.len() > 5, "{named:?}");
    for command in named {
        let words: Vec<&str> = command.split(' ').collect();
        assert!(help(&words).status.success(), "{command}");
    }
}

on_each_engine! {
    /// Line by line; only the ports are other ones.
    fn the_quick_start_works(engine: Engine) {
        let service = Upstream::named("service\n");
        let ups = commands("halftone up");
        let [up] = ups.as_slice() else { panic!("one `halftone up` expected: {ups:?}") };
        let port = format!(":{}", service.address().port());
        let up = up.replace(":8000", &port);
        let arguments: Vec<&str> = up.split(' ').skip(2).collect();
        let stack = Stack::start(engine, &arguments);
        let replaced = |line: &str| {
            line.replace(":8081", &format!(":{}", stack.api.address.port()))
                .replace(":8080", &format!(":{}", stack.listen.port()))
                .replace(":8000", &port)
        };
        let lines = [commands("curl"), commands("halftone apply")].concat();
        assert_eq!(lines.len(), 4, "{lines:?}");
        let mut answers = Vec::new();
        for line in lines {
            let binary = env!("CARGO_BIN_EXE_halftone");
            let api = format!("{binary} apply --api http://localhost:8081 ");
            let line = &line.replace("halftone apply ", &api);
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(replaced(line)).current_dir(env!("CARGO_MANIFEST_DIR"));
            let output = shell.output().expect("a shell");
            assert!(output.status.success(), "{line}: {output:?}");
            answers.push(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        assert!(answers[0].contains(r#""applied":true"#), "{answers:?}");
        assert_eq!(answers[1..3], ["service\n", "service\n"]);
        assert!(answers[3].ends_with("every connected gateway serves it\n"), "{answers:?}");
        // Workers write their lines in blocks, so that those of two connections have no order.
        let lines = stack.log(2);
        let mut variants: Vec<_> = lines.iter().map(|line| line["variant"].as_str()).collect();
        variants.sort_unstable();
        assert_eq!(variants, [Some("canary"), Some("stable")]);
    }
}
