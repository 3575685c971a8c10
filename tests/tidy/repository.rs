//! The files of the repository.
//!
//! Invariants:
//! - Paths are relative to the root and use `/`.
//! - Nothing below a `target` or a hidden folder is listed by a walk; links are not followed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold our Rust code.
pub(crate) const CODE_FOLDERS: [&str; 7] =
    ["core", "dataplane", "controlplane", "bench", "kernel-tuning", "src", "tests"];

/// Returns the root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Tells whether something stands at a path.
pub(crate) fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Reads a text file.
///
/// # Panics
/// The file cannot be read as text.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads every Rust file in the folders of code, tracked or not, as pairs of path and text.
pub(crate) fn rust_files() -> Vec<(String, String)> {
    let mut paths: Vec<String> =
        CODE_FOLDERS.iter().flat_map(|folder| walk(root(), folder)).collect();
    paths.retain(|path| path.ends_with(".rs"));
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// Reads every tracked file that is text, as pairs of path and text.
///
/// Where git cannot tell, as in a source archive, every file counts as tracked.
pub(crate) fn tracked_text_files() -> Vec<(String, String)> {
    let paths = tracked().unwrap_or_else(|| walk(root(), ""));
    let text = |path: String| {
        // A tracked file may be deleted and not yet committed; what is not UTF-8 is not text.
        let text = fs::read_to_string(root().join(&path)).ok()?;
        Some((path, text))
    };
    paths.into_iter().filter_map(text).collect()
}

fn tracked() -> Option<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().ok()?;
    // An archive unpacked inside another repository is tracked by none: no name, no answer.
    let answered = output.status.success() && !output.stdout.is_empty();
    let names = String::from_utf8(output.stdout).ok().filter(|_| answered)?;
    Some(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Lists the files below a folder of `root`, sorted; a folder that is not there has none.
pub(crate) fn walk(root: &Path, folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let path = folder.join(&name);
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(fs::FileType::is_file) {
                files.extend(path.into_os_string().into_string());
            } else if kind.is_ok_and(|kind| kind.is_dir()) && !is_skipped(&name.to_string_lossy()) {
                folders.push(path);
            }
        }
    }
    files.sort();
    files
}

fn is_skipped(folder: &str) -> bool {
    folder == "target" || folder.starts_with('.')
}

#[cfg(test)]
mod tests;
