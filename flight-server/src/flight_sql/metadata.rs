//! Which catalogs, schemas and tables are there?
//!
//! One catalog, the schemas that have tables, and the tables that the principal may see; the list comes from the
//! engine and no file is opened. Names are compared before anything is encoded: clients ask for single tables, and
//! pandas asks with a whole query as the name.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{GetCatalogsBuilder, GetDbSchemasBuilder, GetTablesBuilder};
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables};
use sidereus_engine::{TableDescription, TableName};

use super::pattern::NamePattern;
use super::session::CATALOG;
use super::wire::wire_schema;

/// The types of tables, as `table_type` says them.
const TABLE_TYPES: [&str; 2] = ["TABLE", "VIEW"];

/// Answers GetCatalogs.
pub(super) fn catalogs(_: CommandGetCatalogs) -> Result<RecordBatch, FlightError> {
    let mut builder = GetCatalogsBuilder::new();
    builder.append(CATALOG);
    builder.build()
}

/// Answers GetDbSchemas.
pub(super) fn schemas(command: &CommandGetDbSchemas, tables: &[TableDescription]) -> Result<RecordBatch, FlightError> {
    let pattern = NamePattern::new(command.db_schema_filter_pattern.as_deref());
    let mut names: Vec<&str> = tables.iter().map(|table| table.name.schema.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut builder = GetDbSchemasBuilder::new(None::<String>, None::<String>);
    if is_here(command.catalog.as_deref()) {
        names.into_iter().filter(|name| pattern.matches(name)).for_each(|name| builder.append(CATALOG, name));
    }
    builder.build()
}

/// Answers GetTables.
pub(super) fn tables(command: &CommandGetTables, tables: &[TableDescription]) -> Result<RecordBatch, FlightError> {
    let schema_pattern = NamePattern::new(command.db_schema_filter_pattern.as_deref());
    let table_pattern = NamePattern::new(command.table_name_filter_pattern.as_deref());
    let types = &command.table_types;
    let is_wanted = |table: &&TableDescription| {
        (types.is_empty() || types.iter().any(|wanted| wanted.eq_ignore_ascii_case(table.table_type)))
            && schema_pattern.matches(&table.name.schema)
            && table_pattern.matches(&table.name.table)
    };
    let no_types: [&str; 0] = [];
    let mut builder = GetTablesBuilder::new(None::<&str>, None::<&str>, None::<&str>, no_types, command.include_schema);
    if is_here(command.catalog.as_deref()) {
        for table in tables.iter().filter(is_wanted) {
            let name = &table.name;
            let schema = if command.include_schema { table_schema(table) } else { Schema::empty() };
            builder.append(CATALOG, &name.schema, &name.table, table.table_type.to_ascii_uppercase(), &schema)?;
        }
    }
    builder.build()
}

/// Answers GetTableTypes.
pub(super) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch, FlightError> {
    let mut builder = command.into_builder();
    TABLE_TYPES.iter().for_each(|name| builder.append(name));
    builder.build()
}

/// A query for all of a table, found by the path of a Flight descriptor: `[catalog,] [schema,] table`.
pub(super) fn path_query(path: &[String], tables: &[TableDescription]) -> Option<String> {
    let is_meant = |name: &TableName| match path {
        [table] => &name.table == table,
        [schema, table] => &name.schema == schema && &name.table == table,
        [catalog, schema, table] => catalog == CATALOG && &name.schema == schema && &name.table == table,
        _ => false,
    };
    let mut found = tables.iter().filter(|table| is_meant(&table.name));
    let table = found.next().filter(|_| found.next().is_none())?;
    Some(table_query(&table.name))
}

/// A query for all of a table.
pub(super) fn table_query(name: &TableName) -> String {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    format!("SELECT * FROM {}.{}", quoted(&name.schema), quoted(&name.table))
}

/// Whether a catalog filter leaves our catalog; none does, and the empty one means tables without a catalog.
fn is_here(catalog: Option<&str>) -> bool {
    catalog.is_none_or(|catalog| catalog == CATALOG)
}

/// The schema of a table as its rows travel, with what drivers read from field metadata.
fn table_schema(table: &TableDescription) -> Schema {
    let wire = wire_schema(&table.schema);
    let fields: Vec<FieldRef> = wire.fields().iter().map(|field| Arc::new(column_field(field, &table.name))).collect();
    Schema::new_with_metadata(fields, wire.metadata().clone())
}

fn column_field(field: &Field, table: &TableName) -> Field {
    let mut metadata = field.metadata().clone();
    // Drivers read `SCHEMA_NAME`, whatever the standard calls it.
    let own = [
        ("CATALOG_NAME", CATALOG.to_owned()),
        ("DB_SCHEMA_NAME", table.schema.clone()),
        ("SCHEMA_NAME", table.schema.clone()),
        ("TABLE_NAME", table.table.clone()),
        ("TYPE_NAME", type_name(field.data_type())),
        ("IS_AUTO_INCREMENT", "0".to_owned()),
        ("IS_CASE_SENSITIVE", "1".to_owned()),
        ("IS_READ_ONLY", "1".to_owned()),
        ("IS_SEARCHABLE", "1".to_owned()),
    ];
    let remarks = metadata.get("description").cloned().map(|text| ("REMARKS", text));
    let own: HashMap<String, String> =
        own.into_iter().chain(remarks).map(|(key, value)| (format!("ARROW:FLIGHT:SQL:{key}"), value)).collect();
    metadata.extend(own);
    field.clone().with_metadata(metadata)
}

/// What SQL calls a type.
fn type_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "SMALLINT",
        DataType::Int32 | DataType::UInt16 => "INTEGER",
        DataType::Int64 | DataType::UInt32 => "BIGINT",
        DataType::UInt64 => "NUMERIC",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE PRECISION",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => "VARBINARY",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Dictionary(_, values) => return type_name(values),
        other => return other.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow_flight::IpcMessage;

    use sidereus_engine::About;

    use super::*;

    #[test]
    fn schemas_are_listed_once_and_filtered() {
        let named = |catalog: Option<&str>, pattern: Option<&str>| {
            let command = CommandGetDbSchemas {
                catalog: catalog.map(str::to_owned),
                db_schema_filter_pattern: pattern.map(str::to_owned),
            };
            column(&schemas(&command, &three_tables()).expect("schemas"), 1)
        };
        assert_eq!(named(None, None), ["gaia_dr3", "public"]);
        assert_eq!(named(Some("sidereus"), Some("gaia%")), ["gaia_dr3"]);
        assert_eq!(named(Some(""), None), [""; 0]);
        assert_eq!(named(Some("other"), None), [""; 0]);
    }

    #[test]
    fn tables_are_filtered_by_every_argument() {
        let named = |command: CommandGetTables| column(&tables(&command, &three_tables()).expect("tables"), 2);
        let all = CommandGetTables::default();
        assert_eq!(named(all.clone()), ["source", "hipparcos", "view_of_it"]);
        assert_eq!(named(CommandGetTables { table_types: vec!["view".into()], ..all.clone() }), ["view_of_it"]);
        assert_eq!(
            named(CommandGetTables { table_name_filter_pattern: Some("h%".into()), ..all.clone() }),
            ["hipparcos"]
        );
        let schema = CommandGetTables { db_schema_filter_pattern: Some("gaia\\_dr3".into()), ..all.clone() };
        assert_eq!(named(schema), ["source"]);
        let query =
            CommandGetTables { table_name_filter_pattern: Some("SELECT TOP 5 * FROM source".into()), ..all.clone() };
        assert_eq!(named(query), [""; 0]);
        assert_eq!(named(CommandGetTables { catalog: Some(String::new()), ..all }), [""; 0]);
    }

    #[test]
    fn a_table_schema_is_an_ipc_stream_with_units() {
        let command = CommandGetTables {
            include_schema: true,
            table_name_filter_pattern: Some("hipparcos".into()),
            ..CommandGetTables::default()
        };
        let batch = tables(&command, &three_tables()).expect("tables");
        assert!(!batch.schema().field(4).is_nullable());
        let bytes = batch.column(4).as_binary::<i32>().value(0).to_vec();
        let schema = Schema::try_from(IpcMessage(bytes.into())).expect("a schema");
        assert_eq!(schema.field(0).metadata()["unit"], "deg");
        assert_eq!(schema.field(0).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "DOUBLE PRECISION");
    }

    #[test]
    fn the_other_lists() {
        assert_eq!(column(&catalogs(CommandGetCatalogs {}).expect("catalogs"), 0), ["sidereus"]);
        assert_eq!(column(&table_types(CommandGetTableTypes {}).expect("types"), 0), ["TABLE", "VIEW"]);
    }

    #[test]
    fn paths_name_tables() {
        let query = |path: &[&str]| {
            path_query(&path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>(), &three_tables())
        };
        let source = Some("SELECT * FROM \"gaia_dr3\".\"source\"".to_owned());
        assert_eq!(query(&["source"]), source);
        assert_eq!(query(&["gaia_dr3", "source"]), source);
        assert_eq!(query(&["sidereus", "gaia_dr3", "source"]), source);
        assert_eq!(query(&["public", "source"]), None);
        assert_eq!(query(&[]), None);
        assert_eq!(
            table_query(&TableName { schema: "a\"b".into(), table: "c".into() }),
            "SELECT * FROM \"a\"\"b\".\"c\""
        );
    }

    fn column(batch: &RecordBatch, index: usize) -> Vec<String> {
        batch.column(index).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }

    fn three_tables() -> Vec<TableDescription> {
        let ra = Field::new("ra", DataType::Float64, false).with_metadata([("unit".into(), "deg".into())].into());
        let schema = Arc::new(Schema::new(vec![ra, Field::new("name", DataType::Utf8View, true)]));
        let names =
            [("gaia_dr3", "source", "table"), ("public", "hipparcos", "table"), ("public", "view_of_it", "view")];
        let describe = |(in_schema, table, table_type): (&str, &str, &'static str)| TableDescription {
            name: TableName { schema: in_schema.into(), table: table.into() },
            table_type,
            description: None,
            about: About::default(),
            rows: None,
            bytes: None,
            schema: Arc::clone(&schema),
            columns: Vec::new(),
        };
        names.map(describe).to_vec()
    }
}
