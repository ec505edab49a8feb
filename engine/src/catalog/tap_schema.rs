//! The tables of TAP_SCHEMA: what TAP clients read to learn of tables and columns.
//!
//! *Source*: TAP 1.1 section 4. It describes itself, and every table that the asking principal can see except
//! `information_schema`. Names are stored as a query writes them, in double quotes where they are no regular
//! identifiers. Flags are 0 or 1.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::identifier::adql_identifier;
use super::system::{Rows, SystemTable, Value, integer, text};
use super::{ColumnDescription, DEFAULT_SCHEMA, TableDescription, TableName, information_schema};

/// Name of the schema.
pub(super) const NAME: &str = "tap_schema";

/// The five tables.
pub(super) static TABLES: &[SystemTable] = &[
    SystemTable {
        schema: NAME,
        name: "schemas",
        description: "Schemas that hold tables",
        columns: &[
            text("schema_name", true, "Name of the schema, as queries write it"),
            text("utype", false, "Data model that the schema follows"),
            text("description", false, "What the schema is"),
            integer("schema_index", false, "Place in the recommended order"),
        ],
        rows: schema_rows,
    },
    SystemTable {
        schema: NAME,
        name: "tables",
        description: "Tables that can be queried",
        columns: &[
            text("schema_name", true, "Schema that the table belongs to"),
            text("table_name", true, "Name of the table, as queries write it"),
            text("table_type", true, "table or view"),
            text("utype", false, "Data model that the table follows"),
            text("description", false, "What the table is"),
            integer("table_index", false, "Place in the recommended order"),
        ],
        rows: table_rows,
    },
    SystemTable {
        schema: NAME,
        name: "columns",
        description: "Columns of the tables",
        columns: &[
            text("table_name", true, "Table that the column belongs to"),
            text("column_name", true, "Name of the column, as queries write it"),
            text("datatype", true, "VOTable datatype"),
            text("arraysize", false, "VOTable arraysize, null for scalars"),
            text("xtype", false, "DALI xtype"),
            integer("size", false, "Length of arrays of fixed size (deprecated, see arraysize)"),
            text("description", false, "What the column is"),
            text("utype", false, "Role in a data model"),
            text("unit", false, "Unit, in VOUnits"),
            text("ucd", false, "Meaning, as a UCD1+"),
            integer("indexed", true, "1 where conditions on the column are quick"),
            integer("principal", true, "1 where the column is of first interest"),
            integer("std", true, "1 where a standard defines the column"),
            integer("column_index", false, "Place in the table"),
        ],
        rows: column_rows,
    },
    SystemTable {
        schema: NAME,
        name: "keys",
        description: "Foreign keys between tables",
        columns: &[
            text("key_id", true, "Identifier of the key"),
            text("from_table", true, "Table that refers"),
            text("target_table", true, "Table that is referred to"),
            text("description", false, "What the key means"),
            text("utype", false, "Role in a data model"),
        ],
        rows: key_rows,
    },
    SystemTable {
        schema: NAME,
        name: "key_columns",
        description: "Columns of the foreign keys",
        columns: &[
            text("key_id", true, "Key that the pair belongs to"),
            text("from_column", true, "Column that refers"),
            text("target_column", true, "Column that is referred to"),
        ],
        rows: key_column_rows,
    },
];

/// A foreign key inside of TAP_SCHEMA.
pub(super) struct Key {
    pub(super) id: &'static str,
    pub(super) from: (&'static str, &'static str),
    pub(super) target: (&'static str, &'static str),
}

/// The foreign keys there are.
pub(super) static KEYS: &[Key] = &[
    Key { id: "tap_schema_1", from: ("tables", "schema_name"), target: ("schemas", "schema_name") },
    Key { id: "tap_schema_2", from: ("columns", "table_name"), target: ("tables", "table_name") },
    Key { id: "tap_schema_3", from: ("keys", "from_table"), target: ("tables", "table_name") },
    Key { id: "tap_schema_4", from: ("keys", "target_table"), target: ("tables", "table_name") },
    Key { id: "tap_schema_5", from: ("key_columns", "key_id"), target: ("keys", "key_id") },
];

/// A table's name as queries write it.
fn written(name: &TableName) -> String {
    format!("{}.{}", written_schema(&name.schema), adql_identifier(&name.table))
}

/// A schema's name as queries write it. `PUBLIC` is a reserved word, but nobody writes the default schema in quotes, and
/// none are needed.
fn written_schema(name: &str) -> Cow<'_, str> {
    if name == DEFAULT_SCHEMA { Cow::Borrowed(name) } else { adql_identifier(name) }
}

fn published(tables: &[TableDescription]) -> impl Iterator<Item = &TableDescription> {
    tables.iter().filter(|table| table.name.schema != information_schema::NAME)
}

fn schema_rows(tables: &[TableDescription]) -> Rows {
    let described = |schema: &str| match schema {
        NAME => Some("Tables that describe the tables".to_owned()),
        DEFAULT_SCHEMA => Some("Catalogs that need no schema in their names".to_owned()),
        _ => None,
    };
    let schemas: BTreeMap<&str, ()> = published(tables).map(|table| (table.name.schema.as_str(), ())).collect();
    let row = |(index, schema): (usize, &&str)| {
        vec![written_schema(schema).into_owned().into(), Value::Text(None), described(schema).into(), index.into()]
    };
    schemas.keys().enumerate().map(row).collect()
}

fn table_rows(tables: &[TableDescription]) -> Rows {
    let row = |(index, table): (usize, &TableDescription)| {
        vec![
            written_schema(&table.name.schema).into_owned().into(),
            written(&table.name).into(),
            table.table_type.into(),
            Value::Text(None),
            table.description.clone().into(),
            index.into(),
        ]
    };
    published(tables).enumerate().map(row).collect()
}

fn column_rows(tables: &[TableDescription]) -> Rows {
    let of_table = |table: &TableDescription| {
        let name = written(&table.name);
        let is_standard = table.name.schema == NAME;
        let row = |(index, column): (usize, &ColumnDescription)| column_row(&name, column, is_standard, index);
        table.columns.iter().enumerate().map(row).collect::<Rows>()
    };
    published(tables).flat_map(of_table).collect()
}

fn column_row(table: &str, column: &ColumnDescription, is_standard: bool, index: usize) -> Vec<Value> {
    let size: Option<i32> = column.arraysize.as_deref().and_then(|size| size.parse().ok());
    vec![
        table.into(),
        adql_identifier(&column.name).into_owned().into(),
        column.datatype.into(),
        column.arraysize.clone().into(),
        column.xtype.clone().into(),
        size.into(),
        column.description.clone().into(),
        column.utype.clone().into(),
        column.unit.clone().into(),
        column.ucd.clone().into(),
        column.indexed.into(),
        column.principal.into(),
        is_standard.into(),
        index.into(),
    ]
}

fn key_rows(_: &[TableDescription]) -> Rows {
    let table = |name: &str| Value::from(format!("{NAME}.{name}"));
    let row =
        |key: &Key| vec![key.id.into(), table(key.from.0), table(key.target.0), Value::Text(None), Value::Text(None)];
    KEYS.iter().map(row).collect()
}

fn key_column_rows(_: &[TableDescription]) -> Rows {
    KEYS.iter().map(|key| vec![key.id.into(), key.from.1.into(), key.target.1.into()]).collect()
}
