//! What is a column in VOTable's terms?
//!
//! Writes an Arrow field and its metadata as a FIELD element (VOTable 1.4, section 4.1); the types are the engine's, the
//! same as in TAP_SCHEMA.

use arrow::datatypes::Field;
use sidereus_engine::votable_type;

use super::super::xml::escaped;

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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use arrow::datatypes::DataType;

    #[test]
    fn metadata_becomes_attributes() {
        let metadata = [("unit", "deg"), ("ucd", "pos.eq.ra"), ("description", "a < b"), ("utype", "")];
        let metadata: HashMap<_, _> = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(
            field_element(&Field::new("\"r", DataType::Float64, true).with_metadata(metadata)),
            "<FIELD name=\"&quot;r\" datatype=\"double\" unit=\"deg\" ucd=\"pos.eq.ra\">\
             <DESCRIPTION>a &lt; b</DESCRIPTION></FIELD>\n"
        );
        assert_eq!(
            field_element(&Field::new("s", DataType::Utf8View, true)),
            "<FIELD name=\"s\" datatype=\"char\" arraysize=\"*\"/>\n"
        );
    }
}
