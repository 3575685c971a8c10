//! Paths named in documents exist.
//!
//! Looks at code spans outside fenced blocks and at the targets of links. Whether the documents
//! themselves exist is the card's business.

use crate::card;
use crate::offence::{Offence, assert_none};
use crate::repository;

/// Documents at the top that describe the code as it is.
const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Characters that make a path a pattern or a placeholder; what stands before it must exist.
const PATTERN: [char; 7] = ['*', '<', '{', '[', '$', '…', '?'];
/// The number of a decision that is yet to be written.
const PLACEHOLDER: &str = "NNNN";

#[test]
fn paths_named_in_documents_exist() {
    let mut documents = repository::walk(repository::root(), "docs");
    documents.retain(|path| path.ends_with(".md"));
    documents.extend(
        DOCUMENTS.iter().filter(|path| repository::exists(path)).map(|&path| path.to_owned()),
    );
    let offences: Vec<Offence> = documents
        .iter()
        .flat_map(|document| absent(document, &repository::read(document), repository::exists))
        .collect();
    assert_none("paths named in documents", &offences);
}

fn absent(document: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Offence> {
    let mut fenced = false;
    let mut offences = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let spans = spans(line).filter_map(path_of_span);
        let links = prose(line).flat_map(links).filter_map(|target| path_of_link(document, target));
        let absent = spans.chain(links).filter(|path| !exists(path));
        offences.extend(
            absent.map(|path| {
                Offence::new(format!("{document}:{number}"), "a path that exists", path)
            }),
        );
    }
    offences
}

fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Splits a line at its code spans; a link may have one in its text, never in its target.
fn prose(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').step_by(2)
}

fn links(prose: &str) -> impl Iterator<Item = &str> {
    prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

/// Reads a code span as a path of this repository, if it looks like one.
fn path_of_span(span: &str) -> Option<String> {
    if span.contains(char::is_whitespace) {
        return None;
    }
    // `file:12` and `file::symbol` name the file.
    let path = span.trim_start_matches("./").split([':', '#']).next()?;
    let path = literal_part(path);
    let Some((first, _)) = path.split_once('/') else {
        return is_top_level_file(&path).then_some(path);
    };
    (first == ".ci" || card::FOLDERS.contains(&first)).then_some(path)
}

/// Keeps the segments before the first that is a pattern.
fn literal_part(path: &str) -> String {
    let is_pattern = |segment: &&str| segment.contains(PATTERN) || segment.contains(PLACEHOLDER);
    let Some(pattern) = path.split('/').find(is_pattern) else { return path.to_owned() };
    let end = path
        .split('/')
        .take_while(|segment| *segment != pattern)
        .map(|segment| segment.len() + 1)
        .sum();
    path[..end].to_owned()
}

/// Tells whether a name without a folder is that of a file at the top: one of the card, or a
/// document in capitals.
fn is_top_level_file(name: &str) -> bool {
    let in_capitals =
        |stem: &str| !stem.is_empty() && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    card::FILES.contains(&name) || name.strip_suffix(".md").is_some_and(in_capitals)
}

/// Resolves a link within the repository; none is one that leads elsewhere.
fn path_of_link(document: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().filter(|target| !target.is_empty())?;
    if target.contains(':') || target.starts_with('/') {
        return None;
    }
    let mut segments: Vec<&str> = document.split('/').collect();
    segments.pop();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            // A link that climbs out of the repository is as dead as one to nothing.
            ".." if segments.pop().is_none() => return Some(target.to_owned()),
            ".." => {}
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests;
