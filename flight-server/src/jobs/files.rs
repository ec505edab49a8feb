//! Which files belong to which job?
//!
//! `results/ID` is a job's result; `uploads/ID.PART` is a table that came with it, where PART is made of the name of its part
//! of the request, never the name itself. A file without a job, and a result that no job tells of, is what a crash left.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::job::{Job, JobId};
use super::service::{Jobs, JobsError, Part};
use crate::storage::{Account, Shelf, Storage, blocking};

/// Digits that stand for the name of a part.
const PART_DIGITS: usize = 32;

/// Gives the files of a request to a job; of a part that is sent again, the last one counts.
pub(super) async fn add_parts(jobs: &Jobs, job: &mut Job, parts: Vec<Part>) -> Result<(), JobsError> {
    for (part, written) in parts {
        let name = part_name(&job.id, &part);
        let storage = Arc::clone(jobs.storage());
        let bytes = written.bytes;
        let (before, charge) = blocking(move || {
            let before = storage.path(Shelf::Uploads, &name).metadata().map_or(0, |found| found.len());
            crate::failpoints::reach("upload-written");
            let charge = storage.publish(written, Shelf::Uploads, &name)?;
            crate::failpoints::reach("upload-published");
            Ok((before, charge))
        })
        .await?;
        job.upload_bytes = job.upload_bytes.saturating_sub(before) + bytes;
        jobs.running.keep(&job.id, charge, before);
    }
    Ok(())
}

/// Where a part of a job's request lies.
pub(super) fn part_path(storage: &Storage, id: &JobId, part: &str) -> PathBuf {
    storage.path(Shelf::Uploads, &part_name(id, part))
}

/// Removes a result that no job tells of.
pub(super) async fn remove_result(jobs: &Jobs, id: &JobId, bytes: u64) {
    let (storage, name) = (Arc::clone(jobs.storage()), id.as_str().to_owned());
    jobs.running.give_back(id, bytes);
    if let Err(error) = blocking(move || storage.remove(Shelf::Results, &name)).await {
        tracing::warn!(error = %crate::error::chain(&error), "a result that nobody wants cannot be removed");
    }
}

/// Removes all files of a job.
pub(super) async fn remove(jobs: &Jobs, id: &JobId) {
    let (storage, id, prefix) = (Arc::clone(jobs.storage()), id.clone(), format!("{id}."));
    jobs.running.release(&id);
    let removed = blocking(move || {
        storage.remove(Shelf::Results, id.as_str())?;
        for name in storage.names(Shelf::Uploads)?.iter().filter(|name| name.starts_with(&prefix)) {
            storage.remove(Shelf::Uploads, name)?;
        }
        Ok(())
    });
    if let Err(error) = removed.await {
        // They belong to no job any more: the next start removes them.
        tracing::warn!(error = %crate::error::chain(&error), "files of a job cannot be removed");
    }
}

/// Enters what is kept into the ledger, and removes what belongs to no job.
pub(super) async fn recover(jobs: &Jobs) -> Result<(), JobsError> {
    let holdings = jobs.store.holdings().await?;
    for held in &holdings {
        let account = Account::named(held.owner.as_deref(), &held.origin);
        jobs.running.keep(&held.id, jobs.storage().ledger().enter(account, held.bytes), 0);
    }
    let known: HashMap<JobId, bool> = holdings.into_iter().map(|held| (held.id, held.has_result)).collect();
    let storage = Arc::clone(jobs.storage());
    let removed = blocking(move || {
        let mut removed = 0_u64;
        for shelf in [Shelf::Results, Shelf::Uploads] {
            for name in storage.names(shelf)? {
                let id = JobId::parse(name.split('.').next().unwrap_or_default());
                let has_result = id.and_then(|id| known.get(&id));
                if has_result.is_none_or(|has_result| shelf == Shelf::Results && !has_result) {
                    storage.remove(shelf, &name)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    })
    .await?;
    if removed > 0 {
        tracing::info!(removed, "files that belonged to no job were removed");
    }
    Ok(())
}

fn part_name(id: &JobId, part: &str) -> String {
    let digest: String = Sha256::digest(part.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{id}.{}", &digest[..PART_DIGITS])
}
