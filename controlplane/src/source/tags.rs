//! Expressions that YAML takes the start of for a tag.
//!
//! Owns the search for `when: !staff() && beta()` without quotes: YAML reads a tag, an anchor, and then `beta()`, which is
//! quite another audience. Tags mean nothing in what is read here, so that none is meant.

use super::{
    BARE_EXPRESSION, TextProblem,
    tree::{Node, Place, Value},
};

/// Returns what is wrong with the first expression that has a tag in front of it.
pub(super) fn negation(node: &Node, text: &str) -> Option<TextProblem> {
    // Most texts have none, and need not be looked through.
    if !text.contains('!') {
        return None;
    }
    let lines: Vec<&str> = text.lines().collect();
    find(node, &lines)
}

fn find(node: &Node, lines: &[&str]) -> Option<TextProblem> {
    match &node.value {
        Value::List(items) => items.iter().find_map(|item| find(item, lines)),
        Value::Map(entries) => entries.iter().find_map(|entry| {
            let is_tagged = entry.key == "when"
                && !entry.node.is_container()
                && has_tag(lines, entry.place, entry.node.place);
            match is_tagged {
                true => Some(problem(entry.place)),
                false => find(&entry.node, lines),
            }
        }),
        _ => None,
    }
}

/// Returns whether a tag stands behind the key at `key` and up to the first letter of its value at `value`; what follows `|`
/// or `>` is text.
fn has_tag(lines: &[&str], key: Place, value: Place) -> bool {
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let (first, last) = (index(key.line), index(value.line));
    for (number, line) in lines.iter().enumerate().take(last.saturating_add(1)).skip(first) {
        let from = if number == first { index(key.column) } else { 0 };
        let to = if number == last { index(value.column).saturating_add(1) } else { usize::MAX };
        let mut part = line.chars().take(to).skip(from);
        match part.find(|letter| ['!', '#', '|', '>'].contains(letter)) {
            Some('!') => return true,
            Some('|' | '>') => return false,
            _ => {}
        }
    }
    false
}

fn problem(place: Place) -> TextProblem {
    let message =
        format!("YAML takes the ! for a tag, and what comes after it away{BARE_EXPRESSION}");
    TextProblem { message, line: Some(place.line), column: Some(place.column) }
}
