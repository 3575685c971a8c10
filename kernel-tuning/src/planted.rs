//! A tree of files that a test plants and reads as if it were the machine.
//!
//! Invariant: the tree is gone when its owner is.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Root;

/// A file-system root of a test's own.
pub(crate) struct Planted {
    path: PathBuf,
}

impl Planted {
    /// Plants files, as pairs of path and content, under a new directory.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("halftone-kernel-tuning-{}-{number}", std::process::id());
        let planted = Self { path: std::env::temp_dir().join(name) };
        fs::create_dir(&planted.path).expect("a new directory for the planted tree");
        for (path, content) in files {
            planted.plant(path, content.as_bytes());
        }
        planted
    }

    /// Plants one more file.
    pub(crate) fn plant(&self, path: &str, content: &[u8]) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("a planted file has a directory"))
            .expect("directories of a planted file");
        fs::write(path, content).expect("a planted file");
    }

    /// The root to read under.
    pub(crate) fn root(&self) -> Root {
        Root::new(&self.path)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        // A tree left behind in the directory for temporary files harms no other test.
        let _ = fs::remove_dir_all(&self.path);
    }
}
