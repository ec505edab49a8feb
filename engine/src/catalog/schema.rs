//! Which columns does a catalog have, as queries see them?
//!
//! The Arrow schema of a Parquet footer without the notes of the program that wrote it; of a column's notes, those that
//! astronomers read are kept under one spelling: `unit`, `ucd`, `utype`, `xtype`, `description`. Data types stay exactly as
//! the files declare them, but for a nested column, a structure of lists such as a light curve: each of its lists is a column
//! of its own, `lc.mjd` and `lc.mag`, so that one is read without the others.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;

use super::metadata::nested_name;

/// Spellings of the kept notes: the kept key, then what else is read as it (compared without case).
const NOTES: [(&str, &[&str]); 5] = [
    ("unit", &["units", "tunit", "vounit"]),
    ("ucd", &["tucd"]),
    ("utype", &["tutyp"]),
    ("xtype", &["txtyp"]),
    ("description", &["desc", "comment", "tcomm", "doc"]),
];

/// Notes that only uploads keep: what VOTable says that Arrow's types do not.
const VOTABLE_NOTES: [&str; 2] = ["datatype", "arraysize"];

/// The columns that a footer declares.
///
/// *Errors*: a text for people: a type Arrow has no word for, no column at all, or a name that occurs twice.
pub(super) fn from_footer(metadata: &ParquetMetaData) -> Result<SchemaRef, String> {
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|error| format!("has a schema that cannot be read: {error}"))?;
    if schema.fields().is_empty() {
        return Err("has no columns".to_owned());
    }
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("has two columns named {:?}", pair[0]));
    }
    let is_taken = |name: &str| names.binary_search(&name).is_ok();
    let fields = schema.fields().iter().flat_map(|field| match lists_of(field) {
        Some(lists) if !lists.iter().any(|list| is_taken(list.name())) => lists,
        _ => vec![with_known_notes(field)],
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The lists of a nested column as columns; `None` for any other column.
fn lists_of(field: &Field) -> Option<Vec<Field>> {
    let DataType::Struct(lists) = field.data_type() else { return None };
    let is_list = |list: &FieldRef| matches!(list.data_type(), DataType::List(_) | DataType::LargeList(_));
    let named = |list: &FieldRef| {
        let name = nested_name(field.name(), list.name());
        with_known_notes(list).with_name(name).with_nullable(true)
    };
    (!lists.is_empty() && lists.iter().all(is_list)).then(|| lists.iter().map(named).collect())
}

/// The columns of a stored upload: with the notes of [`from_footer`] those that say which VOTable type they came with.
///
/// *Errors*: as [`from_footer`].
pub(super) fn of_upload(metadata: &ParquetMetaData) -> Result<SchemaRef, String> {
    let columns = from_footer(metadata)?;
    let file = metadata.file_metadata();
    let stored = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|error| format!("has a schema that cannot be read: {error}"))?;
    let fields = columns.fields().iter().map(|field| {
        let mut field = field.as_ref().clone();
        for key in VOTABLE_NOTES {
            let value = stored.field_with_name(field.name()).ok().and_then(|stored| stored.metadata().get(key));
            if let Some(value) = value {
                field.metadata_mut().insert(key.to_owned(), value.clone());
            }
        }
        field
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

fn with_known_notes(field: &Field) -> Field {
    let find = |key: &str| {
        let matching = |(name, _): &(&String, &String)| name.eq_ignore_ascii_case(key);
        field
            .metadata()
            .iter()
            .find(matching)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let mut notes = HashMap::new();
    for (key, synonyms) in NOTES {
        if let Some(value) = std::iter::once(&key).chain(synonyms).find_map(|name| find(name)) {
            notes.insert(key.to_owned(), value);
        }
    }
    field.clone().with_metadata(notes)
}

/// The first way in which the columns of `found` are not those of `expected`; `None` when they agree.
///
/// Text and binary columns agree whatever the width of their offsets; nullability and notes are not compared.
pub(super) fn difference(expected: &Schema, found: &Schema) -> Option<String> {
    for field in expected.fields() {
        match found.field_with_name(field.name()) {
            Err(_) => return Some(format!("column {:?} is missing", field.name())),
            Ok(other) if !same_type(field.data_type(), other.data_type()) => {
                let (name, found, expected) = (field.name(), other.data_type(), field.data_type());
                return Some(format!("column {name:?} is {found}, expected {expected}"));
            }
            Ok(_) => {}
        }
    }
    let extra = found.fields().iter().find(|field| expected.field_with_name(field.name()).is_err());
    extra.map(|field| format!("column {:?} is not expected", field.name()))
}

fn same_type(a: &DataType, b: &DataType) -> bool {
    let width_free = |data_type: &DataType| match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    };
    width_free(a).equals_datatype(&width_free(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_known_notes_under_one_spelling() {
        let notes = [("TUNIT", "deg"), ("UCD", "pos.eq.ra"), ("PARQUET:field_id", "1"), ("description", " ")];
        let notes = notes.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let field = Field::new("ra", DataType::Float64, true).with_metadata(notes.into());
        let kept = with_known_notes(&field);
        assert_eq!(kept.metadata().len(), 2);
        assert_eq!(kept.metadata()["unit"], "deg");
        assert_eq!(kept.metadata()["ucd"], "pos.eq.ra");
    }

    #[test]
    fn lists_of_nested_columns_are_columns() {
        let list = |name: &str| Field::new_list(name, Field::new_list_field(DataType::Float64, true), false);
        let nested = |name: &str, fields: Vec<Field>| Field::new(name, DataType::Struct(fields.into()), true);
        let lists = lists_of(&nested("lc", vec![list("mjd"), list("mag")])).unwrap();
        assert!(lists.iter().all(Field::is_nullable), "a null light curve has null lists");
        assert_eq!(lists.iter().map(|list| list.name().as_str()).collect::<Vec<_>>(), ["lc.mjd", "lc.mag"]);
        assert_eq!(lists_of(&nested("lc", vec![list("mjd"), Field::new("n", DataType::Int64, true)])), None);
        assert_eq!(lists_of(&nested("lc", vec![])), None);
        assert_eq!(lists_of(&list("mjd")), None);
    }

    #[test]
    fn names_the_first_difference() {
        let schema = |columns: &[(&str, DataType)]| {
            Schema::new(columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>())
        };
        let expected = schema(&[("id", DataType::Int64), ("name", DataType::Utf8)]);
        assert_eq!(difference(&expected, &schema(&[("name", DataType::LargeUtf8), ("id", DataType::Int64)])), None);
        let missing = difference(&expected, &schema(&[("id", DataType::Int64)])).unwrap();
        assert!(missing.contains("\"name\" is missing"), "{missing}");
        let typed = difference(&expected, &schema(&[("id", DataType::Float64), ("name", DataType::Utf8)])).unwrap();
        assert!(typed.contains("Float64, expected Int64"), "{typed}");
        let wider = schema(&[("id", DataType::Int64), ("name", DataType::Utf8), ("x", DataType::Int8)]);
        assert!(difference(&expected, &wider).unwrap().contains("\"x\" is not expected"));
    }
}
