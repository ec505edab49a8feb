//! Where do bytes lie that belong to somebody: results of jobs, uploaded tables?
//!
//! ```text
//!  state folder
//!    lock              held by the one process that works here
//!    sidereus.db       the metadata database
//!    results/ID        results of jobs
//!    uploads/ID.N      tables that came with jobs
//!    spool/            of requests that are being answered; emptied at start
//! ```
//! A file is written in `spool` under a name of its own, put on disk, and only then given its name: what has a name is
//! whole. Names are made here, never by a client. This module knows no job and no protocol.

mod disk;
mod ledger;
mod object;
mod spill;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sidereus_engine::{DISK_FULL, ErrorKind, SpillSpace, is_disk_full};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) use disk::{Disk, LocalDisk};
pub(crate) use ledger::{Account, Charge, Ledger};
pub(crate) use object::{ObjectWriter, Written};

/// Why bytes cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The account is full.
    #[error(
        "{held} bytes are kept for you and {more} more would pass the limit of {most}: delete jobs that you do not need"
    )]
    Quota {
        /// Bytes on the account.
        held: u64,
        /// Bytes that were to be added.
        more: u64,
        /// The limit.
        most: u64,
    },
    /// The disk is nearly full.
    #[error(
        "the server's disk is nearly full ({free} bytes are free, {floor} are kept free): nothing more is written until there is room"
    )]
    DiskFull {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are left alone.
        floor: u64,
    },
    /// Another process works in the state folder.
    #[error("the state folder {} is in use by another sidereus: give this one a folder of its own (--state FOLDER)", .0.display())]
    InUse(PathBuf),
    /// The disk failed.
    #[error("{}", disk_failure(.0))]
    Io(#[from] io::Error),
}

impl StorageError {
    /// What a caller can do.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Quota { .. } => ErrorKind::LimitExceeded,
            Self::DiskFull { .. } => ErrorKind::Unavailable,
            Self::Io(error) if is_disk_full(error) => ErrorKind::Unavailable,
            Self::InUse(_) | Self::Io(_) => ErrorKind::Internal,
        }
    }
}

fn disk_failure(error: &io::Error) -> String {
    if is_disk_full(error) { DISK_FULL.to_owned() } else { format!("the server's disk failed: {error}") }
}

/// File work on a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let lost = |error: tokio::task::JoinError| StorageError::Io(io::Error::other(error.to_string()));
    tokio::task::spawn_blocking(work).await.map_err(lost)?
}

/// A shelf of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// Results of jobs.
    Results,
    /// Tables that came with jobs.
    Uploads,
}

impl Shelf {
    const fn folder(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Uploads => "uploads",
        }
    }
}

/// The state folder of one process.
#[derive(Debug)]
pub(crate) struct Storage {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    ledger: Arc<Ledger>,
    /// Held open, and with it the lock.
    _lock: File,
    /// Removed with this, where it is not to stay.
    _folder: Option<TempDir>,
}

/// What an operator allows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StorageLimits {
    /// Bytes of one account; 0 is unlimited.
    pub(crate) account_bytes: u64,
    /// Bytes of the disk that are left alone.
    pub(crate) free_bytes: u64,
}

impl Storage {
    /// Takes a state folder, which is made where it is not there, and empties its spool.
    ///
    /// *Errors*: another process holds it, or the disk fails.
    pub(crate) fn open(root: &Path, limits: StorageLimits) -> Result<Self, StorageError> {
        Self::open_on(Arc::new(LocalDisk), root, limits)
    }

    /// A state folder that goes with this.
    pub(crate) fn temporary(limits: StorageLimits) -> Result<Self, StorageError> {
        let folder = tempfile::Builder::new().prefix("sidereus-").tempdir()?;
        let opened = Self::open(folder.path(), limits)?;
        Ok(Self { _folder: Some(folder), ..opened })
    }

    fn open_on(disk: Arc<dyn Disk>, root: &Path, limits: StorageLimits) -> Result<Self, StorageError> {
        for folder in [Shelf::Results.folder(), Shelf::Uploads.folder(), "spool"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => StorageError::InUse(root.to_owned()),
            std::fs::TryLockError::Error(error) => error.into(),
        })?;
        let spool = root.join("spool");
        for name in disk.list(&spool)? {
            let path = spool.join(name);
            if path.is_dir() { std::fs::remove_dir_all(&path)? } else { disk.remove(&path)? }
        }
        let ledger = Ledger::new(Arc::clone(&disk), root.to_owned(), limits.account_bytes, limits.free_bytes);
        Ok(Self { root: root.to_owned(), disk, ledger, _lock: lock, _folder: None })
    }

    /// The metadata database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("sidereus.db")
    }

    /// Who keeps how much.
    pub(crate) const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The folder for files of requests that are being answered.
    pub(crate) fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Room in the spool for what the memory of one query does not hold, on an account.
    pub(crate) fn spill(&self, account: Account) -> Arc<dyn SpillSpace> {
        Arc::new(spill::Spill { folder: self.spool(), charge: Mutex::new(self.ledger.charge(account)) })
    }

    /// Begins a file on an account.
    pub(crate) fn write(&self, account: Account) -> Result<ObjectWriter, StorageError> {
        let path = self.spool().join(Uuid::new_v4().simple().to_string());
        ObjectWriter::create(Arc::clone(&self.disk), path, self.ledger.charge(account))
    }

    /// Gives a written file its name; it is there from now on, whatever happens.
    pub(crate) fn publish(&self, written: Written, shelf: Shelf, name: &str) -> Result<Charge, StorageError> {
        let folder = self.root.join(shelf.folder());
        let charge = written.rename(&folder.join(name))?;
        self.disk.sync_folder(&folder)?;
        Ok(charge)
    }

    /// Where a file lies.
    pub(crate) fn path(&self, shelf: Shelf, name: &str) -> PathBuf {
        self.root.join(shelf.folder()).join(name)
    }

    /// Takes a file away; one that is not there is fine.
    pub(crate) fn remove(&self, shelf: Shelf, name: &str) -> Result<(), StorageError> {
        Ok(self.disk.remove(&self.path(shelf, name))?)
    }

    /// Names of a shelf.
    pub(crate) fn names(&self, shelf: Shelf) -> Result<Vec<String>, StorageError> {
        Ok(self.disk.list(&self.root.join(shelf.folder()))?)
    }
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;
