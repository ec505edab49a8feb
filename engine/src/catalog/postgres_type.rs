//! What does PostgreSQL call the type of an Arrow column?
//!
//! For `information_schema`, which clients of PostgreSQL read. Unsigned integers take the next wider signed type.

use arrow::datatypes::DataType;

/// A type as `information_schema.columns` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PostgresType {
    /// `data_type`: the name of the SQL standard.
    pub(super) name: &'static str,
    /// `udt_name`: the short name.
    pub(super) short: &'static str,
    /// `numeric_precision` in digits to base `numeric_radix`.
    pub(super) precision: Option<i32>,
    /// `numeric_precision_radix`.
    pub(super) radix: Option<i32>,
    /// `numeric_scale`.
    pub(super) scale: Option<i32>,
}

/// The PostgreSQL type that holds every value of an Arrow type.
pub(super) fn postgres_type(data_type: &DataType) -> PostgresType {
    let other = |name, short| PostgresType { name, short, precision: None, radix: None, scale: None };
    let integer = |name, short, bits| PostgresType {
        precision: Some(bits),
        radix: Some(2),
        scale: Some(0),
        ..other(name, short)
    };
    let float = |name, short, bits| PostgresType { precision: Some(bits), radix: Some(2), ..other(name, short) };
    match data_type {
        DataType::Boolean => other("boolean", "bool"),
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => integer("smallint", "int2", 16),
        DataType::UInt16 | DataType::Int32 => integer("integer", "int4", 32),
        DataType::UInt32 | DataType::Int64 => integer("bigint", "int8", 64),
        DataType::UInt64 => {
            PostgresType { precision: Some(20), radix: Some(10), scale: Some(0), ..other("numeric", "numeric") }
        }
        DataType::Float16 | DataType::Float32 => float("real", "float4", 24),
        DataType::Float64 => float("double precision", "float8", 53),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => PostgresType {
            precision: Some(i32::from(*digits)),
            radix: Some(10),
            scale: Some(i32::from(*scale)),
            ..other("numeric", "numeric")
        },
        DataType::Date32 | DataType::Date64 => other("date", "date"),
        DataType::Time32(_) | DataType::Time64(_) => other("time without time zone", "time"),
        DataType::Timestamp(_, None) => other("timestamp without time zone", "timestamp"),
        DataType::Timestamp(_, Some(_)) => other("timestamp with time zone", "timestamptz"),
        DataType::Interval(_) | DataType::Duration(_) => other("interval", "interval"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            other("bytea", "bytea")
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            other("ARRAY", array_of(item.data_type()))
        }
        DataType::Struct(_) => other("USER-DEFINED", "record"),
        DataType::Dictionary(_, values) => postgres_type(values),
        _ => other("character varying", "varchar"),
    }
}

/// The short name of an array, as PostgreSQL spells it.
fn array_of(item: &DataType) -> &'static str {
    match postgres_type(item).short {
        "bool" => "_bool",
        "int2" => "_int2",
        "int4" => "_int4",
        "int8" => "_int8",
        "float4" => "_float4",
        "float8" => "_float8",
        "varchar" => "_varchar",
        _ => "anyarray",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[test]
    fn names_types_as_postgresql_does() {
        let list = DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
        for (kind, name, short) in [
            (DataType::Float64, "double precision", "float8"),
            (DataType::Float32, "real", "float4"),
            (DataType::Int64, "bigint", "int8"),
            (DataType::UInt16, "integer", "int4"),
            (DataType::UInt64, "numeric", "numeric"),
            (DataType::Utf8View, "character varying", "varchar"),
            (DataType::Timestamp(TimeUnit::Second, Some("UTC".into())), "timestamp with time zone", "timestamptz"),
            (list, "ARRAY", "_float8"),
        ] {
            let found = postgres_type(&kind);
            assert_eq!((found.name, found.short), (name, short), "{kind}");
        }
    }
}
