//! Which files were made of others, and for how long are they kept?
//!
//! A client asks for a file several times: for its length, for its footer, for its columns. So what was made is kept in the spool,
//! on the account of whoever asked, for as long as it is asked for again soon, and as long as all of it is not too much; what
//! is being sent stays until it is. Two who ask for the same at once wait for one making.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::OnceCell;

use super::HatsError;
use crate::storage::Written;

/// Bytes of all that is kept.
const MOST_BYTES: u64 = 1 << 30;
/// Files that are kept.
const MOST_FILES: usize = 1024;
/// Time without a request after which a file goes.
const IDLE: Duration = Duration::from_secs(300);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// Files that were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    kept: Mutex<HashMap<String, Kept>>,
    watcher: OnceLock<()>,
}

#[derive(Debug)]
struct Kept {
    made: Arc<OnceCell<Arc<Written>>>,
    used: Instant,
}

impl Kept {
    fn bytes(&self) -> u64 {
        self.made.get().map_or(0, |made| made.bytes)
    }
}

impl Answers {
    /// The file of a key, which is made if it is not there.
    ///
    /// *Errors*: those of the making, which the next who asks tries again.
    pub(super) async fn get(
        &self,
        key: String,
        make: BoxFuture<'_, Result<Written, HatsError>>,
    ) -> Result<Arc<Written>, HatsError> {
        self.0.watcher.get_or_init(|| watch(&self.0));
        let cell = {
            let mut kept = self.0.lock();
            let entry = kept.entry(key).or_insert_with(|| Kept { made: Arc::default(), used: Instant::now() });
            entry.used = Instant::now();
            Arc::clone(&entry.made)
        };
        let made = cell.get_or_try_init(|| async { make.await.map(Arc::new) }).await.map(Arc::clone);
        drop(cell);
        self.0.trim(MOST_BYTES, Instant::now());
        made
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what nobody asks for, then of the oldest beyond the limits.
    fn trim(&self, most: u64, now: Instant) {
        let mut gone = Vec::new();
        let mut kept = self.lock();
        // Of a file that is being made, its makers hold the cell too.
        let in_use = |entry: &Kept| entry.made.get().is_none() && Arc::strong_count(&entry.made) > 1;
        let idle = |entry: &Kept| entry.made.get().is_none() || now.saturating_duration_since(entry.used) > IDLE;
        gone.extend(kept.extract_if(|_, entry| !in_use(entry) && idle(entry)));
        while kept.len() > MOST_FILES || kept.values().map(Kept::bytes).sum::<u64>() > most {
            let made = kept.iter().filter(|(_, entry)| entry.made.get().is_some());
            let Some(oldest) = made.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone()) else { break };
            gone.extend(kept.remove_entry(&oldest));
        }
        drop(kept);
        // Files are removed without the lock, away from the threads of sockets where there are others.
        if !gone.is_empty() {
            match tokio::runtime::Handle::try_current() {
                Ok(handle) => drop(handle.spawn_blocking(move || drop(gone))),
                Err(_) => drop(gone),
            }
        }
    }
}

/// Looks for what nobody asks for, for as long as there are answers.
fn watch(shared: &Arc<Shared>) {
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(shared) = shared.upgrade() else { return };
            shared.trim(MOST_BYTES, Instant::now());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Account, Storage, StorageLimits};

    #[tokio::test]
    async fn files_are_made_once_and_go_when_there_are_too_many() {
        let storage = Storage::temporary(StorageLimits::default()).unwrap();
        let make = |bytes: usize| {
            let mut writer = storage.write(Account::named(None, "test")).unwrap();
            Box::pin(async move {
                writer.write(&vec![0; bytes])?;
                Ok(writer.finish()?)
            })
        };
        let never = || Box::pin(async { panic!("it is made already") });
        let answers = Answers::default();
        let first = answers.get("a".to_owned(), make(100)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &answers.get("a".to_owned(), never()).await.unwrap()));
        answers.get("b".to_owned(), make(50)).await.unwrap();
        let failing = Box::pin(async { Err(HatsError::absent("x")) });
        assert!(answers.get("c".to_owned(), failing).await.is_err());
        assert_eq!(answers.0.lock().len(), 2);

        answers.0.trim(60, Instant::now());
        assert_eq!(answers.0.lock().keys().collect::<Vec<_>>(), ["b"]);
        assert!(first.path().exists(), "it is still being sent");
        answers.0.trim(MOST_BYTES, Instant::now() + 2 * IDLE);
        assert!(answers.0.lock().is_empty());
        let path = first.path().to_owned();
        drop(first);
        // It is removed on another thread.
        let gone = async {
            while path.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    }
}
