//! Which catalogs stand beside a catalog? The margins of its collection.
//!
//! A margin is no table: queries never see its rows, which are copies of rows of the primary. It is opened when somebody asks
//! for its files, once for a registry. Knows nothing of indexes, which are the primary's own business.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::place::Place;
use super::{CatalogFile, CatalogMetadata, files, hats};
use crate::error::EngineError;

/// The collection that a catalog is the primary of.
#[derive(Debug)]
pub struct Collection {
    place: Place,
    primary: String,
    margins: Vec<Margin>,
}

#[derive(Debug)]
struct Margin {
    folder: String,
    opened: OnceCell<Arc<CatalogMetadata>>,
}

impl Collection {
    pub(super) fn new(place: Place, primary: &Place, margins: Vec<&str>) -> Self {
        let primary = place.relative(primary.root()).unwrap_or_default();
        let margin = |folder: &str| Margin { folder: folder.to_owned(), opened: OnceCell::new() };
        Self { place, primary, margins: margins.into_iter().map(margin).collect() }
    }

    /// The folder of the primary, from that of the collection.
    #[must_use]
    pub fn primary(&self) -> &str {
        &self.primary
    }

    /// The folders of the margins.
    pub fn margins(&self) -> impl Iterator<Item = &str> {
        self.margins.iter().map(|margin| margin.folder.as_str())
    }

    /// Its `collection.properties`.
    ///
    /// *Errors*: a file that cannot be read.
    pub async fn properties(&self) -> Result<Option<CatalogFile>, EngineError> {
        files::open(&self.place.location(), self.place.path("collection.properties")).await
    }

    /// The margin in a folder of [`Self::margins`], in the form of a catalog; `None` where there is no such folder.
    ///
    /// *Errors*: a margin that cannot be opened.
    pub async fn margin(&self, folder: &str) -> Result<Option<Arc<CatalogMetadata>>, EngineError> {
        let Some(margin) = self.margins.iter().find(|margin| margin.folder == folder) else { return Ok(None) };
        let opened = margin.opened.get_or_try_init(|| async {
            let place = self.place.part(self.place.named_path("", &margin.folder)?);
            hats::open_margin(&self.place.published_part(place).await?).await.map(Arc::new)
        });
        opened.await.map(|margin| Some(Arc::clone(margin)))
    }
}
