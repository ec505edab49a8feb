//! In which frame are the positions of an answer, and whom to cite for it?
//!
//! Goes with every result: frame and epoch as metadata of the fields that are position columns of a catalog, value for value;
//! what the catalogs of the query say of their origin as metadata of the schema, in JSON:
//! `[{"table":"public.hipparcos2","article":"2007A&A...474..653V"}]`, by the names of [`About::entries`].

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use serde_json::{Map, Value};
use sidereus_adql::{ColumnOrigin, Lowered};

use super::Provenance;
use crate::catalog::{About, CatalogMetadata, CatalogRegistry, PositionColumns, adql_table};

/// What one catalog of an answer says of its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its name in queries.
    pub table: String,
    /// Names and values, as of [`About::entries`](crate::About::entries).
    pub entries: Vec<(String, String)>,
}

impl Reference {
    /// Those that the schema of an answer holds.
    #[must_use]
    pub fn of_schema(schema: &Schema) -> Vec<Self> {
        let text = schema.metadata().get(Provenance::REFERENCES);
        let list: Vec<Map<String, Value>> = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let reference = |object: Map<String, Value>| {
            let texts = object.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned())));
            let (table, entries) = texts.partition::<Vec<_>, _>(|(key, _)| key == "table");
            Some(Self { table: table.into_iter().next()?.1, entries })
        };
        list.into_iter().filter_map(reference).collect()
    }
}

/// What the catalogs of a query say of their origin, as text; `None` where they say nothing.
pub(super) fn references(tables: &[Arc<CatalogMetadata>]) -> Option<String> {
    let object = |table: &Arc<CatalogMetadata>| {
        let mut entries = table.about.entries().peekable();
        entries.peek()?;
        let texts = entries.map(|(name, value)| (name.to_owned(), Value::String(value)));
        let name = ("table".to_owned(), Value::String(adql_table(&table.name)));
        Some(Value::Object([name].into_iter().chain(texts).collect()))
    };
    let list: Vec<Value> = tables.iter().filter_map(object).collect();
    (!list.is_empty()).then(|| Value::Array(list).to_string())
}

/// The columns of an answer, with what the tables that they come from say of them: frame and epoch of positions.
pub(super) fn described(fields: &[FieldRef], lowered: &Lowered, registry: &CatalogRegistry) -> Vec<FieldRef> {
    if lowered.origins.len() != fields.len() {
        return fields.to_vec();
    }
    let described = |(field, origin): (&FieldRef, &Option<ColumnOrigin>)| {
        let noted = origin.as_ref().and_then(|origin| noted(field, origin, registry));
        noted.map_or_else(|| Arc::clone(field), Arc::new)
    };
    fields.iter().zip(&lowered.origins).map(described).collect()
}

/// The columns that are the positions of one table, if there is one such pair, and what that table says of them.
pub(super) fn positions(
    fields: &[FieldRef],
    lowered: &Lowered,
    registry: &CatalogRegistry,
) -> Option<(PositionColumns, About)> {
    let mut found = None;
    for path in &lowered.tables {
        let table = registry.at(path)?;
        let Some(own) = &table.positions else { continue };
        let only = |column: &str| {
            let is_it = |origin: &&Option<ColumnOrigin>| {
                origin.as_ref().is_some_and(|origin| *origin.table == **path && *origin.column == *column)
            };
            let mut places = fields.iter().zip(&lowered.origins).filter(|(_, origin)| is_it(origin));
            let first = places.next()?;
            places.next().is_none().then(|| first.0.name().clone())
        };
        if let Some((ra, dec)) = only(&own.ra).zip(only(&own.dec)) {
            if found.is_some() {
                return None;
            }
            found = Some((PositionColumns { ra, dec }, table.about.clone()));
        }
    }
    found
}

fn noted(field: &FieldRef, origin: &ColumnOrigin, registry: &CatalogRegistry) -> Option<Field> {
    let table = registry.at(&origin.table)?;
    let mut noted = field.as_ref().clone();
    if table.view.is_some() {
        let declared = table.schema.field_with_name(&origin.column).ok()?;
        noted.metadata_mut().extend(declared.metadata().clone());
    }
    table.note_frame(&mut noted, &origin.column);
    Some(noted)
}
