//! Which list answers, and what is left when some go.

use super::*;
use crate::table::fingerprint_of_id;

fn list(tenant: &str, name: &str, ids: &[&str], revision: u64) -> Arc<Archive<IdList>> {
    let mut prints: Vec<u64> = ids.iter().map(|id| fingerprint_of_id(7, id)).collect();
    prints.sort_unstable();
    let list = IdList { tenant: tenant.to_owned(), name: name.to_owned(), key: 7, prints };
    Arc::new(Archive::build(&list, revision).expect("a good list"))
}

#[test]
fn a_list_answers_for_its_tenant_alone() {
    let lists = IdLists::default()
        .with(list("shop", "staff", &["u7", "u8"], 1))
        .with(list("blog", "staff", &["u9"], 1))
        .with(list("shop", "beta", &[], 1));
    for (tenant, name, id, expected) in [
        ("shop", "staff", "u7", Some(true)),
        ("shop", "staff", "u9", Some(false)),
        ("blog", "staff", "u9", Some(true)),
        ("blog", "beta", "u9", None),
        ("shop", "beta", "u7", Some(false)),
        ("shop", "staf", "u7", None),
        ("shops", "taff", "u7", None),
    ] {
        assert_eq!(lists.contains(tenant, name, id), expected, "{tenant}/{name} {id}");
    }
    assert_eq!((lists.iter().count(), lists.ids()), (3, 3));
}

#[test]
fn a_newer_list_takes_the_place_of_the_older() {
    let before = IdLists::default().with(list("shop", "staff", &["u7"], 1));
    let after = before.with(list("shop", "staff", &["u8"], 2));
    assert_eq!(before.contains("shop", "staff", "u7"), Some(true), "a set is never changed");
    assert_eq!(after.contains("shop", "staff", "u7"), Some(false));
    assert_eq!(after.contains("shop", "staff", "u8"), Some(true));
    let state = after.find("shop", "staff").map(|list| ListState::of(list)).expect("there");
    assert_eq!((state.revision, state.ids), (2, 1));
    assert_eq!(after.only(&[state.name]).iter().count(), 1);
    assert_eq!(after.only(&[]).iter().count(), 0);
}
