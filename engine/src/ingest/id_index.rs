//! In which partition, and there at which key, does the row of an id lie?
//!
//! A table of ids in order, each with partition and key, in `dataset/index/part.N.parquet`: its footers and pages tell where an
//! id would be. Readers of the reference implementation find partitions with it; ours goes on to the page by the key.
//!
//! *Source*: HATS index catalogs, in the form of the reference implementation: dataproduct type `index`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt8Array, UInt64Array};
use arrow::compute::{concat, filter, is_not_null, sort_to_indices, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;

use super::failure::{bad_input, failed};
use super::finished::FinishedCatalog;
use super::footers::{EncodedGroups, Footers};
use super::keys::KEY_COLUMN;
use super::layout::{DATASET, PROPERTIES};
use super::leaf::LeafFile;
use super::manifest::seal_catalog;
use super::options::Codec;
use super::properties::{provenance, push_line};
use super::settings::writer_properties;
use super::staging::Staging;
use crate::error::EngineError;
use crate::integrity::Digest;

/// Rows of one file: its footer is read whole.
const PART_ROWS: usize = 32 << 20;
/// Rows that are written at a time.
const WRITTEN_ROWS: usize = 1 << 17;

/// Writes the index of a column of a finished catalog into a folder that must not exist; returns its rows. Rows without an
/// id are left out; `snapshot` is the catalog's.
///
/// *Cost*: all ids in memory, about 40 bytes a row beside texts; all threads.
///
/// *Errors*: a column that is not there or holds neither integers nor text; more than 4 billion rows; file errors.
pub(super) fn write_index(
    primary: &FinishedCatalog,
    (column, snapshot): (&str, Digest),
    codec: Codec,
    target: &Path,
) -> Result<u64, EngineError> {
    let (number, field) = id_column(primary, column)?;
    let entries = sorted_entries(primary, number, field)?;
    let staging = Staging::create(target)?;
    let schema = entries.schema();
    let settings = writer_properties(&schema, codec).map_err(failed(target, "choose how its columns are written"))?;
    let footers = Footers::new(&schema, &settings).map_err(failed(target, "describe its Parquet files"))?;
    let mut leaves: Vec<EncodedGroups> = Vec::new();
    for (part, start) in (0..entries.num_rows().max(1)).step_by(PART_ROWS).enumerate() {
        let path = format!("index/part.{part}.parquet");
        let doing = format!("write {path}");
        let file = staging.path(&format!("{DATASET}/{path}"))?;
        let mut leaf = LeafFile::create(&file, &schema, &settings).map_err(failed(target, &doing))?;
        let end = entries.num_rows().min(start + PART_ROWS);
        for at in (start..end).step_by(WRITTEN_ROWS) {
            leaf.write(&entries.slice(at, WRITTEN_ROWS.min(end - at))).map_err(failed(target, &doing))?;
        }
        let written = leaf.finish().map_err(failed(target, &doing))?;
        leaves.push(footers.encode(&path, written.row_groups()).map_err(failed(target, &doing))?);
    }
    let all = footers.all(&leaves).map_err(failed(target, "describe its Parquet files"))?;
    staging.write(&format!("{DATASET}/_common_metadata"), &footers.common)?;
    staging.write(&format!("{DATASET}/_metadata"), &all)?;
    let rows = entries.num_rows() as u64;
    let text = properties(primary, (column, snapshot), rows)?;
    PROPERTIES.iter().try_for_each(|name| staging.write(name, text.as_bytes()))?;
    seal_catalog(staging.folder())?;
    staging.publish()?;
    Ok(rows)
}

/// The number and field of a column to index, whatever its type.
///
/// *Errors*: there is no such column.
pub(super) fn find_column<'a>(schema: &'a Schema, column: &str) -> Result<(usize, &'a Field), EngineError> {
    let found = schema.column_with_name(column);
    found.ok_or_else(|| bad_input(format!("there is no column {column:?} to index")))
}

fn id_column<'a>(primary: &'a FinishedCatalog, column: &str) -> Result<(usize, &'a Field), EngineError> {
    let (number, field) = find_column(&primary.schema, column)?;
    match field.data_type() {
        kind if kind.is_integer() => Ok((number, field)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok((number, field)),
        kind => Err(bad_input(format!("column {column:?} is {kind}, expected integers or text to index"))),
    }
}

/// All ids in order, with the partition and key of each.
fn sorted_entries(primary: &FinishedCatalog, number: usize, field: &Field) -> Result<RecordBatch, EngineError> {
    let parts: Vec<(Vec<ArrayRef>, Vec<ArrayRef>)> =
        (0..primary.cells.len()).into_par_iter().map(|part| ids_of(primary, part, number)).collect::<Result<_, _>>()?;
    let lengths = parts.iter().map(|(ids, _)| ids.iter().map(|batch| batch.len()).sum::<usize>());
    let mut partitions: Vec<u32> = Vec::with_capacity(lengths.clone().sum());
    for (part, length) in (0_u32..).zip(lengths) {
        partitions.resize(partitions.len() + length, part);
    }
    if partitions.len() > u32::MAX as usize {
        return Err(bad_input("more than 4 billion ids cannot be indexed at once"));
    }
    let (ids, keys): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let sorting = |error| bad_input(format!("the ids cannot be sorted: {error}"));
    let together = |parts: Vec<Vec<ArrayRef>>| {
        let parts: Vec<ArrayRef> = parts.into_iter().flatten().collect();
        concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(sorting)
    };
    let (ids, keys) = (together(ids)?, together(keys)?);
    let order = sort_to_indices(&ids, None, None).map_err(sorting)?;
    let ids = take(&ids, &order, None).map_err(sorting)?;
    let keys = take(&keys, &order, None).map_err(sorting)?;
    let cells = order.values().iter().map(|row| primary.cells[partitions[*row as usize] as usize]);
    let orders = UInt8Array::from_iter_values(cells.clone().map(|cell| cell.order().get()));
    let npix = UInt64Array::from_iter_values(cells.map(|cell| cell.npix()));
    RecordBatch::try_new(index_schema(field), vec![ids, keys, Arc::new(orders), Arc::new(npix)]).map_err(sorting)
}

fn index_schema(field: &Field) -> SchemaRef {
    Arc::new(Schema::new(vec![
        field.clone().with_nullable(false),
        Field::new(KEY_COLUMN, DataType::Int64, false),
        Field::new("Norder", DataType::UInt8, false),
        Field::new("Npix", DataType::UInt64, false),
    ]))
}

/// The ids of a partition and their keys, by batch.
fn ids_of(
    primary: &FinishedCatalog,
    part: usize,
    number: usize,
) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>), EngineError> {
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for batch in primary.rows(part, &[0, number], None)? {
        let batch = primary.decoded(batch)?;
        let (found, key) = (batch.column(batch.num_columns() - 1), batch.column(0));
        let known = is_not_null(found).and_then(|known| Ok((filter(found, &known)?, filter(key, &known)?)));
        let (found, key) = known.map_err(|error| bad_input(format!("the ids cannot be sorted: {error}")))?;
        ids.push(found);
        keys.push(key);
    }
    Ok((ids, keys))
}

fn properties(primary: &FinishedCatalog, (column, snapshot): (&str, Digest), rows: u64) -> Result<String, EngineError> {
    let name = primary.property("obs_collection")?;
    let folder = primary.folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut text = String::from("#HATS catalog\n");
    push_line(&mut text, "obs_collection", &format!("{name}_{column}"));
    push_line(&mut text, "dataproduct_type", "index");
    push_line(&mut text, "hats_nrows", &rows.to_string());
    push_line(&mut text, "hats_primary_table_url", &folder.unwrap_or_default());
    push_line(&mut text, "hats_index_column", column);
    push_line(&mut text, "hats_index_extra_column", KEY_COLUMN);
    push_line(&mut text, "sidereus_primary_snapshot", &snapshot.to_string());
    provenance(&mut text);
    Ok(text)
}
