//! How is a finished catalog sealed? Each file is read once more and its sums are noted; see [`crate::integrity`].
//!
//! Works on any folder of a HATS catalog, whoever wrote it: the catalog's own writer calls it before the folder moves into
//! place, and a catalog of others is sealed where it lies. Files are read in parallel; the digest is the processor's own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use rayon::prelude::*;

use super::failure::{bad_input, failed};
use super::layout::DATASET;
use crate::error::EngineError;
use crate::integrity::{
    Digest, FileEntry, Hashing, LeafEntry, LeafSeal, MANIFEST, Manifest, PAGES, blocks, not_published, tail_start,
};

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// Writes the manifest of a catalog's folder, and the sums of its pages; older ones are replaced.
///
/// *Cost*: reads every byte once, on all threads; memory for the sums of all pages, four bytes each.
///
/// *Errors*: a file that cannot be read; a name with a line break; a leaf that is no Parquet file, or whose page index
/// does not say where its pages lie.
pub fn seal_catalog(folder: &Path) -> Result<Digest, EngineError> {
    let paths = files_below(folder)?;
    let read: Vec<Sums> =
        paths.par_iter().map(|(relative, path)| sums(folder, relative, path)).collect::<Result<_, _>>()?;
    let (mut files, mut leaves, mut pages) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for ((relative, _), sums) in paths.into_iter().zip(read) {
        match sums.tail {
            None => {
                files.insert(relative, sums.whole);
            }
            Some((tail_start, tail)) => {
                let seal = LeafSeal {
                    size: sums.whole.size,
                    tail_start,
                    tail,
                    pages_start: pages.len() as u64,
                    pages_length: sums.pages.len() as u64,
                    pages: Digest::of(&sums.pages),
                };
                leaves.insert(relative, LeafEntry { whole: sums.whole, seal });
                pages.extend(sums.pages);
            }
        }
    }
    if !leaves.is_empty() {
        files.insert(PAGES.to_owned(), FileEntry { size: pages.len() as u64, digest: Digest::of(&pages) });
        write(folder, PAGES, &pages)?;
    }
    let text = Manifest::text(&files, &leaves);
    write(folder, MANIFEST, text.as_bytes())?;
    Manifest::parse(text.as_bytes()).map(|manifest| manifest.id()).map_err(bad_input)
}

/// The snapshot of a catalog that was sealed.
///
/// *Errors*: no manifest, or a damaged one.
pub(super) fn snapshot_of(folder: &Path) -> Result<Digest, EngineError> {
    read(&folder.join(MANIFEST)).map(|manifest| manifest.id())
}

/// What comparing a folder with its manifest found.
#[derive(Debug, Default)]
pub(crate) struct ManifestCheck {
    /// What differs, a sentence each, with the file.
    pub(crate) problems: Vec<String>,
    /// Files that were compared.
    pub(crate) files: usize,
}

/// Compares every byte of a folder with its manifest; that of a collection names some files alone.
///
/// *Errors*: no manifest, or a damaged one; a folder that cannot be listed.
pub(crate) fn check_manifest(folder: &Path) -> Result<ManifestCheck, EngineError> {
    check(folder, &read(&folder.join(MANIFEST))?)
}

/// Compares every byte of a folder with a manifest that is kept elsewhere; returns the snapshot that it names.
///
/// *Errors*: a manifest that cannot be read, or a damaged one; a folder that cannot be listed; all that differs.
pub fn compare_with_manifest(folder: &Path, manifest: &Path) -> Result<Digest, EngineError> {
    let manifest = read(manifest)?;
    let found = check(folder, &manifest)?;
    match found.problems[..] {
        [] => Ok(manifest.id()),
        _ => Err(bad_input(format!("{}: {}", folder.display(), found.problems.join("\n")))),
    }
}

fn read(path: &Path) -> Result<Manifest, EngineError> {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.display().to_string());
    let content = fs::read(path).map_err(failed(path.parent().unwrap_or(path), &format!("read {name}")))?;
    Manifest::parse(&content).map_err(|why| bad_input(format!("{name} {why}")))
}

fn check(folder: &Path, manifest: &Manifest) -> Result<ManifestCheck, EngineError> {
    // A folder that was never sealed has no sums; its files are compared whole all the same.
    let has_sums = folder.join(MANIFEST).exists() || folder.join(PAGES).exists();
    let listed: Vec<&str> = manifest.paths().filter(|path| has_sums || *path != PAGES).collect();
    let mut problems: Vec<String> =
        listed.par_iter().filter_map(|relative| compare(folder, relative, manifest).err()).collect();
    let sums = fs::read(folder.join(PAGES)).unwrap_or_default();
    for relative in listed.iter().filter(|_| has_sums) {
        if let Some(LeafEntry { seal, .. }) = manifest.leaf(relative) {
            let end = seal.pages_start.saturating_add(seal.pages_length);
            let pages = sums.get(seal.pages_start as usize..end as usize).unwrap_or_default();
            if Digest::of(pages) != seal.pages {
                problems.push(not_published(relative, &format!("the sums of its pages in {PAGES} differ")));
            }
        }
    }
    if !manifest.paths().any(|path| path == "collection.properties") {
        let extra = files_below(folder)?.into_iter().filter(|(relative, _)| manifest.file(relative).is_none());
        problems.extend(extra.map(|(relative, _)| not_published(&relative, "it was not there")));
    }
    Ok(ManifestCheck { problems, files: listed.len() })
}

fn compare(folder: &Path, relative: &str, manifest: &Manifest) -> Result<(), String> {
    let differs = |why: &str| Err(not_published(relative, why));
    let found = File::open(folder.join(relative));
    let found = found.and_then(|mut file| {
        digest(&mut file, &[], manifest.leaf(relative).map_or(u64::MAX, |leaf| leaf.seal.tail_start))
    });
    let (whole, tail, _) = match found {
        Ok(found) => found,
        Err(error) => return differs(&format!("it cannot be read: {error}")),
    };
    match manifest.file(relative) {
        Some(expected) if expected.size != whole.size => {
            differs(&format!("it has {} bytes, expected {}", whole.size, expected.size))
        }
        Some(expected) if expected.digest != whole.digest => differs("its content differs"),
        _ if manifest.leaf(relative).is_some_and(|leaf| leaf.seal.tail != tail) => differs("its footer differs"),
        _ => Ok(()),
    }
}

/// Writes a manifest of some files alone, by their paths from the folder.
pub(super) fn seal_files(folder: &Path, files: &BTreeMap<String, PathBuf>) -> Result<(), EngineError> {
    let mut entries = BTreeMap::new();
    for (relative, path) in files {
        let content = fs::read(path).map_err(failed(folder, &format!("read {relative}")))?;
        let entry = FileEntry { size: content.len() as u64, digest: Digest::of(&content) };
        entries.insert(relative.clone(), entry);
    }
    write(folder, MANIFEST, Manifest::text(&entries, &BTreeMap::new()).as_bytes())
}

/// What one file holds.
struct Sums {
    whole: FileEntry,
    /// Of a leaf: where its tail begins, and the tail's digest.
    tail: Option<(u64, Digest)>,
    /// Of a leaf: the sum of each page.
    pages: Vec<u8>,
}

fn sums(folder: &Path, relative: &str, path: &Path) -> Result<Sums, EngineError> {
    let reading = format!("read {relative}");
    let mut file = File::open(path).map_err(failed(folder, &format!("open {relative}")))?;
    if !is_leaf(relative) {
        let (whole, ..) = digest(&mut file, &[], u64::MAX).map_err(failed(folder, &reading))?;
        return Ok(Sums { whole, tail: None, pages: Vec::new() });
    }
    let metadata = footer(&file).map_err(failed(folder, &format!("read the footer of {relative}")))?;
    let refused = |why: String| bad_input(format!("{}: {relative} cannot be sealed: {why}", folder.display()));
    let blocks = blocks(&metadata).map_err(refused)?;
    let start = tail_start(&metadata);
    let (whole, tail, pages) = digest(&mut file, &blocks, start).map_err(failed(folder, &reading))?;
    if pages.len() != 4 * blocks.len() || start > whole.size {
        return Err(refused("pages lie beyond its end".to_owned()));
    }
    Ok(Sums { whole, tail: Some((start, tail)), pages })
}

/// Whether a path is that of a file of rows.
pub(super) fn is_leaf(relative: &str) -> bool {
    let name = relative.rsplit('/').next().unwrap_or_default();
    let in_dataset = relative.strip_prefix(DATASET).is_some_and(|rest| rest.starts_with('/'));
    in_dataset && !name.starts_with('_')
}

/// The footer of a file, with its page index.
pub(super) fn footer(file: &File) -> parquet::errors::Result<ParquetMetaData> {
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional).parse_and_finish(file)
}

/// Reads a file once: the digest of all of it, the digest from `tail` on, and the sum of each block.
fn digest(file: &mut File, blocks: &[Range<u64>], tail: u64) -> std::io::Result<(FileEntry, Digest, Vec<u8>)> {
    file.rewind()?;
    let (mut whole, mut end, mut sums) = (Hashing::default(), Hashing::default(), Vec::with_capacity(4 * blocks.len()));
    let mut open = crc32fast::Hasher::new();
    let mut blocks = blocks.iter().peekable();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let (bytes, next) = (&buffer[..length], at + length as u64);
        let part =
            |from: u64, to: u64| &bytes[(from.clamp(at, next) - at) as usize..(to.clamp(at, next) - at) as usize];
        whole.update(bytes);
        end.update(part(tail, next));
        while let Some(block) = blocks.peek().filter(|block| block.start < next) {
            open.update(part(block.start, block.end));
            if block.end > next {
                break;
            }
            sums.extend_from_slice(&std::mem::take(&mut open).finalize().to_le_bytes());
            blocks.next();
        }
        at = next;
    }
    Ok((FileEntry { size: at, digest: whole.finish() }, end.finish(), sums))
}

/// All files below a folder that a manifest names, by their paths from there, in order.
pub(super) fn files_below(folder: &Path) -> Result<Vec<(String, PathBuf)>, EngineError> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, path)) = open.pop() {
        for entry in fs::read_dir(&path).map_err(failed(folder, "list it"))? {
            let entry = entry.map_err(failed(folder, "list it"))?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| bad_input(format!("{}: the name {} is not UTF-8", folder.display(), name.display())))?;
            let relative = format!("{prefix}{name}");
            if name.starts_with('.') || [MANIFEST, PAGES].contains(&relative.as_str()) {
                continue;
            }
            if name.contains(['\n', '\r']) {
                return Err(bad_input(format!("{}: a name with a line break: {name:?}", folder.display())));
            }
            let metadata = fs::metadata(entry.path()).map_err(failed(folder, &format!("look at {relative}")))?;
            if metadata.is_dir() && entry.path().is_symlink() {
                return Err(bad_input(format!("{}: {relative} is a link to a folder", folder.display())));
            }
            if metadata.is_dir() {
                open.push((format!("{relative}/"), entry.path()));
            } else {
                found.insert(relative, entry.path());
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), EngineError> {
    let partial = folder.join(format!(".{name}.partial"));
    let written = fs::write(&partial, content)
        .and_then(|()| File::open(&partial)?.sync_all())
        .and_then(|()| fs::rename(&partial, folder.join(name)));
    written.map_err(failed(folder, &format!("write {name}")))
}
