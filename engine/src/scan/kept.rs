//! How are ranges of a remote file answered from blocks, some of which are on the local disk?
//!
//! Which version of the file the blocks are of is decided before: by the seal of a published file, else by what the store says
//! about the file just now.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datafusion::common::runtime::SpawnedTask;

use super::blocks::{BLOCK, BlockCache};
use crate::integrity::Digest;

/// Bytes that are asked for at once from a file whose size is not known; more go past the blocks.
const UNSIZED: u64 = 64 << 20;

/// Blocks of one version of a file, by number.
pub(super) type Blocks = BTreeMap<u64, Bytes>;

/// One version of a remote file in a cache.
#[derive(Debug, Clone)]
pub(super) struct KeptFile {
    cache: Arc<BlockCache>,
    file: Digest,
}

impl KeptFile {
    /// The file of an address whose version has a name that no other version has.
    pub(super) fn new(cache: Arc<BlockCache>, address: &str, version: &str) -> Self {
        let file = Digest::of(format!("{address}\n{version}").as_bytes());
        Self { cache, file }
    }

    /// Those of some blocks that are here.
    pub(super) async fn look_up(&self, numbers: Vec<u64>) -> Blocks {
        let (cache, file) = (Arc::clone(&self.cache), self.file);
        let found = move || numbers.into_iter().filter_map(|number| Some((number, cache.get(file, number)?))).collect();
        SpawnedTask::spawn_blocking(found).join().await.unwrap_or_default()
    }

    /// Keeps blocks.
    pub(super) async fn keep(&self, blocks: Blocks) {
        let (cache, file) = (Arc::clone(&self.cache), self.file);
        let keep = move || blocks.iter().for_each(|(number, bytes)| cache.put(file, *number, bytes));
        // A cache that cannot keep them costs time later, no more.
        let _ = SpawnedTask::spawn_blocking(keep).join().await;
    }

    /// Forgets every block, for one of them may not be what it should be.
    pub(super) fn forget(&self) {
        self.cache.forget(self.file);
    }
}

/// Numbers of the blocks that hold some ranges, in order; `None` where these are too long to be believed.
pub(super) fn numbers(ranges: &[Range<u64>], size: Option<u64>) -> Option<Vec<u64>> {
    let bytes: u64 = ranges.iter().map(|range| range.end.saturating_sub(range.start)).fold(0, u64::saturating_add);
    if size.is_none() && bytes > UNSIZED {
        return None;
    }
    let mut numbers: Vec<u64> = ranges
        .iter()
        .filter(|range| range.start < range.end)
        .flat_map(|range| range.start / BLOCK..range.end.div_ceil(BLOCK))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    Some(numbers)
}

/// The bytes of a block.
pub(super) fn extent(number: u64, size: Option<u64>) -> Range<u64> {
    let start = number.saturating_mul(BLOCK);
    start..start.saturating_add(BLOCK).min(size.unwrap_or(u64::MAX))
}

/// Cuts bytes that begin at a block's beginning into blocks.
pub(super) fn cut(start: u64, bytes: &Bytes) -> impl Iterator<Item = (u64, Bytes)> {
    let step = BLOCK as usize;
    let pieces = (0..bytes.len()).step_by(step).map(move |at| bytes.slice(at..bytes.len().min(at + step)));
    pieces.enumerate().map(move |(place, piece)| (start / BLOCK + place as u64, piece))
}

/// A range out of the blocks that hold it; shorter where the file ended early, which the decoder reports.
pub(super) fn part(blocks: &Blocks, range: &Range<u64>) -> Bytes {
    let mut pieces = blocks.range(range.start / BLOCK..range.end.div_ceil(BLOCK)).map(|(number, bytes)| {
        let start = number * BLOCK;
        let within = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX).min(bytes.len());
        bytes.slice(within(range.start)..within(range.end))
    });
    match (pieces.next(), pieces.next()) {
        (Some(only), None) => only,
        (None, _) => Bytes::new(),
        (Some(first), Some(second)) => {
            let mut whole = BytesMut::from(first);
            whole.extend_from_slice(&second);
            pieces.for_each(|piece| whole.extend_from_slice(&piece));
            whole.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_is_put_together_of_blocks() {
        let size = 3 * BLOCK + 1000;
        let file: Bytes = (0..size).map(|at| (at * 31 % 251) as u8).collect();
        for range in [0..10, BLOCK - 5..BLOCK, BLOCK - 5..BLOCK + 5, 10..3 * BLOCK + 7, 3 * BLOCK..size, 5..5, 0..size]
        {
            let numbers = numbers(std::slice::from_ref(&range), Some(size)).unwrap();
            let blocks: Blocks = numbers
                .iter()
                .flat_map(|number| {
                    let extent = extent(*number, Some(size));
                    cut(extent.start, &file.slice(extent.start as usize..extent.end as usize)).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(blocks.len(), numbers.len());
            assert_eq!(part(&blocks, &range), &file[range.start as usize..range.end as usize], "{range:?}");
        }
        let endless = Range { start: 0, end: u64::MAX };
        assert_eq!(numbers(std::slice::from_ref(&endless), None), None);
        assert_eq!(numbers(&[0..10, 3..BLOCK + 1], None), Some(vec![0, 1]));
    }
}
