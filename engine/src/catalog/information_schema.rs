//! The tables of `information_schema`: what clients of PostgreSQL read to learn of tables and columns.
//!
//! *Source*: SQL:2016 part 11, with the type names and the common columns of PostgreSQL. Filtered like everything else
//! by what the asking principal can see. Flags are `YES` or `NO`.

use std::collections::BTreeSet;

use super::postgres_type::postgres_type;
use super::system::{Rows, SystemTable, Value, integer, text};
use super::{CATALOG, ColumnDescription, TableDescription, tap_schema};

/// Name of the schema.
pub(super) const NAME: &str = "information_schema";

/// The tables.
pub(super) static TABLES: &[SystemTable] = &[
    SystemTable {
        schema: NAME,
        name: "schemata",
        description: "Schemas, in the words of the SQL standard",
        columns: &[
            text("catalog_name", true, "Database"),
            text("schema_name", true, "Schema"),
            text("schema_owner", false, "Owner"),
        ],
        rows: schemata_rows,
    },
    SystemTable {
        schema: NAME,
        name: "tables",
        description: "Tables, in the words of the SQL standard",
        columns: &[
            text("table_catalog", true, "Database"),
            text("table_schema", true, "Schema"),
            text("table_name", true, "Table"),
            text("table_type", true, "BASE TABLE or VIEW"),
            text("is_insertable_into", true, "Whether rows can be added"),
        ],
        rows: table_rows,
    },
    SystemTable {
        schema: NAME,
        name: "columns",
        description: "Columns, in the words of the SQL standard",
        columns: &[
            text("table_catalog", true, "Database"),
            text("table_schema", true, "Schema"),
            text("table_name", true, "Table"),
            text("column_name", true, "Column"),
            integer("ordinal_position", true, "Place in the table, from 1"),
            text("column_default", false, "Default value"),
            text("is_nullable", true, "Whether values may be missing"),
            text("data_type", true, "Type, as PostgreSQL names it"),
            integer("character_maximum_length", false, "Longest text"),
            integer("numeric_precision", false, "Digits of a number"),
            integer("numeric_precision_radix", false, "Base of those digits"),
            integer("numeric_scale", false, "Digits after the point"),
            text("udt_name", true, "Short name of the type"),
            text("is_updatable", true, "Whether values can be changed"),
        ],
        rows: column_rows,
    },
    SystemTable {
        schema: NAME,
        name: "views",
        description: "Views, in the words of the SQL standard",
        columns: &[
            text("table_catalog", true, "Database"),
            text("table_schema", true, "Schema"),
            text("table_name", true, "View"),
            text("view_definition", false, "Query that defines the view"),
            text("is_updatable", true, "Whether values can be changed"),
        ],
        rows: view_rows,
    },
    SystemTable {
        schema: NAME,
        name: "key_column_usage",
        description: "Columns of keys, in the words of the SQL standard",
        columns: &[
            text("constraint_catalog", true, "Database of the key"),
            text("constraint_schema", true, "Schema of the key"),
            text("constraint_name", true, "Key"),
            text("table_catalog", true, "Database"),
            text("table_schema", true, "Schema"),
            text("table_name", true, "Table"),
            text("column_name", true, "Column"),
            integer("ordinal_position", true, "Place in the key, from 1"),
            integer("position_in_unique_constraint", false, "Place in the key that is referred to"),
        ],
        rows: key_column_rows,
    },
];

fn schemata_rows(tables: &[TableDescription]) -> Rows {
    let schemas: BTreeSet<&str> = tables.iter().map(|table| table.name.schema.as_str()).collect();
    schemas.into_iter().map(|schema| vec![CATALOG.into(), schema.into(), CATALOG.into()]).collect()
}

/// Database, schema and name of a table: how every row begins.
fn place(table: &TableDescription) -> Vec<Value> {
    vec![CATALOG.into(), table.name.schema.as_str().into(), table.name.table.as_str().into()]
}

fn is_view(table: &TableDescription) -> bool {
    table.table_type == "view" || table.name.schema == NAME
}

fn table_rows(tables: &[TableDescription]) -> Rows {
    let row = |table: &TableDescription| {
        let kind = if is_view(table) { "VIEW" } else { "BASE TABLE" };
        [place(table), vec![kind.into(), "NO".into()]].concat()
    };
    tables.iter().map(row).collect()
}

fn column_rows(tables: &[TableDescription]) -> Rows {
    let of_table = |table: &TableDescription| {
        let place = place(table);
        let row = |(index, column): (usize, &ColumnDescription)| [place.clone(), column_row(index, column)].concat();
        table.columns.iter().enumerate().map(row).collect::<Rows>()
    };
    tables.iter().flat_map(of_table).collect()
}

fn column_row(index: usize, column: &ColumnDescription) -> Vec<Value> {
    let kind = postgres_type(column.field.data_type());
    let is_nullable = if column.field.is_nullable() { "YES" } else { "NO" };
    vec![
        column.name.as_str().into(),
        (index + 1).into(),
        Value::Text(None),
        is_nullable.into(),
        kind.name.into(),
        Value::Integer(None),
        kind.precision.into(),
        kind.radix.into(),
        kind.scale.into(),
        kind.short.into(),
        "NO".into(),
    ]
}

fn view_rows(tables: &[TableDescription]) -> Rows {
    let row = |table: &TableDescription| [place(table), vec![Value::Text(None), "NO".into()]].concat();
    tables.iter().filter(|table| is_view(table)).map(row).collect()
}

fn key_column_rows(_: &[TableDescription]) -> Rows {
    let row = |key: &tap_schema::Key| {
        let schema = || Value::from(tap_schema::NAME);
        let (table, column) = key.from;
        vec![
            CATALOG.into(),
            schema(),
            key.id.into(),
            CATALOG.into(),
            schema(),
            table.into(),
            column.into(),
            Value::Integer(Some(1)),
            Value::Integer(Some(1)),
        ]
    };
    tap_schema::KEYS.iter().map(row).collect()
}
