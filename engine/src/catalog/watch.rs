//! Did something change below the roots? Told from names and times of a few entries, without reading a file.
//!
//! Looked at are the local roots down to the files that describe catalogs; data folders are not entered. A catalog that is
//! renamed into place, removed, or reached through a link that now leads elsewhere is noticed; so is a description that was
//! written again. Remote roots count as unchanged here, see `watch_remote`.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Levels below a root: schema, collection, catalog, its files.
const DEEPEST: usize = 4;
/// Entries that are looked at in a root; a root with more is watched in part.
const MOST_ENTRIES: usize = 100_000;

/// A number that is another one, all but certainly, once something changed below local roots.
///
/// *Cost*: one look at every entry down to the files of catalogs, data not included.
#[must_use]
pub fn roots_fingerprint(roots: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for root in roots {
        let path = root.strip_prefix("file://").unwrap_or(root);
        if !path.contains("://") {
            let mut left = MOST_ENTRIES;
            look(Path::new(path), DEEPEST, &mut left, &mut hasher);
        }
    }
    hasher.finish()
}

fn look(path: &Path, levels: usize, left: &mut usize, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let Ok(found) = fs::metadata(path) else { return };
    (found.ino(), found.len(), found.mtime(), found.mtime_nsec()).hash(hasher);
    let is_data = path.file_name().is_some_and(|name| name == "dataset");
    if !found.is_dir() || levels == 0 || is_data {
        return;
    }
    let mut entries: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let visible =
        |path: &&std::path::PathBuf| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."));
    for entry in entries.iter().filter(visible) {
        let Some(rest) = left.checked_sub(1) else { return };
        *left = rest;
        look(entry, levels - 1, left, hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_goes_or_is_led_elsewhere_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for version in ["v1", "v2"] {
            fs::create_dir_all(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("hats.properties"), version).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        let seen = || roots_fingerprint(&[root.display().to_string(), "s3://bucket".to_owned()]);
        let mut before = seen();
        assert_eq!(before, seen());
        let mut changed = |what: &str| {
            let now = seen();
            assert_ne!(std::mem::replace(&mut before, now), now, "{what}");
            assert_eq!(now, seen());
        };
        std::os::unix::fs::symlink(folder.path().join("v1"), root.join("stars")).unwrap();
        changed("published");
        std::os::unix::fs::symlink(folder.path().join("v2"), root.join("next")).unwrap();
        fs::rename(root.join("next"), root.join("stars")).unwrap();
        changed("led elsewhere");
        fs::write(folder.path().join("v2/hats.properties"), "longer").unwrap();
        changed("described anew");
        fs::remove_file(root.join("stars")).unwrap();
        changed("retired");
    }
}
