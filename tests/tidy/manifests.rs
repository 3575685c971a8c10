//! Every package takes the workspace's lints.

use crate::cargo;
use crate::offence::{Offence, assert_none};
use crate::repository;

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let members = cargo::members();
    let manifests = members.iter().map(|member| cargo::text(member, "manifest_path"));
    let offences: Vec<Offence> = manifests
        .map(|path| {
            let root = repository::root().to_str().expect("the root's path is text");
            path.strip_prefix(root).map_or(path, |path| path.trim_start_matches('/'))
        })
        .filter(|path| !takes_lints(&repository::read(path)))
        .map(|path| Offence::new(path, "[lints] with workspace = true", "none"))
        .collect();
    assert_none("lints", &offences);
}

/// Tells whether a manifest has `workspace = true` under `[lints]`.
fn takes_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.any(|line| line == "[lints]")
        && lines
            .take_while(|line| !line.starts_with('['))
            .any(|line| line.split_whitespace().collect::<String>() == "workspace=true")
}

#[cfg(test)]
mod tests;
