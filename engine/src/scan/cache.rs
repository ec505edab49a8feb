//! What do the footers say? Read once, kept by recency up to a number of bytes.
//!
//! A footer is kept with its page indexes and with a compact index of its keys. Nothing here knows a query.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use super::fetch::FileFetcher;
use super::keys::{RowGroupKeys, row_group_keys};
use crate::catalog::CatalogMetadata;
use crate::error::EngineError;

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
}

impl Footer {
    fn memory_size(&self) -> usize {
        let keys: usize = self.keys.iter().flatten().map(RowGroupKeys::memory_size).sum();
        self.reader.metadata().memory_size() + keys + self.rows.len() * (size_of::<usize>() + 1)
    }
}

/// Footers by file, the least recently used dropped first.
#[derive(Debug)]
pub(crate) struct FooterCache {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Debug)]
struct State {
    footers: LruCache<String, (Arc<Footer>, usize)>,
    bytes: usize,
}

impl FooterCache {
    /// A cache of at most `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { state: Mutex::new(State { footers: LruCache::unbounded(), bytes: 0 }), capacity }
    }

    /// The footer of a file of a catalog.
    ///
    /// *Errors*: the file is missing, cut short, or no Parquet file.
    pub(crate) async fn footer(
        &self,
        catalog: &CatalogMetadata,
        file: &FileFetcher,
    ) -> Result<Arc<Footer>, EngineError> {
        let key = format!("{}\n{}\n{}", catalog.snapshot, catalog.location.display, file.path());
        if let Some(footer) = self.look_up(&key) {
            return Ok(footer);
        }
        let footer = Arc::new(read_footer(catalog, file).await?);
        self.keep(key, &footer);
        Ok(footer)
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

async fn read_footer(catalog: &CatalogMetadata, file: &FileFetcher) -> Result<Footer, EngineError> {
    let broken = |message: String, source: Box<dyn std::error::Error + Send + Sync>| EngineError::Catalog {
        catalog: catalog.name.to_string(),
        message: format!("file {}: {message}", file.path()),
        source: Some(source),
    };
    let metadata = decode_footer(file).await.map_err(|error| match error {
        FooterError::Store(source) => broken("cannot be read".to_owned(), Box::new(source)),
        FooterError::Parquet(source) => broken(format!("is no readable Parquet file: {source}"), Box::new(source)),
    })?;
    let rows = metadata.row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).collect();
    let keys = catalog.index.as_ref().and_then(|index| row_group_keys(&metadata, index));
    let positions_present = positions_present(catalog, &metadata);
    let reader = ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
        .map_err(|source| broken(format!("has an unreadable schema: {source}"), Box::new(source)))?;
    Ok(Footer { reader, keys, rows, positions_present })
}

enum FooterError {
    Store(object_store::Error),
    Parquet(parquet::errors::ParquetError),
}

impl From<parquet::errors::ParquetError> for FooterError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Parquet(error)
    }
}

async fn decode_footer(file: &FileFetcher) -> Result<ParquetMetaData, FooterError> {
    let (tail, size) = file.suffix(FOOTER_GUESS).await.map_err(FooterError::Store)?;
    let start = size.saturating_sub(tail.len() as u64);
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(PageIndexPolicy::Optional);
    decoder.push_range(start..size, tail)?;
    loop {
        match decoder.try_decode()? {
            DecodeResult::Data(metadata) => return Ok(metadata),
            DecodeResult::NeedsData(ranges) => {
                let parts: Vec<Bytes> = file.ranges(&ranges).await.map_err(FooterError::Store)?;
                decoder.push_ranges(ranges, parts)?;
            }
            DecodeResult::Finished => {
                return Err(parquet::errors::ParquetError::EOF("the footer ended early".to_owned()).into());
            }
        }
    }
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
