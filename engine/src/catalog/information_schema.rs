//! The tables of `information_schema`: what clients of PostgreSQL read to learn of tables and columns.
//!
//! *Source*: SQL:2016 part 11, with the type names and the common columns of PostgreSQL. Filtered like everything else
//! by what the asking principal can see. Flags are `YES` or `NO`.

use std::collections::BTreeSet;

use super::postgres_type::postgres_type;
use super::system::{Rows, SystemTable, Value, integer, long, text};
use super::{CATALOG, ColumnDescription, TableDescription, tap_schema};

/// Name of the schema.
pub(super) const NAME: &str = "information_schema";
/// A table of sizes, which is found without its schema: as the notebooks of Data Lab write it.
pub(super) const STATISTICS: &str = "tbl_stat";

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
    SystemTable {
        schema: NAME,
        name: STATISTICS,
        description: "Sizes of the tables, in the words of Data Lab",
        columns: &[
            text("schema", true, "Schema"),
            text("tbl_name", true, "Table"),
            long("nrows", false, "Rows, where they are known without counting"),
            integer("ncols", true, "Columns"),
            integer("nindex", true, "Indexes"),
            text("table_size", false, "Size of the files, where the listing tells"),
            text("indexes_size", true, "Size of the indexes"),
            text("total_size", false, "Size of both"),
        ],
        rows: statistics_rows,
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

/// Catalogs only: what describes tables has no size.
fn statistics_rows(tables: &[TableDescription]) -> Rows {
    let row = |table: &TableDescription| {
        let size = || Value::from(table.bytes.map(pretty_size));
        vec![
            table.name.schema.as_str().into(),
            table.name.table.as_str().into(),
            table.rows.into(),
            table.columns.len().into(),
            0.into(),
            size(),
            pretty_size(0).into(),
            size(),
        ]
    };
    let is_catalog = |table: &&TableDescription| ![NAME, tap_schema::NAME].contains(&table.name.schema.as_str());
    tables.iter().filter(is_catalog).map(row).collect()
}

/// A number of bytes as `pg_size_pretty` of PostgreSQL writes it: at most five digits, halves rounded up.
fn pretty_size(bytes: u64) -> String {
    if bytes < 10 * 1024 {
        return format!("{bytes} bytes");
    }
    // Twice the number of units, so that a half is not lost.
    let mut halves = bytes >> 9;
    for unit in ["kB", "MB", "GB", "TB"] {
        if halves < 20 * 1024 - 1 {
            return format!("{} {unit}", halves.div_ceil(2));
        }
        halves >>= 10;
    }
    format!("{} PB", halves.div_ceil(2))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 wrote them.
    #[test]
    fn sizes_are_written_as_postgresql_writes_them() {
        for (bytes, written) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_751, "10 kB"),
            (10_752, "11 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (20_970_495, "20 MB"),
            (10_736_893_951, "10239 MB"),
            (10_736_893_952, "10 GB"),
            (23_622_320_128, "22 GB"),
            (1 << 40, "1024 GB"),
            (20 << 40, "20 TB"),
            (1 << 60, "1024 PB"),
            ((1 << 63) - 1, "8192 PB"),
        ] {
            assert_eq!(pretty_size(bytes), written, "{bytes}");
        }
    }
}
