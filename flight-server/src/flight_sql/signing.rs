//! Under which keys are handles and tickets signed?
//!
//! They are kept in the metadata database, so that a restart loses nobody's tickets. Each day has a key of its own; those of
//! before are good for as long as what they have signed, then they are deleted.

use std::sync::Arc;
use std::time::Duration;

use rand::RngCore;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tokio_util::sync::CancellationToken;

use super::prepared::HANDLE_LIFE;
use super::ticket::{BLOCK, Sealer, SigningKey, seconds_since_1970};
use crate::metadata::{Metadata, MetadataError};

/// Time for which a key signs.
const SIGNS: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked whether that is over.
const LOOK: Duration = Duration::from_secs(600);

/// The keys that are good now, the one that signs first; makes it where there is none.
///
/// *Errors*: the database.
pub(super) async fn keys(metadata: &Metadata) -> Result<Vec<SigningKey>, MetadataError> {
    let now = seconds_since_1970();
    let oldest = now.saturating_sub((SIGNS + HANDLE_LIFE).as_secs());
    let mut keys = read(metadata).await?;
    if keys.iter().any(|key| key.made < oldest) {
        let deleted = sqlx::query("DELETE FROM signing_key WHERE made < ?").bind(whole(oldest));
        deleted.execute(metadata.writer()).await?;
        keys.retain(|key| key.made >= oldest);
    }
    // One from the future, as a clock that was put back makes it, signs on.
    if keys.first().is_none_or(|key| key.made + SIGNS.as_secs() < now) {
        let mut key = [0; BLOCK];
        rand::rng().fill_bytes(&mut key);
        let made = sqlx::query("INSERT INTO signing_key (key, made) VALUES (?, ?)").bind(&key[..]).bind(whole(now));
        made.execute(metadata.writer()).await?;
        keys = read(metadata).await?;
        keys.retain(|key| key.made >= oldest);
    }
    Ok(keys)
}

/// Changes keys in time, until `stop`.
pub(super) async fn rotate(metadata: Metadata, sealer: Arc<Sealer>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        match keys(&metadata).await {
            Ok(keys) => sealer.replace(keys),
            Err(error) => tracing::error!(%error, "the keys of tickets cannot be changed: those of before sign on"),
        }
    }
}

async fn read(metadata: &Metadata) -> Result<Vec<SigningKey>, MetadataError> {
    let rows = sqlx::query("SELECT number, key, made FROM signing_key ORDER BY number DESC");
    let rows = rows.fetch_all(metadata.writer()).await?;
    Ok(rows.iter().filter_map(key).collect())
}

/// A key of a row; one of another length was not written here.
fn key(row: &SqliteRow) -> Option<SigningKey> {
    let number = u32::try_from(row.try_get::<i64, _>("number").ok()?).ok()?;
    let bytes = row.try_get::<Vec<u8>, _>("key").ok()?.try_into().ok()?;
    let made = u64::try_from(row.try_get::<i64, _>("made").ok()?).ok()?;
    Some(SigningKey { number, made, bytes })
}

fn whole(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_outlive_the_process_change_and_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.db");
        let metadata = Metadata::open(&file).await.unwrap();
        let first = keys(&metadata).await.unwrap();
        assert_eq!(first.len(), 1);
        metadata.close().await;
        let metadata = Metadata::open(&file).await.unwrap();
        assert_eq!(keys(&metadata).await.unwrap(), first);
        let age = async |seconds: u64| {
            let aged = sqlx::query("UPDATE signing_key SET made = made - ?").bind(whole(seconds));
            aged.execute(metadata.writer()).await.unwrap();
            keys(&metadata).await.unwrap()
        };
        let second = age(SIGNS.as_secs() + 1).await;
        assert_eq!((second.len(), second[1].bytes == first[0].bytes), (2, true));
        assert_ne!(second[0].bytes, first[0].bytes);
        let third = age(HANDLE_LIFE.as_secs() + 1).await;
        assert_eq!((third.len(), third[1].bytes == second[0].bytes), (2, true), "the first has ended");
    }
}
