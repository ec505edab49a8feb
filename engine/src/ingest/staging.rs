//! How does a catalog appear whole or not at all?
//!
//! It is written into a hidden sibling of its target and renamed when all of it is on disk. An abandoned one is
//! removed when its owner is dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::{bad_input, failed, target_exists};
use crate::error::EngineError;

/// A folder that will become the target.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    target: PathBuf,
    published: bool,
    keep: bool,
}

impl Staging {
    /// Makes an empty folder beside the target.
    ///
    /// *Errors*: the target exists, or its parent cannot be written.
    pub(super) fn create(target: &Path) -> Result<Self, EngineError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let Some(name) = target.file_name().and_then(|name| name.to_str()) else {
            return Err(bad_input(format!("{} names no folder for a catalog", target.display())));
        };
        if target.symlink_metadata().is_ok() {
            return Err(target_exists(target));
        }
        let parent = parent(target);
        fs::create_dir_all(parent).map_err(failed(target, "make its parent folder"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!(".{name}.partial-{}-{number}", std::process::id()));
        fs::create_dir(&folder).map_err(failed(target, "make a folder beside it"))?;
        Ok(Self { folder, target: target.to_owned(), published: false, keep: false })
    }

    /// Goes on with a folder on the target's file system, which stays where it is if it does not become the target. Folders in it
    /// stay; its files, which are written last, and what is hidden, which was not finished, are removed.
    ///
    /// *Errors*: the target exists, or the folder cannot be made.
    pub(super) fn resume(target: &Path, folder: PathBuf) -> Result<Self, EngineError> {
        if target.symlink_metadata().is_ok() {
            return Err(target_exists(target));
        }
        // Its name must last when what it was made from is removed.
        let made = fs::create_dir_all(parent(target))
            .and_then(|()| fs::create_dir_all(&folder))
            .and_then(|()| File::open(parent(&folder))?.sync_all())
            .and_then(|()| keep_folders(&folder));
        made.map_err(failed(target, "make a folder beside it"))?;
        Ok(Self { folder, target: target.to_owned(), published: false, keep: true })
    }

    /// Where the catalog will be, for messages.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// The folder as long as it is hidden.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path below the folder, given with `/`; its parent is made.
    pub(super) fn path(&self, relative: &str) -> Result<PathBuf, EngineError> {
        let path = self.folder.join(relative);
        fs::create_dir_all(parent(&path)).map_err(failed(&self.target, "make a folder in it"))?;
        Ok(path)
    }

    /// Writes a small file and waits until it is on disk.
    pub(super) fn write(&self, relative: &str, content: &[u8]) -> Result<(), EngineError> {
        let path = self.path(relative)?;
        let written = fs::write(&path, content).and_then(|()| File::open(&path)?.sync_all());
        written.map_err(failed(&self.target, &format!("write {relative}")))
    }

    /// Bytes of all files.
    pub(super) fn size(&self) -> Result<u64, EngineError> {
        size_below(&self.folder).map_err(failed(&self.target, "measure its files"))
    }

    /// Renames the folder to the target.
    pub(super) fn publish(mut self) -> Result<(), EngineError> {
        sync_folders(&self.folder).map_err(failed(&self.target, "bring it to disk"))?;
        if self.target.symlink_metadata().is_ok() {
            return Err(target_exists(&self.target));
        }
        fs::rename(&self.folder, &self.target).map_err(failed(&self.target, "move it into place"))?;
        self.published = true;
        File::open(parent(&self.target))
            .and_then(|parent| parent.sync_all())
            .map_err(failed(&self.target, "bring its name to disk"))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published
            && !self.keep
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "an abandoned catalog could not be removed");
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn keep_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
        } else if entry.file_name().as_encoded_bytes().starts_with(b".") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn size_below(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}
