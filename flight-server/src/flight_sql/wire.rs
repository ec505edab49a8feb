//! In which Arrow types do results travel?
//!
//! Drivers read most of Arrow, but not all of it: string views and list views are not understood everywhere, run-end
//! encoding by hardly anybody. What an engine batch holds is brought to types that every driver reads; the same
//! function gives the schema that `FlightInfo` promises, so promise and stream are equal. Field metadata (unit, UCD,
//! ...) and names are kept. Dictionaries at the top level travel as dictionaries; inside lists and structures they are
//! written out.
//!
//! ```text
//! Utf8View -> Utf8      BinaryView -> Binary      ListView, LargeListView -> List, LargeList
//! RunEndEncoded(T) -> T           List<Dictionary<_, T>> -> List<T>
//! ```

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

/// Rows of strings are brought from views to offsets in pieces of at most this many bytes: offsets are 32-bit.
const MAX_VIEW_BYTES: usize = 1 << 30;

/// Whether a type stands as a column's own or within another type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Column,
    Nested,
}

/// The schema in which batches of `schema` travel.
pub(super) fn wire_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(|field| wire_field(field, Place::Column)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn wire_field(field: &FieldRef, place: Place) -> FieldRef {
    let wire = wire_type(field.data_type(), place);
    if &wire == field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(Field::new(field.name(), wire, field.is_nullable()).with_metadata(field.metadata().clone()))
}

fn wire_type(data_type: &DataType, place: Place) -> DataType {
    let nested = |field: &FieldRef| wire_field(field, Place::Nested);
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(nested(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(nested(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(nested(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect()),
        DataType::Map(entries, sorted) => DataType::Map(nested(entries), *sorted),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type(), place),
        DataType::Dictionary(_, values) if place == Place::Nested => wire_type(values, place),
        DataType::Dictionary(keys, values) => {
            DataType::Dictionary(keys.clone(), Box::new(wire_type(values, Place::Nested)))
        }
        other => other.clone(),
    }
}

/// Brings a batch to the wire schema; a batch with very much text comes in several pieces.
///
/// *Errors*: where the batch does not have the columns that the schema promises: a defect of the engine.
pub(super) fn to_wire(batch: &RecordBatch, schema: &SchemaRef) -> Result<Vec<RecordBatch>, ArrowError> {
    if batch.num_columns() != schema.fields().len() {
        let (found, promised) = (batch.num_columns(), schema.fields().len());
        return Err(ArrowError::SchemaError(format!("a batch of {found} columns where {promised} were promised")));
    }
    let view_bytes = batch.columns().iter().map(view_bytes).max().unwrap_or_default();
    if view_bytes > MAX_VIEW_BYTES && batch.num_rows() > 1 {
        let half = batch.num_rows() / 2;
        let mut pieces = to_wire(&batch.slice(0, half), schema)?;
        pieces.extend(to_wire(&batch.slice(half, batch.num_rows() - half), schema)?);
        return Ok(pieces);
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| convert(column, field.data_type()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    Ok(vec![RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?])
}

fn convert(column: &ArrayRef, wire: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == wire { Ok(Arc::clone(column)) } else { cast(column, wire) }
}

/// Bytes that the views of a column refer to, at its top level.
fn view_bytes(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => column.as_binary_view().total_buffer_bytes_used(),
        _ => 0,
    }
}

/// Bytes that the rows of an array take in a message, without what lies outside of a slice.
///
/// *Guarantee*: exact up to padding for wire types; for others (unions) the size of the whole buffers.
pub(super) fn sliced_bytes(array: &dyn Array) -> usize {
    let nulls = if array.null_count() > 0 { array.len().div_ceil(8) } else { 0 };
    nulls
        + match array.data_type() {
            DataType::Utf8 => offset_bytes(array.as_string::<i32>().value_offsets(), 4),
            DataType::LargeUtf8 => offset_bytes(array.as_string::<i64>().value_offsets(), 8),
            DataType::Binary => offset_bytes(array.as_binary::<i32>().value_offsets(), 4),
            DataType::LargeBinary => offset_bytes(array.as_binary::<i64>().value_offsets(), 8),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                list_bytes(list.value_offsets(), 4, list.values())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                list_bytes(list.value_offsets(), 8, list.values())
            }
            DataType::Map(..) => list_bytes(array.as_map().value_offsets(), 4, array.as_map().entries()),
            DataType::FixedSizeList(..) => sliced_bytes(array.as_fixed_size_list().values().as_ref()),
            DataType::Struct(_) => array.as_struct().columns().iter().map(|child| sliced_bytes(child.as_ref())).sum(),
            DataType::Dictionary(keys, _) => array.len() * keys.primitive_width().unwrap_or(8),
            DataType::Boolean => array.len().div_ceil(8),
            DataType::FixedSizeBinary(size) => array.len() * usize::try_from(*size).unwrap_or_default(),
            DataType::Null => 0,
            other => match other.primitive_width() {
                Some(width) => array.len() * width,
                None => array.get_buffer_memory_size(),
            },
        }
}

fn offset_bytes<O: Copy + TryInto<usize>>(offsets: &[O], width: usize) -> usize {
    let (start, end) = bounds(offsets);
    offsets.len() * width + (end - start)
}

fn list_bytes<O: Copy + TryInto<usize>>(offsets: &[O], width: usize, values: &dyn Array) -> usize {
    let (start, end) = bounds(offsets);
    offsets.len() * width + sliced_bytes(values.slice(start, end - start).as_ref())
}

fn bounds<O: Copy + TryInto<usize>>(offsets: &[O]) -> (usize, usize) {
    let at = |offset: Option<&O>| offset.and_then(|offset| (*offset).try_into().ok()).unwrap_or_default();
    (at(offsets.first()), at(offsets.last()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        DictionaryArray, Float64Array, Int32Array, ListArray, StringArray, StringViewArray, new_empty_array,
    };
    use arrow::datatypes::{Float64Type, Int32Type};

    use super::*;

    #[test]
    fn types_and_metadata_of_the_wire() {
        let text =
            Field::new("band", DataType::Utf8View, true).with_metadata([("ucd".into(), "instr.band".into())].into());
        let curve = DataType::ListView(Arc::new(Field::new("item", DataType::BinaryView, true)));
        let runs = DataType::RunEndEncoded(
            Arc::new(Field::new("run_ends", DataType::Int32, false)),
            Arc::new(Field::new("values", DataType::Utf8View, true)),
        );
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        let nested = DataType::List(Arc::new(Field::new("item", dictionary.clone(), true)));
        let fields = [text, field("c", &curve), field("r", &runs), field("d", &dictionary), field("n", &nested)];
        let wire = wire_schema(&Schema::new(fields.to_vec()));
        let of = |index: usize| wire.field(index).data_type().clone();
        assert_eq!(of(0), DataType::Utf8);
        assert_eq!(wire.field(0).metadata()["ucd"], "instr.band");
        assert_eq!(of(1), DataType::List(Arc::new(Field::new("item", DataType::Binary, true))));
        assert_eq!(of(2), DataType::Utf8);
        assert_eq!(of(3), DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)));
        assert_eq!(of(4), DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))));
        for (field, wire) in fields.iter().zip(wire.fields()) {
            let empty = new_empty_array(field.data_type());
            assert_eq!(convert(&empty, wire.data_type()).expect("a cast").data_type(), wire.data_type());
        }
    }

    #[test]
    fn values_survive_and_wrong_widths_are_told() {
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a string that is long"), None, Some("b")]));
        let batch = RecordBatch::try_from_iter([("s", views)]).expect("a batch");
        let schema = wire_schema(&batch.schema());
        let wire = to_wire(&batch, &schema).expect("wire batches");
        assert_eq!(
            wire[0].column(0).as_string::<i32>(),
            &StringArray::from(vec![Some("a string that is long"), None, Some("b")])
        );
        assert!(to_wire(&batch, &Arc::new(Schema::empty())).is_err());
    }

    #[test]
    fn a_slice_is_as_large_as_its_rows() {
        let numbers = Float64Array::from(vec![1.0; 1000]);
        assert_eq!(sliced_bytes(&numbers.slice(10, 5)), 40);
        let strings = StringArray::from(vec!["abcdef"; 1000]);
        assert_eq!(sliced_bytes(&strings.slice(3, 2)), 3 * 4 + 12);
        let lists = ListArray::from_iter_primitive::<Float64Type, _, _>((0..100).map(|n| Some(vec![Some(0.5); n])));
        assert_eq!(sliced_bytes(&lists.slice(10, 2)), 3 * 4 + 21 * 8);
        let keys = Int32Array::from(vec![0; 100]);
        let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(vec!["x"])));
        assert_eq!(sliced_bytes(&dictionary.expect("a dictionary").slice(0, 10)), 40);
    }

    fn field(name: &str, data_type: &DataType) -> Field {
        Field::new(name, data_type.clone(), true)
    }
}
