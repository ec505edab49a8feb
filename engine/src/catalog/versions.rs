//! Which versions of a table are here, beside the one that its name means?
//!
//! ```text
//!  ROOT/gaia                       the current one: a folder, or a link to one
//!  ROOT/gaia@2026-01               another one, whatever stands behind the @
//!  a folder that a link in the root led to before the roots were read again, as long as it is there
//! ```
//! They are in no list of tables, and a query reaches them by their snapshot alone. Whoever may see the current one may see
//! them; where there is none, they are not served.

use std::sync::Arc;

use object_store::ObjectStoreExt;

use super::{CatalogMetadata, CatalogRegistry, TableName};
use crate::integrity::{MANIFEST, Manifest};

/// Versions of one table that are kept from earlier readings of the roots.
const MOST_KEPT: usize = 16;

/// The name before the `@` of a version's folder or file.
pub(super) fn current_name(name: &str) -> Option<&str> {
    name.rsplit_once('@').map(|(current, _)| current).filter(|current| !current.is_empty())
}

/// A version's name in plans: `gaia@` and its whole snapshot.
pub(super) fn version_name(metadata: &CatalogMetadata) -> TableName {
    let TableName { schema, table } = &metadata.name;
    TableName { schema: schema.clone(), table: format!("{table}@{}", metadata.snapshot) }
}

/// Whether the path of a table in a plan is that of a version that a query has named.
pub(crate) fn names_snapshot(registry: &CatalogRegistry, path: &[String]) -> bool {
    let [schema, table] = path else { return false };
    let name = TableName { schema: schema.clone(), table: table.clone() };
    registry.version(&name).is_some_and(|version| version.name != name)
}

impl CatalogRegistry {
    /// Versions of a table, the current one first.
    pub(super) fn versions<'a>(&'a self, name: &'a TableName) -> impl Iterator<Item = &'a Arc<CatalogMetadata>> {
        let current = self.tables().iter().find(move |table| &table.name == name);
        let others = self.versions.iter().filter(move |table| &table.name == name);
        current.into_iter().chain(others)
    }

    /// The version that a name in a plan means.
    pub(super) fn version(&self, name: &TableName) -> Option<&Arc<CatalogMetadata>> {
        let (table, snapshot) = name.table.rsplit_once('@')?;
        let is_it = |found: &&Arc<CatalogMetadata>| {
            found.snapshot == snapshot && found.name.table == table && found.name.schema == name.schema
        };
        self.tables().iter().chain(&self.versions).find(is_it)
    }

    /// Adds a version of a table that is served; says why not.
    pub(super) fn add_version(&mut self, version: CatalogMetadata) -> Result<(), String> {
        let Some(current) = self.tables().iter().find(|table| table.name == version.name) else {
            return Err(format!("it is a version of {}, which is not served", version.name));
        };
        let groups = current.groups.clone();
        if self.versions(&version.name).all(|known| known.snapshot != version.snapshot) {
            self.versions.push(Arc::new(CatalogMetadata { groups, ..version }));
        }
        Ok(())
    }

    /// This registry, with what another one served and what still lies where it lay.
    ///
    /// *Cost*: reads the manifest of every version that is not here.
    #[must_use]
    pub async fn with_versions_of(mut self, before: &Self) -> Self {
        for old in before.tables().iter().chain(&before.versions) {
            let known = self.versions(&old.name).any(|table| table.snapshot == old.snapshot);
            let many = self.versions(&old.name).count() > MOST_KEPT;
            if !known && !many && is_still_there(old).await {
                // A table that is gone takes its versions along.
                let _ = self.add_version(CatalogMetadata::clone(old));
            }
        }
        self
    }
}

/// Whether a catalog's manifest is the one that it was opened with; without one nothing is known.
async fn is_still_there(catalog: &CatalogMetadata) -> bool {
    let Some(expected) = catalog.manifest else { return false };
    let path = catalog.location.root.clone().join(MANIFEST);
    let Ok(found) = catalog.location.store.get(&path).await else { return false };
    let Ok(content) = found.bytes().await else { return false };
    Manifest::parse(&content).is_ok_and(|manifest| manifest.id() == expected)
}
