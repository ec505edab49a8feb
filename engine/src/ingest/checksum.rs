//! How does a flipped bit in a page come to light?
//!
//! By the CRC-32 that a Parquet page header may carry, which readers verify and the encoder below does not write. So
//! the encoded pages are kept here until their column chunk is closed; then each header gets its sum, and sizes and
//! offsets of the chunk are moved by the bytes that were added.
//!
//! ```text
//!  encoder -> [header, data, header, data, .., dictionary header, data] -> dictionary first, headers with CRC -> file
//! ```
//! *Source*: parquet-format, `parquet.thrift` (PageHeader, field 4) and Thrift's compact protocol.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};

/// The encoded pages of the open row group of one file, by column.
#[derive(Debug, Clone, Default)]
pub(super) struct PageBuffers {
    columns: Arc<Mutex<Vec<Vec<Bytes>>>>,
}

impl PageBuffers {
    fn with_column<T>(&self, column: usize, action: impl FnOnce(&mut Vec<Bytes>) -> T) -> T {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        if columns.len() <= column {
            columns.resize_with(column + 1, Vec::new);
        }
        action(&mut columns[column])
    }

    /// Takes the pages of a finished column chunk and gives each its sum.
    ///
    /// *Errors*: the pages are not laid out as the encoder of this version does.
    pub(super) fn seal(&self, column: usize, mut chunk: ArrowColumnChunk) -> Result<(Bytes, ColumnCloseResult)> {
        let blobs = self.with_column(column, std::mem::take);
        let pages: Vec<SealedPage> = blobs
            .chunks(2)
            .map(|pair| match pair {
                [header, data] => SealedPage::new(header, data),
                _ => Err(unexpected("a page without data")),
            })
            .collect::<Result<_>>()?;
        let (dictionary, data): (Vec<&SealedPage>, Vec<&SealedPage>) =
            pages.iter().partition(|page| page.is_dictionary);
        let mut bytes = Vec::with_capacity(pages.iter().map(SealedPage::len).sum());
        for page in dictionary.iter().chain(&data) {
            bytes.extend_from_slice(&page.header);
            bytes.extend_from_slice(page.data);
        }
        let close = moved(chunk.close_mut(), &dictionary, &data)?;
        Ok((bytes.into(), close))
    }
}

impl PageStoreFactory for PageBuffers {
    fn create(&self, args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        Ok(Box::new(ColumnPages { buffers: self.clone(), column: args.column_index() }))
    }
}

struct ColumnPages {
    buffers: PageBuffers,
    column: usize,
}

impl PageStore for ColumnPages {
    fn put(&mut self, value: Bytes) -> Result<PageKey> {
        self.buffers.with_column(self.column, |pages| {
            pages.push(value);
            Ok(PageKey::new(pages.len() as u64 - 1))
        })
    }

    fn take(&mut self, _key: PageKey) -> Result<Bytes> {
        Err(unexpected("a page was asked for before its sum was made"))
    }
}

struct SealedPage<'a> {
    header: Vec<u8>,
    data: &'a Bytes,
    grown_by: usize,
    is_dictionary: bool,
}

impl<'a> SealedPage<'a> {
    fn new(header: &Bytes, data: &'a Bytes) -> Result<Self> {
        const DICTIONARY_PAGE: u64 = 2;
        let (sealed, page_type) = with_crc(header, crc32fast::hash(data))?;
        let grown_by = sealed.len() - header.len();
        Ok(Self { header: sealed, data, grown_by, is_dictionary: page_type == zigzag(DICTIONARY_PAGE as i32) })
    }

    fn len(&self) -> usize {
        self.header.len() + self.data.len()
    }
}

/// The close result with the pages' new places.
fn moved(
    close: &mut ColumnCloseResult,
    dictionary: &[&SealedPage<'_>],
    data: &[&SealedPage<'_>],
) -> Result<ColumnCloseResult> {
    let data_start: usize = dictionary.iter().map(|page| page.len()).sum();
    let grown_by: usize = dictionary.iter().chain(data).map(|page| page.grown_by).sum();
    let metadata = close.metadata.clone();
    let (compressed, uncompressed) = (metadata.compressed_size(), metadata.uncompressed_size());
    let mut offset_index = close.offset_index.take();
    if let Some(index) = &mut offset_index {
        if index.page_locations.len() != data.len() {
            return Err(unexpected("the offset index has another number of pages"));
        }
        let mut offset = data_start as i64;
        for (location, page) in index.page_locations.iter_mut().zip(data) {
            location.offset = offset;
            location.compressed_page_size =
                i32::try_from(page.len()).map_err(|_| unexpected("a page of over 2 GiB"))?;
            offset += i64::from(location.compressed_page_size);
        }
    }
    Ok(ColumnCloseResult {
        bytes_written: close.bytes_written + grown_by as u64,
        rows_written: close.rows_written,
        metadata: metadata
            .into_builder()
            .set_dictionary_page_offset((!dictionary.is_empty()).then_some(0))
            .set_data_page_offset(data_start as i64)
            .set_total_compressed_size(compressed + grown_by as i64)
            .set_total_uncompressed_size(uncompressed + grown_by as i64)
            .build()?,
        bloom_filter: close.bloom_filter.take(),
        column_index: close.column_index.take(),
        offset_index,
    })
}

/// A page header with a CRC as field 4, and the header's page type as it is encoded.
///
/// A header begins with three i32 fields (type, uncompressed and compressed size), each a byte 0x15 (next field, i32)
/// and a varint; the structure that follows says by how much its number exceeds that of the field before.
fn with_crc(header: &[u8], crc: u32) -> Result<(Vec<u8>, u64)> {
    const NEXT_I32: u8 = 0x15;
    let (mut at, mut page_type) = (0, 0);
    for field in 0..3 {
        if header.get(at) != Some(&NEXT_I32) {
            return Err(unexpected("a page header of another form"));
        }
        let (value, length) = varint(&header[at + 1..])?;
        at += 1 + length;
        if field == 0 {
            page_type = value;
        }
    }
    let next =
        *header.get(at).filter(|byte| **byte >> 4 >= 2).ok_or_else(|| unexpected("a page header that has a sum"))?;
    let mut sealed = Vec::with_capacity(header.len() + 6);
    sealed.extend_from_slice(&header[..at]);
    sealed.push(NEXT_I32);
    push_varint(&mut sealed, zigzag(crc.cast_signed()));
    sealed.push(next - 0x10);
    sealed.extend_from_slice(&header[at + 1..]);
    Ok((sealed, page_type))
}

fn varint(bytes: &[u8]) -> Result<(u64, usize)> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((value, place + 1));
        }
    }
    Err(unexpected("a page header that ends within a number"))
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)).cast_unsigned())
}

fn unexpected(what: &str) -> ParquetError {
    ParquetError::General(format!("page checksum: the encoder made {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_is_inserted_as_field_four() {
        let header = [0x15, 0x00, 0x15, 0x80, 0x02, 0x15, 0x7e, 0x2c, 0x15, 0x08, 0x00];
        let (sealed, page_type) = with_crc(&header, 1).unwrap();
        assert_eq!(sealed, [0x15, 0x00, 0x15, 0x80, 0x02, 0x15, 0x7e, 0x15, 0x02, 0x1c, 0x15, 0x08, 0x00]);
        assert_eq!(page_type, 0);
    }

    #[test]
    fn header_of_another_form_is_refused() {
        assert!(with_crc(&[], 1).is_err());
        assert!(with_crc(&[0x15, 0x00, 0x15, 0x80], 1).is_err());
        assert!(with_crc(&[0x15, 0x00, 0x15, 0x02, 0x15, 0x02, 0x15, 0x02], 1).is_err());
    }

    #[test]
    fn extreme_sums_survive_their_encoding() {
        for crc in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, zigzag(crc.cast_signed()));
            let (value, length) = varint(&bytes).unwrap();
            assert_eq!(length, bytes.len());
            let decoded = ((value >> 1) as i64 ^ -((value & 1) as i64)) as i32;
            assert_eq!(decoded.cast_unsigned(), crc);
        }
    }
}
