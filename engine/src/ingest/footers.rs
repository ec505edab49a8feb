//! The two files beside the data that describe all of it: `_common_metadata` (the schema) and `_metadata` (every
//! row group of every file, with its statistics).
//!
//! Offsets in `_metadata` are those within the file that its `file_path` names, as in the leaf's own footer. Thousands of files of
//! hundreds of columns have gigabytes of row groups in memory, so those of each file are encoded when it is finished and only
//! put one after the other in the end: in Thrift's compact protocol the footer is
//!
//! ```text
//!  version, schema | 16 ROWS | 19 COUNT-AND-TYPE | row group | row group | .. | key values, ..
//! ```

use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{FileMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// What comes behind a footer: its length and the magic number.
const END: usize = 8;
/// The headers of the fields of rows and of row groups, the type of a list of structures, and a list of more than 14.
const ROWS_FIELD: u8 = 0x16;
const GROUPS_FIELD: u8 = 0x19;
const STRUCTURES: u8 = 0x0c;
const LONG_LIST: u8 = 0xf0;

/// Makes both files of a schema.
#[derive(Debug)]
pub(super) struct Footers {
    /// Bytes of `_common_metadata`.
    pub(super) common: Vec<u8>,
    file: FileMetaData,
    /// The footer without row groups.
    empty: Vec<u8>,
}

/// The row groups of one file.
#[derive(Debug, Clone, Default)]
pub(super) struct EncodedGroups {
    /// Their rows.
    pub(super) rows: u64,
    count: usize,
    /// Where in a footer the number of rows is.
    rows_at: usize,
    bytes: Vec<u8>,
}

impl Footers {
    /// Footers of leaves with a schema.
    pub(super) fn new(schema: &SchemaRef, properties: &WriterProperties) -> Result<Self> {
        let mut common = Vec::new();
        let written = ArrowWriter::try_new(&mut common, Arc::clone(schema), Some(properties.clone()))?.close()?;
        let file = written.file_metadata().clone();
        let empty = footer(&file, Vec::new())?;
        Ok(Self { common, file, empty })
    }

    /// Encodes the row groups of a file; its path is from `dataset/`.
    pub(super) fn encode(&self, path: &str, groups: &[RowGroupMetaData]) -> Result<EncodedGroups> {
        let rows: u64 = groups.iter().map(|group| group.num_rows().cast_unsigned()).sum();
        if rows == 0 {
            return Ok(EncodedGroups::default());
        }
        let groups = groups.iter().map(|group| with_path(group, path)).collect::<Result<Vec<_>>>()?;
        let count = groups.len();
        let footer = footer(&self.file, groups)?;
        let rows_at = footer.iter().zip(&self.empty).take_while(|(one, other)| one == other).count();
        let (head, rest) = self.around(rows_at).ok_or_else(unknown_form)?;
        let start = head.len() + rows_and_groups(rows, count).len();
        let bytes = footer.get(start..footer.len().saturating_sub(rest.len())).map(<[u8]>::to_vec);
        let found = EncodedGroups { rows, count, rows_at, bytes: bytes.unwrap_or_default() };
        match self.put_together(std::slice::from_ref(&found)) == Some(footer) {
            true => Ok(found),
            false => Err(unknown_form()),
        }
    }

    /// Bytes of `_metadata`; row groups are given in spatial order.
    pub(super) fn all(&self, groups: &[EncodedGroups]) -> Result<Vec<u8>> {
        let footer = self.put_together(groups).ok_or_else(unknown_form)?;
        let length = u32::try_from(footer.len());
        let length = length.map_err(|_| ParquetError::General("_metadata is larger than 4 GiB".to_owned()))?;
        Ok([b"PAR1", footer.as_slice(), &length.to_le_bytes(), b"PAR1"].concat())
    }

    /// What comes before the number of rows, and behind the row groups.
    fn around(&self, rows_at: usize) -> Option<(&[u8], &[u8])> {
        let (head, rest) = self.empty.split_at_checked(rows_at)?;
        Some((head, rest.strip_prefix(&[0, GROUPS_FIELD, STRUCTURES])?)).filter(|_| head.last() == Some(&ROWS_FIELD))
    }

    fn put_together(&self, groups: &[EncodedGroups]) -> Option<Vec<u8>> {
        let Some(first) = groups.iter().find(|groups| groups.count > 0) else { return Some(self.empty.clone()) };
        let (head, rest) = self.around(first.rows_at)?;
        let rows = groups.iter().map(|groups| groups.rows).sum();
        let count = groups.iter().map(|groups| groups.count).sum();
        let bytes: usize = groups.iter().map(|groups| groups.bytes.len()).sum();
        let mut footer = Vec::with_capacity(self.empty.len() + bytes + 32);
        footer.extend_from_slice(head);
        footer.extend_from_slice(&rows_and_groups(rows, count));
        groups.iter().for_each(|groups| footer.extend_from_slice(&groups.bytes));
        footer.extend_from_slice(rest);
        Some(footer)
    }
}

fn unknown_form() -> ParquetError {
    ParquetError::General("the footer has another form than expected".to_owned())
}

/// The number of rows, and the head of the list of row groups.
fn rows_and_groups(rows: u64, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(rows << 1, &mut bytes);
    bytes.push(GROUPS_FIELD);
    match u8::try_from(count) {
        Ok(count @ 0..15) => bytes.push(count << 4 | STRUCTURES),
        _ => {
            bytes.push(LONG_LIST | STRUCTURES);
            varint(count as u64, &mut bytes);
        }
    }
    bytes
}

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A footer without what surrounds it.
fn footer(of_schema: &FileMetaData, groups: Vec<RowGroupMetaData>) -> Result<Vec<u8>> {
    let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
    let file = FileMetaData::new(
        of_schema.version(),
        rows,
        of_schema.created_by().map(str::to_owned),
        of_schema.key_value_metadata().cloned(),
        of_schema.schema_descr_ptr(),
        of_schema.column_orders().cloned(),
    );
    let metadata = ParquetMetaDataBuilder::new(file).set_row_groups(groups).build();
    let mut bytes = Vec::new();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish()?;
    bytes.truncate(bytes.len().saturating_sub(END));
    Ok(bytes)
}

fn with_path(group: &RowGroupMetaData, path: &str) -> Result<RowGroupMetaData> {
    let columns =
        group.columns().iter().map(|column| column.clone().into_builder().set_file_path(path.to_owned()).build());
    group.clone().into_builder().set_column_metadata(columns.collect::<Result<_>>()?).build()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::file::metadata::ParquetMetaDataReader;

    use super::*;

    /// The row groups of a file of some rows.
    fn groups(rows: usize, row_group: usize) -> (SchemaRef, WriterProperties, Vec<RowGroupMetaData>) {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
        let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("star {row}"))));
        let batch = RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(row_group)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.clone())).unwrap();
        writer.write(&batch).unwrap();
        let written = writer.close().unwrap();
        (batch.schema(), properties, written.row_groups().to_vec())
    }

    #[test]
    fn row_groups_encoded_apart_are_those_encoded_together() {
        for (rows, row_group, files) in [(1, 10, 1), (3, 1, 4), (64, 1, 3), (5_000, 100, 40), (100_000, 50_000, 2)] {
            let (schema, properties, groups) = groups(rows, row_group);
            let footers = Footers::new(&schema, &properties).unwrap();
            let path = |file| format!("Norder=1/Dir=0/Npix={file}.parquet");
            let apart: Vec<EncodedGroups> =
                (0..files).map(|file| footers.encode(&path(file), &groups).unwrap()).collect();
            let together = (0..files).flat_map(|file| groups.iter().map(move |group| (file, group)));
            let together = together.map(|(file, group)| with_path(group, &path(file)).unwrap()).collect::<Vec<_>>();
            let all = footers.all(&apart).unwrap();
            assert_eq!(all[4..all.len() - END], footer(&footers.file, together.clone()).unwrap());
            let read = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(all)).unwrap();
            assert_eq!(read.file_metadata().num_rows() as usize, rows * files);
            assert_eq!(read.row_groups().len(), together.len());
            assert_eq!(read.row_group(together.len() - 1).column(1).file_path(), Some(path(files - 1).as_str()));
        }
        let (schema, properties, _) = groups(1, 1);
        let none = Footers::new(&schema, &properties).unwrap();
        let all = none.all(&[EncodedGroups::default()]).unwrap();
        let read = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(all)).unwrap();
        assert_eq!(read.row_groups().len(), 0);
    }
}
