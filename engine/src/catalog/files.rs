//! How are the files of a catalog handed on as they are?
//!
//! By an allow-list: the small files that HATS names, and the leaves that the catalog knows. No path is made of what somebody
//! asked for. A [`CatalogFile`] is one version of a file: a range that comes from another version is an error, never other bytes.

use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::file::metadata::ParquetMetaData;
use sidereus_sky::{Cell, Order};

use super::problem::{broken, broken_by};
use super::{CatalogKind, CatalogLocation, CatalogMetadata, DataFile, Partition, footer};
use crate::error::{EngineError, ErrorKind};

/// Files that HATS names, from the folder of the catalog; maps of other orders apart.
const KNOWN: [&str; 7] = [
    "hats.properties",
    "properties",
    "partition_info.csv",
    "dataset/_common_metadata",
    "dataset/_metadata",
    "skymap.fits",
    "point_map.fits",
];

/// One version of one file of a catalog.
#[derive(Debug, Clone)]
pub struct CatalogFile {
    location: CatalogLocation,
    meta: ObjectMeta,
}

impl CatalogMetadata {
    /// Whether its files are a HATS tree: it is no view, and no plain table.
    #[must_use]
    pub fn is_hats(&self) -> bool {
        self.view.is_none() && self.kind != CatalogKind::Plain
    }

    /// One of the small files that HATS names; `None` where there is no such file, or no such name.
    ///
    /// *Errors*: a store that does not answer.
    pub async fn known_file(&self, name: &str) -> Result<Option<CatalogFile>, EngineError> {
        if !is_known(name) {
            return Ok(None);
        }
        let relative = Path::from(name);
        open(&self.location, self.location.root.parts().chain(relative.parts()).collect()).await
    }

    /// A file of a partition; `None` where it is gone.
    ///
    /// *Errors*: a store that does not answer, or a file that is not the one that was published.
    pub async fn leaf_file(&self, file: &DataFile) -> Result<Option<CatalogFile>, EngineError> {
        let found = open(&self.location, file.path.clone()).await?;
        match (&found, &file.seal) {
            (Some(found), Some(seal)) if found.size() != seal.size => {
                let message = format!("{} has {} bytes, {} were published", file.path, found.size(), seal.size);
                Err(broken(&self.location.display, message))
            }
            _ => Ok(found),
        }
    }

    /// The partition of a cell.
    #[must_use]
    pub fn partition(&self, order: u8, npix: u64) -> Option<&Partition> {
        let cell = Cell::new(Order::new(order).ok()?, npix).ok()?;
        self.partitions.iter().find(|partition| partition.cell == Some(cell))
    }
}

impl Partition {
    /// The values that a spatial index of an order has in this partition.
    #[must_use]
    pub fn keys(&self, order: u8) -> Option<Range<u64>> {
        let cell = self.cell?;
        let deeper = order.checked_sub(cell.order().get())?;
        let first = cell.npix() << (2 * u32::from(deeper));
        Some(first..(cell.npix() + 1) << (2 * u32::from(deeper)))
    }
}

impl CatalogFile {
    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// Its path in its store.
    #[must_use]
    pub fn name(&self) -> &str {
        self.meta.location.as_ref()
    }

    /// A name of this version, which no other has as far as the store tells; no secret.
    #[must_use]
    pub fn version(&self) -> String {
        let modified = self.modified().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        format!("{}-{modified}-{}", self.meta.size, self.meta.e_tag.as_deref().unwrap_or_default())
    }

    /// When it was written, as far as the store tells.
    #[must_use]
    pub fn modified(&self) -> SystemTime {
        self.meta.last_modified.into()
    }

    /// Reads a range.
    ///
    /// *Errors*: a store that does not answer; `Unavailable` where the file was replaced since.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let failed = |error| broken_by(&self.location.display, &format!("cannot read {}", self.meta.location), error);
        let options = GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let found = self.location.store.get_opts(&self.meta.location, options).await.map_err(failed)?;
        self.check(&found.meta)?;
        let bytes = found.bytes().await.map_err(failed)?;
        if bytes.len() as u64 != range.end - range.start {
            return Err(self.replaced());
        }
        Ok(bytes)
    }

    /// The footer of a Parquet file.
    ///
    /// *Errors*: as [`Self::read`]; a file that is no Parquet file.
    pub async fn footer(&self) -> Result<ParquetMetaData, EngineError> {
        let found = footer::read(self.location.store.as_ref(), &self.meta.location).await;
        let found = found.map_err(|why| broken(&self.location.display, why))?.ok_or_else(|| self.replaced())?;
        match found.size == self.size() {
            true => Ok(found.metadata),
            false => Err(self.replaced()),
        }
    }

    fn check(&self, meta: &ObjectMeta) -> Result<(), EngineError> {
        let told = |meta: &ObjectMeta| (meta.size, meta.last_modified, meta.e_tag.clone());
        if told(meta) == told(&self.meta) { Ok(()) } else { Err(self.replaced()) }
    }

    fn replaced(&self) -> EngineError {
        let name = self.meta.location.filename().unwrap_or_default();
        EngineError::request(ErrorKind::Unavailable, format!("{name} was replaced while it was read; ask again"))
    }
}

/// The version of a file that is there now.
pub(super) async fn open(location: &CatalogLocation, path: Path) -> Result<Option<CatalogFile>, EngineError> {
    match location.store.head(&path).await {
        Ok(meta) => Ok(Some(CatalogFile { location: location.clone(), meta })),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(broken_by(&location.display, &format!("cannot read {path}"), error)),
    }
}

/// Whether HATS names such a file: one of [`KNOWN`], or `skymap.K.fits`.
fn is_known(name: &str) -> bool {
    let order = || name.strip_prefix("skymap.")?.strip_suffix(".fits")?.parse::<u8>().ok();
    let is_map = || order().is_some_and(|order| order <= 29 && name == format!("skymap.{order}.fits"));
    KNOWN.contains(&name) || is_map()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_hats_are_known() {
        for name in KNOWN.into_iter().chain(["skymap.0.fits", "skymap.29.fits"]) {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "",
            "..",
            "skymap.30.fits",
            "skymap.+4.fits",
            "skymap.04.fits",
            "skymap...fits",
            "x/properties",
            "manifest",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn keys_are_those_of_the_cell() {
        let cell = Some(Cell::new(Order::new(1).unwrap(), 3).unwrap());
        let partition = Partition { cell, files: Vec::new() };
        assert_eq!(partition.keys(2), Some(12..16));
        assert_eq!(partition.keys(29).unwrap().end, 1 << 58);
        assert_eq!(partition.keys(0), None);
    }
}
