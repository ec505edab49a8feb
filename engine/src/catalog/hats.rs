//! How is a HATS catalog, or a collection of one with its margins and indexes, opened?
//!
//! ```text
//!  hats.properties --> kind, position and index columns      (else `properties`)
//!  partition_info.csv --> cells --> files                    (see partitions.rs)
//!  dataset/_common_metadata --> columns                      (else dataset/_metadata, else the first leaf)
//! ```
//!
//! Over a store that cannot list, a catalog costs four requests and a collection seven, with or without manifests, and each
//! index three more; none of that grows with the number of files. Margins, indexes and extensions are no tables. The layout from before HATS is recognised and refused.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::cells::LeafForm;
use super::collection::Collection;
use super::partitions::{self, Layout};
use super::place::{Listing, Place};
use super::properties::Properties;
use super::{
    About, CatalogKind, CatalogMetadata, DEFAULT_SCHEMA, TableName, fingerprint, footer, id_index, positions, schema,
};
use crate::error::EngineError;
use crate::integrity::{MANIFEST, Manifest};

/// Bytes that a properties file may have.
const PROPERTIES_LIMIT: u64 = 1 << 20;
/// Bytes up to which `_metadata` is read only to compare its columns.
const COMPARED_METADATA_LIMIT: u64 = 16 << 20;

/// What the properties files of a place say it is.
#[derive(Debug)]
pub(super) enum Declared {
    /// A catalog.
    Catalog(PropertiesFile),
    /// A collection.
    Collection(PropertiesFile),
}

/// A properties file as it was read, to be compared with a manifest that is read after it.
#[derive(Debug)]
pub(super) struct PropertiesFile {
    name: &'static str,
    content: Bytes,
    properties: Properties,
}

/// Names of properties files, in the order in which they count.
pub(super) const PROPERTIES: [&str; 3] = ["hats.properties", COLLECTION, "properties"];
const COLLECTION: &str = "collection.properties";

/// Reads the properties files of a place, by their known names; `None` when there is none.
///
/// *Cost*: one request for a catalog, two for a collection; one where a listing told the name of the file.
pub(super) async fn declared(place: &Place, listed: Option<&'static str>) -> Result<Option<Declared>, EngineError> {
    for name in listed.into_iter().chain(PROPERTIES) {
        if let Some(file) = read_properties(place, name).await? {
            return Ok(Some(if name == COLLECTION { Declared::Collection(file) } else { Declared::Catalog(file) }));
        }
    }
    Ok(None)
}

async fn read_properties(place: &Place, name: &'static str) -> Result<Option<PropertiesFile>, EngineError> {
    let Some(content) = place.read(name, PROPERTIES_LIMIT).await? else { return Ok(None) };
    let properties = Properties::parse(&content).map_err(|why| place.broken(format!("{name} {why}")))?;
    Ok(Some(PropertiesFile { name, content, properties }))
}

/// Opens what was declared; `None` for margins, indexes and extensions, which are no tables.
///
/// A collection is named by its primary's `obs_collection`; a catalog by `name`, where the place has one.
pub(super) async fn open(
    place: &Place,
    declared: Declared,
    schema_name: &str,
    name: Option<&str>,
) -> Result<Option<CatalogMetadata>, EngineError> {
    let (place, properties, name) = match declared {
        Declared::Catalog(properties) => {
            let (place, properties) = published(place.clone(), properties).await?;
            (place, properties, name)
        }
        Declared::Collection(collection) => {
            return open_collection(place, collection, schema_name).await;
        }
    };
    open_primary(&place, &properties, schema_name, name).await
}

/// Opens a margin, which is no table but has the form of one.
pub(super) async fn open_margin(place: &Place) -> Result<CatalogMetadata, EngineError> {
    let file = read_catalog_properties(place).await?;
    let (place, properties) = published(place.clone(), file).await?;
    let name = required(&place, &properties, "obs_collection")?.to_owned();
    let name = TableName { schema: DEFAULT_SCHEMA.to_owned(), table: name };
    open_catalog(&place, name, CatalogKind::Object, &properties).await
}

async fn open_collection(
    place: &Place,
    collection: PropertiesFile,
    schema_name: &str,
) -> Result<Option<CatalogMetadata>, EngineError> {
    let (place, collection) = published(place.clone(), collection).await?;
    let primary = place.published_part(primary_of(&place, &collection)?).await?;
    let file = read_catalog_properties(&primary).await?;
    let (primary, properties) = published(primary, file).await?;
    let Some(metadata) = open_primary(&primary, &properties, schema_name, None).await? else { return Ok(None) };
    let id_indexes = id_index::open_all(&place, &collection, &metadata).await;
    let collection = Some(Arc::new(Collection::new(place, &primary, collection.list("all_margins"))));
    Ok(Some(CatalogMetadata { id_indexes, collection, ..metadata }))
}

async fn open_primary(
    place: &Place,
    properties: &Properties,
    schema_name: &str,
    name: Option<&str>,
) -> Result<Option<CatalogMetadata>, EngineError> {
    let Some(kind) = kind_of(place, properties)? else { return Ok(None) };
    let collection = required(place, properties, "obs_collection")?;
    let name = TableName { schema: schema_name.to_owned(), table: name.unwrap_or(collection).to_owned() };
    open_catalog(place, name, kind, properties).await.map(Some)
}

/// A place whose files must be those of its manifest, and its properties, if it has a manifest; a file that was read before
/// the manifest is read once more only where it is another one.
///
/// *Errors*: a manifest that is damaged or that the properties promise, or properties that are not those published.
pub(super) async fn published(place: Place, file: PropertiesFile) -> Result<(Place, Properties), EngineError> {
    let place = if place.manifest().is_some() { place } else { place.with_manifest().await? };
    let Some(manifest) = place.manifest() else {
        return match file.properties.get("sidereus_manifest") {
            None => Ok((place, file.properties)),
            Some(_) => Err(place.broken(format!("{MANIFEST} is missing, which its properties promise"))),
        };
    };
    let first = PROPERTIES.into_iter().find(|name| manifest.file(name).is_some());
    if first == Some(file.name) && manifest.check(file.name, &file.content).is_ok() {
        return Ok((place, file.properties));
    }
    match declared(&place, None).await? {
        Some(Declared::Catalog(file) | Declared::Collection(file)) => Ok((place, file.properties)),
        None => Err(place.broken("its properties file has vanished")),
    }
}

/// The place of a collection's primary; every path that the collection names is checked on the way.
fn primary_of(place: &Place, collection: &Properties) -> Result<Place, EngineError> {
    let indexes = collection.list("all_indexes");
    let folders = collection.list("all_margins").into_iter().chain(indexes.into_iter().skip(1).step_by(2));
    for folder in folders {
        place.named_path("", folder)?;
    }
    let primary = collection.get("hats_primary_table_url");
    let primary = primary.ok_or_else(|| place.broken("collection.properties has no hats_primary_table_url"))?;
    Ok(place.part(place.named_path("", primary)?))
}

/// What the properties of a member of a collection say.
pub(super) async fn read_catalog_properties(place: &Place) -> Result<PropertiesFile, EngineError> {
    match declared(place, None).await? {
        Some(Declared::Catalog(file)) => Ok(file),
        Some(Declared::Collection(_)) | None => {
            Err(place.broken("this member of a collection has no hats.properties, expected a catalog in this folder"))
        }
    }
}

fn required<'a>(place: &Place, properties: &'a Properties, key: &str) -> Result<&'a str, EngineError> {
    properties.get(key).ok_or_else(|| place.broken(format!("hats.properties has no {key}")))
}

/// What kind of rows; `None` for what is no table.
fn kind_of(place: &Place, properties: &Properties) -> Result<Option<CatalogKind>, EngineError> {
    let kind = match required(place, properties, "dataproduct_type")?.to_ascii_lowercase().as_str() {
        "object" => CatalogKind::Object,
        "source" => CatalogKind::Source,
        "association" => CatalogKind::Association,
        "map" => CatalogKind::Map,
        "margin" | "index" | "extension" => return Ok(None),
        other => {
            let expected = "object, source, association, map, margin or index";
            return Err(place.broken(format!("dataproduct_type is {other:?}, expected {expected}")));
        }
    };
    Ok(Some(kind))
}

async fn open_catalog(
    place: &Place,
    name: TableName,
    kind: CatalogKind,
    properties: &Properties,
) -> Result<CatalogMetadata, EngineError> {
    let leafless = properties.get("hats_assn_leaf_files").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    if kind == CatalogKind::Association && leafless {
        return Err(place.broken("the association has no leaf files of its own (hats_assn_leaf_files is False)"));
    }
    let form = LeafForm::from_suffix(properties.get("hats_npix_suffix"));
    let (layout, common) = futures::join!(partitions::find(place, &form), common_schema(place));
    let (mut layout, common) = (layout?, common?);
    layout.seal(place)?;
    let schema = match common {
        Some(schema) => schema,
        None => fallback_schema(place, &layout).await?,
    };
    let broken = |why| place.broken(why);
    let positions = positions::declared(properties, &schema).map_err(broken)?;
    if positions.is_none() && matches!(kind, CatalogKind::Object | CatalogKind::Source) {
        return Err(place.broken("hats.properties has no hats_col_ra and hats_col_dec"));
    }
    let about = About::of_properties(properties, positions.as_ref());
    let metadata = CatalogMetadata {
        name,
        kind,
        location: place.location(),
        positions,
        index: positions::index(properties, &schema).map_err(broken)?,
        rows: rows(place, properties, &layout)?,
        schema,
        partitions: layout.partitions,
        description: description(properties),
        about,
        groups: None,
        properties: properties.entries().clone(),
        snapshot: String::new(),
        manifest: place.manifest().map(Manifest::id),
        id_indexes: Vec::new(),
        collection: None,
        view: None,
    };
    Ok(fingerprint::stamp(metadata))
}

/// The columns by `_common_metadata`, compared with those of `_metadata` where that is cheap.
async fn common_schema(place: &Place) -> Result<Option<SchemaRef>, EngineError> {
    let Some(common) = schema_of(place, "dataset/_common_metadata").await? else { return Ok(None) };
    if place.listing() == Listing::Cheap && place.size("dataset/_metadata").await? <= COMPARED_METADATA_LIMIT {
        let full = schema_of(place, "dataset/_metadata").await?;
        if let Some(difference) = full.and_then(|full| schema::difference(&common, &full)) {
            let message = format!("dataset/_metadata and dataset/_common_metadata disagree: {difference}");
            return Err(place.broken(message));
        }
    }
    Ok(Some(common))
}

async fn fallback_schema(place: &Place, layout: &Layout) -> Result<SchemaRef, EngineError> {
    if let Some(schema) = schema_of(place, "dataset/_metadata").await? {
        return Ok(schema);
    }
    let none =
        || place.broken("no dataset/_common_metadata, no dataset/_metadata and no leaf file to read columns from");
    let leaf = layout.partitions.iter().flat_map(|partition| &partition.files).next().ok_or_else(none)?;
    let found = footer::read(place.store().as_ref(), &leaf.path).await.map_err(|why| place.broken(why))?;
    let footer = found.ok_or_else(none)?;
    schema::from_footer(&footer.metadata).map_err(|why| place.broken(format!("{} {why}", leaf.path)))
}

/// The columns that a Parquet file of a catalog declares; `None` when there is no such file.
pub(super) async fn schema_of(place: &Place, relative: &str) -> Result<Option<SchemaRef>, EngineError> {
    let Some(footer) = place.footer(relative).await? else { return Ok(None) };
    schema::from_footer(&footer.metadata).map(Some).map_err(|why| place.broken(format!("{relative} {why}")))
}

/// Rows as declared.
///
/// *Errors*: a number that cannot be read, or one that `_metadata` contradicts.
fn rows(place: &Place, properties: &Properties, layout: &Layout) -> Result<Option<u64>, EngineError> {
    let Some(text) = properties.get("hats_nrows") else { return Ok(layout.rows) };
    let rows: u64 =
        text.parse().map_err(|_| place.broken(format!("hats_nrows is {text:?}, expected a whole number")))?;
    match layout.rows {
        Some(counted) if counted != rows => {
            Err(place.broken(format!("hats_nrows is {rows}, but dataset/_metadata counts {counted} rows")))
        }
        _ => Ok(Some(rows)),
    }
}

fn description(properties: &Properties) -> Option<String> {
    ["obs_description", "obs_title"].into_iter().find_map(|key| properties.get(key)).map(str::to_owned)
}
