//! How many rows and bytes will a scan read? Told from what its catalog says of itself, without a request.
//!
//! The rows of a catalog are shared out to its partitions by the sizes of their files, or evenly where a size is not known; of
//! a partition that a region touches, the part of the cell that the region covers is read where rows are sorted by key. Errs in
//! either direction.

use arrow::datatypes::{DataType, Schema};

use super::cover::SpatialFilter;
use crate::catalog::{CatalogMetadata, DataFile, Partition};

/// Bytes that a string, or a list, is taken for.
const LONG_VALUE: usize = 32;

/// Bytes of columns, in memory, that a thread decodes and compares in a second.
pub(super) const DECODED_PER_SECOND: f64 = 350e6;
/// Rows that are inflated together for the sake of one of them.
const ROWS_OF_PAGE: f64 = 4096.0;
/// What inflating a page costs beside decoding its rows.
const INFLATING: f64 = 0.3;

/// What a scan will read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Reading {
    /// Rows before any filter, where the catalog says how many it has.
    pub(crate) rows: Option<f64>,
    /// Bytes of all columns of these rows, as stored; where sizes are known.
    pub(crate) bytes: Option<f64>,
}

impl Reading {
    /// Of some partitions of a catalog.
    ///
    /// *Cost*: one look at each partition of the catalog.
    pub(super) fn of(catalog: &CatalogMetadata, spatial: Option<&SpatialFilter>, partitions: &[usize]) -> Self {
        let all: Option<u64> = catalog.partitions.iter().map(size).sum();
        let all = all.filter(|all| *all > 0);
        let spatial = spatial.filter(|_| catalog.index.is_some());
        let mut share = 0.0;
        for partition in partitions.iter().map(|number| &catalog.partitions[*number]) {
            let weight = match all {
                Some(all) => size(partition).unwrap_or_default() as f64 / all as f64,
                None => 1.0 / catalog.partitions.len() as f64,
            };
            share += weight * covered(spatial, partition);
        }
        Self { rows: catalog.rows.map(|rows| (rows as f64 * share).max(1.0)), bytes: all.map(|all| all as f64 * share) }
    }

    /// The same of so large a part.
    pub(super) fn scaled(self, part: f64) -> Self {
        Self { rows: self.rows.map(|rows| rows * part), bytes: self.bytes.map(|bytes| bytes * part) }
    }
}

/// Rows of decoding that inflating pages costs, for so many rows that pass among those that are read.
pub(super) fn skimmed_rows(passed: f64, read: f64) -> f64 {
    INFLATING * read.min(passed * ROWS_OF_PAGE)
}

/// How much of a scan is in a file, to compare files with: its size, and the part of its cell that a region asks for.
pub(super) fn file_share(
    catalog: &CatalogMetadata,
    spatial: Option<&SpatialFilter>,
    partition: usize,
    file: usize,
) -> f64 {
    let partition = &catalog.partitions[partition];
    let spatial = spatial.filter(|_| catalog.index.is_some());
    file_size(&partition.files[file]).unwrap_or(1) as f64 * covered(spatial, partition)
}

/// The part of a partition's cell that a region covers.
fn covered(spatial: Option<&SpatialFilter>, partition: &Partition) -> f64 {
    match (spatial, &partition.cell) {
        (Some(spatial), Some(cell)) => {
            let keys = cell.range29();
            spatial.covered(&(keys.start..keys.end))
        }
        _ => 1.0,
    }
}

/// Bytes of a partition's files, if each is known.
fn size(partition: &Partition) -> Option<u64> {
    partition.files.iter().map(file_size).sum()
}

fn file_size(file: &DataFile) -> Option<u64> {
    file.seal.as_ref().map(|seal| seal.size).or(file.size)
}

/// Bytes that a row takes in memory, or about as many.
pub(crate) fn row_bytes(schema: &Schema) -> usize {
    schema.fields().iter().map(|field| value_bytes(field.data_type())).sum()
}

fn value_bytes(kind: &DataType) -> usize {
    match kind {
        DataType::Boolean | DataType::Null => 1,
        DataType::FixedSizeList(item, length) => {
            value_bytes(item.data_type()) * usize::try_from(*length).unwrap_or_default()
        }
        DataType::Struct(fields) => fields.iter().map(|field| value_bytes(field.data_type())).sum(),
        other => other.primitive_width().unwrap_or(LONG_VALUE),
    }
}
