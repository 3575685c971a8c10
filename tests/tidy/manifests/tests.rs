//! Manifests with and without the workspace's lints.

use super::*;

#[test]
fn lints_are_taken_only_in_their_own_table() {
    let check =
        |manifest: &str, taken: bool| assert_eq!(takes_lints(manifest), taken, "{manifest}");
    check("[package]\n\n[lints]\nworkspace = true\n", true);
    check("[lints] # all of them\n# why\nworkspace=true # yes\n[features]\n", true);
    check("[package]\nname = \"x\"\n", false);
    check("[lints]\n", false);
    check("[lints]\nworkspace = false\n", false);
    check("[lints]\n# workspace = true\n", false);
    check("[lints]\n[dependencies.x]\nworkspace = true\n", false);
    check("[dependencies.x]\nworkspace = true\n[lints]\n", false);
    check("[lints.rust]\nunsafe_code = \"deny\"\n", false);
}
