//! Sources followed, by hand.

use std::path::Path;

use halftone_core::signal::geo::GeoKind;
use halftone_mmdb::shared::{asn, city};

use super::*;

fn regions(paths: &[&Path]) -> (Watched<Shown>, Geo) {
    let sources = paths.iter().map(|path| FollowedSource::File(path.to_path_buf())).collect();
    super::regions(sources, Duration::from_secs(1))
}

#[test]
fn a_database_is_kept_until_there_is_a_good_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("city.mmdb");
    let (mut regions, _geo) = regions(&[&path]);
    assert!(regions.look(0));
    let error = |regions: &Watched<Shown>| regions.shown[0].error.clone().unwrap_or_default();
    let digest = |regions: &Watched<Shown>| {
        regions.shown[0].held.as_ref().map(|held| held.state.digest.clone()).unwrap_or_default()
    };
    assert!(error(&regions).starts_with("it cannot be read: "), "{}", error(&regions));
    assert!(!regions.look(0), "told once");

    std::fs::write(&path, city(1).finish()).expect("written");
    assert!(!regions.look(0), "it may still be written");
    assert!(regions.look(0));
    let first = digest(&regions);
    assert_eq!((first.len(), error(&regions)), (32, String::new()));
    let held = regions.shown[0].held.clone().expect("held");
    assert_eq!((held.state.kind, held.difference.added), (GeoKind::City, 5));
    assert!(!regions.look(0));

    for damaged in [&city(2).finish()[..500], b"", b"<html>"] {
        std::fs::write(&path, damaged).expect("written");
        while !regions.look(0) {}
        assert_eq!(digest(&regions), first);
        assert!(error(&regions).starts_with("not a sound database"), "{}", error(&regions));
        std::fs::write(&path, city(1).finish()).expect("written");
        while !regions.look(0) {}
        assert_eq!((digest(&regions), error(&regions)), (first.clone(), String::new()));
    }
    std::fs::write(
        &path,
        city(2).network("198.51.100.0/26", halftone_mmdb::Value::map([])).finish(),
    )
    .expect("written");
    while !regions.look(0) {}
    let held = regions.shown[0].held.clone().expect("held");
    assert_ne!(held.state.digest, first);
    assert_eq!((held.difference.changed, held.difference.same), (1, 4));
}

#[test]
fn one_database_of_each_kind() {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["a.mmdb", "b.mmdb", "c.mmdb"].map(|name| folder.path().join(name));
    for (path, writer) in paths.iter().zip([city(1), asn(1), city(2)]) {
        std::fs::write(path, writer.finish()).expect("written");
    }
    let (mut regions, _geo) = regions(&paths.each_ref().map(|path| path.as_path()));
    assert!((0..3).all(|at| regions.look(at)));
    let kinds = regions.shown.iter().map(|shown| shown.held.as_ref().map(|held| held.state.kind));
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, [Some(GeoKind::City), Some(GeoKind::Asn), None]);
    let error = regions.shown[2].error.clone().expect("a reason");
    assert!(
        error.starts_with("there is a city database already, from ") && error.ends_with("a.mmdb")
    );
}
