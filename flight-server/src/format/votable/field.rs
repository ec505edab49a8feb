//! What is a column in VOTable's terms?
//!
//! Writes an Arrow field and its metadata as a FIELD element (VOTable 1.4, section 4.1); the types are the engine's, the
//! same as in TAP_SCHEMA, with one exception. BINARY has no mask of NULLs: an integer column that may hold some declares the
//! least value of its type to mean NULL, and one of unsigned bytes, which use all their values, becomes `short`.

use arrow::datatypes::Field;
use sidereus_engine::{VotableType, votable_type};

use super::super::Head;
use super::super::xml::escaped;

/// How rows lie in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serialization {
    TableData,
    Binary,
    Binary2,
}

/// The VOTable type of a column.
pub(super) fn column_type(field: &Field, serialization: Serialization) -> VotableType {
    let mut kind = votable_type(field);
    if serialization == Serialization::Binary
        && field.is_nullable()
        && kind.datatype == "unsignedByte"
        && kind.arraysize.is_none()
    {
        kind.datatype = "short";
    }
    kind
}

/// The value that means NULL in a column of BINARY.
pub(super) fn null_value(field: &Field) -> Option<i64> {
    let kind = column_type(field, Serialization::Binary);
    if !field.is_nullable() || kind.arraysize.is_some() {
        return None;
    }
    match kind.datatype {
        "short" => Some(i64::from(i16::MIN)),
        "int" => Some(i64::from(i32::MIN)),
        "long" => Some(i64::MIN),
        _ => None,
    }
}

/// The FIELD element of a column.
pub(super) fn field_element(field: &Field, head: &Head, serialization: Serialization) -> String {
    let kind = column_type(field, serialization);
    let mut element = format!("<FIELD name=\"{}\" datatype=\"{}\"", escaped(field.name()), kind.datatype);
    let metadata = |key: &str| field.metadata().get(key).filter(|value| !value.is_empty()).cloned();
    for (attribute, value) in [
        ("arraysize", kind.arraysize),
        ("xtype", kind.xtype),
        ("unit", metadata("unit")),
        ("ucd", metadata("ucd")),
        ("utype", metadata("utype")),
        ("ref", head.reference(field.name()).map(str::to_owned)),
    ] {
        if let Some(value) = value {
            element.push_str(&format!(" {attribute}=\"{}\"", escaped(&value)));
        }
    }
    let mut content = String::new();
    if let Some(text) = metadata("description") {
        content.push_str(&format!("<DESCRIPTION>{}</DESCRIPTION>", escaped(&text)));
    }
    if let (Serialization::Binary, Some(null)) = (serialization, null_value(field)) {
        content.push_str(&format!("<VALUES null=\"{null}\"/>"));
    }
    if content.is_empty() {
        element.push_str("/>\n");
    } else {
        element.push_str(&format!(">{content}</FIELD>\n"));
    }
    element
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use arrow::datatypes::{DataType, Schema};

    #[test]
    fn metadata_becomes_attributes() {
        let metadata = [("unit", "deg"), ("ucd", "pos.eq.ra"), ("description", "a < b"), ("utype", "")];
        let metadata: HashMap<_, _> = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(
            element(&Field::new("\"r", DataType::Float64, true).with_metadata(metadata), Serialization::TableData),
            "<FIELD name=\"&quot;r\" datatype=\"double\" unit=\"deg\" ucd=\"pos.eq.ra\">\
             <DESCRIPTION>a &lt; b</DESCRIPTION></FIELD>\n"
        );
    }

    #[test]
    fn nulls_depend_on_the_serialization() {
        let text = Field::new("s", DataType::Utf8View, true);
        let expected = "<FIELD name=\"s\" datatype=\"unicodeChar\" arraysize=\"*\"/>\n";
        assert_eq!(element(&text, Serialization::TableData), expected);
        let byte = |nullable| element(&Field::new("b", DataType::UInt8, nullable), Serialization::Binary);
        assert_eq!(byte(true), "<FIELD name=\"b\" datatype=\"short\"><VALUES null=\"-32768\"/></FIELD>\n");
        assert_eq!(byte(false), "<FIELD name=\"b\" datatype=\"unsignedByte\"/>\n");
    }

    fn element(field: &Field, serialization: Serialization) -> String {
        field_element(field, &Head::new(Arc::new(Schema::empty()), None), serialization)
    }
}
