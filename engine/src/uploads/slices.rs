//! How many bytes do the values of some rows take, and where is a batch cut so that they are not too many?
//!
//! A dictionary, a view or a run says a long value once and repeats it by number: a small batch can stand for any number of
//! bytes. So it is measured before its values are written out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};

/// Rows of a slice.
const ROWS: usize = 1 << 16;
/// Bytes that the values of a slice take, unless they are those of one row.
const BYTES: u64 = 16 << 20;

/// Cuts a batch into slices whose values take few bytes each.
pub(super) fn slices(batch: &RecordBatch) -> Slices<'_> {
    Slices { batch, done: 0 }
}

/// Slices with the bytes of their values, from front to back.
pub(super) struct Slices<'a> {
    batch: &'a RecordBatch,
    done: usize,
}

impl Iterator for Slices<'_> {
    type Item = (RecordBatch, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let mut rows = (self.batch.num_rows() - self.done).min(ROWS);
        if rows == 0 {
            return None;
        }
        loop {
            let slice = self.batch.slice(self.done, rows);
            let bytes = slice.columns().iter().map(value_bytes).fold(0, u64::saturating_add);
            if bytes <= BYTES || rows == 1 {
                self.done += rows;
                return Some((slice, bytes));
            }
            // Values are about as long as each other: one step is mostly enough.
            let fit = usize::try_from(BYTES.saturating_mul(rows as u64) / bytes).unwrap_or(1);
            rows = fit.clamp(1, rows / 2);
        }
    }
}

/// Bytes that the values of an array take once each is written out.
fn value_bytes(array: &ArrayRef) -> u64 {
    let rows = array.len() as u64;
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().lengths().map(u64::from).sum::<u64>() + 16 * rows,
        DataType::BinaryView => array.as_binary_view().lengths().map(u64::from).sum::<u64>() + 16 * rows,
        DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => {
            array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64
        }
        DataType::Dictionary(key, _) => match key.as_ref() {
            DataType::Int8 => dictionary_bytes::<Int8Type>(array),
            DataType::Int16 => dictionary_bytes::<Int16Type>(array),
            DataType::Int32 => dictionary_bytes::<Int32Type>(array),
            DataType::Int64 => dictionary_bytes::<Int64Type>(array),
            DataType::UInt8 => dictionary_bytes::<UInt8Type>(array),
            DataType::UInt16 => dictionary_bytes::<UInt16Type>(array),
            DataType::UInt32 => dictionary_bytes::<UInt32Type>(array),
            _ => dictionary_bytes::<UInt64Type>(array),
        },
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs_bytes::<Int16Type>(array),
            DataType::Int32 => runs_bytes::<Int32Type>(array),
            _ => runs_bytes::<Int64Type>(array),
        },
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let (from, to) = (lists.value_offsets()[0], lists.value_offsets()[lists.len()]);
            8 * rows + value_bytes(&lists.values().slice(from as usize, (to - from) as usize))
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            let (from, to) = (lists.value_offsets()[0], lists.value_offsets()[lists.len()]);
            8 * rows + value_bytes(&lists.values().slice(from as usize, (to - from) as usize))
        }
        DataType::FixedSizeList(..) => value_bytes(array.as_fixed_size_list().values()),
        DataType::Struct(_) => array.as_struct().columns().iter().map(value_bytes).fold(rows, u64::saturating_add),
        DataType::FixedSizeBinary(width) => u64::from(width.unsigned_abs()) * rows,
        other => other.primitive_width().map_or(16, |width| width as u64) * rows,
    }
}

/// The longest value as often as there are rows would be too much: each key is looked up.
fn dictionary_bytes<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> u64 {
    let dictionary = array.as_dictionary::<K>();
    let each = each_bytes(dictionary.values());
    dictionary.keys_iter().map(|key| key.and_then(|key| each.get(key)).copied().unwrap_or(0) + 8).sum()
}

fn runs_bytes<R: arrow::datatypes::RunEndIndexType>(array: &ArrayRef) -> u64 {
    let Some(runs) = array.as_any().downcast_ref::<arrow::array::RunArray<R>>() else { return u64::MAX };
    let each = each_bytes(runs.values());
    let longest = each.iter().copied().max().unwrap_or(0);
    (longest + 8).saturating_mul(runs.len() as u64)
}

/// Bytes of each value of a dictionary.
fn each_bytes(values: &ArrayRef) -> Vec<u64> {
    let texts = match values.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => {
            cast(values, &DataType::BinaryView).ok()
        }
        DataType::Utf8View | DataType::BinaryView => cast(values, &DataType::BinaryView).ok(),
        _ => None,
    };
    match texts {
        Some(texts) => texts.as_binary_view().lengths().map(u64::from).collect(),
        None => (0..values.len()).map(|row| value_bytes(&Arc::clone(values).slice(row, 1))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int32Array, StringArray, StringViewArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn batch(array: ArrayRef) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("x", array.data_type().clone(), true)]);
        RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap()
    }

    #[test]
    fn repeated_long_values_are_cut_into_slices() {
        let long = "x".repeat(1 << 20);
        let keys = Int32Array::from(vec![0; 200]);
        let dictionary = DictionaryArray::try_new(keys, Arc::new(StringArray::from(vec![long.as_str()]))).unwrap();
        let views = StringViewArray::from(vec![long.as_str(); 200]);
        for array in [Arc::new(dictionary) as ArrayRef, Arc::new(views)] {
            let batch = batch(array);
            let cut: Vec<(RecordBatch, u64)> = slices(&batch).collect();
            assert_eq!(cut.iter().map(|(slice, _)| slice.num_rows()).sum::<usize>(), 200);
            assert!(cut.iter().all(|(_, bytes)| *bytes <= BYTES), "{cut:?}");
            assert!(cut.iter().map(|(_, bytes)| bytes).sum::<u64>() >= 200 << 20);
        }
    }

    #[test]
    fn short_rows_stay_together() {
        let batch = batch(Arc::new(Int32Array::from(vec![1; 100_000])));
        let cut: Vec<(usize, u64)> = slices(&batch).map(|(slice, bytes)| (slice.num_rows(), bytes)).collect();
        assert_eq!(cut, [(1 << 16, 4 << 16), (100_000 - (1 << 16), 4 * (100_000 - (1 << 16)))]);
    }
}
