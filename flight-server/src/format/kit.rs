//! The conformance kit of formats: one small result that holds everything awkward, and what every format must survive.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMillisecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;

use super::{ALL, Ending, FormatError, Head, OutputFormat};

/// The head of the kit's result.
pub(super) fn head() -> Head {
    Head::new(batch().schema(), Some("SELECT * FROM t WHERE a < 1".to_owned()))
}

/// The kit's result: NaN, infinities, NULLs, quotes, lists, times, the smallest integer, one that no double holds, an empty
/// string, characters of one and two units of UTF-16.
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
        Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None, Some(-9_007_199_254_740_993)])),
        Arc::new(StringArray::from(vec![Some("α😀"), None, Some("é\t\n")])),
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
        field("exact", DataType::Int64, [("unit", "yr")]),
        Field::new("script", DataType::Utf8, true),
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
    while encoder.rest(&mut out).unwrap() {}
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

/// A whole document without rows.
fn without_rows(format: &dyn OutputFormat, head: &Head, ending: Ending) -> Result<Vec<u8>, FormatError> {
    let mut encoder = format.encoder(head)?;
    let mut out = Vec::new();
    encoder.begin(&mut out)?;
    encoder.finish(ending, &mut out)?;
    while encoder.rest(&mut out)? {}
    Ok(out)
}

#[test]
fn an_answer_without_rows_is_a_whole_document() {
    for format in ALL {
        let out = without_rows(format, &head(), Ending::Complete).unwrap();
        assert!(!out.is_empty(), "{}", format.name());
    }
}

#[test]
fn an_answer_without_columns_is_no_crash() {
    let head = Head::new(Arc::new(Schema::empty()), None);
    for format in ALL {
        if format.encoder(&head).is_ok() {
            without_rows(format, &head, Ending::Overflow).unwrap();
        }
    }
}

#[test]
fn an_error_is_told_in_the_document_or_by_breaking_off() {
    for format in ALL {
        let mut encoder = format.encoder(&head()).unwrap();
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        // BINARY has no room for the kit's smallest integer.
        encoder.batch(&batch().slice(0, 1), &mut out).unwrap();
        let told = encoder.fail("the disk <caught> fire", &mut out);
        if format.content_encoding() == Some("gzip") {
            let mut plain = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(out.as_slice()), &mut plain).unwrap();
            out = plain;
        }
        let text = String::from_utf8_lossy(&out);
        let says = text.contains("the disk &lt;caught&gt; fire") || text.contains("the disk <caught> fire");
        assert_eq!(told, says, "{}", format.name());
    }
}

#[test]
fn plain_rows_tell_an_overflow_unless_the_head_forbids_it() {
    let mut silent = head();
    silent.overflow_line = false;
    for name in ["csv", "tsv", "text"] {
        let format = super::find(name).unwrap();
        let cut = |head: &Head| String::from_utf8(without_rows(format, head, Ending::Overflow).unwrap()).unwrap();
        assert!(cut(&head()).trim_end().ends_with("\n# overflow: rows were left out after 0 rows"), "{name}");
        assert!(!cut(&silent).contains('#'), "{name}");
    }
}
