//! Tables kept, read back, damaged and missing.

use halftone_core::table::{TimeoutsRow, VariantRow};

use super::*;
use crate::tables::Loaded;

/// Longer than any write takes.
const LONG: Duration = Duration::from_secs(30);

fn tables(epoch: u64, name: &str) -> Tables {
    let variant = VariantRow {
        name: name.to_owned(),
        key: format!("t/u/{name}"),
        timeouts: TimeoutsRow::UNSAID,
    };
    let rules = RuleTable { variants: vec![variant], ..RuleTable::default() };
    let rules = Archive::build(&rules, epoch).expect("valid");
    let instances = Archive::build(&InstanceTable::default(), epoch).expect("valid");
    Tables::join(
        Arc::new(Loaded { epoch, archive: rules }),
        Arc::new(Loaded { epoch, archive: instances }),
    )
}

#[test]
fn the_newest_tables_are_kept_and_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let last_good = LastGood::open(folder.path()).expect("a folder below");
    assert!(last_good.load().0.is_none() && last_good.load().1.is_none());
    let cell = Arc::new(EpochCell::new(None));
    let keeper = last_good.clone().keep(Arc::clone(&cell)).expect("a thread");
    for epoch in [1, 2, 9] {
        cell.publish(Some(tables(epoch, "stable")));
        keeper.tell();
        assert_eq!(keeper.kept((epoch, epoch), LONG), Ok(()));
        assert_eq!(last_good.load().0.map(|rules| rules.revision()), Some(epoch));
    }
    assert_eq!(keeper.kept((3, 9), LONG), Ok(()), "newer ones are there");
    let late = Duration::from_millis(1);
    assert_eq!(keeper.kept((10, 9), late), Err(NotKept::Late(late)));
}

#[test]
fn what_cannot_be_written_is_told_until_it_can() {
    let folder = tempfile::tempdir().expect("a folder");
    let last_good = LastGood::open(folder.path()).expect("a folder below");
    let cell = Arc::new(EpochCell::new(None));
    let keeper = last_good.clone().keep(Arc::clone(&cell)).expect("a thread");
    let beside = last_good.path(TableKind::Instances).with_extension("new");
    fs::create_dir(&beside).expect("in its way");
    cell.publish(Some(tables(1, "stable")));
    keeper.tell();
    let refused = keeper.kept((1, 1), LONG);
    assert!(matches!(refused, Err(NotKept::Disk(_))), "{refused:?}");
    fs::remove_dir(&beside).expect("out of its way");
    cell.publish(Some(tables(2, "stable")));
    keeper.tell();
    assert_eq!(keeper.kept((2, 2), LONG), Ok(()), "what failed was older");
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let last_good = LastGood::open(folder.path()).expect("a folder below");
    let good = tables(1, "stable").loaded_rules().archive.bytes().to_vec();
    let path = last_good.path(TableKind::Rules);
    for cut in [0, 1, HEADER_BYTES, good.len() / 2, good.len() - 1] {
        fs::write(&path, &good[..cut]).expect("written");
        assert!(last_good.load().0.is_none(), "{cut}");
        assert_eq!(fs::read(&path).expect("still there").len(), cut);
    }
    fs::write(&path, &good).expect("written");
    assert!(last_good.load().0.is_some());
    // The other kind's file under this name.
    fs::write(last_good.path(TableKind::Instances), &good).expect("written");
    assert!(last_good.load().1.is_none());
}

#[test]
fn what_is_synced_by_pieces_is_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kept");
    for size in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 777] {
        let bytes: Vec<u8> = (0..size).map(|at| at.to_le_bytes()[at % 3]).collect();
        write(&path, &bytes).expect("written");
        assert!(fs::read(&path).expect("there") == bytes, "{size}");
        assert!(!path.with_extension("new").exists(), "{size}");
    }
}
