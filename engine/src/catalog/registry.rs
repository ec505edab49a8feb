//! Which catalogs are served, under which names?
//!
//! A registry is an immutable snapshot: it is opened once, concurrently, and holds a [`CatalogMetadata`] for every table
//! and an error for everything that was found and cannot be served. One broken catalog never hides another. It knows no
//! query and reads no rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use futures::StreamExt;

use super::discover::{self, Candidate, Found};
use super::overrides::CatalogOverrides;
use super::problem::broken;
use super::root::Root;
use super::system::{DescriptionCache, Descriptions};
use super::{CatalogMetadata, TableName, hats, plain, versions};
use crate::error::EngineError;
use crate::principal::Principal;

/// Catalogs that are opened at the same time.
const CONCURRENT_CATALOGS: usize = 16;
/// Schemas that are not made of folders.
pub(super) const RESERVED_SCHEMAS: [&str; 4] = ["tap_schema", "information_schema", "tap_upload", "mydb"];

/// The tables that queries can name; a snapshot of metadata for each.
#[derive(Debug, Default)]
pub struct CatalogRegistry {
    pub(super) tables: Vec<Arc<CatalogMetadata>>,
    /// Queries that are tables.
    pub(super) views: Vec<Arc<CatalogMetadata>>,
    /// Other names of tables and views.
    pub(super) aliases: BTreeMap<TableName, TableName>,
    /// Versions of these tables that are not current.
    pub(super) versions: Vec<Arc<CatalogMetadata>>,
    pub(super) problems: Vec<EngineError>,
    descriptions: DescriptionCache,
    columns: OnceLock<Vec<Arc<[Arc<str>]>>>,
}

impl CatalogRegistry {
    /// Reads every catalog below the given roots: folders, files or URLs (`file`, `s3`, `http`, `https`).
    ///
    /// *Errors*: a root that does not exist. A broken catalog is reported by [`Self::problems`] and left out.
    pub async fn open(roots: &[String]) -> Result<Self, EngineError> {
        Self::open_with(roots, &CatalogOverrides::new()).await
    }

    /// Reads every catalog below the given roots and applies what an operator says about them.
    ///
    /// *Errors*: as [`Self::open`]. An override that cannot be applied is a problem of its table.
    pub async fn open_with(roots: &[String], overrides: &CatalogOverrides) -> Result<Self, EngineError> {
        let mut candidates = Vec::new();
        for root in roots {
            candidates.extend(discover::candidates(&Root::open(root)?).await?);
        }
        let opened: Vec<_> =
            futures::stream::iter(candidates).map(open_candidate).buffered(CONCURRENT_CATALOGS).collect().await;
        let mut registry = Self::default();
        let (mut used, mut others) = (BTreeSet::new(), Vec::new());
        for found in opened {
            match found {
                Ok((metadata, is_current)) => {
                    let setting = overrides.get(&metadata.name);
                    used.extend(setting.map(|_| metadata.name.clone()));
                    let display = metadata.location.display.clone();
                    match setting.map_or(Ok(metadata.clone()), |setting| setting.apply(metadata)) {
                        Ok(metadata) if is_current => registry.add(metadata),
                        Ok(metadata) => others.push(metadata),
                        Err(why) => registry.problems.push(broken(display, format!("configuration: {why}"))),
                    }
                }
                Err(None) => {}
                Err(Some(error)) => registry.problems.push(error),
            }
        }
        for name in overrides.keys().filter(|name| !used.contains(name)) {
            registry.problems.push(broken(name.to_string(), "configured, but there is no such table"));
        }
        registry.tables.sort_by(|a, b| a.name.cmp(&b.name));
        for version in others {
            let display = version.location.display.clone();
            if let Err(why) = registry.add_version(version) {
                registry.problems.push(broken(display, why));
            }
        }
        for problem in &registry.problems {
            tracing::warn!(%problem, "left out");
        }
        Ok(registry)
    }

    /// Reads the margin of a collection as if it were a catalog, for those who check it.
    ///
    /// *Errors*: a folder that does not exist. A broken margin is reported by [`Self::problems`].
    pub(crate) async fn open_margin(folder: &str) -> Result<Self, EngineError> {
        let root = Root::open(folder)?;
        let mut registry = Self::default();
        match hats::open_margin(&root.place).await {
            Ok(metadata) => registry.add(metadata),
            Err(error) => registry.problems.push(error),
        }
        Ok(registry)
    }

    /// Adds a table unless its name is taken or reserved: the first of a name is served.
    fn add(&mut self, metadata: CatalogMetadata) {
        let display = &metadata.location.display;
        let name = &metadata.name;
        if RESERVED_SCHEMAS.iter().any(|reserved| reserved.eq_ignore_ascii_case(&name.schema)) {
            self.problems
                .push(broken(display, format!("the schema name {} is reserved, rename the folder", name.schema)));
            return;
        }
        if let Some(first) = self.tables.iter().find(|table| &table.name == name) {
            let message = format!("its name {name} is taken by {}, which is served instead", first.location.display);
            self.problems.push(broken(display, message));
            return;
        }
        self.tables.push(Arc::new(metadata));
    }

    /// All tables, views excepted, ordered by name.
    #[must_use]
    pub fn tables(&self) -> &[Arc<CatalogMetadata>] {
        &self.tables
    }

    /// Tables and views that a principal may see, tables first, each ordered by name.
    pub fn visible<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = &'a Arc<CatalogMetadata>> {
        self.tables.iter().chain(&self.views).filter(move |table| is_visible(table, principal))
    }

    /// The table or view of exactly this name, which may be that of a version: `gaia@` and the whole snapshot.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&Arc<CatalogMetadata>> {
        match self.tables.binary_search_by(|table| table.name.cmp(name)) {
            Ok(index) => self.tables.get(index),
            Err(_) => self.version(name).or_else(|| self.view(name)),
        }
    }

    /// The table at the exact path that a query names.
    pub(crate) fn at(&self, path: &[String]) -> Option<&Arc<CatalogMetadata>> {
        let [schema, table] = path else { return None };
        self.table(&TableName { schema: schema.clone(), table: table.clone() })
    }

    /// The names of the columns of that table; made once for all tables.
    pub(super) fn column_names(&self, name: &TableName) -> Option<Arc<[Arc<str>]>> {
        let columns = self.columns.get_or_init(|| self.tables.iter().map(|table| column_names(table)).collect());
        match self.tables.binary_search_by(|table| table.name.cmp(name)) {
            Ok(index) => columns.get(index).map(Arc::clone),
            Err(_) => self.version(name).or_else(|| self.view(name)).map(|table| column_names(table)),
        }
    }

    /// Every group that some table is reserved for; repeats are possible.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &String> {
        self.tables.iter().filter_map(|table| table.groups.as_ref()).flatten()
    }

    /// Descriptions of what a principal can see; made once for every set of visible tables.
    pub(super) fn descriptions(&self, principal: &Principal) -> Arc<Descriptions> {
        self.descriptions.get(self, principal)
    }

    /// Catalogs that were found and cannot be served: location and error.
    #[must_use]
    pub fn problems(&self) -> &[EngineError] {
        &self.problems
    }
}

/// Whether a principal may see a table.
pub(super) fn is_visible(table: &CatalogMetadata, principal: &Principal) -> bool {
    let in_one_of = |groups: &Vec<String>| groups.iter().any(|group| principal.is_member(group));
    table.groups.as_ref().is_none_or(in_one_of) && table.view.iter().all(|view| view.groups.iter().all(in_one_of))
}

fn column_names(table: &CatalogMetadata) -> Arc<[Arc<str>]> {
    table.schema.fields().iter().map(|field| field.name().as_str().into()).collect()
}

/// Opens a candidate and tells whether it is the current version of its table.
///
/// *Errors*: `None` for what is no table.
async fn open_candidate(mut candidate: Candidate) -> Result<(CatalogMetadata, bool), Option<EngineError>> {
    let version = candidate.name_mut().and_then(|name| {
        let current = versions::current_name(name)?.to_owned();
        *name = current;
        Some(())
    });
    let opened = open_named(candidate).await.map_err(Some)?;
    opened.map(|metadata| (metadata, version.is_none())).ok_or(None)
}

async fn open_named(candidate: Candidate) -> Result<Option<CatalogMetadata>, EngineError> {
    match candidate {
        Candidate::Hats { place, schema, name, properties } => {
            let declared = match properties {
                Found::Read(declared) => declared,
                Found::Listed(file) => match hats::declared(&place, Some(file)).await? {
                    Some(declared) => declared,
                    None => return Err(place.broken("its properties file has vanished")),
                },
            };
            hats::open(&place, declared, &schema, name.as_deref()).await
        }
        Candidate::File { place, path, name } => plain::open_file(&place, path, name).await.map(Some),
        Candidate::Folder { place, name } => plain::open_folder(&place, name).await.map(Some),
        Candidate::Broken(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Registries without files, for the tests of this folder.

    use arrow::datatypes::{DataType, Field, Schema};
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::{Arc, CatalogMetadata, CatalogRegistry, TableName};
    use crate::catalog::{About, CatalogKind, CatalogLocation, PositionColumns, SpatialIndex};

    /// A registry of `schema.table` names; `schema.table@group` is for members of the group.
    pub(in crate::catalog) fn registry(names: &[&str]) -> Arc<CatalogRegistry> {
        let tables = names.iter().map(|name| Arc::new(table(name))).collect();
        Arc::new(CatalogRegistry { tables, ..CatalogRegistry::default() })
    }

    fn table(text: &str) -> CatalogMetadata {
        let (name, group) = text.split_once('@').map_or((text, None), |(name, group)| (name, Some(group)));
        let (schema, table) = name.split_once('.').unwrap();
        let noted = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
        let fields = vec![
            Field::new("_healpix_29", DataType::Int64, false),
            Field::new("ra", DataType::Float64, false).with_metadata(noted("unit", "deg")),
            Field::new("dec", DataType::Float64, false).with_metadata(noted("ucd", "pos.eq.dec;meta.main")),
            Field::new("Name", DataType::Utf8, true),
        ];
        CatalogMetadata {
            name: TableName { schema: schema.to_owned(), table: table.to_owned() },
            kind: CatalogKind::Object,
            location: CatalogLocation {
                store: Arc::new(InMemory::new()),
                root: Path::default(),
                display: text.to_owned(),
            },
            schema: Arc::new(Schema::new(fields)),
            positions: Some(PositionColumns { ra: "ra".to_owned(), dec: "dec".to_owned() }),
            index: Some(SpatialIndex { column: "_healpix_29".to_owned(), order: 29 }),
            partitions: Vec::new(),
            rows: Some(7),
            description: Some(format!("rows of {table}")),
            about: About::default(),
            groups: group.map(|group| vec![group.to_owned()]),
            properties: [("hats_cols_default".to_owned(), "ra dec".to_owned())].into(),
            snapshot: String::new(),
            manifest: None,
            id_indexes: Vec::new(),
            collection: None,
            view: None,
        }
    }
}
