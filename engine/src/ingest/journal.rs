//! How does an import that was interrupted go on?
//!
//! Its scratch folder beside the target has a journal, one line a finished step, each brought to disk after the files
//! that it tells of, and emptied before any of them is removed. The same command takes up from the last line; another one
//! begins again. While a process holds the journal, no other can.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::failure::{bad_input, failed};
use crate::error::EngineError;

/// The file of the journal.
const JOURNAL: &str = "journal";

/// A run of sorted rows that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct RunEntry {
    /// Source at which reading goes on.
    pub(super) source: usize,
    /// Chunks of it that were read.
    pub(super) chunk: usize,
    /// Rows that were read so far, rejected ones too.
    pub(super) read: u64,
    /// Bytes of the file of rejects.
    pub(super) reject_bytes: u64,
    /// Rows in it.
    pub(super) rejects: u64,
    /// Rows so far that came with another key.
    pub(super) rekeyed: u64,
}

/// What is finished.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Runs, in order.
    pub(super) runs: Vec<RunEntry>,
    /// Order, number and rows of partitions.
    pub(super) partitions: Vec<(u8, u64, u64)>,
    /// Rejected rows, and rows with another key, of a catalog of which nothing but its description can be missing.
    pub(super) catalog: (u64, u64),
}

/// The journal of a scratch folder.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    file: File,
    has_entries: bool,
}

impl Journal {
    /// Opens or makes the scratch folder of a command; tells what of it is done.
    ///
    /// *Errors*: another process imports to the same target; the folder cannot be written.
    pub(super) fn open(folder: &Path, command: &str) -> Result<(Self, Done), EngineError> {
        let journal = folder.join(JOURNAL);
        fs::create_dir_all(folder).map_err(failed(folder, "make a folder for scratch files"))?;
        let file = OpenOptions::new().create(true).read(true).append(true).open(&journal);
        let mut file = file.map_err(failed(folder, "open its journal"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(bad_input(format!("another import writes to {}", folder.display())));
            }
            Err(TryLockError::Error(error)) => return Err(failed(folder, "lock its journal")(error)),
        }
        let mut text = String::new();
        let read = file.read_to_string(&mut text);
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = text[..whole].lines();
        let done = match lines.next() {
            Some(first) if read.is_ok() && first == command => lines.map_while(entry).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let mut journal = Self { folder: folder.to_owned(), file, has_entries: !done.is_empty() };
        if done.is_empty() {
            journal.restart(command).map_err(failed(folder, "begin its journal"))?;
        } else {
            journal.file.set_len(whole as u64).map_err(failed(folder, "repair its journal"))?;
        }
        let mut all = Done::default();
        for entry in done {
            match entry {
                Entry::Run(run) => all.runs.push(run),
                Entry::Partition(partition) => all.partitions.push(partition),
                Entry::Catalog(rows) => all.catalog = rows,
            }
        }
        Ok((journal, all))
    }

    /// Removes a scratch folder that nobody holds, if there is one; also what is left of one whose removal was cut short.
    pub(super) fn sweep(folder: &Path) -> io::Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        let journal = match OpenOptions::new().write(true).open(folder.join(JOURNAL)) {
            Ok(journal) => journal,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::remove_dir_all(folder),
            Err(error) => return Err(error),
        };
        match journal.try_lock() {
            Ok(()) => empty(&journal).and_then(|()| fs::remove_dir_all(folder)),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Removes all files and folders of the scratch folder but the journal and some.
    pub(super) fn clear_but(&self, kept: &[&str]) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name == JOURNAL || kept.contains(&name)) {
                continue;
            }
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
        Ok(())
    }

    /// Forgets everything and removes all other files.
    pub(super) fn restart(&mut self, command: &str) -> io::Result<()> {
        empty(&self.file)?;
        self.has_entries = false;
        self.clear_but(&[])?;
        self.write(command)
    }

    /// Writes a line and waits until it is on disk.
    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }

    /// A run is on disk.
    pub(super) fn add_run(&mut self, run: &RunEntry) -> io::Result<()> {
        let RunEntry { source, chunk, read, reject_bytes, rejects, rekeyed } = run;
        self.has_entries = true;
        self.write(&format!("run {source} {chunk} {read} {reject_bytes} {rejects} {rekeyed}"))
    }

    /// A partition is on disk.
    pub(super) fn add_partition(&mut self, (order, npix, rows): (u8, u64, u64)) -> io::Result<()> {
        self.has_entries = true;
        self.write(&format!("partition {order} {npix} {rows}"))
    }

    /// All rows are in partitions; so many were rejected, and so many came with another key.
    pub(super) fn add_catalog(&mut self, (rejects, rekeyed): (u64, u64)) -> io::Result<()> {
        self.has_entries = true;
        self.write(&format!("catalog {rejects} {rekeyed}"))
    }

    /// Whether there is anything to go on with.
    pub(super) fn has_entries(&self) -> bool {
        self.has_entries
    }

    /// A file or folder of the scratch folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Removes the scratch folder.
    pub(super) fn remove(self) -> io::Result<()> {
        empty(&self.file)?;
        fs::remove_dir_all(&self.folder)
    }
}

/// Makes a journal tell of nothing: what is removed in part is not to be taken for finished.
fn empty(journal: &File) -> io::Result<()> {
    journal.set_len(0)?;
    journal.sync_data()
}

enum Entry {
    Run(RunEntry),
    Partition((u8, u64, u64)),
    Catalog((u64, u64)),
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let kind = words.next()?;
    let numbers: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    match (kind, numbers.as_slice()) {
        ("run", [source, chunk, read, reject_bytes, rejects, rekeyed]) => Some(Entry::Run(RunEntry {
            source: usize::try_from(*source).ok()?,
            chunk: usize::try_from(*chunk).ok()?,
            read: *read,
            reject_bytes: *reject_bytes,
            rejects: *rejects,
            rekeyed: *rekeyed,
        })),
        ("partition", [order, npix, rows]) => Some(Entry::Partition((u8::try_from(*order).ok()?, *npix, *rows))),
        ("catalog", [rejects, rekeyed]) => Some(Entry::Catalog((*rejects, *rekeyed))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_command_goes_on_and_another_begins_again() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("scratch");
        let (mut journal, done) = Journal::open(&folder, "a").unwrap();
        assert_eq!(done, Done::default());
        let run = RunEntry { source: 1, chunk: 2, read: 3, reject_bytes: 4, rejects: 5, rekeyed: 6 };
        journal.add_run(&run).unwrap();
        journal.add_partition((1, 47, 9)).unwrap();
        journal.add_catalog((7, 8)).unwrap();
        fs::write(journal.path("run-0"), "x").unwrap();
        assert!(Journal::open(&folder, "a").unwrap_err().to_string().contains("another import"));
        drop(journal);
        let torn =
            OpenOptions::new().append(true).open(folder.join("journal")).unwrap().write(b"partition 1 4").unwrap();
        assert_eq!(torn, 13);
        let (journal, done) = Journal::open(&folder, "a").unwrap();
        assert_eq!(done, Done { runs: vec![run], partitions: vec![(1, 47, 9)], catalog: (7, 8) });
        assert!(journal.path("run-0").exists());
        drop(journal);
        let (journal, done) = Journal::open(&folder, "b").unwrap();
        assert_eq!(done, Done::default());
        assert!(!journal.path("run-0").exists());
    }

    #[test]
    fn sweeping_spares_a_running_import_and_ends_a_removal_that_was_cut_short() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("scratch");
        Journal::sweep(&folder).unwrap();
        let (journal, _) = Journal::open(&folder, "a").unwrap();
        fs::write(journal.path("run-0"), "x").unwrap();
        Journal::sweep(&folder).unwrap();
        assert!(journal.path("run-0").exists());
        fs::remove_file(folder.join("journal")).unwrap();
        drop(journal);
        Journal::sweep(&folder).unwrap();
        assert!(!folder.exists());
    }
}
