//! Which package may import which, and no tokio runtime in the data plane.
//!
//! Dependencies of tests alone are free.

use serde_json::Value;

use crate::cargo;
use crate::offence::{Offence, assert_none};

/// What each package may import of ours. The binary, on top, may import all and is imported by
/// none.
const DRAWING: [(&str, &[&str]); 9] = [
    ("halftone-core", &[]),
    ("halftone-link", &["halftone-core"]),
    ("halftone-dataplane", &["halftone-core", "halftone-link"]),
    ("halftone-controlplane", &["halftone-core", "halftone-link"]),
    ("halftone-bench", &["halftone-core", "halftone-mmdb"]),
    ("halftone-kernel-tuning", &[]),
    (
        "halftone-fuzz",
        &["halftone-core", "halftone-controlplane", "halftone-mmdb", "halftone-tokens"],
    ),
    ("halftone-mmdb", &[]),
    ("halftone-tokens", &[]),
];

const BINARY: &str = "halftone";

#[test]
fn packages_import_as_drawn() {
    assert_none("dependency drawing", &undrawn(&cargo::members()));
}

#[test]
fn the_data_plane_has_no_tokio_runtime() {
    // `cargo metadata` unifies features over the workspace; the tree of one package does not.
    let package = ["tree", "--locked", "-p", "halftone-dataplane", "--all-features"];
    let arguments = [&package[..], &["-e", "normal,features", "--prefix", "none"]].concat();
    let tree = cargo::run(&arguments);
    assert!(tree.starts_with("halftone-dataplane v"), "the tree has no root:\n{tree}");
    assert_none("no tokio runtime in the data plane", &runtimes(&tree));
}

fn undrawn(members: &[Value]) -> Vec<Offence> {
    let names: Vec<&str> = members.iter().map(|member| cargo::text(member, "name")).collect();
    let mut offences: Vec<Offence> = DRAWING
        .iter()
        .filter(|(drawn, _)| !names.contains(drawn))
        .map(|&(drawn, _)| Offence::new("workspace", format!("package {drawn}"), "none"))
        .collect();
    for member in members {
        let name = cargo::text(member, "name");
        let drawn = DRAWING.iter().find(|(drawn, _)| *drawn == name).map(|&(_, imports)| imports);
        if drawn.is_none() && name != BINARY {
            offences.push(Offence::new(name, "a package of the drawing", "one that is not in it"));
        }
        let allowed = |import: &str| match drawn {
            Some(imports) => imports.contains(&import),
            None => import != BINARY,
        };
        for import in imports(member).filter(|import| names.contains(import) && !allowed(import)) {
            let expected = format!("imports of ours only among {:?}", drawn.unwrap_or_default());
            offences.push(Offence::new(name, expected, import));
        }
    }
    offences
}

/// Names what a package depends on to run or to build; a test's dependency has the kind "dev".
fn imports(member: &Value) -> impl Iterator<Item = &str> {
    let dependencies = member["dependencies"].as_array().expect("a package has dependencies");
    let imported = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
    imported.map(|dependency| cargo::text(dependency, "name"))
}

/// Finds tokio's runtime in a tree of features; tokio's traits alone are no runtime.
fn runtimes(tree: &str) -> Vec<Offence> {
    let is_runtime = |line: &&str| {
        let feature = line.strip_prefix("tokio feature \"").and_then(|rest| rest.split('"').next());
        feature.is_some_and(|feature| feature == "rt" || feature.starts_with("rt-"))
    };
    let lines = tree.lines().filter(is_runtime);
    lines.map(|line| Offence::new("halftone-dataplane", "no runtime of tokio", line)).collect()
}

#[cfg(test)]
mod tests;
