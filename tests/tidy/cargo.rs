//! What cargo knows of the workspace.
//!
//! Asks with `--locked`: a check does not change what it checks.

use std::process::Command;

use serde_json::Value;

use crate::repository;

/// Runs cargo in the root of the repository and returns what it prints.
///
/// # Panics
/// Cargo fails; the message is cargo's.
pub(crate) fn run(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(repository::root())
        .output()
        .unwrap_or_else(|error| panic!("cargo {arguments:?} did not start: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?} failed:\n{errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Returns the packages of the workspace as `cargo metadata` writes them.
pub(crate) fn members() -> Vec<Value> {
    packages(&metadata(&["--no-deps"]))
}

/// Returns every package that is built for this platform, ours included.
pub(crate) fn built_packages() -> Vec<Value> {
    let version = run(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let metadata =
        metadata(&["--locked", "--filter-platform", host.expect("cargo names its host")]);
    let nodes = metadata["resolve"]["nodes"].as_array().expect("metadata has a resolve");
    let mut packages = packages(&metadata);
    packages.retain(|package| nodes.iter().any(|node| node["id"] == package["id"]));
    packages
}

/// Reads a field that holds text.
///
/// # Panics
/// It does not.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text in {field:?} of {value}"))
}

fn metadata(arguments: &[&str]) -> Value {
    let printed = run(&[&["metadata", "--format-version", "1"], arguments].concat());
    serde_json::from_str(&printed).expect("cargo metadata prints JSON")
}

fn packages(metadata: &Value) -> Vec<Value> {
    metadata["packages"].as_array().expect("metadata has packages").clone()
}
