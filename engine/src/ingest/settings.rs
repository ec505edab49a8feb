//! How is each column encoded, and how large are pages and row groups?
//!
//! Pages of 4096 rows are the knee of the cost of a small cone; row groups only bound what is parallel and how large
//! a footer grows. Floats are split into byte streams, integers are delta coded, dictionaries are kept for text.

use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

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

fn compression(codec: Codec) -> Result<Compression> {
    Ok(match codec {
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::Zstd => Compression::ZSTD(ZstdLevel::try_new(1)?),
        Codec::None => Compression::UNCOMPRESSED,
    })
}
