//! What is a column in VOTable's terms?
//!
//! Maps Arrow types and field metadata to FIELD elements (VOTable 1.4, section 4.1). Unsigned types take the next wider
//! signed one; what VOTable has no type for becomes text.

use arrow::datatypes::{DataType, Field};

use super::super::cells::is_number_list_item;
use super::super::xml::escaped;

/// A column's VOTable type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VotableType {
    /// `double`, `long`, `char`, ...
    pub(crate) datatype: &'static str,
    /// `None` for scalars, `*` for strings and lists, `2` for points.
    pub(crate) arraysize: Option<String>,
    /// DALI type, such as `timestamp` or `point`.
    pub(crate) xtype: Option<String>,
}

/// The VOTable type of a column.
pub(crate) fn votable_type(field: &Field) -> VotableType {
    let declared = field.metadata().get("xtype").cloned();
    let (datatype, arraysize) = match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) if is_number_list_item(item.data_type()) => {
            (scalar_type(item.data_type()), Some("*".to_owned()))
        }
        DataType::FixedSizeList(item, length) if is_number_list_item(item.data_type()) => {
            (scalar_type(item.data_type()), Some(length.to_string()))
        }
        DataType::Dictionary(_, values) => (scalar_type(values), is_text(values).then(|| "*".to_owned())),
        kind => (scalar_type(kind), is_text(kind).then(|| "*".to_owned())),
    };
    let xtype = declared.or_else(|| own_xtype(field.data_type()).map(str::to_owned));
    VotableType { datatype, arraysize, xtype }
}

/// The FIELD element of a column.
pub(super) fn field_element(field: &Field) -> String {
    let kind = votable_type(field);
    let mut element = format!("<FIELD name=\"{}\" datatype=\"{}\"", escaped(field.name()), kind.datatype);
    let metadata = |key: &str| field.metadata().get(key).filter(|value| !value.is_empty()).cloned();
    for (attribute, value) in [
        ("arraysize", kind.arraysize),
        ("xtype", kind.xtype),
        ("unit", metadata("unit")),
        ("ucd", metadata("ucd")),
        ("utype", metadata("utype")),
    ] {
        if let Some(value) = value {
            element.push_str(&format!(" {attribute}=\"{}\"", escaped(&value)));
        }
    }
    match metadata("description") {
        Some(text) => element.push_str(&format!("><DESCRIPTION>{}</DESCRIPTION></FIELD>\n", escaped(&text))),
        None => element.push_str("/>\n"),
    }
    element
}

const fn scalar_type(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "boolean",
        DataType::UInt8 => "unsignedByte",
        DataType::Int8 | DataType::Int16 => "short",
        DataType::UInt16 | DataType::Int32 => "int",
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => "long",
        DataType::Float16 | DataType::Float32 => "float",
        DataType::Float64 => "double",
        _ => "char",
    }
}

/// Whether values are written as text of any length.
fn is_text(kind: &DataType) -> bool {
    scalar_type(kind) == "char"
}

const fn own_xtype(kind: &DataType) -> Option<&'static str> {
    match kind {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Some("timestamp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn arrow_types_have_votable_types() {
        let item = |kind| Arc::new(Field::new_list_field(kind, true));
        for (kind, datatype, arraysize) in [
            (DataType::Float64, "double", None),
            (DataType::UInt16, "int", None),
            (DataType::Utf8View, "char", Some("*")),
            (DataType::FixedSizeList(item(DataType::Float64), 2), "double", Some("2")),
            (DataType::List(item(DataType::Float32)), "float", Some("*")),
            (DataType::List(item(DataType::Utf8)), "char", Some("*")),
            (DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), "char", Some("*")),
        ] {
            let found = votable_type(&Field::new("x", kind.clone(), true));
            assert_eq!((found.datatype, found.arraysize.as_deref()), (datatype, arraysize), "{kind}");
        }
    }
}
