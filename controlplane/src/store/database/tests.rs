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
fn a_file_that_cannot_be_opened_is_tried_once_a_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = DatabaseFile::open(folder.path().join("a.redb"), 1 << 20).expect("opened");
    write(&file, 1).expect("written");
    let (path, aside) = (file.path().to_owned(), folder.path().join("aside"));
    fs::rename(&path, &aside).expect("moved");
    fs::create_dir(&path).expect("in its place");
    failed(&file);
    let refused = write(&file, 2).expect_err("it is a folder");
    assert!(matches!(refused, StoreError::Open { .. }), "{refused}");
    fs::remove_dir(&path).expect("out of its place");
    fs::rename(&aside, &path).expect("moved back");
    let refused = write(&file, 2).expect_err("so soon");
    assert!(refused.to_string().contains("while its disk fails"), "{refused}");
    *file.failed() = Some(Instant::now());
    write(&file, 2).expect("a second later");
    assert_eq!(numbers(&file), [1, 2]);
}
