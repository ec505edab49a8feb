//! How does a file come to be, whole or not at all?
//!
//! ```text
//!  ObjectWriter --write--> ... --finish--> Written --rename--> a name
//!  (charged before it is written)   (on disk)
//! ```
//! Dropped on the way, nothing of it stays.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::StorageError;
use super::disk::{Disk, DiskFile};
use super::ledger::Charge;

/// Bytes that are charged at a time.
const STEP: u64 = 1 << 20;

/// A file that is being written.
pub(crate) struct ObjectWriter {
    file: Box<dyn DiskFile>,
    name: SpoolName,
    charge: Charge,
    bytes: u64,
    digest: Sha256,
}

/// A file that is whole and on disk, and has no name yet.
#[derive(Debug)]
pub(crate) struct Written {
    name: SpoolName,
    charge: Charge,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub(crate) digest: String,
}

/// A file in the spool, removed when dropped unless it was renamed.
#[derive(Debug)]
struct SpoolName {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    is_renamed: bool,
}

impl std::fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectWriter").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl ObjectWriter {
    pub(super) fn create(disk: Arc<dyn Disk>, path: PathBuf, charge: Charge) -> Result<Self, StorageError> {
        let file = disk.create(&path)?;
        let name = SpoolName { disk, path, is_renamed: false };
        Ok(Self { file, name, charge, bytes: 0, digest: Sha256::new() })
    }

    /// Appends bytes.
    ///
    /// *Errors*: the account's limit, the disk's floor, the disk.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let length = self.bytes + bytes.len() as u64;
        if length > self.charge.bytes() {
            let missing = length - self.charge.bytes();
            // Near the limit the last step is as small as it must be.
            self.charge.grow(missing.max(STEP)).or_else(|_| self.charge.grow(missing))?;
        }
        self.file.write_all(bytes)?;
        crate::failpoints::reach("object-write");
        self.digest.update(bytes);
        self.bytes = length;
        Ok(())
    }

    /// Puts the file on disk.
    pub(crate) fn finish(mut self) -> Result<Written, StorageError> {
        self.file.sync()?;
        let surplus = self.charge.bytes() - self.bytes;
        self.charge.shrink(surplus);
        let digest = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Written { name: self.name, charge: self.charge, bytes: self.bytes, digest })
    }
}

impl Written {
    /// Where it lies until it is renamed or dropped.
    pub(crate) fn path(&self) -> &Path {
        &self.name.path
    }

    pub(super) fn rename(mut self, to: &Path) -> io::Result<Charge> {
        self.name.disk.rename(&self.name.path, to)?;
        self.name.is_renamed = true;
        Ok(self.charge)
    }
}

impl Drop for SpoolName {
    fn drop(&mut self) {
        if !self.is_renamed
            && let Err(error) = self.disk.remove(&self.path)
        {
            tracing::warn!(%error, "a file of the spool cannot be removed");
        }
    }
}
