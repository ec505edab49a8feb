//! How is a HATS catalog, or a collection of one with its margins and indexes, opened?
//!
//! ```text
//!  hats.properties --> kind, position and index columns      (else `properties`)
//!  partition_info.csv --> cells --> files                    (see partitions.rs)
//!  dataset/_common_metadata --> columns                      (else dataset/_metadata, else the first leaf)
//! ```
//!
//! Over a store that cannot list, a catalog costs four requests and a collection seven. Margins, indexes and extensions
//! are no tables. The layout from before HATS is recognised and refused.

use arrow::datatypes::SchemaRef;

use super::cells::LeafForm;
use super::partitions::{self, Layout};
use super::place::{Listing, Place};
use super::properties::Properties;
use super::{
    CatalogKind, CatalogMetadata, DEFAULT_SCHEMA, TableName, fingerprint, footer, id_index, positions, schema,
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
    Catalog(Properties),
    /// A collection.
    Collection(Properties),
}

/// Reads the properties files of a place, by their known names; `None` when there is none.
///
/// *Cost*: one request for a catalog, two for a collection.
pub(super) async fn declared(place: &Place) -> Result<Option<Declared>, EngineError> {
    if let Some(properties) = read_properties(place, "hats.properties").await? {
        return Ok(Some(Declared::Catalog(properties)));
    }
    if let Some(properties) = read_properties(place, "collection.properties").await? {
        return Ok(Some(Declared::Collection(properties)));
    }
    Ok(read_properties(place, "properties").await?.map(Declared::Catalog))
}

async fn read_properties(place: &Place, name: &str) -> Result<Option<Properties>, EngineError> {
    let Some(content) = place.read(name, PROPERTIES_LIMIT).await? else { return Ok(None) };
    Properties::parse(&content).map(Some).map_err(|why| place.broken(format!("{name} {why}")))
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
    let (place, properties) = read_catalog_properties(place.clone()).await?;
    let (place, properties) = published(place, properties).await?;
    let name = required(&place, &properties, "obs_collection")?.to_owned();
    let name = TableName { schema: DEFAULT_SCHEMA.to_owned(), table: name };
    open_catalog(&place, name, CatalogKind::Object, &properties).await
}

async fn open_collection(
    place: &Place,
    collection: Properties,
    schema_name: &str,
) -> Result<Option<CatalogMetadata>, EngineError> {
    let (place, collection) = published(place.clone(), collection).await?;
    let primary = primary_of(&place, &collection)?;
    if place.manifest().is_some() {
        place.published_part(&primary).await?;
    }
    let (primary, properties) = read_catalog_properties(primary).await?;
    let (primary, properties) = published(primary, properties).await?;
    let Some(metadata) = open_primary(&primary, &properties, schema_name, None).await? else { return Ok(None) };
    let id_indexes = id_index::open_all(&place, &collection, &metadata).await;
    Ok(Some(CatalogMetadata { id_indexes, ..metadata }))
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

/// A place whose files must be those of its manifest, and its properties once more, if it has a manifest.
///
/// *Errors*: a manifest that is damaged or that the properties promise, or properties that are not those published.
pub(super) async fn published(place: Place, properties: Properties) -> Result<(Place, Properties), EngineError> {
    let place = place.with_manifest().await?;
    if place.manifest().is_none() {
        return match properties.get("sidereus_manifest") {
            None => Ok((place, properties)),
            Some(_) => Err(place.broken(format!("{MANIFEST} is missing, which its properties promise"))),
        };
    }
    match declared(&place).await? {
        Some(Declared::Catalog(properties) | Declared::Collection(properties)) => Ok((place, properties)),
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

/// A member of a collection and what its properties say.
pub(super) async fn read_catalog_properties(place: Place) -> Result<(Place, Properties), EngineError> {
    let properties = match read_properties(&place, "hats.properties").await? {
        Some(properties) => Some(properties),
        None => read_properties(&place, "properties").await?,
    };
    let properties = properties.ok_or_else(|| {
        place.broken("this member of a collection has no hats.properties, expected a catalog in this folder")
    })?;
    Ok((place, properties))
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
        groups: None,
        properties: properties.entries().clone(),
        snapshot: String::new(),
        manifest: place.manifest().map(Manifest::id),
        id_indexes: Vec::new(),
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
