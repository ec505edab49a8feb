//! Are the pages that were read the ones that lie at this place of this file?
//!
//! A page's own CRC lies in its header and moves with it: a page in another's place, or a header that was changed, passes it.
//! So every page, header and data, has a CRC-32 elsewhere, and is compared with the one of its place before it is decoded.
//! A column chunk without an offset index counts as one page; so does what precedes the first data page (the dictionary).

use std::ops::Range;

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

/// Sums of the pages of one file, by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageSums {
    /// Where pages begin, in order, and their sums; the end of a page is the beginning of the next, or a mark without a sum.
    marks: Vec<(u64, Option<u32>)>,
}

impl PageSums {
    /// Puts sums, four bytes each in little-endian order, to the blocks of a file.
    ///
    /// *Errors*: a footer with other blocks, or another number of them.
    pub(crate) fn new(metadata: &ParquetMetaData, sums: &[u8]) -> Result<Self, String> {
        let blocks = blocks(metadata)?;
        if blocks.len() * 4 != sums.len() {
            return Err(format!("it has {} pages, expected {}", blocks.len(), sums.len() / 4));
        }
        let mut marks: Vec<(u64, Option<u32>)> = Vec::with_capacity(blocks.len() + 1);
        for (block, sum) in blocks.iter().zip(sums.chunks_exact(4)) {
            if marks.last().is_some_and(|(end, _)| *end == block.start) {
                marks.pop();
            }
            marks.push((block.start, Some(u32::from_le_bytes([sum[0], sum[1], sum[2], sum[3]]))));
            marks.push((block.end, None));
        }
        Ok(Self { marks })
    }

    /// Bytes held in memory.
    pub(crate) fn memory_size(&self) -> usize {
        self.marks.len() * size_of::<(u64, Option<u32>)>()
    }

    /// Compares bytes that were read at a place with the sums of their pages.
    ///
    /// *Guarantee*: accepts only whole pages, each the one of its place.
    ///
    /// *Errors*: a text for people.
    pub(crate) fn check(&self, range: &Range<u64>, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 != range.end.saturating_sub(range.start) {
            return Err(format!("{} bytes were read at byte {}, fewer than asked for", bytes.len(), range.start));
        }
        let first = self.marks.partition_point(|(start, _)| *start < range.start);
        let mut done = range.start;
        for pair in self.marks[first..].windows(2) {
            let ((start, sum), (end, _)) = (pair[0], pair[1]);
            if start != done || end > range.end || done == range.end {
                break;
            }
            let page = &bytes[(start - range.start) as usize..(end - range.start) as usize];
            match sum {
                Some(sum) if crc32fast::hash(page) == sum => done = end,
                Some(_) => return Err(format!("the page at byte {start} differs")),
                None => break,
            }
        }
        match done == range.end {
            true => Ok(()),
            false => Err(format!("no page ends at byte {}", range.end)),
        }
    }
}

/// The pages of a file, in order of place.
///
/// *Errors*: pages that overlap, or that do not fill their column chunk.
pub(crate) fn blocks(metadata: &ParquetMetaData) -> Result<Vec<Range<u64>>, String> {
    let mut blocks = Vec::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.offset_index().and_then(|index| index.get(number));
        for (column, chunk) in group.columns().iter().enumerate() {
            let Range { start, end } = chunk_range(chunk).ok_or("a column chunk has no place in it")?;
            let pages = index.and_then(|index| index.get(column)).map_or(&[][..], |index| index.page_locations());
            let mut at = start;
            for page in pages {
                let offset = u64::try_from(page.offset).unwrap_or_default();
                let size = u64::try_from(page.compressed_page_size).unwrap_or_default();
                if at == start && offset > start && offset < end {
                    blocks.push(start..offset);
                    at = offset;
                }
                if offset != at || size == 0 || size > end - at {
                    return Err(format!("the pages of column {} do not fill it", chunk.column_path()));
                }
                blocks.push(at..at + size);
                at += size;
            }
            if pages.is_empty() && start < end {
                blocks.push(start..end);
            } else if at != end {
                return Err(format!("the pages of column {} do not fill it", chunk.column_path()));
            }
        }
    }
    blocks.sort_unstable_by_key(|block| block.start);
    match blocks.windows(2).all(|pair| pair[0].end <= pair[1].start) {
        true => Ok(blocks),
        false => Err("column chunks overlap".to_owned()),
    }
}

/// The bytes of a column chunk; `None` where the footer tells nonsense.
fn chunk_range(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?)
}

/// Where everything that is not page data begins: page index and footer.
pub(crate) fn tail_start(metadata: &ParquetMetaData) -> u64 {
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let ends = chunks.clone().filter_map(|chunk| Some(chunk_range(chunk)?.end));
    let indexes = chunks.flat_map(|chunk| [chunk.column_index_offset(), chunk.offset_index_offset()]).flatten();
    let first_index = indexes.filter_map(|offset| u64::try_from(offset).ok()).min().unwrap_or(u64::MAX);
    ends.max().unwrap_or(4).min(first_index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums() -> PageSums {
        let crc = |bytes: &[u8]| Some(crc32fast::hash(bytes));
        PageSums { marks: vec![(4, crc(b"aa")), (6, crc(b"bb")), (8, None), (10, crc(b"cc")), (12, None)] }
    }

    #[test]
    fn whole_pages_in_their_place_pass() {
        for (range, bytes) in [(4..8, &b"aabb"[..]), (4..6, b"aa"), (6..8, b"bb"), (10..12, b"cc")] {
            assert_eq!(sums().check(&range, bytes), Ok(()), "{range:?}");
        }
    }

    #[test]
    fn everything_else_does_not() {
        for (range, bytes) in [
            (4..8, &b"bbaa"[..]),
            (4..6, b"bb"),
            (4..6, b"a"),
            (4..7, b"aab"),
            (5..8, b"abb"),
            (4..10, b"aabb--"),
            (8..10, b"--"),
            (10..14, b"ccdd"),
            (0..2, b"aa"),
            (20..22, b"aa"),
        ] {
            assert!(sums().check(&range, bytes).is_err(), "{range:?}");
        }
    }
}
