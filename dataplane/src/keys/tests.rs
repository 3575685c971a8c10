//! Key files: taken, refused, followed.

use std::{fs, os::unix::fs::PermissionsExt as _};

use halftone_core::signal::keys::keys_text;

use super::*;

fn write(path: &Path, ids: &[&str], mode: u32) {
    let secret = |id: &&str| Secret { id: (*id).to_owned(), bytes: vec![7; 32] };
    fs::write(path, keys_text(&ids.iter().map(secret).collect::<Vec<_>>())).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn who_else_may_read_it_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    for (mode, is_good) in [
        (0o600, true),
        (0o400, true),
        (0o640, true),
        (0o660, false),
        (0o644, false),
        (0o604, false),
    ] {
        write(&path, &["a"], mode);
        let found = read_keys(&path);
        assert_eq!(found.is_ok(), is_good, "{mode:o}");
        if let Err(error) = found {
            assert!(error.to_string().contains(&format!("has mode {mode:04o}")), "{error}");
        }
    }
    assert!(matches!(read_keys(folder.path()), Err(KeyFileError::Kind { .. })));
    assert!(read_keys(&folder.path().join("none")).expect_err("nothing").is_missing());
    fs::write(&path, vec![b'#'; 70_000]).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    assert!(matches!(read_keys(&path), Err(KeyFileError::Size { .. })));
}

#[test]
fn another_file_is_taken_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let keys = Keys::default();
    let mut last = seen(&path);
    keys.look(&path, &mut last);
    assert_eq!((keys.ids(), keys.refused()), (vec![], 0));
    write(&path, &["a"], 0o600);
    keys.look(&path, &mut last);
    assert_eq!((keys.ids(), keys.refused()), (vec!["a".to_owned()], 0));
    write(&path, &["b", "a"], 0o604);
    for _ in 0..3 {
        keys.look(&path, &mut last);
    }
    assert_eq!((keys.ids(), keys.refused()), (vec!["a".to_owned()], 1), "told once");
    write(&path, &["b", "a"], 0o600);
    keys.look(&path, &mut last);
    assert_eq!(keys.ids(), ["b", "a"]);
    fs::remove_file(&path).expect("there");
    keys.look(&path, &mut last);
    assert_eq!((keys.ids().len(), keys.refused()), (2, 2), "without its file a gateway goes on");
}

#[test]
fn what_has_to_be_there_is_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let file = |required| KeyFile { path: path.clone(), required };
    assert!(Keys::follow(&file(true)).expect_err("missed").is_missing());
    assert_eq!(Keys::follow(&file(false)).expect("none yet").ids(), Vec::<String>::new());
}
