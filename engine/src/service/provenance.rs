//! What was an answer made of? The snapshots that were read, the program, and a query that gives the same rows again.
//!
//! Goes with every result as metadata of its schema, under the keys here; formats hand it on in their own ways. Says nothing of
//! servers, paths or people.

use std::collections::HashMap;
use std::sync::Arc;

use sidereus_adql::{Label, Lowered};

use super::references::references;
use crate::catalog::{CatalogMetadata, CatalogRegistry, adql_table};

/// Longest query that is repeated; lists of ids can have megabytes.
const MAX_QUERY_BYTES: usize = 64 << 10;

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Each catalog that was read, once, as `schema.table@snapshot`; tables that describe tables are no catalogs.
    pub snapshots: Vec<String>,
    /// The query with the snapshot of each table; none for one of more than 64 KiB.
    pub query: Option<String>,
    /// The label under which that query is understood: `ADQL` or `SQL`.
    pub language: &'static str,
    /// What the catalogs say of their origin, in JSON; none where they say nothing.
    pub references: Option<String>,
}

impl Provenance {
    /// Key of the program's name and version.
    pub const SOFTWARE: &'static str = "sidereus.software";
    /// Key of the snapshots, with a space between them.
    pub const SNAPSHOTS: &'static str = "sidereus.snapshots";
    /// Key of the query that gives the same rows again.
    pub const QUERY: &'static str = "sidereus.query";
    /// Key of that query's language.
    pub const LANGUAGE: &'static str = "sidereus.language";

    /// Key of what the catalogs say of their origin, see [`Reference`](super::Reference).
    pub const REFERENCES: &'static str = "sidereus.references";

    /// Every key, in the order in which people read them.
    pub const KEYS: [&'static str; 5] =
        [Self::SOFTWARE, Self::SNAPSHOTS, Self::LANGUAGE, Self::QUERY, Self::REFERENCES];

    /// Of a query over the tables of a registry.
    pub(super) fn of(lowered: &Lowered, label: Label, registry: &CatalogRegistry) -> Self {
        let pinned = |catalog: &CatalogMetadata| format!("{}@{}", adql_table(&catalog.name), catalog.snapshot);
        let catalogs = catalogs(lowered, registry);
        let references = references(&catalogs);
        let mut snapshots: Vec<String> = catalogs.iter().map(|catalog| pinned(catalog)).collect();
        snapshots.sort();
        let query = lowered.text_with(|reference| {
            registry.at(&reference.path).filter(|table| table.view.is_none()).map(|catalog| pinned(catalog))
        });
        let query = (query.len() <= MAX_QUERY_BYTES).then_some(query);
        let language = match label {
            Label::Adql => "ADQL",
            Label::Sql => "SQL",
        };
        Self { snapshots, query, language, references }
    }

    /// As metadata of a schema.
    #[must_use]
    pub fn metadata(&self) -> HashMap<String, String> {
        let software = concat!("Sidereus/", env!("CARGO_PKG_VERSION")).to_owned();
        let entries = [
            (Self::SOFTWARE, Some(software)),
            (Self::SNAPSHOTS, Some(self.snapshots.join(" ")).filter(|text| !text.is_empty())),
            (Self::LANGUAGE, self.query.as_ref().map(|_| self.language.to_owned())),
            (Self::QUERY, self.query.clone()),
            (Self::REFERENCES, self.references.clone()),
        ];
        entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// The catalogs that a query reads, by itself and through views, each once.
pub(super) fn catalogs(lowered: &Lowered, registry: &CatalogRegistry) -> Vec<Arc<CatalogMetadata>> {
    let mut catalogs: Vec<&Arc<CatalogMetadata>> = Vec::new();
    for table in lowered.tables.iter().filter_map(|path| registry.at(path)) {
        let below = table.view.iter().flat_map(|view| &view.catalogs).filter_map(|name| registry.table(name));
        for catalog in below.chain(table.view.is_none().then_some(table)) {
            if !catalogs.iter().any(|known| Arc::ptr_eq(known, catalog)) {
                catalogs.push(catalog);
            }
        }
    }
    catalogs.into_iter().map(Arc::clone).collect()
}
