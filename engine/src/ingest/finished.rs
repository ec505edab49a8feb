//! What lies in the folder of a catalog that this module wrote?
//!
//! Reads back the files of [`super::writer`]: margins and indexes are made from them, whoever filled the partitions.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;
use sidereus_sky::{Cell, Order};

use super::failure::{bad_input, failed};
use super::keys::{KEY_COLUMN, keyed_schema};
use super::layout::{DATASET, PARTITION_INFO, PROPERTIES, leaf_path};
use super::settings::PAGE_ROWS;
use super::writer::WrittenCatalog;
use crate::error::EngineError;

/// Rows that are read at a time.
const BATCH_ROWS: usize = 4 * PAGE_ROWS;

/// A catalog on disk.
#[derive(Debug)]
pub(super) struct FinishedCatalog {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// What its properties say.
    pub(super) properties: BTreeMap<String, String>,
    /// Its columns, the key first.
    pub(super) schema: SchemaRef,
    /// Its partitions, in spatial order.
    pub(super) cells: Vec<Cell>,
}

impl FinishedCatalog {
    /// Reads what describes a catalog.
    ///
    /// *Errors*: a file that cannot be read or is not as the writer leaves it.
    pub(super) fn open(folder: &Path) -> Result<Self, EngineError> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(failed(folder, &format!("read {name}")));
        let entries = read(PROPERTIES[0])?;
        let entries = entries.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        let properties = entries.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let list = read(PARTITION_INFO)?;
        let cells: Option<Vec<Cell>> = list.lines().skip(1).map(cell).collect();
        let cells = cells.ok_or_else(|| bad_input(format!("{}: {PARTITION_INFO} names no cells", folder.display())))?;
        let common = folder.join(DATASET).join("_common_metadata");
        let file = File::open(&common).map_err(failed(folder, "open _common_metadata"))?;
        let reader = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let reader = reader.map_err(failed(folder, "read _common_metadata"))?;
        if reader.schema().fields().first().is_none_or(|field| field.name() != KEY_COLUMN) {
            return Err(bad_input(format!("{}: its first column is not {KEY_COLUMN}", folder.display())));
        }
        Ok(Self { folder: folder.to_owned(), properties, schema: keyed_schema(reader.schema()), cells })
    }

    /// What the properties say under a key.
    pub(super) fn property(&self, key: &str) -> Result<&str, EngineError> {
        let found = self.properties.get(key).map(String::as_str);
        found.ok_or_else(|| bad_input(format!("{}: its properties have no {key}", self.folder.display())))
    }

    /// What its writer said of it, but for bytes and replaced keys.
    pub(super) fn written(&self) -> Result<WrittenCatalog, EngineError> {
        let rows = self.property("hats_nrows")?.parse().unwrap_or_default();
        let partitions = self.cells.len();
        Ok(WrittenCatalog { root: self.folder.clone(), rows, partitions, bytes: 0, rekeyed: 0 })
    }

    /// Reads some columns of a partition, by number, and only some of its rows where ranges are given.
    pub(super) fn rows(
        &self,
        partition: usize,
        columns: &[usize],
        ranges: Option<&[Range<usize>]>,
    ) -> Result<ParquetRecordBatchReader, EngineError> {
        let path = leaf_path(self.cells[partition]);
        let doing = format!("read {path}");
        let file = File::open(self.folder.join(DATASET).join(&path)).map_err(failed(&self.folder, &doing))?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options);
        let builder = builder.map_err(failed(&self.folder, &doing))?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
        let total = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let mut builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        if let Some(ranges) = ranges {
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(ranges.iter().cloned(), total));
        }
        builder.build().map_err(failed(&self.folder, &doing))
    }

    /// Wraps the error of decoding a batch.
    pub(super) fn decoded<E>(&self, batch: Result<RecordBatch, E>) -> Result<RecordBatch, EngineError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        batch.map_err(failed(&self.folder, "decode its rows"))
    }
}

fn cell(line: &str) -> Option<Cell> {
    let (order, npix) = line.split_once(',')?;
    Cell::new(Order::new(order.parse().ok()?).ok()?, npix.parse().ok()?).ok()
}
