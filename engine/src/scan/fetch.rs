//! How do byte ranges of a file become bytes, with as few requests as sensible?
//!
//! Ranges that lie close together are read as one where a request is dear (a remote store) and one by one, in a
//! single call, where it is cheap (a local disk). Every request and byte is counted here and nowhere else.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::physical_plan::metrics::Count;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use crate::catalog::CatalogLocation;

/// Bytes between two ranges that are cheaper to read than to ask for separately, on a remote store.
const REMOTE_GAP: u64 = 256 << 10;
/// Requests of one query partition that may be under way at once.
const REMOTE_CONCURRENCY: usize = 8;

/// Counts what was asked of a store.
#[derive(Debug, Clone)]
pub(crate) struct FetchCounters {
    /// Requests sent.
    pub(crate) requests: Count,
    /// Bytes received.
    pub(crate) bytes: Count,
}

/// Reads ranges of one file.
#[derive(Debug, Clone)]
pub(crate) struct FileFetcher {
    store: Arc<dyn ObjectStore>,
    path: Path,
    remote: bool,
    counters: FetchCounters,
}

impl FileFetcher {
    pub(crate) fn new(location: &CatalogLocation, path: Path, counters: FetchCounters) -> Self {
        let remote = location.display.contains("://") && !location.display.starts_with("file://");
        Self { store: Arc::clone(&location.store), path, remote, counters }
    }

    /// The file's path in its store.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the last `length` bytes; returns them with the size of the whole file.
    pub(crate) async fn suffix(&self, length: u64) -> object_store::Result<(Bytes, u64)> {
        let options = GetOptions { range: Some(GetRange::Suffix(length)), ..GetOptions::default() };
        let result = self.store.get_opts(&self.path, options).await?;
        let size = result.meta.size;
        let bytes = result.bytes().await?;
        self.count(1, bytes.len() as u64);
        Ok((bytes, size))
    }

    /// Reads ranges, in the order asked.
    pub(crate) async fn ranges(&self, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        if !self.remote {
            self.count(ranges.len(), ranges.iter().map(|range| range.end - range.start).sum());
            return self.store.get_ranges(&self.path, ranges).await;
        }
        let merged = merge(ranges, REMOTE_GAP);
        self.count(merged.len(), merged.iter().map(|range| range.end - range.start).sum());
        let parts: Vec<Bytes> = futures::stream::iter(merged.clone())
            .map(|range| self.store.get_range(&self.path, range))
            .buffered(REMOTE_CONCURRENCY)
            .try_collect()
            .await?;
        Ok(ranges.iter().map(|range| slice(&merged, &parts, range)).collect())
    }

    fn count(&self, requests: usize, bytes: u64) {
        self.counters.requests.add(requests);
        self.counters.bytes.add(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}

/// Sorted, disjoint ranges that cover all of `ranges`, joined where the gap is at most `gap`.
fn merge(ranges: &[Range<u64>], gap: u64) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The part of `parts` that holds `range`; shorter where the file ended early, which the decoder reports.
fn slice(merged: &[Range<u64>], parts: &[Bytes], range: &Range<u64>) -> Bytes {
    let index = merged.partition_point(|whole| whole.end < range.end);
    let (Some(whole), Some(part)) = (merged.get(index), parts.get(index)) else { return Bytes::new() };
    let position = |offset: u64| usize::try_from(offset - whole.start).unwrap_or(usize::MAX).min(part.len());
    part.slice(position(range.start)..position(range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_ranges_are_joined_and_sliced_back() {
        let ranges = [100..200, 0..10, 12..20, 1000..1010];
        let merged = merge(&ranges, 5);
        assert_eq!(merged, vec![0..20, 100..200, 1000..1010]);
        let file: Vec<u8> = (0..2000_u32).map(|i| (i % 251) as u8).collect();
        let parts: Vec<Bytes> =
            merged.iter().map(|r| Bytes::copy_from_slice(&file[r.start as usize..r.end as usize])).collect();
        for range in &ranges {
            assert_eq!(slice(&merged, &parts, range), &file[range.start as usize..range.end as usize]);
        }
    }
}
