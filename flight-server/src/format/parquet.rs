//! Rows as a Parquet file that keeps what the columns mean.
//!
//! The Arrow schema with its field metadata is embedded, and so is a VOTable without rows under the keys of VOParquet, so that astropy and
//! TOPCAT find units, UCDs and descriptions. Whether rows were left out stands in that VOTable and under `sidereus.overflow`,
//! what the rows were made of in that VOTable and under the keys of [`Provenance`]. A failed document gets no footer, without
//! which nothing reads it.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use sidereus_engine::Provenance;

use super::{Encoder, Ending, FormatError, Head, OutputFormat, votable};

/// Rows that the writer holds before they leave.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// The same in bytes, for rows with long arrays.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// The format.
#[derive(Debug)]
pub(super) struct Parquet;

impl OutputFormat for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.apache.parquet"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[
            "application/x-parquet",
            "application/parquet",
            "voparquet",
            "application/vnd.apache.parquet;content=voparquet",
        ]
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        let writer = ArrowWriter::try_new(Vec::new(), SchemaRef::clone(&head.schema), Some(properties(head)?))?;
        Ok(Box::new(ParquetEncoder { writer, head: head.clone() }))
    }
}

/// Numbers of catalogs hardly repeat, so dictionaries of them cost most of the time and make the file larger: whole numbers are
/// written as differences, floating-point numbers byte by byte, which is what zstd packs best. Texts keep their dictionaries.
fn properties(head: &Head) -> Result<WriterProperties, FormatError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_enabled(false);
    for column in ArrowSchemaConverter::new().convert(&head.schema)?.columns() {
        let path = column.path().clone();
        properties = match column.physical_type() {
            Type::INT32 | Type::INT64 => properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Type::FLOAT | Type::DOUBLE => properties.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            _ => properties.set_column_dictionary_enabled(path, true),
        };
    }
    Ok(properties.build())
}

struct ParquetEncoder {
    writer: ArrowWriter<Vec<u8>>,
    head: Head,
}

impl ParquetEncoder {
    fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(self.writer.inner_mut());
    }
}

impl Encoder for ParquetEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.drain(out);
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.writer.write(batch)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        self.drain(out);
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let content = votable::document_without_rows(&self.head, ending);
        let overflow = (ending == Ending::Overflow).to_string();
        for (key, value) in [
            ("IVOA.VOTable-Parquet.version", "1.0".to_owned()),
            ("IVOA.VOTable-Parquet.type", "Parquet-local-XML".to_owned()),
            ("IVOA.VOTable-Parquet.encoding", "utf-8".to_owned()),
            ("IVOA.VOTable-Parquet.content", content),
            ("sidereus.overflow", overflow),
        ] {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        for key in Provenance::KEYS {
            if let Some(value) = self.head.schema.metadata().get(key) {
                self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.clone()));
            }
        }
        self.writer.finish()?;
        self.drain(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    #[test]
    fn batches_and_metadata_come_back() {
        let bytes = Bytes::from(kit::bytes(&Parquet, Ending::Overflow));
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        for (read, written) in builder.schema().fields().iter().zip(kit::head().schema.fields()) {
            assert_eq!(read.metadata().get("unit"), written.metadata().get("unit"));
        }
        let pairs = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
        let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
        assert_eq!(value("sidereus.overflow").as_deref(), Some("true"));
        assert!(value("IVOA.VOTable-Parquet.content").unwrap().contains("OVERFLOW"));
        let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
        let read = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        assert_eq!(read.columns(), kit::batch().columns());
    }
}
