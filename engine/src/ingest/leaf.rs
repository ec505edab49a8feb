//! How does one partition become one Parquet file?
//!
//! Rows come in any slices; they leave in row groups and pages of fixed numbers of rows, the same for every column,
//! so that a range of rows is a range of whole pages. Each file ends with its NaN counts.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use std::sync::Arc;

use super::checksum::PageBuffers;
use super::settings::{PAGE_ROWS, ROW_GROUP_ROWS};
use super::skymap::RunCounts;
use crate::integrity::NanCounts;

/// A Parquet file that is being written.
pub(super) struct LeafFile {
    schema: SchemaRef,
    file: SerializedFileWriter<File>,
    columns: ArrowRowGroupWriterFactory,
    pages: PageBuffers,
    open: Option<OpenGroup>,
    finished_groups: usize,
    nans: NanCounts,
}

struct OpenGroup {
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl LeafFile {
    /// Creates the file.
    pub(super) fn create(path: &Path, schema: &SchemaRef, properties: &WriterProperties) -> Result<Self> {
        let file = File::create_new(path)?;
        let pages = PageBuffers::default();
        let options = ArrowWriterOptions::new()
            .with_properties(properties.clone())
            .with_page_store_factory(Arc::new(pages.clone()));
        let (file, columns) =
            ArrowWriter::try_new_with_options(file, Arc::clone(schema), options)?.into_serialized_writer()?;
        let nans = NanCounts::of_schema(schema);
        Ok(Self { schema: Arc::clone(schema), file, columns, pages, open: None, finished_groups: 0, nans })
    }

    /// Appends rows, cut where pages end.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut done = 0;
        while done < batch.num_rows() {
            let mut group = match self.open.take() {
                Some(group) => group,
                None => OpenGroup { columns: self.columns.create_column_writers(self.finished_groups)?, rows: 0 },
            };
            let page_room = PAGE_ROWS - group.rows % PAGE_ROWS;
            let slice = batch.slice(done, page_room.min(batch.num_rows() - done));
            group.write(&self.schema, &slice)?;
            self.nans.add(&slice, self.finished_groups);
            done += slice.num_rows();
            if group.rows == ROW_GROUP_ROWS {
                self.finish_group(group)?;
            } else {
                self.open = Some(group);
            }
        }
        Ok(())
    }

    fn finish_group(&mut self, group: OpenGroup) -> Result<()> {
        let mut row_group = self.file.next_row_group()?;
        for (column, writer) in group.columns.into_iter().enumerate() {
            let (bytes, close) = self.pages.seal(column, writer.close()?)?;
            row_group.append_column(&bytes, close)?;
        }
        row_group.close()?;
        self.finished_groups += 1;
        Ok(())
    }

    /// Writes the footer and waits until the file is on disk.
    pub(super) fn finish(mut self) -> Result<ParquetMetaData> {
        if let Some(group) = self.open.take() {
            self.finish_group(group)?;
        }
        for entry in self.nans.entries() {
            self.file.append_key_value_metadata(entry);
        }
        let metadata = self.file.finish()?;
        self.file.inner().sync_all()?;
        Ok(metadata)
    }
}

/// Row groups, as [`LeafFile::finish`] tells them, and row counts of a file that was finished with so many rows.
///
/// *Errors*: it is not whole.
pub(super) fn finished_leaf(path: &Path, rows: u64) -> Result<(Vec<RowGroupMetaData>, RunCounts)> {
    // A mask of encodings, which readers make otherwise, cannot be written again.
    let options = ArrowReaderOptions::new().with_encoding_stats_as_mask(false);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path)?, options)?;
    let metadata = Arc::clone(builder.metadata());
    if metadata.file_metadata().num_rows().cast_unsigned() != rows {
        return Err(ParquetError::General("another number of rows".to_owned()));
    }
    let keys = ProjectionMask::roots(builder.parquet_schema(), [0]);
    let mut counts = RunCounts::default();
    for batch in builder.with_projection(keys).with_batch_size(ROW_GROUP_ROWS).build()? {
        counts.add(batch?.column(0).as_primitive::<Int64Type>().values());
    }
    Ok((metadata.row_groups().iter().map(as_written).collect::<Result<_>>()?, counts))
}

/// What the writer of a row group says of it: where numbers have a sign, the extremes once more for older readers, which
/// reading forgets.
fn as_written(group: &RowGroupMetaData) -> Result<RowGroupMetaData> {
    let of_column = |column: &ColumnChunkMetaData| {
        let Some(known) = column.statistics().filter(|_| column.column_descr().sort_order().is_signed()) else {
            return Ok(column.clone());
        };
        let twice = match known.clone() {
            Statistics::Int32(known) => Statistics::Int32(known.with_backwards_compatible_min_max(true)),
            Statistics::Int64(known) => Statistics::Int64(known.with_backwards_compatible_min_max(true)),
            Statistics::Float(known) => Statistics::Float(known.with_backwards_compatible_min_max(true)),
            Statistics::Double(known) => Statistics::Double(known.with_backwards_compatible_min_max(true)),
            Statistics::FixedLenByteArray(known) => {
                Statistics::FixedLenByteArray(known.with_backwards_compatible_min_max(true))
            }
            other => other,
        };
        column.clone().into_builder().set_statistics(twice).build()
    };
    let columns = group.columns().iter().map(of_column).collect::<Result<_>>()?;
    group.clone().into_builder().set_column_metadata(columns).build()
}

impl OpenGroup {
    fn write(&mut self, schema: &SchemaRef, slice: &RecordBatch) -> Result<()> {
        let mut writers = self.columns.iter_mut();
        for (field, array) in schema.fields().iter().zip(slice.columns()) {
            for leaf in compute_leaves(field, array)? {
                let writer =
                    writers.next().expect("the schema has as many leaves as the writers that were made from it");
                writer.write(&leaf)?;
            }
        }
        self.rows += slice.num_rows();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array, Int64Array, StringArray,
        UInt64Array,
    };

    use super::super::footers::Footers;
    use super::super::options::Codec;
    use super::super::settings::writer_properties;
    use super::*;

    #[test]
    fn a_file_that_is_there_is_described_as_one_that_was_written() {
        let rows = 3_000;
        let some = |row: i64| (row % 3 > 0).then_some(row);
        let columns: [(&str, ArrayRef); 9] = [
            ("_healpix_29", Arc::new(Int64Array::from_iter_values(0..rows))),
            ("signed", Arc::new(Int64Array::from_iter((0..rows).map(|row| some(row - 7))))),
            ("short", Arc::new(Int8Array::from_iter_values((0..rows).map(|row| (row % 100) as i8)))),
            ("unsigned", Arc::new(UInt64Array::from_iter((0..rows).map(|row| some(row).map(i64::cast_unsigned))))),
            ("single", Arc::new(Float32Array::from_iter_values((0..rows).map(|row| row as f32 - 0.5)))),
            ("double", Arc::new(Float64Array::from(vec![f64::NAN; rows as usize]))),
            ("exact", Arc::new(Decimal128Array::from_iter_values((0..rows).map(i128::from)))),
            (
                "text",
                Arc::new(StringArray::from_iter((0..rows).map(|row| some(row).map(|row| "x".repeat(row as usize))))),
            ),
            ("none", Arc::new(BooleanArray::from(vec![None; rows as usize]))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
        let settings = writer_properties(&batch.schema(), Codec::Zstd).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leaf");
        let mut leaf = LeafFile::create(&path, &batch.schema(), &settings).unwrap();
        leaf.write(&batch).unwrap();
        let written = leaf.finish().unwrap();
        let (found, _) = finished_leaf(&path, rows as u64).unwrap();
        let footers = Footers::new(&batch.schema(), &settings).unwrap();
        let encoded = |groups: &[RowGroupMetaData]| footers.all(&[footers.encode("leaf", groups).unwrap()]).unwrap();
        assert_eq!(encoded(written.row_groups()), encoded(&found));
        assert!(finished_leaf(&path, rows as u64 - 1).is_err());
    }
}
