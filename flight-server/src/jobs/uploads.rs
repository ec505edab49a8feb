//! How do the tables that came with a query become tables that it can name?
//!
//! Each is read once, whatever its format, into a file that the engine scans like a catalog; the files lie in a folder of
//! their own in the spool, on the account of whoever sent them, for as long as the query runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use sidereus_engine::{
    EngineError, ErrorKind, FetchLimits, OutgoingError, QueryResult, TableFormat, TableInput, UploadLimits,
    UploadOptions, UploadedTable,
};
use tempfile::TempDir;

use super::Workshop;
use super::job::{Upload, UploadSource};
use super::service::Jobs;
use crate::storage::{Account, Charge, StorageError, Written, blocking};

/// Why tables cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// A table cannot be read, or is too large.
    #[error("upload {name}: {source}")]
    Table {
        /// Its name.
        name: String,
        /// The cause.
        source: EngineError,
    },
    /// No part of that name came with the request.
    #[error("parameter UPLOAD: no part {0:?} came with the request")]
    NoPart(String),
    /// It is not fetched from where it lies.
    #[error("upload {name}: {source}")]
    Fetch {
        /// Its name.
        name: String,
        /// The cause.
        source: OutgoingError,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The work itself ended.
    #[error("the upload stopped: {0}")]
    Stopped(String),
}

/// Tables of one query, and what must stay while it runs.
#[derive(Debug)]
pub(crate) struct TakenIn {
    /// The tables.
    pub(crate) tables: Vec<Arc<UploadedTable>>,
    kept: Option<(TempDir, Charge)>,
}

impl Jobs {
    /// Reads the tables that a query brings along; `part` tells where a part of its request lies.
    ///
    /// Dropping it ends the work.
    pub(crate) async fn take_in(
        &self,
        account: Account,
        uploads: &[Upload],
        part: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<TakenIn, UploadError> {
        take_in(&self.shop, account, uploads, part).await
    }
}

/// Reads the tables of a job or a request.
pub(super) async fn take_in(
    shop: &Workshop,
    account: Account,
    uploads: &[Upload],
    part: impl Fn(&str) -> Option<PathBuf>,
) -> Result<TakenIn, UploadError> {
    if uploads.is_empty() {
        return Ok(TakenIn { tables: Vec::new(), kept: None });
    }
    let mut places = Vec::with_capacity(uploads.len());
    let mut fetched = Vec::new();
    let deadline = Instant::now() + shop.config.outgoing.time();
    let mut left = shop.config.jobs.upload_bytes().unwrap_or(u64::MAX);
    for upload in uploads {
        let path = match &upload.source {
            UploadSource::Part(name) => part(name).ok_or_else(|| UploadError::NoPart(name.clone()))?,
            UploadSource::Url(url) => {
                let bytes = left.min(UploadLimits::default().bytes);
                let time = deadline.saturating_duration_since(Instant::now());
                let limits = FetchLimits { bytes, time };
                let written = fetch(shop, account.clone(), (&upload.name, url), limits).await?;
                left = left.saturating_sub(written.bytes);
                let path = written.path().to_owned();
                fetched.push(written);
                path
            }
        };
        places.push((upload.name.clone(), path));
    }
    let folder = tempfile::tempdir_in(shop.storage.spool()).map_err(StorageError::Io)?;
    let charge = shop.storage.ledger().charge(account);
    let cancelled = CancelOnDrop::default();
    let flag = Arc::clone(&cancelled.0);
    let work = tokio::task::spawn_blocking(move || {
        let stored = store(places, folder, charge, &flag);
        drop(fetched);
        stored
    });
    work.await.map_err(|error| UploadError::Stopped(error.to_string()))?
}

/// Writes what a URL names into the spool.
async fn fetch(
    shop: &Workshop,
    account: Account,
    (name, url): (&str, &str),
    limits: FetchLimits,
) -> Result<Written, UploadError> {
    let failed = |source| UploadError::Fetch { name: name.to_owned(), source };
    let mut body = shop.outgoing.fetch(url, limits).await.map_err(failed)?;
    let mut writer = shop.storage.write(account)?;
    while let Some(bytes) = body.next().await.map_err(failed)? {
        writer = blocking(move || writer.write(&bytes).map(|()| writer)).await?;
    }
    Ok(blocking(move || writer.finish()).await?)
}

fn store(
    places: Vec<(String, PathBuf)>,
    folder: TempDir,
    mut charge: Charge,
    cancelled: &Arc<AtomicBool>,
) -> Result<TakenIn, UploadError> {
    let mut tables = Vec::with_capacity(places.len());
    for (name, path) in places {
        let options = UploadOptions {
            // What is unmistakable is told by its first bytes; text that is nothing else is a table of text.
            format: Some(TableFormat::Csv),
            limits: UploadLimits::default(),
            cancelled: Arc::clone(cancelled),
            ..UploadOptions::default()
        };
        let stored = UploadedTable::store(&name, TableInput::File(path), folder.path(), &options);
        let table = stored.map_err(|source| UploadError::Table { name, source })?;
        charge.grow(table.bytes())?;
        tables.push(Arc::new(table));
    }
    Ok(TakenIn { tables, kept: Some((folder, charge)) })
}

/// Tells a thread that nobody waits for it any more.
#[derive(Debug, Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl UploadError {
    /// What a caller can do.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Table { source, .. } => source.kind(),
            Self::Fetch { source, .. } => source.kind(),
            Self::NoPart(_) => ErrorKind::BadQuery,
            Self::Storage(error) => error.kind(),
            Self::Stopped(_) => ErrorKind::Internal,
        }
    }
}

impl TakenIn {
    /// Keeps the files until the last row of a result is read, or the result is dropped.
    pub(crate) fn keep_for(self, result: QueryResult) -> QueryResult {
        match self.kept {
            Some(kept) => result.holding(kept),
            None => result,
        }
    }
}
