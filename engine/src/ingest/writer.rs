//! A catalog that is being written, partition by partition.
//!
//! Partitions may be filled in any order and from several threads; each must get its rows sorted by key, and only rows
//! of its own cell, which is checked. Nothing is visible at the target before [`CatalogWriter::finish`] has returned.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::WriterProperties;
use sidereus_sky::Cell;

use super::failure::{bad_input, failed};
use super::fits::healpix_map;
use super::footers::{EncodedGroups, Footers};
use super::keys::KEY_COLUMN;
use super::layout::{DATASET, PARTITION_INFO, PROPERTIES, SKYMAPS, leaf_path, partition_info};
use super::leaf::{LeafFile, finished_leaf};
use super::manifest::seal_catalog;
use super::options::WriteOptions;
use super::properties::{Summary, product_type, properties};
use super::settings::{PAGE_ROWS, settings_for, writer_properties};
use super::skymap::{RunCounts, Skymap};
use super::staging::Staging;
use crate::error::EngineError;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenCatalog {
    /// Root of the catalog.
    pub root: PathBuf,
    /// Rows.
    pub rows: u64,
    /// Partitions.
    pub partitions: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Rows that came with a key of another cell than their position's; theirs was replaced.
    pub rekeyed: u64,
}

/// Writes the files of one catalog.
#[derive(Debug)]
pub struct CatalogWriter {
    staging: Staging,
    schema: SchemaRef,
    options: WriteOptions,
    settings: WriterProperties,
    footers: Footers,
    started: AtomicUsize,
    finished: Mutex<Vec<FinishedPartition>>,
}

#[derive(Debug)]
struct FinishedPartition {
    cell: Cell,
    rows: u64,
    row_groups: EncodedGroups,
    counts: RunCounts,
}

impl CatalogWriter {
    /// Begins a catalog whose batches have the given schema, which [`keyed_schema`](super::keyed_schema) makes.
    ///
    /// *Errors*: the target exists or cannot be written; the schema does not begin with the key or lacks a position
    /// or default column; a column's type has no form in Parquet.
    pub fn create(target: &Path, schema: SchemaRef, options: WriteOptions) -> Result<Self, EngineError> {
        Self::create_in(|| Staging::create(target), schema, options)
    }

    /// Begins a catalog in a folder of its own, made when the options are found to be right.
    pub(super) fn create_in(
        staging: impl FnOnce() -> Result<Staging, EngineError>,
        schema: SchemaRef,
        options: WriteOptions,
    ) -> Result<Self, EngineError> {
        check_options(&schema, &options)?;
        let settings = writer_properties(&schema, options.codec)
            .map_err(|error| bad_input(format!("the columns cannot be written as Parquet: {error}")))?;
        let footers = Footers::new(&schema, &settings)
            .map_err(|error| bad_input(format!("the columns cannot be written as Parquet: {error}")))?;
        let staging = staging()?;
        Ok(Self {
            staging,
            schema,
            options,
            settings,
            footers,
            started: AtomicUsize::new(0),
            finished: Mutex::default(),
        })
    }

    /// Begins the partition of a cell. A partition that gets no rows leaves no trace.
    pub fn partition(&self, cell: Cell) -> PartitionWriter<'_> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let counts = RunCounts::default();
        PartitionWriter { catalog: self, cell, first: Vec::new(), leaf: None, rows: 0, last_key: i64::MIN, counts }
    }

    /// Takes over a partition's file that an interrupted import finished with so many rows; false, and no file left,
    /// where there is none, or another.
    ///
    /// *Errors*: a file that cannot be removed.
    pub(super) fn adopt(&self, cell: Cell, rows: Option<u64>) -> Result<bool, EngineError> {
        let path = self.staging.path(&format!("{DATASET}/{}", leaf_path(cell)))?;
        if let Some((row_groups, counts)) = rows.and_then(|rows| finished_leaf(&path, rows).ok()) {
            let row_groups = self.encoded(cell, &row_groups)?;
            let finished = FinishedPartition { cell, rows: rows.unwrap_or_default(), row_groups, counts };
            self.started.fetch_add(1, Ordering::Relaxed);
            self.finished.lock().unwrap_or_else(PoisonError::into_inner).push(finished);
            return Ok(true);
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed(self.staging.target(), &format!("remove {}", leaf_path(cell)))(error))
            }
            _ => Ok(false),
        }
    }

    fn encoded(&self, cell: Cell, groups: &[RowGroupMetaData]) -> Result<EncodedGroups, EngineError> {
        let path = leaf_path(cell);
        let encoded = self.footers.encode(&path, groups);
        encoded.map_err(failed(self.staging.target(), &format!("describe {path}")))
    }

    /// Begins the file of a cell with its first rows.
    fn create_leaf(&self, cell: Cell, first: &[RecordBatch]) -> Result<LeafFile, EngineError> {
        let path = self.staging.path(&format!("{DATASET}/{}", leaf_path(cell)))?;
        let doing = format!("begin {}", leaf_path(cell));
        let failed = |error| failed(self.staging.target(), &doing)(error);
        let rows = concat_batches(&self.schema, first).map_err(|error| failed(ParquetError::from(error)))?;
        let settings = settings_for(&self.settings, &rows).map_err(failed)?;
        let mut leaf = LeafFile::create(&path, &self.schema, &settings).map_err(failed)?;
        leaf.write(&rows).map_err(failed)?;
        Ok(leaf)
    }

    /// Writes the metadata and moves the catalog to its target.
    ///
    /// *Errors*: no rows; a partition was begun and not finished; two partitions overlap; the target appeared
    /// meanwhile; a file cannot be written.
    pub fn finish(self) -> Result<WrittenCatalog, EngineError> {
        let target = self.staging.target().to_owned();
        let mut partitions = std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner));
        if partitions.len() != self.started.load(Ordering::Relaxed) {
            return Err(bad_input("a partition was begun and not finished"));
        }
        partitions.retain(|partition| partition.rows > 0);
        partitions.sort_by_key(|partition| partition.cell.range29().start);
        check_disjoint(&partitions)?;
        let rows = partitions.iter().map(|partition| partition.rows).sum();
        self.write_dataset_metadata(&mut partitions)?;
        self.write_description(&partitions, rows)?;
        seal_catalog(self.staging.folder())?;
        let bytes = self.staging.size()?;
        self.staging.publish()?;
        Ok(WrittenCatalog { root: target, rows, partitions: partitions.len(), bytes, rekeyed: 0 })
    }

    fn write_dataset_metadata(&self, partitions: &mut [FinishedPartition]) -> Result<(), EngineError> {
        let groups: Vec<EncodedGroups> =
            partitions.iter_mut().map(|partition| std::mem::take(&mut partition.row_groups)).collect();
        let all = self.footers.all(&groups);
        drop(groups);
        let all = all.map_err(failed(self.staging.target(), "describe its Parquet files"))?;
        self.staging.write(&format!("{DATASET}/_common_metadata"), &self.footers.common)?;
        self.staging.write(&format!("{DATASET}/_metadata"), &all)
    }

    fn write_description(&self, partitions: &[FinishedPartition], rows: u64) -> Result<(), EngineError> {
        let map = Skymap::of_partitions(partitions.iter().map(|partition| &partition.counts));
        let image = healpix_map(&map);
        for name in SKYMAPS {
            self.staging.write(name, &image)?;
        }
        let cells: Vec<Cell> = partitions.iter().map(|partition| partition.cell).collect();
        self.staging.write(PARTITION_INFO, partition_info(&cells).as_bytes())?;
        let summary = Summary {
            rows,
            order: cells.iter().map(|cell| cell.order().get()).max().unwrap_or_default(),
            skymap_order: map.order,
            sky_fraction: map.sky_fraction(),
            bytes: self.staging.size()?,
        };
        let text = properties(&self.options, &summary)?;
        PROPERTIES.iter().try_for_each(|name| self.staging.write(name, text.as_bytes()))
    }
}

fn check_options(schema: &SchemaRef, options: &WriteOptions) -> Result<(), EngineError> {
    product_type(options.kind)?;
    if options.name.trim().is_empty() || options.name.contains(['\r', '\n']) {
        return Err(bad_input(format!("{:?} is no name for a catalog", options.name)));
    }
    let key = schema.fields().first();
    if key.is_none_or(|field| field.name() != KEY_COLUMN || field.data_type() != &DataType::Int64) {
        return Err(bad_input(format!("the first column must be {KEY_COLUMN}, a 64-bit integer")));
    }
    let positions = [&options.positions.ra, &options.positions.dec];
    for column in positions.into_iter().chain(&options.default_columns) {
        if schema.field_with_name(column).is_err() {
            return Err(bad_input(format!("there is no column {column:?}")));
        }
    }
    Ok(())
}

fn check_disjoint(partitions: &[FinishedPartition]) -> Result<(), EngineError> {
    if partitions.is_empty() {
        return Err(bad_input("there are no rows to write"));
    }
    for pair in partitions.windows(2) {
        let (left, right) = (pair[0].cell, pair[1].cell);
        if left.range29().end > right.range29().start {
            return Err(bad_input(format!("partitions {} and {} overlap", leaf_path(left), leaf_path(right))));
        }
    }
    Ok(())
}

/// Writes the rows of one cell.
pub struct PartitionWriter<'a> {
    catalog: &'a CatalogWriter,
    cell: Cell,
    /// Rows before there is a file: less than a page, after which it is known how to write it.
    first: Vec<RecordBatch>,
    leaf: Option<LeafFile>,
    rows: u64,
    last_key: i64,
    counts: RunCounts,
}

impl std::fmt::Debug for PartitionWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionWriter").field("cell", &self.cell).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl PartitionWriter<'_> {
    /// Appends rows, sorted by key, also across batches. That each key is the cell of its row's position is the
    /// caller's word.
    ///
    /// *Errors*: another schema; a key that is null, descends or lies outside the cell; a second partition of the
    /// cell; a file error.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        if batch.schema_ref().fields() != self.catalog.schema.fields() {
            return Err(bad_input("the batch has other columns than the catalog"));
        }
        let keys = batch.column(0).as_primitive::<Int64Type>();
        if keys.null_count() > 0 {
            return Err(bad_input(format!("{KEY_COLUMN} has nulls")));
        }
        self.check_keys(keys.values())?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.counts.add(keys.values());
        self.rows += batch.num_rows() as u64;
        let Some(leaf) = &mut self.leaf else {
            self.first.push(batch.clone());
            return if self.rows >= PAGE_ROWS as u64 { self.begin() } else { Ok(()) };
        };
        let doing = format!("write {}", leaf_path(self.cell));
        leaf.write(batch).map_err(failed(self.catalog.staging.target(), &doing))
    }

    /// Begins the file, where there are rows for it.
    fn begin(&mut self) -> Result<(), EngineError> {
        if !self.first.is_empty() {
            self.leaf = Some(self.catalog.create_leaf(self.cell, &std::mem::take(&mut self.first))?);
        }
        Ok(())
    }

    fn check_keys(&mut self, keys: &[i64]) -> Result<(), EngineError> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
            return Ok(());
        };
        if *first < self.last_key || !keys.is_sorted() {
            return Err(bad_input(format!("rows of {} are not sorted by {KEY_COLUMN}", leaf_path(self.cell))));
        }
        let range = self.cell.range29();
        if *first < 0 || first.cast_unsigned() < range.start || last.cast_unsigned() >= range.end {
            return Err(bad_input(format!("rows outside the cell of {}", leaf_path(self.cell))));
        }
        self.last_key = *last;
        Ok(())
    }

    /// Completes the file; returns its rows.
    ///
    /// *Errors*: the file cannot be completed.
    pub fn finish(mut self) -> Result<u64, EngineError> {
        self.begin()?;
        let doing = format!("finish {}", leaf_path(self.cell));
        let row_groups = match self.leaf {
            Some(leaf) => {
                let metadata = leaf.finish().map_err(failed(self.catalog.staging.target(), &doing))?;
                if metadata.file_metadata().num_rows().cast_unsigned() != self.rows {
                    return Err(bad_input(format!("{} was not written to its end", leaf_path(self.cell))));
                }
                self.catalog.encoded(self.cell, metadata.row_groups())?
            }
            None => EncodedGroups::default(),
        };
        let finished = FinishedPartition { cell: self.cell, rows: self.rows, row_groups, counts: self.counts };
        self.catalog.finished.lock().unwrap_or_else(PoisonError::into_inner).push(finished);
        Ok(self.rows)
    }
}
