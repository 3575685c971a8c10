//! Words in their rooms: what only a named module may write.
//!
//! A room is a module: `a/b` is the file `a/b.rs` and everything in the folder `a/b`.

use crate::offence::{Offence, assert_none};
use crate::repository;
use crate::source::{code_only, last_word, occurrences};

/// How a word is looked for in code.
enum Word {
    /// The word wherever it stands.
    Any(&'static str),
    /// The word where it names a crate: at the head of a path. A module of ours that has the
    /// crate's name is written with what it is in, as in `self::monoio::Driver`.
    Crate(&'static str),
}

/// Each word and the only rooms in which it may stand.
const ROOMS: [(Word, &[&str]); 5] = [
    (Word::Crate("monoio"), &["dataplane/src/engine/monoio"]),
    (Word::Crate("glommio"), &["dataplane/src/engine/glommio"]),
    (Word::Any("unsafe"), &["core/src/table/archive", "dataplane/src/io", "dataplane/src/engine"]),
    (Word::Crate("maxminddb"), &["core/src/signal"]),
    (Word::Any("serde_saphyr"), &["controlplane/src/source", "controlplane/tests/schema", "src"]),
];

#[test]
fn words_stand_in_their_rooms() {
    assert_none("words in their rooms", &misplaced(&repository::rust_files()));
}

fn misplaced(files: &[(String, String)]) -> Vec<Offence> {
    files.iter().flat_map(|(path, text)| misplaced_in(path, &code_only(text))).collect()
}

fn misplaced_in(path: &str, code: &str) -> Vec<Offence> {
    let foreign: Vec<_> =
        ROOMS.iter().filter(|(_, rooms)| !rooms.iter().any(|room| is_in(path, room))).collect();
    let mut offences = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        for (word, rooms) in foreign.iter().filter(|(word, _)| word.stands_in(line)) {
            let expected = format!("{} only in {}", word.shown(), rooms.join(", "));
            offences.push(Offence::new(format!("{path}:{number}"), expected, line.trim()));
        }
    }
    offences
}

fn is_in(path: &str, room: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

impl Word {
    fn stands_in(&self, line: &str) -> bool {
        match self {
            Self::Any(word) => !occurrences(line, word).is_empty(),
            Self::Crate(word) => {
                occurrences(line, word).iter().any(|(before, after)| names_crate(before, after))
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Any(word) => (*word).to_owned(),
            Self::Crate(word) => format!("{word}::"),
        }
    }
}

/// Tells whether the word between the two texts is the head of a path.
fn names_crate(before: &str, after: &str) -> bool {
    let imported = matches!(last_word(before.trim_end()), "use" | "crate");
    let leads = after.starts_with("::") || (imported && before.ends_with(char::is_whitespace));
    // `::name` alone begins at the crates; after a segment or `>`, the path began earlier.
    let continues = before.strip_suffix("::").is_some_and(|segments| {
        segments.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>')
    });
    leads && !continues
}

#[cfg(test)]
mod tests;
