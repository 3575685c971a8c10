//! A file whose disk fails, and is there again.

use std::fs;

use redb::{ReadableTable as _, TableDefinition};

use super::*;

const TABLE: TableDefinition<'static, u64, u64> = TableDefinition::new("numbers");

fn write(file: &DatabaseFile, number: u64) -> Result<(), StoreError> {
    let transaction = file.begin_write()?;
    {
        let mut table = transaction.open_table(TABLE).map_err(file.access("open"))?;
        table.insert(number, number).map_err(file.access("insert"))?;
    }
    transaction.commit().map_err(file.access("commit"))
}

fn numbers(file: &DatabaseFile) -> Vec<u64> {
    let transaction = file.begin_read().expect("a reader");
    let table = transaction.open_table(TABLE).expect("a table");
    table.iter().expect("rows").map(|row| row.expect("a row").0.value()).collect()
}

fn failed(file: &DatabaseFile) {
    let error = redb::Error::Io(std::io::ErrorKind::StorageFull.into());
    assert!(file.access("write")(error).is_full());
}

#[test]
fn what_was_committed_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::open(folder.path().join("a.redb"), 1 << 20).expect("opened");
    write(&file, 1).expect("written");
    failed(&file);
    write(&file, 2).expect("it is opened anew, and written");
    assert_eq!(numbers(&file), [1, 2]);
}

#[test]
fn it_is_opened_again_once_a_second_at_most() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::open(folder.path().join("a.redb"), 1 << 20).expect("opened");
    write(&file, 1).expect("written");
    failed(&file);
    write(&file, 2).expect("opened anew, and written");
    failed(&file);
    let refused = write(&file, 3).expect_err("so soon again");
    assert!(refused.is_full(), "{refused}");
    later(&file);
    write(&file, 3).expect("a second later");
    assert_eq!(numbers(&file), [1, 2, 3]);
}

#[test]
fn a_file_that_is_gone_is_not_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::open(folder.path().join("a.redb"), 1 << 20).expect("opened");
    write(&file, 1).expect("written");
    let (path, aside) = (file.path().to_owned(), folder.path().join("aside"));
    fs::rename(&path, &aside).expect("moved");
    failed(&file);
    for empty in [false, true] {
        if empty {
            fs::write(&path, b"").expect("written");
        }
        write(&file, 2).expect_err("there is nothing to open");
        assert_eq!(fs::metadata(&path).map_or(0, |found| found.len()), 0, "nothing was made");
        later(&file);
    }
    fs::rename(&aside, &path).expect("moved back");
    write(&file, 2).expect("it is there again");
    assert_eq!(numbers(&file), [1, 2]);
}

#[test]
fn an_empty_file_is_a_lost_one_and_not_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.redb");
    fs::write(&path, b"").expect("written");
    let refused = DatabaseFile::open(path.clone(), 1 << 20).map(drop).expect_err("refused");
    assert!(matches!(refused, StoreError::Empty { .. }), "{refused}");
    assert!(refused.to_string().contains("remove it to start with nothing"), "{refused}");
    assert_eq!(fs::read(&path).expect("there"), b"");
    fs::remove_file(&path).expect("removed");
    let file = DatabaseFile::open(path, 1 << 20).expect("a new one");
    write(&file, 1).expect("written");
    assert_eq!(numbers(&file), [1]);
}

#[test]
fn one_that_was_begun_and_not_ended_is_begun_anew() {
    let whole = {
        let folder = tempfile::tempdir().expect("a folder");
        let file = DatabaseFile::open(folder.path().join("a.redb"), 1 << 20).expect("opened");
        fs::read(file.path()).expect("there")
    };
    let zeros = vec![0; whole.len()];
    let half = [&whole[9..512], &zeros[..]].concat();
    for left in [&b""[..], &zeros, &half, &whole] {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, beside) = (folder.path().join("a.redb"), folder.path().join("a.redb.new"));
        fs::write(&beside, left).expect("written");
        let file = DatabaseFile::open(path.clone(), 1 << 20).expect("made");
        assert!(path.exists() && !beside.exists());
        let again = DatabaseFile::open(path, 1 << 20).map(drop).expect_err("in use");
        assert!(matches!(again, StoreError::Locked { .. }), "{again}");
        write(&file, 1).expect("written");
        assert_eq!(numbers(&file), [1]);
    }
}

/// Of many that begin at once one has the store, and what it writes stays.
#[test]
fn one_store_is_made_however_many_begin() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.redb");
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || scope.spawn(|| DatabaseFile::open(path.clone(), 1 << 20));
            let all: Vec<_> = (0..4).map(|_| open()).collect();
            all.into_iter().filter_map(|one| one.join().expect("no panic").ok()).collect()
        });
        assert_eq!(opened.len(), 1);
        write(&opened[0], 1).expect("written");
        drop(opened);
        assert_eq!(numbers(&DatabaseFile::open(path, 1 << 20).expect("opened")), [1]);
    }
}

/// Writers that fail, writers that wait for them, and readers that have it opened again do not wait for each other.
#[test]
fn nobody_waits_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::open(folder.path().join("a.redb"), 1 << 20).expect("opened");
    write(&file, 0).expect("written");
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for worker in 0..6u64 {
            let (file, done) = (&file, done.clone());
            scope.spawn(move || {
                for round in 0..200 {
                    match worker % 3 {
                        0 => drop(write(file, worker * 1000 + round)),
                        1 => drop(file.begin_write().map(|_| failed(file))),
                        _ => drop(file.begin_read()),
                    }
                    later(file);
                }
                let _ = done.send(());
            });
        }
        for _ in 0..6 {
            ended.recv_timeout(Duration::from_secs(60)).expect("everybody ends");
        }
    });
    later(&file);
    assert!(numbers(&file).contains(&0));
}

/// Lets a second pass.
fn later(file: &DatabaseFile) {
    *file.opened_again.lock().expect("nobody panicked") = None;
}
