//! Where are the catalogs that come with the program?
//!
//! A fresh clone keeps them in `testdata/catalogs`; an installation in `share/sidereus/catalogs` beside its `bin`. They are looked
//! for from the executable upwards, then in the source tree the program was built from, then from the working directory
//! upwards.

use std::path::{Path, PathBuf};

const IN_CLONE: &str = "testdata/catalogs";
const INSTALLED: &str = "share/sidereus/catalogs";
const SOURCE_TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The folder of bundled catalogs, where there is one.
pub(crate) fn bundled_catalogs() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok();
    let working = std::env::current_dir().ok();
    executable
        .as_deref()
        .and_then(above)
        .or_else(|| inside(Path::new(SOURCE_TREE)))
        .or_else(|| working.as_deref().and_then(above))
}

fn above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find_map(inside)
}

fn inside(folder: &Path) -> Option<PathBuf> {
    [IN_CLONE, INSTALLED].iter().map(|name| folder.join(name)).find(|path| path.is_dir())?.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogs_are_found_from_a_folder_below() {
        let root = tempfile::tempdir().unwrap();
        let catalogs = root.path().join(IN_CLONE);
        std::fs::create_dir_all(&catalogs).unwrap();
        std::fs::create_dir_all(root.path().join("target/debug")).unwrap();
        assert_eq!(above(&root.path().join("target/debug/sidereus")), Some(catalogs.canonicalize().unwrap()));
        assert_eq!(inside(&root.path().join("target")), None);
    }
}
