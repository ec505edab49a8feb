//! A local folder as an object store from which no symbolic link leads out.
//!
//! `LocalFileSystem` keeps paths below its prefix but follows links wherever they go, so a catalog that somebody else
//! wrote could name any file of the machine. This store resolves each path before it is read and refuses what lies
//! outside of the folder. Catalogs are read only, so everything that writes is refused as well.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A read-only store of the files below one folder.
#[derive(Debug)]
pub(super) struct ConfinedStore {
    inner: LocalFileSystem,
    folder: PathBuf,
}

impl ConfinedStore {
    /// Opens a folder; links in the folder's own path are resolved first.
    ///
    /// *Errors*: a folder that does not exist.
    pub(super) fn try_new(folder: &std::path::Path) -> Result<Self> {
        let generic = |source| Error::Generic { store: "local folder", source: Box::new(source) };
        let folder = folder.canonicalize().map_err(generic)?;
        Ok(Self { inner: LocalFileSystem::new_with_prefix(&folder)?, folder })
    }

    /// Refuses a path whose file lies outside of the folder. A path that does not exist passes: reading it says so.
    fn check(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        match path.canonicalize() {
            Ok(real) if !real.starts_with(&self.folder) => {
                let message = format!("{location} is a symbolic link that leads out of its catalog");
                Err(Error::PermissionDenied { path: location.to_string(), source: message.into() })
            }
            _ => Ok(()),
        }
    }

    /// Opens a whole file on this thread, which takes less time than to ask another; `None` leaves it to the inner store.
    fn open(&self, location: &Path) -> Option<GetResult> {
        let path = self.inner.path_to_filesystem(location).ok()?;
        // To open a pipe would wait for whoever writes to it.
        std::fs::metadata(&path).ok().filter(Metadata::is_file)?;
        let file = File::open(&path).ok()?;
        let metadata = file.metadata().ok().filter(Metadata::is_file)?;
        let modified = metadata.modified().ok()?;
        let microseconds = modified.duration_since(UNIX_EPOCH).ok()?.as_micros();
        let (inode, size) = (metadata.ino(), metadata.len());
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: modified.into(),
            size,
            e_tag: Some(format!("{inode:x}-{microseconds:x}-{size:x}")),
            version: None,
        };
        let payload = GetResultPayload::File(file, path);
        Some(GetResult { payload, meta, range: 0..size, attributes: Attributes::default() })
    }

    fn read_only(&self, operation: &str) -> Error {
        Error::NotImplemented { operation: operation.to_owned(), implementer: self.to_string() }
    }
}

/// Whether a whole file is asked for, of whatever version is there.
fn is_plain(options: &GetOptions) -> bool {
    let GetOptions { if_match, if_none_match, if_modified_since, if_unmodified_since, range, version, head, .. } =
        options;
    let conditions =
        if_match.is_some() || if_none_match.is_some() || if_modified_since.is_some() || if_unmodified_since.is_some();
    !conditions && range.is_none() && version.is_none() && !head
}

impl std::fmt::Display for ConfinedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfinedStore({})", self.folder.display())
    }
}

#[async_trait]
impl ObjectStore for ConfinedStore {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(self.read_only("put"))
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(self.read_only("put"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check(location)?;
        let found = if is_plain(&options) { self.open(location) } else { None };
        match found {
            Some(found) => Ok(found),
            None => self.inner.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check(location)?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let implementer = self.to_string();
        locations
            .and_then(move |_| {
                let implementer = implementer.clone();
                async move { Err(Error::NotImplemented { operation: "delete".to_owned(), implementer }) }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(self.read_only("copy"))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn reads_inside_and_refuses_links_that_leave() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), b"secret").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::fs::write(inside.path().join("file"), b"open").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), inside.path().join("folder")).unwrap();
        std::os::unix::fs::symlink(inside.path().join("file"), inside.path().join("inner")).unwrap();
        let store = ConfinedStore::try_new(inside.path()).unwrap();

        for name in ["file", "inner"] {
            assert_eq!(store.get(&Path::from(name)).await.unwrap().bytes().await.unwrap(), "open");
        }
        for name in ["link", "folder/secret"] {
            let error = store.get(&Path::from(name)).await.unwrap_err().to_string();
            assert!(error.contains("leads out"), "{error}");
            assert!(store.get_ranges(&Path::from(name), &[0..2, 3..4]).await.is_err());
            assert!(store.head(&Path::from(name)).await.is_err());
        }
        // A version is the same however it was asked for.
        let whole = store.get(&Path::from("file")).await.unwrap().meta;
        assert_eq!(whole, store.head(&Path::from("file")).await.unwrap());
        assert_eq!(whole, store.inner.get(&Path::from("file")).await.unwrap().meta);
        assert!(store.get(&Path::from("")).await.is_err());
        let made = std::process::Command::new("mkfifo").arg(inside.path().join("pipe")).status().unwrap();
        assert!(made.success() && store.open(&Path::from("pipe")).is_none());
        assert!(matches!(store.get(&Path::from("absent")).await, Err(Error::NotFound { .. })));
        assert!(store.put(&Path::from("new"), "x".into()).await.is_err());
    }
}
