//! Did something change below the remote roots? Told by the ends of manifests and by small files, for whole catalogs cannot be
//! looked at: a server need not list, and need not say when a file was written.
//!
//! ```text
//!  root of a bucket              the names below it
//!  root on a web server          collection.properties, hats.properties, properties
//!  catalog with a manifest       the last line of the manifest, which is the digest of all others
//!  catalog without               its properties
//!  plain files                   sizes, times and entity tags, of the first of them
//! ```

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use futures::StreamExt;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt};

use super::place::Listing;
use super::root::Root;
use super::{CatalogKind, CatalogMetadata, CatalogRegistry};
use crate::integrity::MANIFEST;

/// Requests that are under way at once.
const CONCURRENT: usize = 8;
/// Bytes that are read of a small file, from its end.
const MOST_BYTES: u64 = 64 << 10;
/// Bytes of the last line of a manifest.
const LAST_LINE: u64 = 69;
/// Files of a plain table that are looked at.
const MOST_FILES: usize = 64;
/// Files that say what a folder is.
const DESCRIPTIONS: [&str; 3] = ["collection.properties", "hats.properties", "properties"];

impl CatalogRegistry {
    /// A number that is another one, all but certainly, once something changed below remote roots; `None` where a server cannot
    /// be asked now. Local roots do not matter.
    ///
    /// *Cost*: a request a catalog, and one to three a root.
    pub async fn remote_fingerprint(&self, roots: &[String]) -> Option<u64> {
        let remote = |text: &String| text.contains("://") && !text.starts_with("file://");
        let roots: Vec<String> = roots.iter().filter(|root| remote(root)).cloned().collect();
        if roots.is_empty() {
            return Some(0);
        }
        let tables: Vec<Arc<CatalogMetadata>> =
            self.tables().iter().filter(|table| remote(&table.location.display)).map(Arc::clone).collect();
        let roots = futures::stream::iter(roots).map(|root| async move { of_root(&root).await }).buffered(CONCURRENT);
        let tables = futures::stream::iter(tables).map(|table| async move { of_catalog(&table).await });
        let tables = tables.buffered(CONCURRENT);
        let all: Vec<Option<u64>> = roots.chain(tables).collect().await;
        let mut hasher = DefaultHasher::new();
        all.into_iter().collect::<Option<Vec<u64>>>()?.hash(&mut hasher);
        Some(hasher.finish())
    }
}

async fn of_root(text: &str) -> Option<u64> {
    let place = Root::open(text).ok()?.place;
    let mut hasher = DefaultHasher::new();
    if place.listing() == Listing::Costly {
        let entries = place.entries().await.ok()?;
        entries.folders.hash(&mut hasher);
        for file in &entries.files {
            (&file.location.as_ref(), file.size, &file.e_tag).hash(&mut hasher);
        }
        return Some(hasher.finish());
    }
    for name in DESCRIPTIONS {
        end_of(place.store().as_ref(), &place.path(name), MOST_BYTES).await?.hash(&mut hasher);
    }
    Some(hasher.finish())
}

async fn of_catalog(catalog: &CatalogMetadata) -> Option<u64> {
    let (store, root) = (catalog.location.store.as_ref(), &catalog.location.root);
    let mut hasher = DefaultHasher::new();
    if catalog.manifest.is_some() {
        end_of(store, &root.clone().join(MANIFEST), LAST_LINE).await?.hash(&mut hasher);
    } else if catalog.kind == CatalogKind::Plain {
        for file in catalog.partitions.iter().flat_map(|partition| &partition.files).take(MOST_FILES) {
            match store.head(&file.path).await {
                Ok(meta) => (meta.size, meta.last_modified.timestamp_micros(), meta.e_tag).hash(&mut hasher),
                Err(Error::NotFound { .. }) => 0.hash(&mut hasher),
                Err(_) => return None,
            }
        }
    } else {
        for name in &DESCRIPTIONS[1..] {
            end_of(store, &root.clone().join(*name), MOST_BYTES).await?.hash(&mut hasher);
        }
    }
    Some(hasher.finish())
}

/// The last bytes of a file, none for one that is not there; `None` where the server cannot be asked.
async fn end_of(store: &dyn ObjectStore, path: &Path, length: u64) -> Option<Vec<u8>> {
    let options = GetOptions { range: Some(GetRange::Suffix(length)), ..GetOptions::default() };
    match store.get_opts(path, options).await {
        Ok(found) => found.bytes().await.ok().map(|bytes| bytes.to_vec()),
        Err(Error::NotFound { .. }) => Some(Vec::new()),
        Err(_) => None,
    }
}
