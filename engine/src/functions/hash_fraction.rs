//! `hash_fraction(seed, value, ..)`: a number in [0, 1) that looks drawn, and is the same for the same values (`HASH_FRACTION`).
//!
//! The values of a row are written in the row format of Arrow, whose bytes are equal where the values are; these are
//! hashed. This module must not know what the numbers are for.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::documentation::number_page;

/// Rows that are converted at once: a row of long texts takes memory.
const ROWS_AT_ONCE: usize = 1024;

/// Hashes the values of a row.
///
/// *Nulls*: a null is a value like others, so the result is never null. *Cost*: the values are copied once, 1024 rows at a
/// time. *Source*: the hash is FNV-1a (64 bits) with the finalizer of SplitMix64.
#[derive(Debug)]
pub(crate) struct HashFraction {
    signature: Signature,
    documentation: Documentation,
}

impl HashFraction {
    /// The function.
    pub(crate) fn udf() -> Arc<ScalarUDF> {
        let documentation = number_page(
            "A number from 0 to 1 (never 1) that depends on nothing but its arguments, and looks drawn at random: a \
             condition on it takes the same part of a table each time.",
            "HASH_FRACTION(seed, value, ...)",
        )
        .with_argument("seed", "a whole number: each gives other numbers")
        .with_argument("value", "what the number depends on, such as an identifier; null is a value like others")
        .with_sql_example(
            "SELECT HASH_FRACTION(1, 4295806720) = HASH_FRACTION(1, 4295806720), HASH_FRACTION(2, 4295806720) < 1",
        )
        .build();
        let function = Self { signature: Signature::variadic_any(Volatility::Immutable), documentation };
        Arc::new(ScalarUDF::new_from_impl(function))
    }
}

impl PartialEq for HashFraction {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for HashFraction {}

impl std::hash::Hash for HashFraction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for HashFraction {
    fn name(&self) -> &str {
        "hash_fraction"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        if let Some(kind) = arg_types.iter().find(|kind| !RowConverter::supports_fields(&[field(kind)])) {
            return plan_err!("hash_fraction cannot look at values of type {kind}");
        }
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let converter = RowConverter::new(args.args.iter().map(|value| field(&value.data_type())).collect())?;
        let mut fractions = Vec::with_capacity(rows);
        for first in (0..rows).step_by(ROWS_AT_ONCE) {
            let length = ROWS_AT_ONCE.min(rows - first);
            let part = |value: &ColumnarValue| match value {
                ColumnarValue::Array(array) => Ok(array.slice(first, length)),
                ColumnarValue::Scalar(scalar) => scalar.to_array_of_size(length),
            };
            let columns = args.args.iter().map(part).collect::<Result<Vec<ArrayRef>>>()?;
            let converted = converter.convert_columns(&columns)?;
            fractions.extend(converted.iter().map(|row| fraction(row.as_ref())));
        }
        let fractions = Float64Array::from(fractions);
        if !constant {
            return Ok(ColumnarValue::Array(Arc::new(fractions)));
        }
        let value = fractions.values().first().ok_or_else(|| exec_datafusion_err!("hash_fraction made no value"))?;
        Ok(ColumnarValue::Scalar((*value).into()))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn field(kind: &DataType) -> SortField {
    SortField::new(kind.clone())
}

/// The upper 53 bits of a hash of the bytes.
fn fraction(bytes: &[u8]) -> f64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, fnv);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
