//! The digest of an answer in Arrow, the same as `benches/peers/digest.py` makes of others.
//!
//! Independent of the order of rows: a checksum of exact columns, and weighted sums of those that are computed.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::protocol::Digest;
use crate::error::BenchError;

/// Columns that are computed, and may differ in their last digits.
const COMPUTED: [&str; 2] = ["mean", "separation"];
/// What stands for NULL and NaN.
const NOTHING: u64 = 0x7ff8_0000_0000_0001;

/// Digests batches; counts their rows only without `check`.
///
/// *Errors*: an exact column that is neither a whole number nor a float.
pub(crate) fn digest(batches: &[RecordBatch], check: bool) -> Result<Digest, BenchError> {
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let mut digest = Digest { rows, ..Digest::default() };
    if !check {
        return Ok(digest);
    }
    let mut checksum = 0_u64;
    for batch in batches {
        let hashes = row_hashes(batch)?;
        checksum = hashes.iter().fold(checksum, |sum, hash| sum.wrapping_add(*hash));
        for name in COMPUTED {
            if let Some(column) = batch.column_by_name(name) {
                *digest.sums.entry(name.to_owned()).or_default() += weighted_sum(column, &hashes)?;
            }
        }
    }
    digest.checksum = Some(format!("{checksum:016x}"));
    Ok(digest)
}

/// The finalizer of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn row_hashes(batch: &RecordBatch) -> Result<Vec<u64>, BenchError> {
    let schema = batch.schema();
    let mut columns: Vec<(&String, &ArrayRef)> =
        schema.fields().iter().map(|field| field.name()).zip(batch.columns()).collect();
    columns.retain(|(name, _)| !COMPUTED.contains(&name.as_str()));
    columns.sort_by_key(|(name, _)| *name);
    let mut hashes = vec![0; batch.num_rows()];
    for (name, column) in columns {
        let bits = bits(name, column)?;
        for (hash, bits) in hashes.iter_mut().zip(bits) {
            *hash = mix(*hash ^ bits);
        }
    }
    Ok(hashes)
}

fn bits(name: &str, column: &ArrayRef) -> Result<Vec<u64>, BenchError> {
    if column.data_type().is_integer() {
        let values = cast(column, &DataType::Int64)?;
        let values = values.as_primitive::<Int64Type>();
        return Ok(values.iter().map(|value| value.map_or(NOTHING, i64::cast_unsigned)).collect());
    }
    if column.data_type().is_floating() {
        let values = cast(column, &DataType::Float64)?;
        let values = values.as_primitive::<Float64Type>();
        let bits = |value: f64| if value.is_nan() { NOTHING } else { (value + 0.0).to_bits() };
        return Ok(values.iter().map(|value| value.map_or(NOTHING, bits)).collect());
    }
    Err(BenchError::WrongAnswer(format!("column {name} is {}, expected a number", column.data_type())))
}

fn weighted_sum(column: &ArrayRef, hashes: &[u64]) -> Result<f64, BenchError> {
    let values = cast(column, &DataType::Float64)?;
    let values = values.as_primitive::<Float64Type>();
    let weighted = values.iter().zip(hashes).map(|(value, hash)| {
        let value = value.filter(|value| !value.is_nan()).unwrap_or_default();
        value * (1.0 + *hash as f64 / 2_f64.powi(64))
    });
    Ok(weighted.sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float32Array, Float64Array, Int32Array, Int64Array, StringArray};
    use std::sync::Arc;

    fn batch(ids: Vec<i64>, magnitudes: Vec<Option<f32>>, means: Vec<f64>) -> RecordBatch {
        let columns = [
            ("source_id", Arc::new(Int64Array::from(ids)) as ArrayRef),
            ("g", Arc::new(Float32Array::from(magnitudes)) as ArrayRef),
            ("mean", Arc::new(Float64Array::from(means)) as ArrayRef),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    /// The numbers are those that the Python side gives; see `the_python_side_agrees`.
    #[test]
    fn the_order_of_rows_and_batches_does_not_matter_and_everything_else_does() {
        let whole =
            digest(&[batch(vec![-5, 7, 9], vec![Some(1.5), None, Some(-0.0)], vec![0.25, 0.5, 3.0])], true).unwrap();
        let parts = [
            batch(vec![9], vec![Some(0.0)], vec![3.0]),
            batch(vec![7, -5], vec![Some(f32::NAN), Some(1.5)], vec![0.5, 0.25]),
        ];
        let parts = digest(&parts, true).unwrap();
        assert_eq!((whole.rows, &whole.checksum), (parts.rows, &parts.checksum));
        assert!((whole.sums["mean"] - parts.sums["mean"]).abs() < 1e-12);
        let swapped =
            digest(&[batch(vec![-5, 7, 9], vec![None, Some(1.5), Some(0.0)], vec![0.25, 0.5, 3.0])], true).unwrap();
        assert_ne!(whole.checksum, swapped.checksum);
        let means =
            digest(&[batch(vec![-5, 7, 9], vec![Some(1.5), None, Some(0.0)], vec![0.5, 0.25, 3.0])], true).unwrap();
        assert_eq!(whole.checksum, means.checksum);
        assert!((whole.sums["mean"] - means.sums["mean"]).abs() > 1e-3);
        assert_eq!(digest(&[], true).unwrap().checksum.unwrap(), "0000000000000000");
    }

    #[test]
    fn known_values() {
        // SplitMix64 with seed 0 begins with this number.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        assert!(bits("class", &text).is_err());
        let narrow: ArrayRef = Arc::new(Int32Array::from(vec![-1]));
        assert_eq!(bits("n", &narrow).unwrap(), [u64::MAX]);
    }

    #[test]
    fn the_python_side_agrees() {
        let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");
        let script = "import sys, json; sys.path.insert(0, sys.argv[1]); import numpy as np; from digest import digest\n\
            g = np.ma.array(np.array([1.5, 0, -0.0], 'f4'), mask=[0, 1, 0])\n\
            print(json.dumps(digest({'source_id': np.array([-5, 7, 9]), 'g': g, 'mean': np.array([.25, .5, 3.])}, True)))";
        let python = std::env::var("SIDEREUS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let output = std::process::Command::new(&python).args(["-B", "-c", script, peers]).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            eprintln!("skipped: {python} has no numpy");
            return;
        };
        let theirs: Digest = serde_json::from_slice(&output.stdout).unwrap();
        let ours = batch(vec![-5, 7, 9], vec![Some(1.5), None, Some(0.0)], vec![0.25, 0.5, 3.0]);
        let ours = digest(&[ours], true).unwrap();
        assert_eq!((ours.rows, ours.checksum), (theirs.rows, theirs.checksum));
        assert!((ours.sums["mean"] - theirs.sums["mean"]).abs() < 1e-12);
    }
}
