//! Which tables answer the commands about keys and types?
//!
//! Catalogs declare no primary or foreign keys, so these answers have no rows; their schemas are the protocol's, to the
//! nullability, because drivers compare.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType};

/// Columns of the answer to GetPrimaryKeys.
pub(super) fn primary_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        optional_text("catalog_name"),
        optional_text("db_schema_name"),
        text("table_name"),
        text("column_name"),
        optional_text("key_name"),
        Field::new("key_sequence", DataType::Int32, false),
    ]))
}

/// Columns of the answers to GetExportedKeys, GetImportedKeys and GetCrossReference.
pub(super) fn foreign_keys_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        optional_text("pk_catalog_name"),
        optional_text("pk_db_schema_name"),
        text("pk_table_name"),
        text("pk_column_name"),
        optional_text("fk_catalog_name"),
        optional_text("fk_db_schema_name"),
        text("fk_table_name"),
        text("fk_column_name"),
        Field::new("key_sequence", DataType::Int32, false),
        optional_text("fk_key_name"),
        optional_text("pk_key_name"),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}

/// The types of columns, for GetXdbcTypeInfo; all, or those of one code.
///
/// The protocol has no code for 64-bit integers: they are given as NUMERIC of 19 digits.
pub(super) fn types(code: Option<i32>) -> Result<RecordBatch, FlightError> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, size) in [
        ("SMALLINT", XdbcDataType::XdbcSmallint, 5),
        ("INTEGER", XdbcDataType::XdbcInteger, 10),
        ("BIGINT", XdbcDataType::XdbcNumeric, 19),
        ("REAL", XdbcDataType::XdbcReal, 7),
        ("DOUBLE PRECISION", XdbcDataType::XdbcDouble, 15),
    ] {
        builder.append(number(name, data_type, size));
    }
    for (name, data_type) in [
        ("VARCHAR", XdbcDataType::XdbcVarchar),
        ("DATE", XdbcDataType::XdbcDate),
        ("TIMESTAMP", XdbcDataType::XdbcTimestamp),
    ] {
        builder.append(quoted(name, data_type));
    }
    builder.build()?.record_batch(code)
}

fn number(name: &str, data_type: XdbcDataType, digits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        column_size: Some(digits),
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(10),
        ..any(name, data_type)
    }
}

fn quoted(name: &str, data_type: XdbcDataType) -> XdbcTypeInfo {
    let quote = Some("'".to_owned());
    XdbcTypeInfo { literal_prefix: quote.clone(), literal_suffix: quote, case_sensitive: true, ..any(name, data_type) }
}

fn any(name: &str, data_type: XdbcDataType) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn optional_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_listed_and_chosen_by_code() {
        assert_eq!(types(None).expect("all").num_rows(), 8);
        assert_eq!(types(Some(XdbcDataType::XdbcVarchar as i32)).expect("one").num_rows(), 1);
    }

    #[test]
    fn key_schemas_are_the_protocols() {
        let nullable = |schema: &Schema| schema.fields().iter().map(|field| field.is_nullable()).collect::<Vec<_>>();
        assert_eq!(nullable(&primary_keys_schema()), [true, true, false, false, true, false]);
        let foreign = [true, true, false, false, true, true, false, false, false, true, true, false, false];
        assert_eq!(nullable(&foreign_keys_schema()), foreign);
    }
}
