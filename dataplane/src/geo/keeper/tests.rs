//! Copies kept, replaced and damaged.

use halftone_mmdb::shared::{asn, city};

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("last-good")).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

fn keep(keeper: &GeoKeeper, bytes: &[u8]) -> String {
    let database = Database::open(bytes.to_vec()).expect("sound");
    let digest = database.state().digest.clone();
    keeper.keep(database.kind(), &digest, bytes).expect("written");
    digest
}

#[test]
fn the_newest_of_each_kind_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = GeoKeeper::open(folder.path()).expect("a folder");
    assert!(keeper.load().is_empty());
    keep(&keeper, &city(1).finish());
    let asn = keep(&keeper, &asn(1).finish());
    let newest = keep(&keeper, &city(2).finish());
    assert_eq!(
        names(folder.path()),
        [format!("geo-asn-{asn}.mmdb"), format!("geo-city-{newest}.mmdb")]
    );
    let found = keeper.load();
    let digests: Vec<&str> =
        found.iter().map(|database| database.state().digest.as_str()).collect();
    assert_eq!(digests, [newest.as_str(), asn.as_str()]);
    keeper.keep_only(&[GeoKind::City]).expect("removed");
    assert_eq!(names(folder.path()), [format!("geo-city-{newest}.mmdb")]);
}

#[test]
fn what_was_damaged_is_not_served_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let keeper = GeoKeeper::open(folder.path()).expect("a folder");
    let bytes = city(1).finish();
    let digest = keep(&keeper, &bytes);
    let path = folder.path().join(format!("last-good/geo-city-{digest}.mmdb"));
    let other = String::from_utf8_lossy(&bytes).contains("Beijing");
    assert!(other);
    let at = bytes.windows(7).position(|found| found == b"Beijing").expect("a name");
    for damaged in [bytes[..bytes.len() / 2].to_vec(), Vec::new(), {
        // Sound all the same, but for its digest.
        let mut renamed = bytes.clone();
        renamed[at] = b'N';
        renamed
    }] {
        fs::write(&path, damaged).expect("written");
        assert!(keeper.load().is_empty());
        assert_eq!(names(folder.path()).len(), 1);
    }
    fs::write(&path, &bytes).expect("written");
    assert!(!keeper.load().is_empty());
}
