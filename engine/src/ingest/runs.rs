//! How are more rows sorted than fit into memory?
//!
//! ```text
//!  rows as they come -> runs, each sorted by key, on disk -> for each partition: its part of every run, merged
//! ```
//! A run is three files: the keys alone, in order, to look places up; blocks of rows, each an Arrow stream; and where
//! the blocks are, with their checksums. Rows of equal key stay in the order in which they came.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use rayon::prelude::*;

use super::sort::{gather, sorted_rows};

/// Bytes that a block of rows should have, and the most rows in it.
const BLOCK_BYTES: usize = 1 << 20;
const BLOCK_ROWS: usize = 1 << 14;

/// A sorted run on disk.
#[derive(Debug)]
pub(super) struct Run {
    keys: File,
    rows: File,
    count: usize,
    block_rows: usize,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    start: u64,
    length: u64,
    crc: u32,
}

impl Run {
    /// Sorts keyed rows and writes them; all is on disk afterwards.
    pub(super) fn write(batches: &[RecordBatch], path: &Path) -> io::Result<()> {
        let order = sorted_rows(batches);
        let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let block_rows = (BLOCK_BYTES * order.len() / bytes.max(1)).clamp(16, BLOCK_ROWS);
        let mut keys = BufWriter::with_capacity(1 << 20, File::create(with(path, "keys"))?);
        for row in &order {
            keys.write_all(&row.key.to_le_bytes())?;
        }
        keys.into_inner()?.sync_data()?;
        let (mut rows, mut blocks, mut start) = (File::create(with(path, "rows"))?, Vec::new(), 0_u64);
        let chunks: Vec<_> = order.chunks(block_rows).collect();
        for some in chunks.chunks(4 * rayon::current_num_threads()) {
            let encoded: Vec<Vec<u8>> = some
                .par_iter()
                .map(|chunk| encode(&gather(batches, chunk)?))
                .collect::<Result<_, ArrowError>>()
                .map_err(io::Error::other)?;
            for bytes in encoded {
                rows.write_all(&bytes)?;
                blocks.push(Block { start, length: bytes.len() as u64, crc: crc32fast::hash(&bytes) });
                start += bytes.len() as u64;
            }
        }
        rows.sync_data()?;
        let mut index = format!("{} {block_rows}\n", order.len());
        for Block { start, length, crc } in blocks {
            index.push_str(&format!("{start} {length} {crc}\n"));
        }
        let mut file = File::create(with(path, "index"))?;
        file.write_all(index.as_bytes())?;
        file.sync_data()
    }

    /// Opens a run that was written.
    ///
    /// *Errors*: a file is missing or damaged.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut index = String::new();
        File::open(with(path, "index"))?.read_to_string(&mut index)?;
        let mut lines =
            index.lines().map(|line| line.split(' ').map(|word| word.parse::<u64>()).collect::<Result<Vec<_>, _>>());
        let damaged = || io::Error::other("the index of a run is damaged");
        let head = lines.next().and_then(Result::ok).ok_or_else(damaged)?;
        let &[count, block_rows] = head.as_slice() else { return Err(damaged()) };
        let blocks = lines.map(|line| match line.as_deref() {
            Ok(&[start, length, crc]) => Ok(Block { start, length, crc: u32::try_from(crc).map_err(|_| damaged())? }),
            _ => Err(damaged()),
        });
        let blocks: Vec<Block> = blocks.collect::<Result<_, _>>()?;
        let (keys, rows) = (File::open(with(path, "keys"))?, File::open(with(path, "rows"))?);
        let bytes = blocks.last().map_or(0, |last| last.start + last.length);
        if keys.metadata()?.len() != count * 8 || rows.metadata()?.len() != bytes || block_rows == 0 {
            return Err(damaged());
        }
        Ok(Self { keys, rows, count: count as usize, block_rows: block_rows as usize, blocks })
    }

    /// Rows of the run.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the rows.
    pub(super) fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.length).sum()
    }

    /// Rows whose key is smaller.
    pub(super) fn rows_before(&self, key: u64) -> io::Result<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            let mut bytes = [0; 8];
            self.keys.read_exact_at(&mut bytes, middle as u64 * 8)?;
            if u64::from_le_bytes(bytes) < key { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Rows at the given places, block by block.
    pub(super) fn rows(&self, places: Range<usize>) -> impl Iterator<Item = io::Result<RecordBatch>> + '_ {
        let blocks = if places.is_empty() {
            0..0
        } else {
            places.start / self.block_rows..(places.end - 1) / self.block_rows + 1
        };
        blocks.map(move |number| {
            let block = self.block(number)?;
            let first = number * self.block_rows;
            let (from, to) = (places.start.max(first) - first, (places.end - first).min(block.num_rows()));
            Ok(block.slice(from, to - from))
        })
    }

    fn block(&self, number: usize) -> io::Result<RecordBatch> {
        let block = self.blocks.get(number).ok_or_else(|| io::Error::other("a run has too few blocks"))?;
        let mut bytes = vec![0; block.length as usize];
        self.rows.read_exact_at(&mut bytes, block.start)?;
        if crc32fast::hash(&bytes) != block.crc {
            return Err(io::Error::other("a block of a run is damaged on disk"));
        }
        let mut reader = StreamReader::try_new(bytes.as_slice(), None).map_err(io::Error::other)?;
        let batch = reader.next().ok_or_else(|| io::Error::other("a block of a run is empty"))?;
        let batch = batch.map_err(io::Error::other)?;
        let expected = self.block_rows.min(self.count - number * self.block_rows);
        if batch.num_rows() != expected || batch.column(0).as_primitive_opt::<Int64Type>().is_none() {
            return Err(io::Error::other("a block of a run has other rows than its index says"));
        }
        Ok(batch)
    }
}

fn with(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}
