//! From rows in memory, or a Parquet file, to a catalog in one call.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;
use sidereus_sky::Order;

use super::failure::{bad_input, failed};
use super::keys::with_keys;
use super::options::WriteOptions;
use super::partition::{PartitionRows, partition_sky};
use super::settings::PAGE_ROWS;
use super::sort::{RowAddress, gather, sorted_rows};
use super::writer::{CatalogWriter, WrittenCatalog};
use crate::error::EngineError;

/// Rows that are gathered at a time.
const GATHERED_ROWS: usize = 8 * PAGE_ROWS;
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
    if options.rows_per_partition == 0 {
        return Err(bad_input("rows_per_partition is 0, expected at least 1"));
    }
    let max_order = Order::new(options.max_order).ok().filter(|order| order.get() <= DEEPEST_PARTITION);
    let max_order = max_order.ok_or_else(|| {
        bad_input(format!("max_order is {}, expected at most {DEEPEST_PARTITION}", options.max_order))
    })?;
    let keyed = with_keys(batches, &options.positions)?;
    let schema = keyed.batches[0].schema();
    let catalog = CatalogWriter::create(target, schema, options.clone())?;
    let rows = sorted_rows(&keyed.batches);
    let rows_before = |key| rows.partition_point(|row| row.key < key);
    let partitions = partition_sky(rows_before, options.rows_per_partition, max_order);
    partitions.par_iter().try_for_each(|partition| write_partition(&catalog, partition, &keyed.batches, &rows))?;
    Ok(WrittenCatalog { rekeyed: keyed.rekeyed, ..catalog.finish()? })
}

fn write_partition(
    catalog: &CatalogWriter,
    partition: &PartitionRows,
    batches: &[RecordBatch],
    rows: &[RowAddress],
) -> Result<(), EngineError> {
    let mut writer = catalog.partition(partition.cell)?;
    for chunk in rows[partition.rows.clone()].chunks(GATHERED_ROWS) {
        let batch = gather(batches, chunk).map_err(|error| bad_input(format!("the rows cannot be sorted: {error}")))?;
        writer.write(&batch)?;
    }
    writer.finish().map(drop)
}

/// Writes the rows of a Parquet file as a HATS catalog; its field metadata (units, UCDs, descriptions) is kept.
///
/// *Cost*: holds the decoded file in memory.
/// *Errors*: as [`write_catalog`], and a file that cannot be read.
pub fn import_parquet(source: &Path, options: &WriteOptions, target: &Path) -> Result<WrittenCatalog, EngineError> {
    let file = File::open(source).map_err(failed(source, "open it"))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(GATHERED_ROWS).build())
        .map_err(failed(source, "read it as Parquet"))?;
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().map_err(failed(source, "decode it"))?;
    write_catalog(&batches, options, target)
}
