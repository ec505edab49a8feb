//! Where do rows go that cannot be taken, and how many are too many?
//!
//! Into a CSV file: source, place (line of a text, row of another table, from 1), column, reason, text.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::failure::bad_input;
use crate::error::EngineError;
use crate::tables::Reject;

/// Without a limit of the user: one row of so many.
const PART: u64 = 100;
/// The first line.
const HEAD: [&str; 5] = ["source", "place", "column", "reason", "text"];
/// Rows that are no sample yet.
const FEW: u64 = 1_000;

/// The file of rejected rows.
pub(super) struct RejectFile {
    path: PathBuf,
    file: BufWriter<File>,
    /// Rows in it.
    pub(super) count: u64,
    first: Option<String>,
}

impl RejectFile {
    /// Opens the file, cut to its first bytes, which hold so many rows.
    pub(super) fn open(path: &Path, (bytes, count): (u64, u64)) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(path)?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        let mut rejects = Self { path: path.to_owned(), file: BufWriter::new(file), count, first: None };
        if bytes == 0 {
            rejects.write(HEAD)?;
        }
        Ok(rejects)
    }

    /// Appends rows of a source.
    pub(super) fn add(&mut self, source: &str, rejects: &[Reject]) -> io::Result<()> {
        for Reject { place, column, reason, text } in rejects {
            self.first.get_or_insert_with(|| {
                format!("{source}, row or line {place}, column {column:?}: {reason}, found {text:?}")
            });
            self.write([source, &place.to_string(), column, reason, text])?;
            self.count += 1;
        }
        Ok(())
    }

    fn write(&mut self, cells: [&str; 5]) -> io::Result<()> {
        let mut line = csv::Writer::from_writer(Vec::new());
        line.write_record(cells)?;
        let line = line.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.file.write_all(&line)
    }

    /// Brings all to disk; tells how many bytes that are.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        self.file.flush()?;
        self.file.get_ref().sync_data()?;
        self.file.get_mut().stream_position()
    }

    /// Puts the file where people find it; where no row was rejected, one of an earlier import is removed.
    pub(super) fn publish(&mut self, target: &Path) -> io::Result<()> {
        self.sync()?;
        if self.count == 0 {
            let mut first = vec![0; HEAD.join(",").len()];
            let is_ours = File::open(target).and_then(|mut file| file.read_exact(&mut first)).is_ok()
                && first == HEAD.join(",").as_bytes();
            return if is_ours { std::fs::remove_file(target) } else { Ok(()) };
        }
        std::fs::copy(&self.path, target).map(drop)
    }

    /// Judges the number of rejected rows of all that were read.
    ///
    /// *Errors*: too many; the message has the first.
    pub(super) fn check(&self, read: u64, limit: Option<u64>, at_end: bool) -> Result<(), EngineError> {
        let is_too_many = match limit {
            Some(limit) => self.count > limit,
            None if at_end => self.count > (read / PART).max(1),
            None => read >= FEW && self.count > read / 2,
        };
        if !is_too_many {
            return Ok(());
        }
        let limit = limit.map_or_else(|| format!("1 in {PART}"), |limit| limit.to_string());
        let first = self.first.as_deref().unwrap_or_default();
        let message =
            format!("{} of the {read} rows read cannot be taken, more than {limit}; the first: {first}", self.count);
        Err(bad_input(message))
    }
}
