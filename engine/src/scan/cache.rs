//! What do the footers say? Read once, kept by recency up to a number of bytes.
//!
//! A footer is kept with its page indexes and with a compact index of its keys. Nothing here knows a query.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataPushDecoder, ParquetStatisticsPolicy,
};

use super::blocks::BlockCache;
use super::extremes::PageExtremes;
use super::fetch::{FetchCounters, FetchError, FileFetcher, FileVersion};
use super::keys::{RowGroupKeys, row_group_keys};
use crate::catalog::{CatalogMetadata, DataFile};
use crate::error::EngineError;
use crate::integrity::{Digest, LeafSeal, PAGES, PageSums, not_published};

/// Bytes read from the end of a file at first: footer and page index of most catalog files.
const FOOTER_GUESS: u64 = 64 << 10;

/// The footer of one file.
#[derive(Debug)]
pub(crate) struct Footer {
    /// Parquet metadata, page indexes included, with the Arrow schema.
    pub(crate) reader: ArrowReaderMetadata,
    /// Keys of every row group, where there is a key column.
    pub(crate) keys: Option<Vec<RowGroupKeys>>,
    /// Rows of every row group.
    pub(crate) rows: Vec<usize>,
    /// Whether the position columns of each row group hold no null.
    pub(crate) positions_present: Vec<bool>,
    /// The least and the greatest numbers of its pages.
    pub(crate) extremes: PageExtremes,
    /// Sums of its pages, where the catalog was published with them.
    pub(crate) pages: Option<PageSums>,
    /// Which version of the file it is of.
    version: FileVersion,
}

impl Footer {
    fn memory_size(&self) -> usize {
        let keys: usize = self.keys.iter().flatten().map(RowGroupKeys::memory_size).sum();
        let pages = self.pages.as_ref().map_or(0, PageSums::memory_size);
        let extremes = self.extremes.memory_size();
        self.reader.metadata().memory_size() + keys + pages + extremes + self.rows.len() * (size_of::<usize>() + 1)
    }
}

/// Footers by file, the least recently used dropped first.
#[derive(Debug)]
pub(crate) struct FooterCache {
    state: Mutex<State>,
    capacity: usize,
    /// Footers that were asked for: there, and not.
    asked: [AtomicU64; 2],
    /// Blocks of remote files on the local disk.
    blocks: Option<Arc<BlockCache>>,
}

#[derive(Debug)]
struct State {
    footers: LruCache<String, (Arc<Footer>, usize)>,
    bytes: usize,
}

impl FooterCache {
    /// A cache of at most `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State { footers: LruCache::unbounded(), bytes: 0 }),
            capacity,
            asked: Default::default(),
            blocks: None,
        }
    }

    /// The same beside a cache of blocks of remote files.
    pub(crate) fn with_blocks(self, blocks: Option<Arc<BlockCache>>) -> Self {
        Self { blocks, ..self }
    }

    /// Bytes held, bytes that may be, and how many footers were there and not there.
    pub(crate) fn usage(&self) -> (u64, u64, [u64; 2]) {
        let bytes = self.state.lock().unwrap_or_else(PoisonError::into_inner).bytes;
        (bytes as u64, self.capacity as u64, self.asked.each_ref().map(|asked| asked.load(Ordering::Relaxed)))
    }

    /// The same of the cache of blocks beside it.
    pub(crate) fn blocks_use(&self) -> Option<(u64, u64, [u64; 2])> {
        self.blocks.as_ref().map(|blocks| blocks.usage())
    }

    /// A reader of a file of a catalog.
    pub(crate) fn fetcher(&self, catalog: &CatalogMetadata, file: &DataFile, counters: FetchCounters) -> FileFetcher {
        FileFetcher::new(catalog, file, counters, self.blocks.clone())
    }

    /// The footer of a file of a catalog, of the version that is there now; the fetcher reads no other from then on.
    ///
    /// *Errors*: the file is missing, cut short, no Parquet file, or not the one that was published.
    pub(crate) async fn footer(
        &self,
        catalog: &CatalogMetadata,
        (file, fetcher): (&DataFile, &mut FileFetcher),
    ) -> Result<Arc<Footer>, EngineError> {
        let key = key(catalog, file);
        let opened = fetcher.open().await.map(|version| version.cloned());
        let opened = opened.map_err(|source| broken(catalog, file, "cannot be read", Some(source.into())))?;
        if let Some(footer) = self.look_up(&key)
            && opened.is_none_or(|opened| opened == footer.version)
        {
            fetcher.expect(&footer.version);
            self.asked[0].fetch_add(1, Ordering::Relaxed);
            return Ok(footer);
        }
        self.asked[1].fetch_add(1, Ordering::Relaxed);
        let footer = Arc::new(read_footer(catalog, file, fetcher).await.inspect_err(|_| fetcher.forget())?);
        self.keep(key, &footer);
        Ok(footer)
    }

    /// Drops the footer of a file that turned out to be another one.
    pub(crate) fn forget(&self, catalog: &CatalogMetadata, file: &DataFile) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = state.footers.pop(&key(catalog, file)) {
            state.bytes -= bytes;
        }
    }

    fn look_up(&self, key: &str) -> Option<Arc<Footer>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.footers.get(key).map(|(footer, _)| Arc::clone(footer))
    }

    fn keep(&self, key: String, footer: &Arc<Footer>) {
        let size = footer.memory_size() + key.len();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += size;
        if let Some((_, replaced)) = state.footers.put(key, (Arc::clone(footer), size)) {
            state.bytes -= replaced;
        }
        while state.bytes > self.capacity {
            let Some((_, (_, dropped))) = state.footers.pop_lru() else { break };
            state.bytes -= dropped;
        }
    }
}

fn key(catalog: &CatalogMetadata, file: &DataFile) -> String {
    format!("{}\n{}\n{}", catalog.snapshot, catalog.location.display, file.path)
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

fn broken(catalog: &CatalogMetadata, file: &DataFile, message: &str, source: Option<Cause>) -> EngineError {
    let message = match &source {
        Some(source) => format!("file {}: {message}: {source}", file.path),
        None => format!("file {}: {message}", file.path),
    };
    EngineError::Catalog { catalog: catalog.name.to_string(), message, source }
}

async fn read_footer(catalog: &CatalogMetadata, file: &DataFile, fetcher: &FileFetcher) -> Result<Footer, EngineError> {
    let why = |message: &str, source: Cause| broken(catalog, file, message, Some(source));
    let refused = |why: String| EngineError::Catalog {
        catalog: catalog.name.to_string(),
        message: not_published(file.path.as_ref(), &why),
        source: None,
    };
    let unreadable = |what: &str, error: FooterError| match error {
        FooterError::Fetch(source) => why(what, Box::new(source)),
        FooterError::Parquet(source) => why("is no readable Parquet file", Box::new(source)),
        FooterError::NotPublished(why) => refused(why),
    };
    let (metadata, pages) = match &file.seal {
        None => (decode_footer(fetcher).await.map_err(|error| unreadable("cannot be read", error))?, None),
        Some(seal) => {
            let (metadata, sums) = futures::join!(decode_sealed(seal, fetcher), page_sums(catalog, seal, fetcher));
            let metadata = metadata.map_err(|error| unreadable("cannot be read", error))?;
            let sums = sums.map_err(|error| unreadable("the sums of its pages cannot be read", error))?;
            let sums = PageSums::new(&metadata, &sums).map_err(refused)?;
            (metadata, Some(sums))
        }
    };
    let version = fetcher.version().cloned().ok_or_else(|| refused("nothing was read of it".to_owned()))?;
    let rows = metadata.row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).collect();
    let keys = catalog.index.as_ref().and_then(|index| row_group_keys(&metadata, index));
    let positions_present = positions_present(catalog, &metadata);
    let extremes = PageExtremes::of(&metadata);
    // The index of columns is half of what a wide file's footer takes; what is needed of it is kept apart.
    let metadata = metadata.into_builder().set_column_index(None).build();
    let reader = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
        .map_err(|source| why("has an unreadable schema", Box::new(source)))?;
    Ok(Footer { reader, keys, rows, positions_present, extremes, pages, version })
}

enum FooterError {
    Fetch(FetchError),
    Parquet(ParquetError),
    NotPublished(String),
}

impl From<ParquetError> for FooterError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<FetchError> for FooterError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

async fn decode_footer(file: &FileFetcher) -> Result<ParquetMetaData, FooterError> {
    let (tail, size) = file.suffix(FOOTER_GUESS).await?;
    let start = size.saturating_sub(tail.len() as u64);
    let mut decoder = metadata_decoder(size)?;
    decoder.push_range(start..size, tail)?;
    loop {
        match decoder.try_decode()? {
            DecodeResult::Data(metadata) => return Ok(metadata),
            DecodeResult::NeedsData(ranges) => {
                let parts: Vec<Bytes> = file.ranges(&ranges).await?;
                decoder.push_ranges(ranges, parts)?;
            }
            DecodeResult::Finished => return Err(ended_early().into()),
        }
    }
}

/// Reads footer and page index of a file that was published with their digest: nothing else is looked at.
async fn decode_sealed(seal: &LeafSeal, file: &FileFetcher) -> Result<ParquetMetaData, FooterError> {
    let wanted = seal.size.saturating_sub(seal.tail_start);
    let (tail, size) = file.suffix(wanted).await?;
    if size != seal.size {
        return Err(FooterError::NotPublished(format!("it has {size} bytes, expected {}", seal.size)));
    }
    if tail.len() as u64 != wanted || Digest::of(&tail) != seal.tail {
        return Err(FooterError::NotPublished("its footer or page index differs".to_owned()));
    }
    let mut decoder = metadata_decoder(size)?;
    decoder.push_range(seal.tail_start..size, tail)?;
    match decoder.try_decode()? {
        DecodeResult::Data(metadata) => Ok(metadata),
        DecodeResult::NeedsData(_) | DecodeResult::Finished => Err(ended_early().into()),
    }
}

/// Decodes all that scans look at: not how values are encoded, nor how long they are.
fn metadata_decoder(size: u64) -> Result<ParquetMetaDataPushDecoder, ParquetError> {
    let options = ParquetMetaDataOptions::new()
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    let decoder = ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(PageIndexPolicy::Optional);
    Ok(decoder.with_metadata_options(Some(Arc::new(options))))
}

fn ended_early() -> ParquetError {
    ParquetError::EOF("the footer ended early".to_owned())
}

/// The sums of a file's pages, from the file of sums in the catalog's root.
async fn page_sums(catalog: &CatalogMetadata, seal: &LeafSeal, file: &FileFetcher) -> Result<Bytes, FooterError> {
    let path = catalog.location.root.clone().join(PAGES);
    let mut sums = file.sibling(path, &catalog.snapshot);
    sums.open().await?;
    let range = seal.pages_start..seal.pages_start.saturating_add(seal.pages_length);
    let read = if range.is_empty() { Vec::new() } else { sums.ranges(&[range]).await? };
    let read = read.into_iter().next().unwrap_or_default();
    if read.len() as u64 != seal.pages_length || Digest::of(&read) != seal.pages {
        sums.forget();
        return Err(FooterError::NotPublished(format!("the sums of its pages in {PAGES} differ")));
    }
    Ok(read)
}

/// For each row group, whether both position columns are known to hold no null.
fn positions_present(catalog: &CatalogMetadata, metadata: &ParquetMetaData) -> Vec<bool> {
    let schema = metadata.file_metadata().schema_descr();
    let leaf = |name: &str| schema.columns().iter().position(|column| column.path().string() == name);
    let columns = catalog.positions.as_ref().and_then(|columns| Some([leaf(&columns.ra)?, leaf(&columns.dec)?]));
    metadata
        .row_groups()
        .iter()
        .map(|group| {
            columns.is_some_and(|columns| {
                columns.iter().all(|column| {
                    group.column(*column).statistics().is_some_and(|statistics| statistics.null_count_opt() == Some(0))
                })
            })
        })
        .collect()
}
