//! What does a disk promise?
//!
//! The few operations that files are kept with, each with what it leaves undone: data is on disk after [`DiskFile::sync`],
//! a name after [`Disk::sync_folder`] of its folder, and neither before. [`LocalDisk`] is the machine's; tests have one that
//! forgets, in any order, what was not promised.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Operations on files. Names are absolute paths.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Makes a new, empty file.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in the place of whatever had it. All or nothing, but on disk only after
    /// [`sync_folder`](Self::sync_folder).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away; one that is not there is fine.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Puts the names of a folder on disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Names in a folder, in any order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Bytes that can still be written below a folder.
    fn free(&self, folder: &Path) -> io::Result<u64>;
}

/// A file that is being written.
pub(crate) trait DiskFile: Write + Send {
    /// Puts what was written on disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// The machine's own disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::options().write(true).create_new(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}
