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
use crate::catalog::{CatalogMetadata, CatalogRegistry, TableName, adql_table};

/// Key of the frame of a position column.
pub const FRAME: &str = "frame";
/// Key of the epoch of a position column.
pub const EPOCH: &str = "epoch";

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

/// The table that a column comes from.
fn table_of<'a>(origin: &ColumnOrigin, registry: &'a CatalogRegistry) -> Option<&'a Arc<CatalogMetadata>> {
    let [schema, table] = &*origin.table else { return None };
    registry.table(&TableName { schema: schema.clone(), table: table.clone() })
}

fn noted(field: &FieldRef, origin: &ColumnOrigin, registry: &CatalogRegistry) -> Option<Field> {
    let table = table_of(origin, registry)?;
    let positions = table.positions.as_ref()?;
    let about = &table.about;
    let frame = about.frame.as_ref()?;
    if ![&positions.ra, &positions.dec].iter().any(|name| ***name == *origin.column) {
        return None;
    }
    let mut field = field.as_ref().clone();
    field.metadata_mut().insert(FRAME.to_owned(), frame.clone());
    if let Some(epoch) = &about.epoch {
        field.metadata_mut().insert(EPOCH.to_owned(), epoch.clone());
    }
    Some(field)
}
