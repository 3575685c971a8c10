//! No file names the machine it was made on.

use crate::offence::{Offence, assert_none};
use crate::repository;

/// Folders that are nobody else's.
const FOREIGN: [&str; 3] = ["/work/", "/root/", ".library"];

/// These checks have to spell what they look for.
const EXEMPT: &str = "tests/tidy/";

#[test]
fn no_file_names_the_machine_it_was_made_on() {
    assert_none("names of a machine", &foreign(&repository::tracked_text_files()));
}

fn foreign(files: &[(String, String)]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.starts_with(EXEMPT)) {
        for (number, line) in (1..).zip(text.lines()) {
            let named = FOREIGN.iter().filter(|name| line.contains(*name));
            offences.extend(named.map(|&name| {
                let place = format!("{path}:{number}");
                Offence::new(place, "paths of the repository or of any host", name)
            }));
        }
    }
    offences
}

#[cfg(test)]
mod tests;
