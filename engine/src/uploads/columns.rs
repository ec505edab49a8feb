//! Which columns does a stored upload have?
//!
//! Those of its file, under their names: what has no name is `column_N`, and of equal names the later ones end in `_2`, `_3`.
//! Types are those that catalogs have: dictionaries and run ends become their values, views become texts, half floats
//! floats, and columns of nothing but nulls texts. What Parquet cannot hold is refused by name.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::error::EngineError;
use crate::tables::distinct_names;

/// Longest name of a column, in bytes.
const LONGEST_NAME: usize = 1024;
/// Levels of nested types.
const DEEPEST: usize = 8;

/// The columns of the stored table, given those of the file.
///
/// *Errors*: a column whose type cannot be kept, or whose name is too long.
pub(super) fn stored(read: &Schema, bad: impl Fn(String) -> EngineError) -> Result<SchemaRef, EngineError> {
    if let Some(field) = read.fields().iter().find(|field| field.name().len() > LONGEST_NAME) {
        let begin: String = field.name().chars().take(40).collect();
        return Err(bad(format!("the name of column {begin:?}... is longer than {LONGEST_NAME} bytes")));
    }
    if read.fields().is_empty() {
        return Err(bad("it has no columns".to_owned()));
    }
    let names = distinct_names(read.fields().iter().map(|field| field.name().trim().to_owned()));
    let fields = read.fields().iter().zip(names).map(|(field, name)| {
        let kind = plain(field.data_type(), DEEPEST).ok_or_else(|| {
            let kind: String = field.data_type().to_string().chars().take(200).collect();
            bad(format!("column {name:?} has the type {kind}, which cannot be kept"))
        })?;
        Ok(Field::new(name, kind, true).with_metadata(field.metadata().clone()))
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>, EngineError>>()?)))
}

/// The type that values of a type are stored in; `None` where there is none.
fn plain(kind: &DataType, deepest: usize) -> Option<DataType> {
    let deeper = deepest.checked_sub(1)?;
    let item = |item: &FieldRef| -> Option<FieldRef> {
        let kind = plain(item.data_type(), deeper)?;
        Some(Arc::new(Field::new(item.name(), kind, true).with_metadata(item.metadata().clone())))
    };
    Some(match kind {
        DataType::Null | DataType::Utf8View | DataType::Utf8 => DataType::Utf8,
        DataType::LargeUtf8 => DataType::LargeUtf8,
        DataType::Float16 => DataType::Float32,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain(values, deeper)?,
        DataType::RunEndEncoded(_, values) => plain(values.data_type(), deeper)?,
        DataType::List(of) => DataType::List(item(of)?),
        DataType::LargeList(of) => DataType::LargeList(item(of)?),
        DataType::FixedSizeList(of, count) if *count > 0 => DataType::FixedSizeList(item(of)?, *count),
        DataType::Struct(fields) if !fields.is_empty() => {
            DataType::Struct(fields.iter().map(item).collect::<Option<_>>()?)
        }
        DataType::FixedSizeBinary(width) if *width > 0 => kind.clone(),
        DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::FixedSizeBinary(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Map(..)
        | DataType::Union(..)
        | DataType::Duration(_)
        | DataType::Interval(_) => return None,
        other => other.clone(),
    })
}

/// The rows of a batch of the file as rows of the stored table.
pub(super) fn converted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| match field.data_type() {
        kind if array.data_type() == kind => Ok(Arc::clone(array)),
        kind => cast(array, kind),
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn columns(kinds: &[(&str, DataType)]) -> Result<SchemaRef, EngineError> {
        let fields = kinds.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false));
        stored(&Schema::new(fields.collect::<Vec<_>>()), |why| EngineError::request(ErrorKind::BadQuery, why))
    }

    #[test]
    fn names_are_kept_and_made_distinct() {
        let float = DataType::Float64;
        let named = columns(&[("a b", float.clone()), ("", float.clone()), ("SELECT", float.clone()), ("a b", float)]);
        let named = named.unwrap();
        let names: Vec<&str> = named.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a b", "column_2", "SELECT", "a b_2"]);
        assert!(named.fields().iter().all(|field| field.is_nullable()));
        assert!(columns(&[]).unwrap_err().to_string().contains("no columns"));
        assert!(columns(&[(&"x".repeat(2000), DataType::Int8)]).is_err());
    }

    #[test]
    fn types_without_an_equivalent_are_refused_by_name() {
        let union = DataType::Duration(arrow::datatypes::TimeUnit::Second);
        let error = columns(&[("fine", DataType::Int8), ("took", union)]).unwrap_err().to_string();
        assert!(error.contains("\"took\"") && error.contains("Duration"), "{error}");
        let deep = (0..20).fold(DataType::Int8, |kind, _| DataType::List(Arc::new(Field::new("item", kind, true))));
        assert!(columns(&[("deep", deep)]).is_err());
        let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8));
        assert_eq!(columns(&[("d", words)]).unwrap().field(0).data_type(), &DataType::LargeUtf8);
        assert_eq!(columns(&[("n", DataType::Null)]).unwrap().field(0).data_type(), &DataType::Utf8);
    }
}
