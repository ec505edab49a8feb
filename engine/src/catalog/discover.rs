//! What lies below a root, and under which names?
//!
//! ```text
//!  ROOT/gaia_collection/collection.properties   public.<obs_collection of the primary>
//!  ROOT/gaia/hats.properties                    public.gaia
//!  ROOT/stars.parquet                           public.stars
//!  ROOT/survey/*.parquet                        public.survey       files directly inside: one plain table
//!  ROOT/survey/year=2020/*.parquet              public.survey
//!  ROOT/gaia_dr3/source/hats.properties         gaia_dr3.source     children that are tables: a schema
//! ```
//! A root may itself be one catalog, collection or file. A server that does not list is asked for the known names, so
//! its root must be one catalog or collection. Nothing is opened here: candidates come out.

use futures::StreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::hats::{self, Declared};
use super::place::{Entries, Listing, Place};
use super::root::Root;
use super::{DEFAULT_SCHEMA, TableName, plain, safe_path, versions};
use crate::error::EngineError;

/// Folders that are listed at the same time.
const CONCURRENT_LISTINGS: usize = 8;

/// Something that looks like a table.
#[derive(Debug)]
pub(super) enum Candidate {
    /// A catalog or collection, with its properties where they were read already, or the name of their file.
    Hats { place: Place, schema: String, name: Option<String>, properties: Found },
    /// A Parquet file.
    File { place: Place, path: Path, name: TableName },
    /// A folder of Parquet files.
    Folder { place: Place, name: TableName },
    /// Something that is recognised and cannot be served.
    Broken(EngineError),
}

impl Candidate {
    /// The name that its folder or file gives it, where that is below the root.
    pub(super) fn name_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Hats { name, .. } => name.as_mut(),
            Self::File { name, .. } | Self::Folder { name, .. } => Some(&mut name.table),
            Self::Broken(_) => None,
        }
    }
}

/// What is known of a catalog's properties.
#[derive(Debug)]
pub(super) enum Found {
    /// What they say.
    Read(Declared),
    /// The file that they are in.
    Listed(&'static str),
}

/// What the entries of a folder make it.
enum Shape {
    Hats(&'static str),
    Plain,
    Broken(&'static str),
    Other,
}

/// Finds the candidates of a root, in order of name.
///
/// *Errors*: a root that cannot be listed or that holds nothing.
pub(super) async fn candidates(root: &Root) -> Result<Vec<Candidate>, EngineError> {
    let mut found = any_candidates(root).await?;
    if let [alone] = &mut found[..]
        && let Some(name) = alone.name_mut().filter(|name| root.name.as_ref() == Some(*name) || root.file.is_some())
        && let Some(current) = versions::current_name(name).map(str::to_owned)
    {
        // A version that is a root of its own is no other's version.
        *name = current;
    }
    Ok(found)
}

async fn any_candidates(root: &Root) -> Result<Vec<Candidate>, EngineError> {
    let place = &root.place;
    if let Some(path) = &root.file {
        return single_file(root, path).map(|candidate| vec![candidate]);
    }
    let listed = if place.listing() == Listing::Doubtful { Err(None) } else { place.entries().await.map_err(Some) };
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) if place.listing() != Listing::Cheap => return known_names(root, error).await,
        Err(error) => return Err(error.unwrap_or_else(|| place.broken("cannot be listed"))),
    };
    let name = root.name.as_deref();
    if entries.is_empty() && place.listing() == Listing::Costly {
        return Err(place.broken("there is nothing below this prefix"));
    }
    match shape(&entries) {
        Shape::Hats(file) => Ok(vec![in_folder(place.clone(), file, DEFAULT_SCHEMA, name)]),
        Shape::Broken(why) => Ok(vec![Candidate::Broken(place.broken(why))]),
        Shape::Plain if !entries.files.iter().any(is_parquet) => {
            Ok(vec![plain_folder(place.clone(), DEFAULT_SCHEMA, name)])
        }
        Shape::Plain | Shape::Other => below(place, entries).await,
    }
}

/// The candidates of a root that cannot be listed, or that may be: it is asked for the names that catalogs have.
async fn known_names(root: &Root, error: Option<EngineError>) -> Result<Vec<Candidate>, EngineError> {
    let place = &root.place;
    if let Some(declared) = hats::declared(place, None).await? {
        let (place, schema, name) = (place.clone(), DEFAULT_SCHEMA.to_owned(), root.name.clone());
        return Ok(vec![Candidate::Hats { place, schema, name, properties: Found::Read(declared) }]);
    }
    if let Some(error) = error {
        return Err(error);
    }
    match place.entries().await {
        Ok(entries) if !entries.is_empty() => below(place, entries).await,
        _ => Err(place.broken(
            "found no hats.properties, collection.properties or properties, and the server does not list folders: \
             name one catalog or collection",
        )),
    }
}

fn single_file(root: &Root, path: &Path) -> Result<Candidate, EngineError> {
    let stem = root.name.as_deref().and_then(plain::stem);
    let stem = stem.ok_or_else(|| root.place.broken("expected a folder or a file named *.parquet"))?;
    let name = TableName { schema: DEFAULT_SCHEMA.to_owned(), table: stem.to_owned() };
    Ok(Candidate::File { place: root.place.clone(), path: path.clone(), name })
}

/// The candidates of a root that is a folder of tables.
async fn below(place: &Place, entries: Entries) -> Result<Vec<Candidate>, EngineError> {
    if entries.is_empty() {
        return Ok(vec![Candidate::Broken(place.broken("the folder is empty, expected catalogs or Parquet files"))]);
    }
    let mut found: Vec<Candidate> = entries.files.iter().filter_map(|file| plain_file(place, file)).collect();
    let folders = futures::stream::iter(entries.folders).map(|name| first_level(place, name));
    found.extend(folders.buffered(CONCURRENT_LISTINGS).collect::<Vec<_>>().await.into_iter().flatten());
    Ok(found)
}

fn plain_file(root: &Place, file: &ObjectMeta) -> Option<Candidate> {
    let file_name = safe_path::decode(file.location.filename()?)?;
    let name = TableName { schema: DEFAULT_SCHEMA.to_owned(), table: plain::stem(&file_name)?.to_owned() };
    Some(match root.file(&file_name, &file.location) {
        Ok((place, path)) => Candidate::File { place, path, name },
        Err(error) => Candidate::Broken(error),
    })
}

/// The candidates of a folder directly below the root: one table, or the tables of a schema.
async fn first_level(root: &Place, name: String) -> Vec<Candidate> {
    let (place, entries) = match listed(root, &name).await {
        Ok(found) => found,
        Err(error) => return vec![Candidate::Broken(error)],
    };
    match shape(&entries) {
        Shape::Hats(file) => vec![in_folder(place, file, DEFAULT_SCHEMA, Some(&name))],
        Shape::Plain => vec![plain_folder(place, DEFAULT_SCHEMA, Some(&name))],
        Shape::Broken(why) => vec![Candidate::Broken(place.broken(why))],
        Shape::Other => {
            let children = futures::stream::iter(entries.folders).map(|child| second_level(&place, &name, child));
            let children: Vec<_> = children.buffered(CONCURRENT_LISTINGS).collect().await;
            let tables: Vec<_> = children.into_iter().flatten().collect();
            if tables.is_empty() {
                return vec![Candidate::Broken(place.broken("the folder holds neither a catalog nor Parquet files"))];
            }
            tables
        }
    }
}

async fn second_level(schema_place: &Place, schema: &str, name: String) -> Option<Candidate> {
    let (place, entries) = match listed(schema_place, &name).await {
        Ok(found) => found,
        Err(error) => return Some(Candidate::Broken(error)),
    };
    match shape(&entries) {
        Shape::Hats(file) => Some(in_folder(place, file, schema, Some(&name))),
        Shape::Plain => Some(plain_folder(place, schema, Some(&name))),
        Shape::Broken(why) => Some(Candidate::Broken(place.broken(why))),
        Shape::Other => None,
    }
}

async fn listed(parent: &Place, name: &str) -> Result<(Place, Entries), EngineError> {
    let place = parent.child(name)?;
    let entries = place.entries().await?;
    Ok((place, entries))
}

fn shape(entries: &Entries) -> Shape {
    let has = |name: &str| entries.has(name);
    if let Some(file) = hats::PROPERTIES.into_iter().find(|name| has(name)) {
        return Shape::Hats(file);
    }
    if has("catalog_info.json") {
        return Shape::Broken(
            "a catalog in the layout from before HATS (catalog_info.json), expected hats.properties; convert it with hats-import",
        );
    }
    if has("partition_info.csv") || entries.folders.iter().any(|name| name.starts_with("Norder=")) {
        return Shape::Broken("the partitions of a HATS catalog without its hats.properties");
    }
    let is_partitioned = !entries.folders.is_empty() && entries.folders.iter().all(|name| name.contains('='));
    if is_partitioned || entries.files.iter().any(is_parquet) {
        return Shape::Plain;
    }
    Shape::Other
}

fn is_parquet(file: &ObjectMeta) -> bool {
    file.location.filename().is_some_and(|name| plain::stem(name).is_some())
}

fn in_folder(place: Place, file: &'static str, schema: &str, name: Option<&str>) -> Candidate {
    let (schema, name) = (schema.to_owned(), name.map(str::to_owned));
    Candidate::Hats { place, schema, name, properties: Found::Listed(file) }
}

fn plain_folder(place: Place, schema: &str, name: Option<&str>) -> Candidate {
    let name = TableName { schema: schema.to_owned(), table: name.unwrap_or("table").to_owned() };
    Candidate::Folder { place, name }
}
