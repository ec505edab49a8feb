//! Are the pages of a Parquet file what their headers say?
//!
//! A header says how long its page is once unpacked, and how many values it has; a reader makes room for both. For tables
//! from strangers they are held against limits and against each other, before the pages are decoded.
//!
//! *Source*: Apache Parquet format 2.11: `PageHeader`, `FileMetaData`, encodings.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use flate2::read::MultiGzDecoder;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::limits::Guard;
use super::thrift::Thrift;
use crate::error::{EngineError, ErrorKind};

/// Bytes of a footer.
const LONGEST_FOOTER: u64 = 32 << 20;
/// Bytes of a page, packed or not.
const LONGEST_PAGE: i64 = 32 << 20;
/// Values of a page.
const MOST_VALUES: i64 = 16 << 20;
/// Values of the lists of a column chunk, beside as many as it has bytes.
const MOST_LISTED: u64 = 8 << 20;
/// Levels of nested columns.
const DEEPEST: usize = 32;
/// Bytes that hold the header of a page, but for one with long statistics.
const HEADER: usize = 4096;
const LONGEST_HEADER: usize = 1 << 20;

fn bad(why: impl Into<String>) -> EngineError {
    EngineError::request(ErrorKind::BadQuery, why.into())
}

/// Whether the footer of a file can be decoded without harm.
///
/// *Errors*: it is no Parquet file, or its schema is not one.
pub(super) fn check_footer(file: &File) -> Result<(), EngineError> {
    let failed = |error: std::io::Error| EngineError::request(ErrorKind::Unavailable, error.to_string());
    let size = file.metadata().map_err(failed)?.len();
    let mut end = [0; 8];
    let start = size.checked_sub(8).ok_or_else(|| bad("it is too short"))?;
    file.read_exact_at(&mut end, start).map_err(failed)?;
    if &end[4..] != b"PAR1" {
        return Err(bad("it does not end with PAR1"));
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let begin = start.checked_sub(length).filter(|_| length <= LONGEST_FOOTER);
    let begin = begin.ok_or_else(|| bad(format!("its footer has {length} bytes")))?;
    let mut footer = vec![0; length as usize];
    file.read_exact_at(&mut footer, begin).map_err(failed)?;
    check_schema(&footer).ok_or_else(|| bad("its footer is damaged"))
}

/// The schema is a tree, written as a list in which each element says how many of the next are its children.
fn check_schema(footer: &[u8]) -> Option<()> {
    let (mut children, mut elements) = (0_i64, Vec::new());
    Thrift::new(footer).numbers(&mut |path, value| match path {
        [2, 0, 5] => children = value,
        [2, 0] => {
            elements.push(children);
            children = 0;
        }
        _ => {}
    })?;
    let mut open: Vec<i64> = Vec::new();
    for (number, children) in elements.iter().enumerate() {
        if *children < 0 || *children > (elements.len() - number) as i64 {
            return None;
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if *children > 0 {
            open.push(*children);
        }
        if open.len() > DEEPEST {
            return None;
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    (open.is_empty() && !elements.is_empty()).then_some(())
}

/// What a row group comes to.
#[derive(Debug, Default)]
pub(super) struct GroupSize {
    /// Bytes of its pages, unpacked.
    pub(super) bytes: u64,
    /// Values of its columns, those of lists each for itself.
    pub(super) values: u64,
}

/// Walks the pages of a row group.
///
/// *Errors*: a page lies about its size, is too large, or is packed in a way that cannot be held in bounds.
pub(super) fn check_group(file: &File, metadata: &ParquetMetaData, number: usize) -> Result<GroupSize, EngineError> {
    let mut size = GroupSize::default();
    for column in metadata.row_group(number).columns() {
        let pages = Pages { file, column };
        pages.walk(&mut size).map_err(|why| bad(format!("column {:?}: {why}", column.column_path().string())))?;
    }
    Ok(size)
}

/// Adds what was walked to the bytes that have come of a file.
pub(super) fn count(guard: &Guard, walked: u64, file: &File) -> Result<(), EngineError> {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    guard.check_values(walked, size)
}

struct Pages<'a> {
    file: &'a File,
    column: &'a ColumnChunkMetaData,
}

#[derive(Debug, Default)]
struct PageHeader {
    unpacked: i64,
    packed: i64,
    values: i64,
    encoding: i64,
    is_dictionary: bool,
    /// Bytes of levels in front of the values, in the second form of page.
    levels: Option<i64>,
    bytes: u64,
}

impl Pages<'_> {
    fn walk(&self, size: &mut GroupSize) -> Result<(), String> {
        match self.column.compression() {
            Compression::BROTLI(_) | Compression::LZ4 => {
                return Err(
                    "pages packed in Brotli or the old LZ4 cannot be uploaded; use zstd, Snappy or LZ4_RAW".to_owned()
                );
            }
            _ => {}
        }
        let start = self.column.dictionary_page_offset().unwrap_or_else(|| self.column.data_page_offset());
        let length = self.column.compressed_size();
        let (Ok(start), Ok(length)) = (u64::try_from(start), u64::try_from(length)) else {
            return Err("its place in the file is negative".to_owned());
        };
        let end = start.checked_add(length).ok_or("its place in the file is none")?;
        let (mut at, mut values) = (start, 0_u64);
        while at < end {
            let header = self.header(at)?;
            let body = at + header.bytes;
            at = body + header.packed.unsigned_abs();
            if at > end {
                return Err("a page ends behind its column".to_owned());
            }
            self.check(&header, body)?;
            values += if header.is_dictionary { 0 } else { header.values.unsigned_abs() };
            size.bytes += header.unpacked.unsigned_abs();
        }
        if self.column.column_descr().max_rep_level() > 0 && values > MOST_LISTED.max(length) {
            return Err(format!("its lists have {values} values in {length} bytes of one row group"));
        }
        size.values += values;
        Ok(())
    }

    fn header(&self, at: u64) -> Result<PageHeader, String> {
        for room in [HEADER, LONGEST_HEADER] {
            let mut bytes = vec![0; room];
            let mut read = 0;
            while read < room {
                match self.file.read_at(&mut bytes[read..], at + read as u64) {
                    Ok(0) => break,
                    Ok(more) => read += more,
                    Err(error) => return Err(error.to_string()),
                }
            }
            if let Some(header) = PageHeader::read(&bytes[..read]) {
                return Ok(header);
            }
        }
        Err("the header of a page is damaged".to_owned())
    }

    fn check(&self, header: &PageHeader, body: u64) -> Result<(), String> {
        let is_size = |bytes: i64| (0..=LONGEST_PAGE).contains(&bytes);
        if !is_size(header.unpacked) || !is_size(header.packed) || !(0..=MOST_VALUES).contains(&header.values) {
            let PageHeader { unpacked, values, .. } = header;
            let most = LONGEST_PAGE >> 20;
            return Err(format!("a page of {unpacked} bytes and {values} values, at most {most} MB can be uploaded"));
        }
        if header.is_dictionary && header.values > header.unpacked {
            return Err("a dictionary has more values than bytes".to_owned());
        }
        if header.encoding == Encoding::DELTA_BYTE_ARRAY as i64 {
            return Err("pages in the encoding DELTA_BYTE_ARRAY cannot be uploaded; use PLAIN".to_owned());
        }
        let is_gzip = matches!(self.column.compression(), Compression::GZIP(_));
        let has_lengths = header.encoding == Encoding::DELTA_LENGTH_BYTE_ARRAY as i64;
        if has_lengths && self.column.compression() != Compression::UNCOMPRESSED {
            return Err("packed pages in the encoding DELTA_LENGTH_BYTE_ARRAY cannot be uploaded; use PLAIN".to_owned());
        }
        if is_gzip || has_lengths {
            let mut bytes = vec![0; header.packed.unsigned_abs() as usize];
            self.file.read_exact_at(&mut bytes, body).map_err(|error| error.to_string())?;
            if is_gzip {
                check_gzip(&bytes, header)?;
            }
            if has_lengths {
                self.check_lengths(&bytes, header).ok_or("a page has more lengths than values")?;
            }
        }
        Ok(())
    }

    /// Whether there are at most as many lengths of texts as values.
    fn check_lengths(&self, page: &[u8], header: &PageHeader) -> Option<()> {
        let mut at = usize::try_from(header.levels.unwrap_or(0)).ok()?;
        if header.levels.is_none() {
            let column = self.column.column_descr();
            let levels = usize::from(column.max_rep_level() > 0) + usize::from(column.max_def_level() > 0);
            for _ in 0..levels {
                let length = u32::from_le_bytes(*page.get(at..)?.first_chunk()?);
                at = at.checked_add(4)?.checked_add(length as usize)?;
            }
        }
        let mut lengths = Thrift::new(page.get(at..)?);
        let (_block, _parts, count) = (lengths.varint()?, lengths.varint()?, lengths.varint()?);
        (count <= header.values.unsigned_abs()).then_some(())
    }
}

impl PageHeader {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut header = Self { values: -1, unpacked: -1, packed: -1, encoding: -1, ..Self::default() };
        let mut thrift = Thrift::new(bytes);
        let mut levels = [0, 0];
        thrift.numbers(&mut |path, value| match path {
            [1] => header.is_dictionary = value == 2,
            [2] => header.unpacked = value,
            [3] => header.packed = value,
            [5 | 7 | 8, 1] => header.values = value,
            [5 | 7, 2] | [8, 4] => header.encoding = value,
            [8, 5] => levels[0] = value,
            [8, 6] => levels[1] = value,
            [8] => header.levels = Some(0),
            _ => {}
        })?;
        if header.levels.is_some() {
            let [one, other] = levels;
            header.levels = Some(one.checked_add(other)?);
        }
        header.bytes = thrift.position() as u64;
        Some(header)
    }
}

/// gzip is unpacked to its end, whatever the header says: so it is tried first, into nothing.
fn check_gzip(page: &[u8], header: &PageHeader) -> Result<(), String> {
    let begin = usize::try_from(header.levels.unwrap_or(0)).unwrap_or(0).min(page.len());
    let most = header.unpacked.unsigned_abs();
    let mut unpacked = MultiGzDecoder::new(&page[begin..]).take(most + 1);
    // What cannot be unpacked is found by the reader.
    let bytes = std::io::copy(&mut unpacked, &mut std::io::sink()).unwrap_or(0);
    if bytes > most { Err(format!("a page unpacks to more than the {most} bytes that it says")) } else { Ok(()) }
}
