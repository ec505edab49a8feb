//! The conformance kit of formats: one small result that holds everything awkward, and what every format must survive.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMillisecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;

use super::{ALL, Ending, Head, OutputFormat};

/// The head of the kit's result.
pub(super) fn head() -> Head {
    Head { schema: batch().schema(), query: Some("SELECT * FROM t WHERE a < 1".to_owned()) }
}

/// The kit's result: NaN, infinities, NULLs, quotes, lists, times, the smallest integer, an empty string.
pub(super) fn batch() -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, i64::MIN, 3])),
        Arc::new(Float64Array::from(vec![266.404996, f64::NAN, f64::NEG_INFINITY])),
        Arc::new(Float32Array::from(vec![Some(5.5), None, Some(-0.25)])),
        Arc::new(StringArray::from(vec![Some("Sgr A*, \"the\" centre"), None, Some("")])),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(1_451_606_400_000), None, Some(1_582_979_400_250)])),
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([
            Some(vec![Some(1.5), Some(f64::NAN)]),
            None,
            Some(vec![]),
        ])),
        Arc::new(UInt64Array::from(vec![Some(7), None, Some(8)])),
    ];
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let schema = Schema::new(vec![
        field("id", DataType::Int64, [("ucd", "meta.id;meta.main"), ("description", "Source <id> & \"more\"")]),
        field("ra", DataType::Float64, [("unit", "deg"), ("ucd", "pos.eq.ra;meta.main")]),
        field("mag", DataType::Float32, [("unit", "mag"), ("utype", "phot:mag")]),
        Field::new("name", DataType::Utf8, true),
        Field::new("good", DataType::Boolean, true),
        Field::new("seen", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        Field::new("curve", DataType::List(item), true),
        Field::new("big", DataType::UInt64, true),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// The kit's result in a format, given in two batches.
pub(super) fn bytes(format: &dyn OutputFormat, ending: Ending) -> Vec<u8> {
    let batch = batch();
    let mut encoder = format.encoder(&head()).unwrap();
    let mut out = Vec::new();
    encoder.begin(&mut out).unwrap();
    encoder.batch(&batch.slice(0, 1), &mut out).unwrap();
    encoder.batch(&batch.slice(1, 2), &mut out).unwrap();
    encoder.finish(ending, &mut out).unwrap();
    out
}

/// The same as text.
pub(super) fn text(format: &dyn OutputFormat, ending: Ending) -> String {
    String::from_utf8(bytes(format, ending)).unwrap()
}

fn field<const N: usize>(name: &str, kind: DataType, metadata: [(&str, &str); N]) -> Field {
    let metadata: HashMap<String, String> = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Field::new(name, kind, true).with_metadata(metadata)
}

#[test]
fn an_answer_without_rows_is_a_whole_document() {
    for format in ALL {
        let mut encoder = format.encoder(&head()).unwrap();
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        encoder.finish(Ending::Complete, &mut out).unwrap();
        assert!(!out.is_empty(), "{}", format.name());
    }
}

#[test]
fn an_answer_without_columns_is_no_crash() {
    let head = Head { schema: Arc::new(Schema::empty()), query: None };
    for format in ALL {
        let mut out = Vec::new();
        if let Ok(mut encoder) = format.encoder(&head) {
            encoder.begin(&mut out).unwrap();
            encoder.finish(Ending::Complete, &mut out).unwrap();
        }
    }
}

#[test]
fn an_error_is_told_in_the_document_or_by_breaking_off() {
    for format in ALL {
        let mut encoder = format.encoder(&head()).unwrap();
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        encoder.batch(&batch(), &mut out).unwrap();
        let told = encoder.fail("the disk <caught> fire", &mut out);
        let text = String::from_utf8_lossy(&out);
        assert_eq!(told, text.contains("the disk &lt;caught&gt; fire"), "{}", format.name());
    }
}
