//! How do byte ranges of a file become bytes, with as few requests as sensible?
//!
//! Ranges that lie close together are read as one where a request is dear (a remote store) and one by one, in a
//! single call, where it is cheap (a local disk). Every request and byte is counted here and nowhere else.
//!
//! With a cache on the local disk, a remote file is read in blocks, and only those that are not there are asked for. A file of
//! a catalog with a manifest is then named by its seal, and what comes must be what was sealed; of any other file the store is
//! asked once a query which version it has.
//!
//! A footer tells where the bytes of one version of a file lie. So every answer of a store is compared with the version that
//! the footer came from: another one is an error, never other rows.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::physical_plan::metrics::Count;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::at_hand;
use super::blocks::BlockCache;
use super::kept::{self, Blocks, KeptFile};
use crate::catalog::{CatalogMetadata, DataFile};
use crate::integrity::LeafSeal;

/// Bytes between two ranges that are cheaper to read than to ask for separately, on a remote store: what comes in the time
/// of a fraction of a round trip.
const REMOTE_GAP: u64 = 1 << 20;
/// Bytes from the end of a remote file that are read with its footer: all of a small file.
const REMOTE_TAIL: u64 = 256 << 10;
/// Requests of one query partition that may be under way at once.
const REMOTE_CONCURRENCY: usize = 8;

/// Counts what was asked of a store.
#[derive(Debug, Clone)]
pub(crate) struct FetchCounters {
    /// Requests sent.
    pub(crate) requests: Count,
    /// Bytes received.
    pub(crate) bytes: Count,
    /// Bytes that the cache on the local disk had.
    pub(crate) kept: Count,
}

/// Which version of a file was read: a store tells it with every answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileVersion {
    /// Bytes.
    pub(crate) size: u64,
    last_modified: SystemTime,
    e_tag: Option<String>,
}

impl FileVersion {
    fn of(meta: &ObjectMeta) -> Self {
        Self { size: meta.size, last_modified: meta.last_modified.into(), e_tag: meta.e_tag.clone() }
    }

    /// The version that was published, whatever its store calls it.
    fn sealed(seal: &LeafSeal) -> Self {
        let e_tag = Some(format!("sealed {} {}", seal.tail, seal.pages));
        Self { size: seal.size, last_modified: SystemTime::UNIX_EPOCH, e_tag }
    }

    /// A name that no other version has, if the store gives any.
    fn name(&self) -> Option<String> {
        let known = self.e_tag.is_some() || self.last_modified != SystemTime::UNIX_EPOCH;
        known.then(|| format!("{} {:?} {:?}", self.size, self.e_tag, self.last_modified))
    }
}

/// Why bytes of a file did not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The store refused.
    #[error("{0}")]
    Store(#[from] object_store::Error),
    /// The file is no longer the one whose footer was read.
    #[error("the file was replaced while it was in use; ask again")]
    Replaced,
    /// The footer names bytes beyond the end.
    #[error("bytes {0:?} lie beyond its end")]
    Beyond(Range<u64>),
}

/// Reads ranges of one file, all of one version.
///
/// A local file is opened once: what is read later comes from the same file, whatever happens to its name.
#[derive(Debug)]
pub(crate) struct FileFetcher {
    store: Arc<dyn ObjectStore>,
    path: Path,
    remote: bool,
    counters: FetchCounters,
    local: Option<(Arc<File>, Metadata)>,
    version: OnceLock<FileVersion>,
    /// The end of a remote file, with its place, once it was read.
    tail: OnceLock<(u64, Bytes)>,
    /// The cache of remote files, and what a person calls the file.
    cache: Option<(Arc<BlockCache>, String)>,
    /// The version in the cache that answers, once it is known.
    kept: OnceLock<KeptFile>,
    /// Whether what comes is compared with sums that were published, instead of by version.
    sealed: bool,
}

impl FileFetcher {
    pub(crate) fn new(
        catalog: &CatalogMetadata,
        file: &DataFile,
        counters: FetchCounters,
        cache: Option<Arc<BlockCache>>,
    ) -> Self {
        let location = &catalog.location;
        let remote = location.display.contains("://") && !location.display.starts_with("file://");
        let address = |cache| (cache, format!("{}\n{}", location.display, file.path));
        let mut fetcher = Self {
            store: Arc::clone(&location.store),
            path: file.path.clone(),
            remote,
            counters,
            local: None,
            version: OnceLock::new(),
            tail: OnceLock::new(),
            cache: cache.filter(|_| remote).map(address),
            kept: OnceLock::new(),
            sealed: false,
        };
        if let (Some(seal), true) = (&file.seal, fetcher.cache.is_some()) {
            let version = FileVersion::sealed(seal);
            fetcher.keep_as(version.name());
            fetcher.version = OnceLock::from(version);
            fetcher.sealed = true;
        }
        fetcher
    }

    /// A fetcher of another file of the same store, of a catalog that was published as `snapshot`.
    pub(crate) fn sibling(&self, path: Path, snapshot: &str) -> Self {
        let cache = self.cache.as_ref().map(|(cache, address)| (Arc::clone(cache), format!("{address}\n{path}")));
        let fetcher = Self {
            store: Arc::clone(&self.store),
            path,
            remote: self.remote,
            counters: self.counters.clone(),
            local: None,
            version: OnceLock::new(),
            tail: OnceLock::new(),
            cache,
            kept: OnceLock::new(),
            sealed: self.sealed,
        };
        fetcher.keep_as(self.sealed.then(|| snapshot.to_owned()));
        fetcher
    }

    /// Answers from blocks of a version, if there are any.
    fn keep_as(&self, version: Option<String>) {
        if let (Some((cache, address)), Some(version)) = (&self.cache, version) {
            self.kept.get_or_init(|| KeptFile::new(Arc::clone(cache), address, &version));
        }
    }

    /// Forgets the blocks of this file: they are not what they should be.
    pub(crate) fn forget(&self) {
        if let Some(kept) = self.kept.get() {
            kept.forget();
        }
    }

    /// The file's path in its store.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Finds out which version of the file is there, where asking costs next to nothing.
    pub(crate) async fn open(&mut self) -> Result<Option<&FileVersion>, FetchError> {
        if self.remote {
            return self.validate().await;
        }
        let found = self.store.get(&self.path).await?;
        let version = FileVersion::of(&found.meta);
        if let GetResultPayload::File(file, _) = found.payload {
            let metadata = file.metadata().map_err(|error| self.failed(&error))?;
            self.local = Some((Arc::new(file), metadata));
        }
        self.version = OnceLock::from(version);
        Ok(self.version.get())
    }

    /// Asks for the version of a remote file that blocks may answer for, unless it is sealed.
    async fn validate(&self) -> Result<Option<&FileVersion>, FetchError> {
        if self.cache.is_some() && !self.sealed {
            self.count(1, 0);
            match self.store.head(&self.path).await {
                Ok(meta) => {
                    let version = FileVersion::of(&meta);
                    self.keep_as(version.name());
                    self.version.get_or_init(|| version);
                }
                Err(error @ object_store::Error::NotFound { .. }) => return Err(error.into()),
                // A server that does not say is read without blocks.
                Err(_) => return Ok(None),
            }
        }
        Ok(self.version.get())
    }

    /// The version that is read, once a byte was.
    pub(crate) fn version(&self) -> Option<&FileVersion> {
        self.version.get()
    }

    /// Demands that all bytes come from a version; says whether it is the one that is open.
    pub(crate) fn expect(&self, version: &FileVersion) -> bool {
        self.version.get_or_init(|| version.clone()) == version
    }

    /// Reads the last `length` bytes; returns them with the size of the whole file.
    pub(crate) async fn suffix(&self, length: u64) -> Result<(Bytes, u64), FetchError> {
        if let (Some(_), Some(version)) = (&self.local, self.version.get()) {
            let range = version.size.saturating_sub(length)..version.size;
            let mut parts = self.ranges(std::slice::from_ref(&range)).await?;
            return Ok((parts.pop().unwrap_or_default(), version.size));
        }
        let (bytes, size) = match (self.kept.get(), self.version.get()) {
            (Some(_), Some(version)) => {
                let range = version.size.saturating_sub(length.max(REMOTE_TAIL))..version.size;
                let mut parts = self.ranges(std::slice::from_ref(&range)).await?;
                (parts.pop().unwrap_or_default(), version.size)
            }
            _ => {
                let (bytes, size) = self.get(GetRange::Suffix(length.max(REMOTE_TAIL))).await?;
                self.count(1, bytes.len() as u64);
                (bytes, size)
            }
        };
        let surplus = bytes.len().saturating_sub(usize::try_from(length).unwrap_or(usize::MAX));
        let wanted = bytes.slice(surplus..);
        // A second end of the same version says the same.
        let _ = self.tail.set((size.saturating_sub(bytes.len() as u64), bytes));
        Ok((wanted, size))
    }

    /// The part of a range that came with the end of the file.
    fn in_tail(&self, range: &Range<u64>) -> Option<Bytes> {
        let (start, bytes) = self.tail.get()?;
        let within = |at: u64| usize::try_from(at.checked_sub(*start)?).ok().filter(|at| *at <= bytes.len());
        let (first, last) = (within(range.start)?, within(range.end)?);
        (first <= last).then(|| bytes.slice(first..last))
    }

    /// Reads ranges, in the order asked.
    pub(crate) async fn ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, FetchError> {
        if let Some((file, opened)) = &self.local {
            let length = |range: &Range<u64>| range.end.saturating_sub(range.start);
            self.count(ranges.len(), ranges.iter().fold(0, |total, range| length(range).saturating_add(total)));
            if let Some(parts) = at_hand::read(file, ranges) {
                let unchanged = unchanged(file, opened).map_err(|error| self.failed(&error))?;
                return if unchanged { Ok(parts) } else { Err(FetchError::Replaced) };
            }
            let (file, opened, ranges) = (Arc::clone(file), opened.clone(), ranges.to_vec());
            let read = SpawnedTask::spawn_blocking(move || read_local(&file, &opened, &ranges));
            return read.join().await.map_err(|error| self.failed(&error.into()))?.map_err(|error| match error {
                LocalError::Io(error) => self.failed(&error),
                LocalError::Fetch(error) => error,
            });
        }
        let absent: Vec<Range<u64>> = ranges.iter().filter(|range| self.in_tail(range).is_none()).cloned().collect();
        if let Some(blocks) = self.blocks(&absent).await? {
            let part = |range| self.in_tail(range).unwrap_or_else(|| kept::part(&blocks, range));
            return Ok(ranges.iter().map(part).collect());
        }
        let (merged, parts) = self.ask(&absent).await?;
        let part = |range| self.in_tail(range).unwrap_or_else(|| slice(&merged, &parts, range));
        Ok(ranges.iter().map(part).collect())
    }

    /// Asks the store for ranges: what was read, and where it lies.
    async fn ask(&self, ranges: &[Range<u64>]) -> Result<(Vec<Range<u64>>, Vec<Bytes>), FetchError> {
        let merged = merge(ranges, if self.remote { REMOTE_GAP } else { 0 });
        self.count(merged.len(), merged.iter().map(|range| range.end.saturating_sub(range.start)).sum());
        let parts: Vec<Bytes> = futures::stream::iter(merged.clone())
            .map(|range| async move { self.get(GetRange::Bounded(range)).await.map(|(bytes, _)| bytes) })
            .buffered(REMOTE_CONCURRENCY)
            .try_collect()
            .await?;
        Ok((merged, parts))
    }

    /// The blocks that hold ranges, those that are not here from the store; `None` where there are no blocks of this file.
    async fn blocks(&self, ranges: &[Range<u64>]) -> Result<Option<Blocks>, FetchError> {
        let Some(kept) = self.kept.get() else { return Ok(None) };
        let size = self.version.get().map(|version| version.size);
        let beyond = |range: &&Range<u64>| range.start > range.end || size.is_some_and(|size| range.end > size);
        if let Some(range) = ranges.iter().find(beyond) {
            return Err(FetchError::Beyond(range.clone()));
        }
        let Some(numbers) = kept::numbers(ranges, size) else { return Ok(None) };
        let mut blocks = kept.look_up(numbers.clone()).await;
        self.counters.kept.add(blocks.values().map(Bytes::len).sum());
        let missing: Vec<Range<u64>> = numbers
            .into_iter()
            .filter(|number| !blocks.contains_key(number))
            .map(|number| kept::extent(number, size))
            .collect();
        if missing.is_empty() {
            return Ok(Some(blocks));
        }
        let (asked, parts) = self.ask(&missing).await?;
        let fresh: Blocks = asked.iter().zip(&parts).flat_map(|(range, part)| kept::cut(range.start, part)).collect();
        kept.keep(fresh.clone()).await;
        blocks.extend(fresh);
        Ok(Some(blocks))
    }

    async fn get(&self, range: GetRange) -> Result<(Bytes, u64), FetchError> {
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        let found = self.store.get_opts(&self.path, options).await?;
        let version = FileVersion::of(&found.meta);
        let same = match self.version.get() {
            Some(published) if self.sealed => published.size == version.size,
            _ => self.expect(&version),
        };
        if !same {
            return Err(FetchError::Replaced);
        }
        Ok((found.bytes().await?, version.size))
    }

    fn failed(&self, error: &std::io::Error) -> FetchError {
        let store = "local folder";
        let source = format!("{}: {error}", self.path).into();
        FetchError::Store(object_store::Error::Generic { store, source })
    }

    fn count(&self, requests: usize, bytes: u64) {
        self.counters.requests.add(requests);
        self.counters.bytes.add(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}

enum LocalError {
    Io(std::io::Error),
    Fetch(FetchError),
}

/// Reads ranges of an open file, unless it was written to since.
fn read_local(file: &File, opened: &Metadata, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LocalError> {
    let read = |range: &Range<u64>| {
        if range.start > range.end || range.end > opened.len() {
            return Err(LocalError::Fetch(FetchError::Beyond(range.clone())));
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).map_err(LocalError::Io)?;
        Ok(Bytes::from(bytes))
    };
    let parts = ranges.iter().map(read).collect();
    match unchanged(file, opened).map_err(LocalError::Io)? {
        true => parts,
        false => Err(LocalError::Fetch(FetchError::Replaced)),
    }
}

/// Whether an open file was not written to since.
fn unchanged(file: &File, opened: &Metadata) -> std::io::Result<bool> {
    let now = file.metadata()?;
    Ok((now.len(), now.mtime(), now.mtime_nsec()) == (opened.len(), opened.mtime(), opened.mtime_nsec()))
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
