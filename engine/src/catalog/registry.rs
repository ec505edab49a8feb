//! Which catalogs are served, under which names?

use std::sync::Arc;

use super::{CatalogMetadata, TableName};
use crate::error::EngineError;

/// The tables that queries can name; a snapshot of metadata for each.
#[derive(Debug, Default)]
pub struct CatalogRegistry {
    tables: Vec<Arc<CatalogMetadata>>,
}

impl CatalogRegistry {
    /// Reads every catalog below the given roots: folders or URLs (`file`, `s3`, `http`).
    ///
    /// *Errors*: a root that does not exist. A broken catalog is reported by [`Self::problems`] and left out.
    pub async fn open(roots: &[String]) -> Result<Self, EngineError> {
        let _ = roots;
        Ok(Self::default())
    }

    /// All tables, ordered by name.
    #[must_use]
    pub fn tables(&self) -> &[Arc<CatalogMetadata>] {
        &self.tables
    }

    /// The table of exactly this name.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&Arc<CatalogMetadata>> {
        self.tables.iter().find(|table| &table.name == name)
    }

    /// Catalogs that were found and cannot be served: location and error.
    #[must_use]
    pub fn problems(&self) -> &[EngineError] {
        &[]
    }
}
