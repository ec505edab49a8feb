//! From rows in memory, or table files, to a catalog in one call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use rayon::prelude::*;
use sidereus_sky::Order;

use super::collection::{CollectionOptions, complete};
use super::columns::{ColumnPlan, ColumnRule, Wanted};
use super::failure::{bad_input, failed, target_exists};
use super::finished::FinishedCatalog;
use super::id_index::find_column;
use super::journal::{Done, Journal};
use super::keys::{keyed_schema, with_keys};
use super::options::WriteOptions;
use super::partition::{PartitionRows, partition_sky};
use super::plain::PlainWriter;
use super::progress::ImportProgress;
use super::reading::{ReadOutcome, Reading};
use super::rejects::RejectFile;
use super::runs::Run;
use super::sorted::SortedRows;
use super::sources::{Source, expand};
use super::staging::Staging;
use super::writer::{CatalogWriter, WrittenCatalog};
use crate::error::{EngineError, ErrorKind};
use crate::tables::{ReadOptions, TableFormat, open_table};

/// Cells of this order are less than an arcsecond wide.
const DEEPEST_PARTITION: u8 = 18;

/// Writes rows as a HATS catalog at a path that must not exist yet.
///
/// *Cost*: 16 bytes a row beside the rows themselves; all threads. Blocks: not for a thread of an async runtime.
/// *Errors*: no rows; rows without a place on the sky (how many, and the first); a target that exists; file errors.
pub fn write_catalog(
    batches: &[RecordBatch],
    options: &WriteOptions,
    target: &Path,
) -> Result<WrittenCatalog, EngineError> {
    let max_order = max_order(options)?;
    let keyed = with_keys(batches, &options.positions)?;
    let catalog = CatalogWriter::create(target, keyed.batches[0].schema(), options.clone())?;
    let rows = SortedRows::in_memory(keyed.batches);
    cut(&rows, options.rows_per_partition, max_order)?.par_iter().try_for_each(|partition| {
        let mut writer = catalog.partition(partition.cell);
        let keys = partition.cell.range29();
        rows.write(keys.start..keys.end, &mut writer, usize::MAX)?;
        writer.finish().map(drop)
    })?;
    Ok(WrittenCatalog { rekeyed: keyed.rekeyed, ..catalog.finish()? })
}

fn max_order(options: &WriteOptions) -> Result<Order, EngineError> {
    if options.rows_per_partition == 0 {
        return Err(bad_input("rows_per_partition is 0, expected at least 1"));
    }
    let max_order = Order::new(options.max_order).ok().filter(|order| order.get() <= DEEPEST_PARTITION);
    max_order
        .ok_or_else(|| bad_input(format!("max_order is {}, expected at most {DEEPEST_PARTITION}", options.max_order)))
}

fn cut(rows: &SortedRows, threshold: usize, max_order: Order) -> Result<Vec<PartitionRows>, EngineError> {
    let failure = RefCell::new(None);
    let rows_before = |key| {
        rows.rows_before(key).unwrap_or_else(|error| {
            failure.borrow_mut().get_or_insert(error);
            0
        })
    };
    let partitions = partition_sky(rows_before, threshold, max_order);
    match failure.into_inner() {
        Some(error) => Err(bad_input(format!("the scratch files cannot be read: {error}"))),
        None => Ok(partitions),
    }
}

/// Folder of the scratch folder where the members of a collection are made.
const MEMBERS: &str = "collection";
/// File of the scratch folder with the types that guesses grew to.
const WIDENED: &str = "widened";

/// How table files are to be imported.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// How the catalog is to be written; its position columns are those found here.
    pub write: WriteOptions,
    /// How the files are to be read.
    pub read: ReadOptions,
    /// Column of right ascensions, by its name before or after; without it the one that its UCD or name tells.
    pub ra: Option<String>,
    /// Column of declinations.
    pub dec: Option<String>,
    /// What is to be done with single columns.
    pub rules: Vec<ColumnRule>,
    /// Columns to keep; all without it. Position columns are always kept.
    pub columns: Option<Vec<String>>,
    /// What to make beside the catalog; without it the catalog alone.
    pub collection: Option<CollectionOptions>,
    /// Write one Parquet file, rows as they come, without positions, key or partitions.
    pub plain: bool,
    /// Bytes of rows that are held in memory, about; more go to scratch files beside the target.
    pub memory: usize,
    /// File of rejected rows; beside the target without it.
    pub rejects: Option<PathBuf>,
    /// Most rejected rows; one in a hundred without it.
    pub max_rejects: Option<u64>,
}

impl ImportOptions {
    /// Everything as it comes, 1 GiB of memory.
    #[must_use]
    pub fn new(write: WriteOptions) -> Self {
        Self {
            write,
            read: ReadOptions::default(),
            ra: None,
            dec: None,
            rules: Vec::new(),
            columns: None,
            collection: None,
            plain: false,
            memory: 1 << 30,
            rejects: None,
            max_rejects: None,
        }
    }
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedCatalog {
    /// The catalog.
    pub catalog: WrittenCatalog,
    /// Rows that were rejected.
    pub rejects: u64,
    /// The file that has them, where there are any.
    pub reject_file: Option<PathBuf>,
    /// Runs and partitions that were taken over from an interrupted import.
    pub resumed: (usize, usize),
    /// What else people should know.
    pub notes: Vec<String>,
}

/// Imports table files, patterns of files and URLs as a HATS catalog, or as a collection with margins and indexes; field
/// metadata (units, UCDs, descriptions) is kept.
///
/// What an interrupted import with the same sources and options finished is taken over; notes name what was whole.
///
/// *Cost*: memory as the options say, and some chunks; scratch files as large as the rows where these do not fit.
/// Blocks: not for a thread of an async runtime.
/// *Errors*: a file that cannot be read; columns that do not fit; too many rejected rows; a target that exists; a name,
/// column or width that cannot be in a collection.
pub fn import_tables(
    sources: &[String],
    options: &ImportOptions,
    target: &Path,
    progress: &ImportProgress,
) -> Result<ImportedCatalog, EngineError> {
    max_order(&options.write)?;
    if let Some(collection) = &options.collection {
        collection.check(&options.write.name)?;
        if options.plain {
            return Err(bad_input("a table without positions has neither margins nor indexes"));
        }
    }
    let sources = expand(sources)?;
    let name = target.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| bad_input(format!("{} names no folder for a catalog", target.display())))?;
    let scratch = target.with_file_name(format!(".{name}.import"));
    if target.symlink_metadata().is_ok() {
        // It may have ended between the last two steps of the import that made it.
        Journal::sweep(&scratch).map_err(failed(&scratch, "remove scratch files"))?;
        return Err(target_exists(target));
    }
    let command = command(&sources, options);
    let (journal, done) = Journal::open(&scratch, &command)?;
    let sizes: Option<u64> = sources.iter().map(Source::size).sum();
    progress.bytes.store(sizes.unwrap_or(0), Ordering::Relaxed);
    let mut import = Import { sources, options, target, progress, journal, command };
    let imported = import.run(done);
    match &imported {
        // What is right but could not be finished can go on.
        Err(error) if error.kind() != ErrorKind::BadQuery && import.journal.has_entries() => {}
        _ => {
            let folder = import.journal.path("");
            import.journal.remove().map_err(failed(&folder, "remove scratch files"))?;
        }
    }
    imported
}

/// Imports one Parquet file, all of its rows.
///
/// *Errors*: as [`import_tables`]; any row that cannot be taken.
pub fn import_parquet(source: &Path, options: &WriteOptions, target: &Path) -> Result<WrittenCatalog, EngineError> {
    let import = ImportOptions {
        read: ReadOptions { format: Some(TableFormat::Parquet), ..ReadOptions::default() },
        ra: Some(options.positions.ra.clone()),
        dec: Some(options.positions.dec.clone()),
        max_rejects: Some(0),
        ..ImportOptions::new(options.clone())
    };
    let sources = [source.display().to_string()];
    Ok(import_tables(&sources, &import, target, &ImportProgress::default())?.catalog)
}

/// Two commands with the same text read the same rows and write the same catalog.
fn command(sources: &[Source], options: &ImportOptions) -> String {
    let mut hasher = DefaultHasher::new();
    for source in sources {
        source.state().hash(&mut hasher);
    }
    let ImportOptions { write, read, ra, dec, rules, columns, collection, plain, memory, rejects, max_rejects } =
        options;
    let ReadOptions { format, types, nulls, table, readme, .. } = read;
    format!(
        "{write:?} {ra:?} {dec:?} {rules:?} {columns:?} {collection:?} {plain} {memory} {rejects:?} {max_rejects:?}"
    )
    .hash(&mut hasher);
    format!("{format:?} {types:?} {nulls:?} {table:?} {readme:?}").hash(&mut hasher);
    format!("sidereus import {} {:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

struct Import<'a> {
    sources: Vec<Source>,
    options: &'a ImportOptions,
    target: &'a Path,
    progress: &'a ImportProgress,
    journal: Journal,
    command: String,
}

impl Import<'_> {
    fn run(&mut self, mut done: Done) -> Result<ImportedCatalog, EngineError> {
        if self.options.plain {
            done = Done::default();
        }
        let mut widened = self.widened();
        loop {
            let read = ReadOptions {
                widened: widened.clone(),
                bytes_read: Arc::clone(&self.progress.bytes_read),
                ..self.options.read.clone()
            };
            let attempt = if self.options.plain {
                self.attempt_plain(&read)?
            } else {
                self.attempt(read, &std::mem::take(&mut done))?
            };
            match attempt {
                Attempt::Done(imported) => {
                    return match &self.options.collection {
                        Some(collection) => self.collect(*imported, collection),
                        None => Ok(*imported),
                    };
                }
                Attempt::Widen(more) => {
                    // Each time a type grows, of which there are few.
                    widened.extend(more);
                    self.begin_again(&widened)?;
                }
            }
        }
    }

    /// Types that an interrupted import found to be needed.
    fn widened(&self) -> BTreeMap<String, DataType> {
        let text = fs::read_to_string(self.journal.path(WIDENED)).unwrap_or_default();
        let kinds = [DataType::Boolean, DataType::Int64, DataType::Float64, DataType::Utf8];
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        let known = pairs.filter_map(|(kind, name)| {
            let kind = kinds.iter().find(|known| known.to_string() == kind)?;
            Some((name.to_owned(), kind.clone()))
        });
        known.collect()
    }

    fn begin_again(&mut self, widened: &BTreeMap<String, DataType>) -> Result<(), EngineError> {
        let text: String = widened.iter().map(|(name, kind)| format!("{kind} {name}\n")).collect();
        let path = self.journal.path(WIDENED);
        let written = self.journal.restart(&self.command).and_then(|()| fs::write(&path, text));
        for figure in [&self.progress.bytes_read, &self.progress.rows, &self.progress.rejects]
            as [&std::sync::atomic::AtomicU64; 3]
        {
            figure.store(0, Ordering::Relaxed);
        }
        written.map_err(failed(&path, "begin again with wider types"))
    }

    fn attempt(&mut self, read: ReadOptions, done: &Done) -> Result<Attempt, EngineError> {
        let plan = plan(&self.sources, self.options, &read)?;
        let schema = keyed_schema(&plan.schema);
        let place = self.place();
        if let Some(collection) = &self.options.collection {
            collection.indexes.iter().try_for_each(|column| find_column(&schema, column).map(drop))?;
            if place.is_dir() {
                return self.finished(&place, done, plan.notes);
            }
        }
        let write = WriteOptions { positions: plan.positions.clone(), ..self.options.write.clone() };
        let staging = self.journal.path("catalog");
        let catalog = CatalogWriter::create_in(|| Staging::resume(&place, staging), Arc::clone(&schema), write)?;
        let state = done.runs.last().copied().unwrap_or_default();
        let reject_path = self.journal.path("rejects");
        let rejects = RejectFile::open(&reject_path, (state.reject_bytes, state.rejects));
        let mut rejects = rejects.map_err(failed(&reject_path, "open the file of rejected rows"))?;
        let runs = (0..done.runs.len()).map(|number| Run::open(&self.journal.path(&format!("run-{number}"))));
        let runs: Vec<Run> =
            runs.collect::<Result<_, _>>().map_err(failed(self.target, "go on with its scratch files"))?;
        let resumed = runs.len();
        let held_rows: usize = runs.iter().map(Run::len).sum();
        self.progress.rows.store(held_rows as u64, Ordering::Relaxed);
        let mut rekeyed = 0;
        let reading = Reading {
            sources: &self.sources,
            options: self.options,
            read,
            plan: &plan,
            schema,
            progress: self.progress,
            journal: &mut self.journal,
            rejects: &mut rejects,
            state,
            runs,
            held: (Vec::new(), 0),
        };
        let outcome = reading.run(&mut rekeyed);
        if let Ok(ReadOutcome::Widen(widen)) = outcome {
            return Ok(Attempt::Widen(widen));
        }
        let reject_file = self.reject_file();
        rejects.publish(&reject_file).map_err(failed(&reject_file, "write rejected rows"))?;
        let ReadOutcome::Rows(rows) = outcome? else {
            return Err(bad_input("the types of columns are not known"));
        };
        let adopted = self.write(&catalog, &rows, done)?;
        let noted = self.journal.add_catalog((rejects.count, rekeyed));
        noted.map_err(failed(self.target, "write the journal"))?;
        Ok(Attempt::Done(Box::new(ImportedCatalog {
            catalog: WrittenCatalog { rekeyed, ..catalog.finish()? },
            rejects: rejects.count,
            reject_file: (rejects.count > 0).then_some(reject_file),
            resumed: (resumed, adopted),
            notes: plan.notes,
        })))
    }

    /// Where the catalog is put when it is finished.
    fn place(&self) -> PathBuf {
        match self.options.collection {
            Some(_) => self.journal.path(MEMBERS).join(&self.options.write.name),
            None => self.target.to_owned(),
        }
    }

    /// Takes over the catalog of a collection, which an interrupted import finished.
    fn finished(&self, place: &Path, done: &Done, mut notes: Vec<String>) -> Result<Attempt, EngineError> {
        let (rejects, rekeyed) = done.catalog;
        let catalog = WrittenCatalog { rekeyed, ..FinishedCatalog::open(place)?.written()? };
        self.progress.phase.store(1, Ordering::Relaxed);
        self.progress.rows.store(catalog.rows, Ordering::Relaxed);
        self.progress.rows_written.store(catalog.rows, Ordering::Relaxed);
        notes.push(taken_over(&self.options.write.name));
        Ok(Attempt::Done(Box::new(ImportedCatalog {
            rejects,
            reject_file: (rejects > 0).then(|| self.reject_file()),
            resumed: (0, catalog.partitions),
            catalog,
            notes,
        })))
    }

    /// Makes what belongs to a finished catalog, and puts all of it at the target.
    fn collect(
        &self,
        mut imported: ImportedCatalog,
        collection: &CollectionOptions,
    ) -> Result<ImportedCatalog, EngineError> {
        let staging = Staging::resume(self.target, self.journal.path(MEMBERS))?;
        // All rows are in the catalog now.
        let cleared = self.journal.clear_but(&[MEMBERS, WIDENED]);
        cleared.map_err(failed(self.target, "remove scratch files"))?;
        let (bytes, found) = complete(staging, &self.options.write.name, collection)?;
        imported.notes.extend(found.iter().map(|member| taken_over(member)));
        imported.catalog = WrittenCatalog { root: self.target.to_owned(), bytes, ..imported.catalog };
        Ok(imported)
    }

    fn attempt_plain(&self, read: &ReadOptions) -> Result<Attempt, EngineError> {
        let plan = plan(&self.sources, self.options, read)?;
        let path = self.journal.path("rejects");
        let rejects = RejectFile::open(&path, (0, 0)).map_err(failed(&path, "open the file of rejected rows"))?;
        let table = self.journal.path("table.parquet");
        let mut writer = PlainWriter { plan: &plan, options: self.options, rejects, progress: self.progress, rows: 0 };
        let outcome = writer.write(&self.sources, read, &table);
        if let Ok(Some(widen)) = outcome {
            return Ok(Attempt::Widen(widen));
        }
        let reject_file = self.reject_file();
        writer.rejects.publish(&reject_file).map_err(failed(&reject_file, "write rejected rows"))?;
        outcome?;
        let (rows, rejects) = (writer.rows, writer.rejects.count);
        let bytes = fs::metadata(&table).map_or(0, |metadata| metadata.len());
        if self.target.symlink_metadata().is_ok() {
            return Err(target_exists(self.target));
        }
        fs::rename(&table, self.target).map_err(failed(self.target, "move it into place"))?;
        let catalog = WrittenCatalog { root: self.target.to_owned(), rows, partitions: 1, bytes, rekeyed: 0 };
        let reject_file = (rejects > 0).then_some(reject_file);
        let imported = ImportedCatalog { catalog, rejects, reject_file, resumed: (0, 0), notes: plan.notes };
        Ok(Attempt::Done(Box::new(imported)))
    }

    fn reject_file(&self) -> PathBuf {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        self.options.rejects.clone().unwrap_or_else(|| self.target.with_file_name(format!("{name}.rejects.csv")))
    }

    /// Writes all partitions but those that are there; tells how many these were.
    fn write(&mut self, catalog: &CatalogWriter, rows: &SortedRows, done: &Done) -> Result<usize, EngineError> {
        let options = &self.options.write;
        let partitions = cut(rows, options.rows_per_partition, max_order(options)?)?;
        self.progress.phase.store(1, Ordering::Relaxed);
        let most_rows = self.rows_at_a_time(rows);
        let earlier: BTreeMap<(u8, u64), u64> =
            done.partitions.iter().map(|(order, npix, rows)| ((*order, *npix), *rows)).collect();
        let journal = Mutex::new(&mut self.journal);
        let adopted = partitions.par_iter().map(|partition| {
            let cell = partition.cell;
            let place = (cell.order().get(), cell.npix());
            let count = partition.rows.len() as u64;
            let is_there = catalog.adopt(cell, earlier.get(&place).copied().filter(|rows| *rows == count))?;
            if !is_there {
                let mut writer = catalog.partition(cell);
                let keys = cell.range29();
                rows.write(keys.start..keys.end, &mut writer, most_rows)?;
                writer.finish()?;
                let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
                let written = journal.add_partition((place.0, place.1, count));
                written.map_err(failed(self.target, "write the journal"))?;
            }
            self.progress.rows_written.fetch_add(count, Ordering::Relaxed);
            Ok(usize::from(is_there))
        });
        adopted.sum::<Result<usize, EngineError>>()
    }

    /// Rows that each thread may hold when runs are merged.
    fn rows_at_a_time(&self, rows: &SortedRows) -> usize {
        let SortedRows::Runs(runs) = rows else { return usize::MAX };
        let bytes: u64 = runs.iter().map(Run::bytes).sum();
        let row_bytes = (bytes as usize / rows.len().max(1)).max(1) + 16;
        (self.options.memory / (2 * rayon::current_num_threads()) / row_bytes).max(1024)
    }
}

fn taken_over(member: &str) -> String {
    format!("{member} was taken over whole from an interrupted import")
}

/// Chooses the columns by looking into all sources.
pub(super) fn plan(sources: &[Source], options: &ImportOptions, read: &ReadOptions) -> Result<ColumnPlan, EngineError> {
    let looking = ReadOptions { bytes_read: Arc::default(), ..read.clone() };
    let schemas: Vec<(String, SchemaRef)> = sources
        .iter()
        .map(|source| Ok((source.name(), open_table(source.open()?, &looking)?.schema())))
        .collect::<Result<_, EngineError>>()?;
    let wanted = Wanted {
        rules: &options.rules,
        columns: options.columns.as_deref(),
        ra: options.ra.as_deref(),
        dec: options.dec.as_deref(),
        has_positions: !options.plain,
    };
    ColumnPlan::new(&schemas, &wanted)
}

enum Attempt {
    Done(Box<ImportedCatalog>),
    Widen(BTreeMap<String, DataType>),
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
