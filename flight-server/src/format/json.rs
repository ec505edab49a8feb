//! How is a value written as JSON?
//!
//! Also for lists of lists, structures and maps, which neither CSV nor VOTable can express: objects keep their field names, NaN
//! and infinities become strings, since JSON has no word for them.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Appends the value of a row.
pub(super) fn write(array: &dyn Array, row: usize, out: &mut String) {
    if array.is_null(row) {
        out.push_str("null");
        return;
    }
    match array.data_type() {
        DataType::List(_) => write_list(array.as_list::<i32>().value(row).as_ref(), out),
        DataType::LargeList(_) => write_list(array.as_list::<i64>().value(row).as_ref(), out),
        DataType::FixedSizeList(..) => write_list(array.as_fixed_size_list().value(row).as_ref(), out),
        DataType::Map(..) => write_list(&array.as_map().value(row), out),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                write_string(field.name(), out);
                out.push(':');
                write(column.as_ref(), row, out);
            }
            out.push_str(if columns.is_empty() { "{}" } else { "}" });
        }
        DataType::Float32 => write_float(array.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => write_float(array.as_primitive::<Float64Type>().value(row), out),
        kind if kind.is_integer() || *kind == DataType::Boolean => out.push_str(&plain(array, row)),
        _ => write_string(&plain(array, row), out),
    }
}

fn write_list(items: &dyn Array, out: &mut String) {
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        write(items, row, out);
    }
    out.push(']');
}

/// A number, or the word for what JSON has none for.
pub(super) fn write_float<F: zmij::Float + Into<f64> + Copy>(value: F, out: &mut String) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        super::cells::write_float(out, value);
    } else if wide.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if wide > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
}

fn plain(array: &dyn Array, row: usize) -> String {
    ArrayFormatter::try_new(array, &FormatOptions::new())
        .map_or_else(|error| error.to_string(), |formatter| formatter.value(row).to_string())
}

/// Appends a string in quotes.
pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes any text"),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{ArrayRef, Float64Array, StringArray, StructArray};
    use arrow::datatypes::{Field, Fields};

    #[test]
    fn structures_become_objects() {
        let fields =
            Fields::from(vec![Field::new("band", DataType::Utf8, true), Field::new("mag", DataType::Float64, true)]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("a\"\u{1}"), None])),
            Arc::new(Float64Array::from(vec![1.25, f64::NAN])),
        ];
        let array = StructArray::new(fields, columns, None);
        let mut out = String::new();
        write(&array, 0, &mut out);
        write(&array, 1, &mut out);
        assert_eq!(out, r#"{"band":"a\"\u0001","mag":1.25}{"band":null,"mag":"NaN"}"#);
        serde_json::from_str::<serde_json::Value>(&out[..out.find('}').unwrap() + 1]).unwrap();
    }
}
