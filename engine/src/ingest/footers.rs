//! The two files beside the data that describe all of it: `_common_metadata` (the schema) and `_metadata` (every
//! row group of every file, with its statistics).
//!
//! Offsets in `_metadata` are those within the file that its `file_path` names, as in the leaf's own footer.

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::errors::Result;
use parquet::file::metadata::{FileMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// Schema-only file and the file of all row groups.
pub(super) struct Footers {
    /// Bytes of `_common_metadata`.
    pub(super) common: Vec<u8>,
    /// Bytes of `_metadata`.
    pub(super) all: Vec<u8>,
}

/// Makes both files; row groups are given in spatial order with the paths of their files below `dataset/`.
pub(super) fn footers<'a>(
    schema: &SchemaRef,
    properties: &WriterProperties,
    leaves: impl Iterator<Item = (&'a str, &'a [RowGroupMetaData])>,
) -> Result<Footers> {
    let mut common = Vec::new();
    let empty = ArrowWriter::try_new(&mut common, Arc::clone(schema), Some(properties.clone()))?.close()?;
    let mut row_groups = Vec::new();
    for (path, groups) in leaves {
        for group in groups {
            row_groups.push(with_path(group, path)?);
        }
    }
    let of_schema = empty.file_metadata();
    let rows = row_groups.iter().map(RowGroupMetaData::num_rows).sum();
    let file = FileMetaData::new(
        of_schema.version(),
        rows,
        of_schema.created_by().map(str::to_owned),
        of_schema.key_value_metadata().cloned(),
        of_schema.schema_descr_ptr(),
        of_schema.column_orders().cloned(),
    );
    let metadata = ParquetMetaDataBuilder::new(file).set_row_groups(row_groups).build();
    let mut all = b"PAR1".to_vec();
    ParquetMetaDataWriter::new(&mut all, &metadata).finish()?;
    Ok(Footers { common, all })
}

fn with_path(group: &RowGroupMetaData, path: &str) -> Result<RowGroupMetaData> {
    let columns =
        group.columns().iter().map(|column| column.clone().into_builder().set_file_path(path.to_owned()).build());
    group.clone().into_builder().set_column_metadata(columns.collect::<Result<_>>()?).build()
}
