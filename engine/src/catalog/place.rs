//! Where may catalogs lie, and how are their small files read?
//!
//! A [`Place`] is a folder in some store: a local folder, a prefix of a bucket, or a URL of a plain HTTP server, which
//! may be unable to list. It knows how to list and read, and nothing of what the files mean.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::confined::ConfinedStore;
use super::footer::{self, Footer};
use super::problem::{broken, broken_by};
use super::{CatalogLocation, safe_path};
use crate::error::EngineError;
use crate::integrity::{MANIFEST, Manifest};

/// Bytes that a manifest may have: that of a catalog of 400,000 partitions.
const MANIFEST_LIMIT: u64 = 128 << 20;
/// Bytes that a file of all footers may have where it must be read whole.
const FOOTERS_LIMIT: u64 = 256 << 20;

/// What listing a place costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// Next to nothing: a local folder.
    Cheap,
    /// A request for every thousand files: a bucket.
    Costly,
    /// Perhaps impossible: a plain HTTP server.
    Doubtful,
}

/// A folder in a store.
#[derive(Debug, Clone)]
pub(super) struct Place {
    store: Arc<dyn ObjectStore>,
    root: Path,
    display: String,
    listing: Listing,
    /// The folder on disk that `root` is, where the store is local.
    folder: Option<PathBuf>,
    /// What was published here, once it is known: whatever is read from here must be that.
    manifest: Option<Arc<Manifest>>,
}

/// What lies directly in a place, in order of name; hidden names are left out.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Files.
    pub(super) files: Vec<ObjectMeta>,
    /// Names of folders.
    pub(super) folders: Vec<String>,
}

impl Entries {
    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty()
    }

    /// Whether there is a file of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.location.filename() == Some(name))
    }
}

impl Place {
    /// A local folder.
    pub(super) fn local(folder: &std::path::Path, display: String) -> Result<Self, EngineError> {
        match ConfinedStore::try_new(folder) {
            Ok(store) => Ok(Self {
                store: Arc::new(store),
                root: Path::default(),
                display,
                listing: Listing::Cheap,
                folder: Some(folder.to_owned()),
                manifest: None,
            }),
            Err(error) => Err(broken_by(display, "cannot open the folder", error)),
        }
    }

    /// A prefix in a remote store.
    pub(super) fn remote(store: Arc<dyn ObjectStore>, root: Path, display: String, listing: Listing) -> Self {
        Self { store, root, display, listing, folder: None, manifest: None }
    }

    /// The place's path in its store.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What listing costs here.
    pub(super) fn listing(&self) -> Listing {
        self.listing
    }

    /// The store.
    pub(super) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The place as catalogs keep it.
    pub(super) fn location(&self) -> CatalogLocation {
        CatalogLocation { store: Arc::clone(&self.store), root: self.root.clone(), display: self.display.clone() }
    }

    /// The path of a file of a known name below this place.
    pub(super) fn path(&self, relative: &str) -> Path {
        self.root.parts().chain(Path::from(relative).parts()).collect()
    }

    /// The path that a file's content names, relative to a folder of this place.
    ///
    /// *Errors*: a path that leaves the place.
    pub(super) fn named_path(&self, folder: &str, relative: &str) -> Result<Path, EngineError> {
        safe_path::join(&self.path(folder), relative).map_err(|message| self.broken(message))
    }

    /// A folder directly below, as a place that stands for itself: links of a local folder end at its own edge.
    pub(super) fn child(&self, name: &str) -> Result<Self, EngineError> {
        let display = format!("{}/{name}", self.display.trim_end_matches('/'));
        match &self.folder {
            Some(folder) => Self::local(&folder.join(name), display),
            None => Ok(Self { root: self.root.clone().join(name), display, manifest: None, ..self.clone() }),
        }
    }

    /// A file directly in the place that stands for itself: where it is a link, the file that the link leads to.
    pub(super) fn file(&self, name: &str, path: &Path) -> Result<(Self, Path), EngineError> {
        let display = format!("{}/{name}", self.display.trim_end_matches('/'));
        let Some(folder) = &self.folder else {
            return Ok((Self { display, manifest: None, ..self.clone() }, path.clone()));
        };
        let real = folder.join(name).canonicalize();
        let real = real.map_err(|error| broken_by(&display, "cannot open the file", error))?;
        match (real.parent(), real.file_name()) {
            (Some(folder), Some(file)) => {
                let place = Self::local(folder, display)?;
                let path = place.path(&file.to_string_lossy());
                Ok((place, path))
            }
            _ => Err(broken(display, "expected a file")),
        }
    }

    /// A folder below that belongs to this place, such as the primary of a collection.
    pub(super) fn part(&self, root: Path) -> Self {
        let name: Vec<_> =
            root.prefix_match(&self.root).into_iter().flatten().map(|part| part.as_ref().to_owned()).collect();
        let display = format!("{}/{}", self.display.trim_end_matches('/'), name.join("/"));
        let folder = self.folder.as_ref().map(|folder| folder.join(name.iter().collect::<PathBuf>()));
        Self { root, display, folder, manifest: None, ..self.clone() }
    }

    /// Lists what lies directly in the place.
    pub(super) async fn entries(&self) -> Result<Entries, EngineError> {
        let listed = self.store.list_with_delimiter(Some(&self.root)).await;
        let listed = listed.map_err(|error| broken_by(&self.display, "cannot list the folder", error))?;
        let visible = |name: &str| !name.starts_with(['.', '_']);
        let mut files = listed.objects;
        files.retain(|file| file.location.filename().is_some_and(visible));
        files.sort_by(|a, b| a.location.cmp(&b.location));
        let names = listed.common_prefixes.iter().filter_map(Path::filename).filter(|name| visible(name));
        let mut folders: Vec<String> = names.filter_map(safe_path::decode).collect();
        folders.sort();
        Ok(Entries { files, folders })
    }

    /// Lists all files below a folder of the place, at any depth, in order of path.
    pub(super) async fn files_below(&self, folder: &str) -> Result<Vec<ObjectMeta>, EngineError> {
        let listed = self.store.list(Some(&self.path(folder))).try_collect::<Vec<_>>().await;
        let mut files = match listed {
            Ok(files) => files,
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(broken_by(&self.display, &format!("cannot list {folder}"), error)),
        };
        files.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(files)
    }

    /// The place with its manifest, where it has one.
    ///
    /// *Errors*: a manifest that cannot be read.
    pub(super) async fn with_manifest(self) -> Result<Self, EngineError> {
        match self.read(MANIFEST, MANIFEST_LIMIT).await? {
            Some(content) => self.sealed_by(&content),
            None => Ok(self),
        }
    }

    /// A part with its manifest, which must be the one that was published with this place, if this place has one.
    ///
    /// *Errors*: it is another one, or missing.
    pub(super) async fn published_part(&self, part: Self) -> Result<Self, EngineError> {
        if self.manifest.is_none() {
            return Ok(part);
        }
        let name = self.relative(&part.path(MANIFEST)).unwrap_or_default();
        let content = self.read(&name, MANIFEST_LIMIT).await?;
        content.map_or(Ok(part.clone()), |content| part.sealed_by(&content))
    }

    fn sealed_by(self, manifest: &[u8]) -> Result<Self, EngineError> {
        let manifest = Manifest::parse(manifest).map_err(|why| self.broken(format!("{MANIFEST} {why}")))?;
        Ok(Self { manifest: Some(Arc::new(manifest)), ..self })
    }

    /// What was published here.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_deref()
    }

    /// The path of a file from this place.
    pub(super) fn relative(&self, path: &Path) -> Option<String> {
        let parts: Vec<_> = path.prefix_match(&self.root)?.map(|part| part.as_ref().to_owned()).collect();
        safe_path::decode(&parts.join("/"))
    }

    /// Reads the footer of a Parquet file; all of the file where it must be the one that was published.
    ///
    /// *Errors*: a file that is no Parquet file, or not the one that was published.
    pub(super) async fn footer(&self, relative: &str) -> Result<Option<Footer>, EngineError> {
        let broken = |why| self.broken(why);
        if self.manifest.is_none() {
            return footer::read(self.store.as_ref(), &self.path(relative)).await.map_err(broken);
        }
        let Some(content) = self.read(relative, FOOTERS_LIMIT).await? else { return Ok(None) };
        footer::decode(relative, &content).map(Some).map_err(broken)
    }

    /// Reads a small file whole; `None` when there is none.
    ///
    /// *Errors*: a file beyond `limit` bytes, one that cannot be read, or one that is not what was published.
    pub(super) async fn read(&self, relative: &str, limit: u64) -> Result<Option<Bytes>, EngineError> {
        let failed = |error| broken_by(&self.display, &format!("cannot read {relative}"), error);
        let found = match self.store.get(&self.path(relative)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => match self.manifest().and_then(|manifest| manifest.file(relative)) {
                None => return Ok(None),
                Some(_) => {
                    return Err(self.broken(format!("{relative} is missing, which the catalog was published with")));
                }
            },
            Err(error) => return Err(failed(error)),
        };
        if found.meta.size > limit {
            return Err(self.broken(format!("{relative} has {} bytes, more than {limit}", found.meta.size)));
        }
        let content = found.bytes().await.map_err(failed)?;
        match self.manifest().map_or(Ok(()), |manifest| manifest.check(relative, &content)) {
            Ok(()) => Ok(Some(content)),
            Err(why) => Err(self.broken(why)),
        }
    }

    /// Bytes of a file, 0 when there is none.
    pub(super) async fn size(&self, relative: &str) -> Result<u64, EngineError> {
        match self.store.head(&self.path(relative)).await {
            Ok(meta) => Ok(meta.size),
            Err(Error::NotFound { .. }) => Ok(0),
            Err(error) => Err(broken_by(&self.display, &format!("cannot read {relative}"), error)),
        }
    }

    /// A problem of this place.
    pub(super) fn broken(&self, message: impl Into<String>) -> EngineError {
        broken(&self.display, message)
    }
}
