//! Which tables did a client make, and how long do they stay?
//!
//! ```text
//!  publish(owner, name, mode, part) --> Table { files in one folder of the spool, their charge } --> queries, as mydb.name
//! ```
//! They belong to a user, or to the session or connection of somebody without a name; nobody else finds them. A table is there
//! from one moment to the next, whole, and what is put in its place or added makes a new one over the same files: a query
//! that began with the old goes on with it. Files go with the last query that reads them. They end an hour after their
//! owner last asked for anything, and with the process.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sidereus_engine::{OWN_SCHEMA, UploadedTable};
use tempfile::TempDir;
use tonic::Status;

use super::session::SessionKey;
use super::status::status;
use crate::storage::Charge;

/// Tables of one owner.
const MOST_TABLES: usize = 50;
/// Files of one table: rows that are added in smaller pieces are better sent at once.
const MOST_FILES: usize = 1000;
/// Time without use after which the tables of an owner end.
const IDLE: Duration = Duration::from_secs(3600);

/// What is to happen with a table (Flight SQL, `TableDefinitionOptions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    /// Where there is no such table, make it; else that is an error.
    pub(super) makes: bool,
    /// Where there is one.
    pub(super) meets: Meets,
}

/// What happens to a table that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meets {
    /// It is left as it is, and the call is an error.
    Fail,
    /// The new rows follow its own.
    Append,
    /// It makes room for the new one.
    Replace,
}

/// A folder of files of one table, and whose bytes they are.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: TempDir,
    charges: Mutex<Vec<Charge>>,
}

impl Folder {
    /// An empty folder.
    pub(super) fn new(path: TempDir) -> Self {
        Self { path, charges: Mutex::default() }
    }
}

/// A table as it is at one moment.
#[derive(Debug)]
pub(super) struct Table {
    /// What queries are given.
    pub(super) table: Arc<UploadedTable>,
    /// Told apart from every other by it.
    pub(super) number: u64,
    files: Vec<PathBuf>,
    folder: Arc<Folder>,
}

/// A file of new rows that belongs to no table yet; removed when it is dropped so.
#[derive(Debug)]
pub(super) struct Part {
    file: Option<PathBuf>,
    folder: Arc<Folder>,
    charge: Option<Charge>,
}

impl Part {
    /// A file in a folder.
    pub(super) fn new(file: PathBuf, folder: Arc<Folder>, charge: Charge) -> Self {
        Self { file: Some(file), folder, charge: Some(charge) }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && let Err(error) = std::fs::remove_file(file)
        {
            tracing::warn!(%error, "a file of a table that did not come to be cannot be removed");
        }
    }
}

/// The tables of all owners.
#[derive(Default)]
pub(super) struct OwnTables(Mutex<HashMap<SessionKey, Owner>>);

struct Owner {
    /// By name in lower case: no two differ in case only.
    tables: BTreeMap<String, Arc<Table>>,
    used: Instant,
}

impl std::fmt::Debug for OwnTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnTables").field("owners", &self.lock().len()).finish()
    }
}

impl OwnTables {
    /// The tables of an owner, by name.
    pub(super) fn of(&self, owner: SessionKey) -> Vec<Arc<Table>> {
        let mut owners = self.lock();
        let Some(found) = owners.get_mut(&owner) else { return Vec::new() };
        if found.used.elapsed() > IDLE {
            owners.remove(&owner);
            return Vec::new();
        }
        found.used = Instant::now();
        found.tables.values().cloned().collect()
    }

    /// The folder to which rows are added, or none where the table is to be made; refuses what [`Self::publish`] would.
    ///
    /// *Errors*: `ALREADY_EXISTS`, `NOT_FOUND`, and where there are too many.
    pub(super) fn folder(&self, owner: SessionKey, name: &str, mode: Mode) -> Result<Option<Arc<Folder>>, Status> {
        self.forget_idle();
        let owners = self.lock();
        let tables = owners.get(&owner).map(|owner| &owner.tables);
        let found = tables.and_then(|tables| tables.get(&name.to_ascii_lowercase()));
        check(name, found, tables.map_or(0, BTreeMap::len), mode)?;
        Ok(found.filter(|_| mode.meets == Meets::Append).map(|table| Arc::clone(&table.folder)))
    }

    /// Gives rows their table. Reads footers: call it where that may wait.
    ///
    /// *Errors*: as [`Self::folder`]; rows of other columns than those of the table; `ABORTED` where somebody else was faster.
    pub(super) fn publish(&self, owner: SessionKey, name: &str, mode: Mode, part: Part) -> Result<(), Status> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let mut part = part;
        let mut owners = self.lock();
        let tables = &mut owners.entry(owner).or_insert_with(Owner::new).tables;
        let key = name.to_ascii_lowercase();
        let found = tables.get(&key);
        check(name, found, tables.len(), mode)?;
        let before = found.filter(|_| mode.meets == Meets::Append);
        let is_of = |table: &Arc<Table>| Arc::ptr_eq(&table.folder, &part.folder);
        if before.is_some_and(|table| !is_of(table)) || (before.is_none() && part.is_shared()) {
            return Err(Status::aborted(format!(
                "table {name} was replaced while rows were added to it: send them again"
            )));
        }
        let mut files = before.map(|table| table.files.clone()).unwrap_or_default();
        let name = before.map_or(name, |table| table.table.name());
        files.extend(part.file.clone());
        let table = UploadedTable::of_files(name, &files).map_err(|error| status(&error))?;
        let table = Table {
            table: Arc::new(table),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            files,
            folder: Arc::clone(&part.folder),
        };
        part.settle();
        tables.insert(key, Arc::new(table));
        Ok(())
    }

    /// Ends the tables of an owner.
    pub(super) fn close(&self, owner: SessionKey) {
        self.lock().remove(&owner);
    }

    fn forget_idle(&self) {
        self.lock().retain(|_, owner| owner.used.elapsed() <= IDLE);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Owner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner {
    fn new() -> Self {
        Self { tables: BTreeMap::new(), used: Instant::now() }
    }
}

impl Part {
    /// Whether a table's files lie in its folder.
    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.folder) > 1
    }

    /// The file stays, on the account of the folder.
    fn settle(&mut self) {
        self.file = None;
        self.folder.charges.lock().unwrap_or_else(PoisonError::into_inner).extend(self.charge.take());
    }
}

/// Whether a table may be made or met.
fn check(name: &str, found: Option<&Arc<Table>>, tables: usize, mode: Mode) -> Result<(), Status> {
    match found {
        Some(_) if mode.meets == Meets::Fail => Err(Status::already_exists(format!(
            "there is a table {OWN_SCHEMA}.{name} already: append to it or replace it"
        ))),
        Some(table) if mode.meets == Meets::Append && table.files.len() >= MOST_FILES => {
            Err(Status::resource_exhausted(format!(
                "rows were added to {OWN_SCHEMA}.{name} {MOST_FILES} times, more is not possible: send more rows at once"
            )))
        }
        None if !mode.makes => Err(Status::not_found(format!("there is no table {OWN_SCHEMA}.{name} to add rows to"))),
        None if tables >= MOST_TABLES => Err(Status::resource_exhausted(format!(
            "you have {MOST_TABLES} tables, more are not possible: replace one, or leave them alone for an hour"
        ))),
        _ => Ok(()),
    }
}
