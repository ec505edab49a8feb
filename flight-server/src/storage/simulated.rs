//! A disk that forgets what it did not promise.
//!
//! It keeps two states: what a reader sees, and what is on disk. At a crash every change of a name that no folder's `sync`
//! followed, and every byte that no file's `sync` followed, is there or not as chance has it, each for itself: so writes
//! are lost and come in any order.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::{Disk, DiskFile};

#[derive(Debug, Default)]
struct Inode {
    data: Vec<u8>,
    /// Bytes that are on disk.
    synced: usize,
}

#[derive(Debug, Clone)]
enum NameChange {
    Put(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    /// What a reader sees.
    names: BTreeMap<PathBuf, usize>,
    /// What is on disk.
    kept: BTreeMap<PathBuf, usize>,
    /// What was done since, oldest first.
    pending: Vec<NameChange>,
    /// Operations until the power goes.
    left: Option<u32>,
}

/// The disk. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

impl SimulatedDisk {
    /// After so many more operations every one fails.
    pub(crate) fn fail_after(&self, operations: u32) {
        self.0.lock().unwrap().left = Some(operations);
    }

    /// The disk as it is found when the power is back.
    pub(crate) fn crashed(&self, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut state = self.0.lock().unwrap();
        let mut kept = state.kept.clone();
        for change in std::mem::take(&mut state.pending) {
            if random.random_bool(0.5) {
                apply(&mut kept, &change);
            }
        }
        let mut inodes = Vec::new();
        let mut names = BTreeMap::new();
        for (path, inode) in kept {
            let inode = &state.inodes[inode];
            // What was not synced is cut anywhere, or is there as zeros.
            let more = random.random_range(0..=inode.data.len() - inode.synced);
            let mut data = inode.data[..inode.synced + more].to_vec();
            if random.random_bool(0.5) {
                data[inode.synced..].fill(0);
            }
            let synced = data.len();
            inodes.push(Inode { data, synced });
            names.insert(path, inodes.len() - 1);
        }
        Self(Arc::new(Mutex::new(State { inodes, kept: names.clone(), names, ..State::default() })))
    }

    /// What a file holds.
    pub(crate) fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock().unwrap();
        Some(state.inodes[*state.names.get(path)?].data.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.0.lock().unwrap();
        if let Some(left) = &mut state.left {
            *left = left.checked_sub(1).ok_or_else(|| io::Error::other("the power is gone"))?;
        }
        work(&mut state)
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, change: &NameChange) {
    match change {
        NameChange::Put(path, inode) => drop(names.insert(path.clone(), *inode)),
        NameChange::Rename(from, to, inode) => {
            names.remove(from);
            names.insert(to.clone(), *inode);
        }
        NameChange::Remove(path) => drop(names.remove(path)),
    }
}

impl State {
    fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.pending.push(change);
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.with(|state| {
            state.inodes.push(Inode::default());
            let inode = state.inodes.len() - 1;
            state.change(NameChange::Put(path.to_owned(), inode));
            Ok(inode)
        })?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.with(|state| {
            let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            state.change(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.with(|state| {
            if state.names.contains_key(path) {
                state.change(NameChange::Remove(path.to_owned()));
            }
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.with(|state| {
            let is_inside = |path: &PathBuf| path.parent() == Some(folder);
            let (synced, pending) = std::mem::take(&mut state.pending).into_iter().partition(|change| match change {
                NameChange::Put(path, _) | NameChange::Remove(path) | NameChange::Rename(_, path, _) => is_inside(path),
            });
            state.pending = pending;
            let synced: Vec<NameChange> = synced;
            synced.iter().for_each(|change| apply(&mut state.kept, change));
            Ok(())
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.with(|state| {
            let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
            Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
        })
    }

    fn free(&self, _folder: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
}

impl Write for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.with(|state| {
            state.inodes[self.inode].data.extend_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn sync(&mut self) -> io::Result<()> {
        self.disk.with(|state| {
            let inode = &mut state.inodes[self.inode];
            inode.synced = inode.data.len();
            Ok(())
        })
    }
}
