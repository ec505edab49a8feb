//! How is each column encoded, and how large are pages and row groups?
//!
//! Pages of 4096 rows are the knee of the cost of a small cone; row groups only bound what is parallel and how large
//! a footer grows. Floats are split into byte streams, integers are delta coded, dictionaries are kept for text.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

use super::options::Codec;

/// Rows of a data page.
pub(super) const PAGE_ROWS: usize = 4096;
/// Rows of a row group.
pub(super) const ROW_GROUP_ROWS: usize = 131_072;

/// Settings for leaf files of a keyed schema.
pub(super) fn writer_properties(schema: &Schema, codec: Codec) -> Result<WriterProperties> {
    let sorted = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    properties_of_order(schema, codec, Some(vec![sorted]))
}

/// Settings for a file whose rows are in no order.
pub(super) fn unsorted_properties(schema: &Schema, codec: Codec) -> Result<WriterProperties> {
    properties_of_order(schema, codec, None)
}

fn properties_of_order(schema: &Schema, codec: Codec, order: Option<Vec<SortingColumn>>) -> Result<WriterProperties> {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("sidereus {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression(codec)?)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_enabled(false)
        .set_sorting_columns(order);
    let parquet_schema = ArrowSchemaConverter::new().convert(schema)?;
    for column in parquet_schema.columns() {
        let path = column.path().clone();
        builder = match column.physical_type() {
            Type::FLOAT | Type::DOUBLE => builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            Type::INT32 | Type::INT64 => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Type::BYTE_ARRAY => builder.set_column_dictionary_enabled(path, true),
            Type::BOOLEAN | Type::INT96 | Type::FIXED_LEN_BYTE_ARRAY => builder,
        };
    }
    Ok(builder.build())
}

/// One in how many bytes compressing must spare.
const WORTH: i64 = 8;

/// The settings for a file that begins with some rows: numbers of which LZ4 spares little stay as they are, for what it
/// leaves as large as it was still takes its time to read. Of less than a page nothing is concluded.
pub(super) fn settings_for(settings: &WriterProperties, rows: &RecordBatch) -> Result<WriterProperties> {
    if rows.num_rows() < PAGE_ROWS {
        return Ok(settings.clone());
    }
    let mut writer = ArrowWriter::try_new(std::io::sink(), rows.schema(), Some(settings.clone()))?;
    writer.write(&rows.slice(0, PAGE_ROWS))?;
    let page = writer.close()?;
    let columns = page.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let in_vain = columns.filter(|column| {
        let is_number = !matches!(column.column_type(), Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
        let (before, after) = (column.uncompressed_size(), column.compressed_size());
        is_number && column.compression() == Compression::LZ4_RAW && before - after < before / WORTH
    });
    let settings = settings.clone().into_builder();
    let uncompressed = |settings: WriterPropertiesBuilder, column: &ColumnChunkMetaData| {
        settings.set_column_compression(column.column_path().clone(), Compression::UNCOMPRESSED)
    };
    Ok(in_vain.fold(settings, uncompressed).build())
}

fn compression(codec: Codec) -> Result<Compression> {
    Ok(match codec {
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::Zstd => Compression::ZSTD(ZstdLevel::try_new(1)?),
        Codec::None => Compression::UNCOMPRESSED,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
    use parquet::schema::types::ColumnPath;

    use super::*;

    #[test]
    fn numbers_that_hardly_shrink_stay_as_they_are() {
        let noise = |row: u64| {
            let mixed = (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 20
        };
        let rows = 0..PAGE_ROWS as u64;
        let columns: [(&str, ArrayRef); 4] = [
            ("noise", Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| noise(row).cast_signed())))),
            ("steps", Arc::new(Float32Array::from_iter_values(rows.clone().map(|row| (row / 64) as f32)))),
            ("text", Arc::new(StringArray::from_iter_values(rows.clone().map(|row| noise(row).to_string())))),
            ("fraction", Arc::new(Float32Array::from_iter_values(rows.map(|row| f32::from_bits(noise(row) as u32))))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let chosen = |codec: Codec, batch: &RecordBatch| {
            let settings = settings_for(&unsorted_properties(&batch.schema(), codec).unwrap(), batch).unwrap();
            ["noise", "steps", "text", "fraction"].map(|name| settings.compression(&ColumnPath::from(name)))
        };
        let (lz4, none) = (Compression::LZ4_RAW, Compression::UNCOMPRESSED);
        assert_eq!(chosen(Codec::Lz4, &batch), [none, lz4, lz4, none]);
        assert_eq!(chosen(Codec::Lz4, &batch.slice(0, 9)), [lz4; 4]);
        assert!(chosen(Codec::Zstd, &batch).iter().all(|codec| matches!(codec, Compression::ZSTD(_))));
    }
}
