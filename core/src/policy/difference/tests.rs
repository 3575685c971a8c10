//! What two bundles have in common, and what they do not.

use super::*;
use crate::policy::drawn::{Chance, read};

#[test]
fn moved_routes_are_no_difference_and_changed_ones_are() {
    let text = Chance::new(5).bundle("shop");
    let before = read(&text);
    let mut after = read(&text);
    share(&before, &mut after);
    assert!(Difference::between(&before, &after).is_nothing());
    after.routes.rotate_left(3);
    share(&before, &mut after);
    assert!(Difference::between(&before, &after).is_nothing());
    let new = Arc::make_mut(&mut after.routes[4]);
    new.hostnames.push("new.example".to_owned());
    let name = new.name.clone();
    after.routes.remove(0);
    let difference = Difference::between(&before, &after);
    let names = |routes: &[&Arc<Route>]| -> Vec<String> {
        routes.iter().map(|route| route.name.clone()).collect()
    };
    assert_eq!(names(&difference.routes_after), [name]);
    assert_eq!(difference.routes_before.len(), 2);
    assert!(!difference.others && !difference.segments && difference.releases.is_empty());
}

#[test]
fn releases_differ_by_name() {
    let before = read(&Chance::new(5).bundle("shop"));
    let mut after = before.clone();
    Arc::make_mut(after.releases.get_mut("r1").expect("there")).disabled = true;
    let gone = after.releases.remove("r2").expect("there");
    after.releases.insert("r9".to_owned(), gone);
    let difference = Difference::between(&before, &after);
    let there: Vec<_> = difference
        .releases
        .iter()
        .map(|(name, (before, after))| (*name, before.is_some(), after.is_some()))
        .collect();
    assert_eq!(there, [("r1", true, true), ("r2", true, false), ("r9", false, true)]);
    assert!(difference.has_other_releases());
}
