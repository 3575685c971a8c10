//! A walk over a folder of a test's own.

use super::*;

#[test]
fn a_walk_lists_files_and_skips_what_was_built() {
    let root = std::env::temp_dir().join(format!("halftone-tidy-{}", std::process::id()));
    for file in
        ["a/b/c.rs", "a/z.rs", "a/target/debug/x.rs", "a/.git/HEAD", "a/targets/t.rs", "b.rs"]
    {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, "").expect("a file");
    }
    let (below, all, none) = (walk(&root, "a"), walk(&root, ""), walk(&root, "none"));
    fs::remove_dir_all(&root).expect("the folder is ours to remove");
    assert_eq!(below, ["a/b/c.rs", "a/targets/t.rs", "a/z.rs"]);
    assert_eq!(all, ["a/b/c.rs", "a/targets/t.rs", "a/z.rs", "b.rs"]);
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn the_repository_lists_itself() {
    let rust: Vec<String> = rust_files().into_iter().map(|(path, _)| path).collect();
    for path in ["src/main.rs", "core/src/lib.rs", "tests/tidy/repository.rs"] {
        assert!(rust.iter().any(|known| known == path), "{path} is missing in {rust:?}");
    }
    let text = tracked_text_files();
    assert!(text.iter().any(|(path, _)| path == "Cargo.toml"), "{} files", text.len());
}
