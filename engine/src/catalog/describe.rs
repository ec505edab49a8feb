//! What does a principal learn of the tables without asking their files?

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};

use super::system::{self, SystemTable};
use super::votable_type::votable_type;
use super::{
    About, CatalogMetadata, CatalogRegistry, ColumnDescription, TableDescription, TableName, information_schema,
};
use crate::principal::Principal;

/// Tables that a principal can see, those of `tap_schema` included, ordered by name.
pub(crate) fn describe(registry: &CatalogRegistry, principal: &Principal) -> Vec<TableDescription> {
    let descriptions = registry.descriptions(principal);
    let published = |table: &&TableDescription| table.name.schema != information_schema::NAME;
    descriptions.tables().iter().filter(published).cloned().collect()
}

/// Everything that a principal can query, ordered by name.
pub(super) fn all(registry: &CatalogRegistry, principal: &Principal) -> Vec<TableDescription> {
    let mut tables: Vec<_> = registry.visible(principal).map(|table| of_catalog(table)).collect();
    let alias = |(name, table): (&TableName, &Arc<CatalogMetadata>)| TableDescription {
        name: name.clone(),
        table_type: "view",
        ..of_catalog(table)
    };
    tables.extend(registry.visible_aliases(principal).map(alias));
    tables.extend(system::tables().map(of_system_table));
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables
}

/// What one table is.
pub(crate) fn of_catalog(catalog: &CatalogMetadata) -> TableDescription {
    let positions = catalog.positions.iter().flat_map(|columns| [&columns.ra, &columns.dec]);
    let indexed: Vec<&String> = positions.chain(catalog.index.iter().map(|index| &index.column)).collect();
    let defaults = catalog.properties.get("hats_cols_default").map(|list| {
        list.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>()
    });
    let defaults = defaults.filter(|names| !names.is_empty());
    let column = |field: &Field| ColumnDescription {
        indexed: indexed.contains(&field.name()),
        principal: defaults.as_ref().is_none_or(|names| names.contains(&field.name().as_str())),
        ..of_field(field)
    };
    TableDescription {
        name: catalog.name.clone(),
        table_type: if catalog.view.is_some() { "view" } else { "table" },
        description: catalog.description.clone(),
        about: catalog.about.clone(),
        rows: catalog.rows,
        bytes: size(catalog),
        columns: catalog.schema.fields().iter().map(|field| column(field)).collect(),
        schema: framed(catalog),
    }
}

/// The columns, with frame and epoch of positions, as results have them.
fn framed(catalog: &CatalogMetadata) -> SchemaRef {
    let noted = |field: &FieldRef| {
        let mut noted = field.as_ref().clone();
        catalog.note_frame(&mut noted, field.name());
        noted
    };
    let fields: Vec<Field> = catalog.schema.fields().iter().map(noted).collect();
    Arc::new(Schema::new_with_metadata(fields, catalog.schema.metadata().clone()))
}

/// Bytes of all files, if the size of each is known.
fn size(catalog: &CatalogMetadata) -> Option<u64> {
    catalog.partitions.iter().flat_map(|partition| &partition.files).map(|file| file.size).sum()
}

fn of_system_table(table: &'static SystemTable) -> TableDescription {
    let schema = table.arrow_schema();
    TableDescription {
        name: table.table_name(),
        table_type: "table",
        description: Some(table.description.to_owned()),
        about: About::default(),
        rows: None,
        bytes: None,
        columns: schema.fields().iter().map(|field| of_field(field)).collect(),
        schema,
    }
}

/// What a field says of itself: a principal column without an index.
fn of_field(field: &Field) -> ColumnDescription {
    let kind = votable_type(field);
    let note = |key: &str| field.metadata().get(key).filter(|text| !text.is_empty()).cloned();
    ColumnDescription {
        name: field.name().clone(),
        datatype: kind.datatype,
        arraysize: kind.arraysize,
        xtype: kind.xtype,
        unit: note("unit"),
        ucd: note("ucd"),
        utype: note("utype"),
        description: note("description"),
        indexed: false,
        principal: true,
        field: field.clone(),
    }
}
