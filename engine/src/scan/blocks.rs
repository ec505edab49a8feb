//! Which blocks of remote files are on the local disk?
//!
//! ```text
//!  FOLDER/lock               held by the process that uses the folder
//!  FOLDER/ab/abcd..ef-1f     block 31 of the file whose version has the digest abcd..ef: CRC-32, then the bytes
//! ```
//! A file is named by a digest of its address and of its version, so a file that was exchanged has other blocks. Blocks are
//! written beside their place and renamed; a block that is cut, flipped or in another's place is none. The least recently
//! used are dropped beyond a number of bytes. Knows nothing of stores.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use lru::LruCache;

use crate::integrity::Digest;

/// Bytes of a block; the last one of a file is shorter.
pub(crate) const BLOCK: u64 = 256 << 10;
/// Bytes before those of the block: their sum.
const HEAD: usize = 4;

/// A block: the version of a file, and the number of the block in it.
type Key = (Digest, u64);

/// Blocks by recency, in a folder of this process alone.
#[derive(Debug)]
pub(crate) struct BlockCache {
    folder: PathBuf,
    capacity: u64,
    state: Mutex<State>,
    written: AtomicU64,
    /// Blocks that were asked for: there, and not.
    asked: [AtomicU64; 2],
    /// Locked for as long as the folder is in use.
    _lock: File,
}

#[derive(Debug)]
struct State {
    blocks: LruCache<Key, u64>,
    bytes: u64,
}

impl BlockCache {
    /// Opens a folder, which is made where there is none, with what an earlier process left in it.
    ///
    /// *Errors*: the folder cannot be written, or another process uses it.
    pub(crate) fn open(folder: &Path, capacity: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::new(io::ErrorKind::WouldBlock, "another process uses it"),
            fs::TryLockError::Error(error) => error,
        })?;
        let state = Mutex::new(State { blocks: LruCache::unbounded(), bytes: 0 });
        let cache = Self {
            folder: folder.to_owned(),
            capacity,
            state,
            written: AtomicU64::new(0),
            asked: Default::default(),
            _lock: lock,
        };
        for (key, size) in cache.left_behind()? {
            cache.note(key, size);
        }
        Ok(cache)
    }

    /// Blocks in the folder, the least recently written first; what was being written is removed.
    fn left_behind(&self) -> io::Result<Vec<(Key, u64)>> {
        let mut found: Vec<(SystemTime, Key, u64)> = Vec::new();
        for group in fs::read_dir(&self.folder)? {
            let group = group?;
            if group.file_name().len() != 2 || !group.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(group.path())? {
                let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
                let metadata = fs::metadata(&entry)?;
                match name.to_str().and_then(parse_name) {
                    Some(key) => found.push((metadata.modified()?, key, metadata.len())),
                    None if name.to_string_lossy().starts_with("new-") => fs::remove_file(&entry)?,
                    None => {}
                }
            }
        }
        found.sort_unstable_by_key(|(written, key, _)| (*written, key.1));
        Ok(found.into_iter().map(|(_, key, size)| (key, size)).collect())
    }

    /// Bytes held, bytes that may be, and how many blocks were there and not there.
    pub(crate) fn usage(&self) -> (u64, u64, [u64; 2]) {
        (self.state().bytes, self.capacity, self.asked.each_ref().map(|asked| asked.load(Ordering::Relaxed)))
    }

    /// The bytes of a block, where they are here and whole. Blocks the thread.
    pub(crate) fn get(&self, file: Digest, block: u64) -> Option<Bytes> {
        let key = (file, block);
        let known = self.state().blocks.get(&key).is_some();
        self.asked[usize::from(!known)].fetch_add(1, Ordering::Relaxed);
        if !known {
            return None;
        }
        let read = fs::read(self.path(key)).ok().map(Bytes::from);
        let whole = read.filter(|content| content.len() > HEAD && content[..HEAD] == sum(key, &content[HEAD..]));
        if whole.is_none() {
            self.remove(key);
        }
        whole.map(|content| content.slice(HEAD..))
    }

    /// Keeps the bytes of a block; a disk that cannot take them is no error. Blocks the thread.
    pub(crate) fn put(&self, file: Digest, block: u64, bytes: &[u8]) {
        let key = (file, block);
        match self.write(key, bytes) {
            Ok(()) => self.note(key, (HEAD + bytes.len()) as u64),
            Err(problem) => tracing::debug!(%problem, folder = %self.folder.display(), "a block is not kept"),
        }
    }

    fn write(&self, key: Key, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(key);
        let group = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(group)?;
        let new = group.join(format!("new-{}", self.written.fetch_add(1, Ordering::Relaxed)));
        let mut file = File::create(&new)?;
        let written = file.write_all(&sum(key, bytes)).and_then(|()| file.write_all(bytes));
        let placed = written.and_then(|()| fs::rename(&new, &path));
        if placed.is_err() {
            // What could not be written is of no use; the first error is the one to tell.
            let _ = fs::remove_file(&new);
        }
        placed
    }

    /// Forgets every block of a file. Blocks the thread.
    pub(crate) fn forget(&self, file: Digest) {
        let keys: Vec<Key> = self.state().blocks.iter().map(|(key, _)| *key).filter(|key| key.0 == file).collect();
        keys.into_iter().for_each(|key| self.remove(key));
    }

    /// Counts a block that is there, and drops others beyond the capacity.
    fn note(&self, key: Key, size: u64) {
        let mut dropped = Vec::new();
        {
            let mut state = self.state();
            state.bytes += size;
            if let Some(replaced) = state.blocks.put(key, size) {
                state.bytes -= replaced;
            }
            while state.bytes > self.capacity {
                let Some((old, size)) = state.blocks.pop_lru() else { break };
                state.bytes -= size;
                dropped.push(old);
            }
        }
        dropped.into_iter().for_each(|old| self.delete(old));
    }

    fn remove(&self, key: Key) {
        {
            let mut state = self.state();
            if let Some(size) = state.blocks.pop(&key) {
                state.bytes -= size;
            }
        }
        self.delete(key);
    }

    fn delete(&self, key: Key) {
        // A block that stays is found again by the next process, and is as good as it was.
        let _ = fs::remove_file(self.path(key));
    }

    fn path(&self, (file, block): Key) -> PathBuf {
        let name = format!("{file}-{block:x}");
        self.folder.join(&name[..2]).join(name)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sum of a block in its place.
fn sum((file, block): Key, bytes: &[u8]) -> [u8; HEAD] {
    let mut sum = crc32fast::Hasher::new();
    sum.update(format!("{file}-{block:x}").as_bytes());
    sum.update(bytes);
    sum.finalize().to_le_bytes()
}

fn parse_name(name: &str) -> Option<Key> {
    let (file, block) = name.split_once('-')?;
    Some((file.parse().ok()?, u64::from_str_radix(block, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn on_disk(folder: &Path) -> Vec<PathBuf> {
        let groups = fs::read_dir(folder).unwrap().map(|group| group.unwrap().path()).filter(|path| path.is_dir());
        groups.flat_map(|group| fs::read_dir(group).unwrap().map(|entry| entry.unwrap().path())).collect()
    }

    #[test]
    fn blocks_outlive_the_process_and_only_one_uses_them() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlockCache::open(folder.path(), 1000).unwrap();
        cache.put(file("a"), 3, b"three");
        cache.put(file("b"), 3, b"other");
        assert_eq!(BlockCache::open(folder.path(), 1000).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(cache);
        fs::write(on_disk(folder.path())[0].with_file_name("new-7"), b"half").unwrap();
        let cache = BlockCache::open(folder.path(), 1000).unwrap();
        assert_eq!(on_disk(folder.path()).len(), 2, "what was being written is gone");
        assert_eq!(cache.get(file("a"), 3), Some(Bytes::from_static(b"three")));
        assert_eq!(cache.get(file("b"), 3), Some(Bytes::from_static(b"other")));
        assert_eq!((cache.get(file("a"), 2), cache.get(file("c"), 3)), (None, None));
        cache.forget(file("a"));
        assert_eq!(cache.get(file("a"), 3), None);
        assert_eq!(on_disk(folder.path()).len(), 1);
    }

    #[test]
    fn a_damaged_block_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for damage in 0..3 {
            let cache = BlockCache::open(folder.path(), 1000).unwrap();
            cache.put(file("a"), 0, b"zero");
            cache.put(file("a"), 1, b"one!");
            let (zero, one) = (cache.path((file("a"), 0)), cache.path((file("a"), 1)));
            let content = fs::read(&zero).unwrap();
            match damage {
                0 => fs::write(&zero, &content[..content.len() - 1]).unwrap(),
                1 => fs::write(&zero, [&content[..5], &[content[5] ^ 4], &content[6..]].concat()).unwrap(),
                _ => drop(fs::copy(&one, &zero).unwrap()),
            }
            assert_eq!(cache.get(file("a"), 0), None, "damage {damage}");
            assert!(!zero.exists());
            assert_eq!(cache.get(file("a"), 1), Some(Bytes::from_static(b"one!")));
        }
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlockCache::open(folder.path(), 3 * (HEAD as u64 + 10)).unwrap();
        for block in 0..3 {
            cache.put(file("a"), block, &[7; 10]);
        }
        assert!(cache.get(file("a"), 0).is_some());
        cache.put(file("a"), 3, &[7; 10]);
        let kept: Vec<bool> = (0..4).map(|block| cache.get(file("a"), block).is_some()).collect();
        assert_eq!(kept, [true, false, true, true]);
        assert_eq!(on_disk(folder.path()).len(), 3);
        cache.put(file("a"), 4, &[7; 100]);
        assert_eq!(on_disk(folder.path()).len(), 0, "a block beyond all capacity leaves nothing");
    }

    #[test]
    fn threads_that_write_and_drop_read_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlockCache::open(folder.path(), 600).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let cache = &cache;
                scope.spawn(move || {
                    for step in 0..200_u64 {
                        let block = (step * 7 + thread) % 31;
                        let bytes = vec![block as u8; 20 + block as usize];
                        if let Some(found) = cache.get(file("a"), block) {
                            assert_eq!(found, bytes);
                        }
                        cache.put(file("a"), block, &bytes);
                    }
                });
            }
        });
        let bytes: u64 = on_disk(folder.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
        assert!(bytes <= 600, "{bytes}");
    }
}
