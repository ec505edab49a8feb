//! What was a function called with, seen as numbers, geometries and texts by row?
//!
//! An argument is one value for all rows (a literal, or what was folded to one) or an array. Functions read both
//! through the same accessors, so that constants are neither repeated nor looked at once a row. Nulls among the constants
//! have been answered before: every spatial function is strict.
//!
//! This module must not know any single SQL function.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, FieldRef, Float64Type, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use sidereus_sky::{Region, SkyError};

use super::geometry_type::{GeometryArray, GeometryKind, invalid};

/// The arguments of one call over a batch.
#[derive(Debug)]
pub(crate) struct Arguments {
    values: Vec<ColumnarValue>,
    fields: Vec<FieldRef>,
    rows: usize,
    constant: bool,
}

impl Arguments {
    /// Takes the arguments over; `None` when one of them is null in every row.
    pub(crate) fn new(call: ScalarFunctionArgs) -> Option<Self> {
        let constant = call.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let null = |value: &ColumnarValue| match value {
            ColumnarValue::Scalar(scalar) => scalar.is_null(),
            ColumnarValue::Array(array) => array.data_type() == &DataType::Null,
        };
        if call.args.iter().any(null) {
            return None;
        }
        Some(Self { constant, ..Self::with_nulls(call) })
    }

    /// Takes the arguments over, for a function that gives a null a meaning.
    pub(crate) fn with_nulls(call: ScalarFunctionArgs) -> Self {
        let constant = call.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { call.number_rows };
        Self { values: call.args, fields: call.arg_fields, rows, constant }
    }

    /// How many arguments there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// How many rows the result must have: one where every argument is constant.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The values that the function `name` made of these arguments as the result of its call.
    ///
    /// *Errors*: internal, when there are not as many values as rows.
    pub(crate) fn result(&self, name: &str, values: ArrayRef) -> Result<ColumnarValue> {
        let (found, rows) = (values.len(), self.rows);
        if found != rows {
            return Err(DataFusionError::Internal(format!("{name} returned {found} values for {rows} rows")));
        }
        if self.constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
        }
        Ok(ColumnarValue::Array(values))
    }

    /// Whether no argument differs between rows.
    pub(crate) fn is_constant(&self) -> bool {
        self.constant
    }

    /// Whether an argument holds a number, not a geometry.
    pub(crate) fn is_number(&self, index: usize) -> bool {
        self.values.get(index).is_some_and(|value| value.data_type() == DataType::Float64)
    }

    /// An argument that was coerced to a number.
    pub(crate) fn number(&self, index: usize) -> Result<Numbers<'_>> {
        match self.values.get(index) {
            Some(ColumnarValue::Scalar(ScalarValue::Float64(number))) => Ok(Numbers::Constant(*number)),
            Some(ColumnarValue::Array(array)) => {
                let numbers = array.as_primitive_opt::<Float64Type>().ok_or_else(|| unexpected("a number", array))?;
                Ok(Numbers::Array(numbers))
            }
            _ => Err(missing(index)),
        }
    }

    /// An argument that was coerced to a whole number.
    pub(crate) fn integer(&self, index: usize) -> Result<Integers<'_>> {
        match self.values.get(index) {
            Some(ColumnarValue::Scalar(ScalarValue::Int64(number))) => Ok(Integers::Constant(*number)),
            Some(ColumnarValue::Array(array)) => {
                let numbers =
                    array.as_primitive_opt::<Int64Type>().ok_or_else(|| unexpected("a whole number", array))?;
                Ok(Integers::Array(numbers))
            }
            _ => Err(missing(index)),
        }
    }

    /// An argument that was coerced to a text.
    pub(crate) fn text(&self, index: usize) -> Result<Texts> {
        let (array, constant) = self.array(index)?;
        let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected("a text", &array))?.clone();
        Ok(Texts { texts, constant })
    }

    /// An argument that holds a geometry.
    pub(crate) fn geometry(&self, index: usize) -> Result<Geometries> {
        let (array, constant) = self.array(index)?;
        let field = self.fields.get(index).ok_or_else(|| missing(index))?;
        let kind = GeometryKind::of(field).ok_or_else(|| unexpected("a geometry", &array))?;
        Ok(Geometries { array: GeometryArray::try_new(kind, array)?, constant })
    }

    /// What an impossible geometry is: an error where the query itself says it, else null.
    ///
    /// One bad row of a catalog must not end a query.
    pub(crate) fn settle<T>(&self, value: Result<T, SkyError>) -> Result<Option<T>> {
        settle(value, self.constant)
    }

    /// The same for a value that is wrong in another way: the message where the query itself says it, else null.
    pub(crate) fn refuse<T>(&self, message: impl FnOnce() -> String) -> Result<Option<T>> {
        if self.constant { exec_err!("{}", message()) } else { Ok(None) }
    }

    /// An argument as it came: its array, and whether its first value is that of all rows.
    pub(crate) fn array(&self, index: usize) -> Result<(ArrayRef, bool)> {
        match self.values.get(index) {
            Some(ColumnarValue::Array(array)) => Ok((ArrayRef::clone(array), false)),
            Some(ColumnarValue::Scalar(scalar)) => Ok((scalar.to_array()?, true)),
            None => Err(missing(index)),
        }
    }
}

fn settle<T>(value: Result<T, SkyError>, constant: bool) -> Result<Option<T>> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(error) if constant => Err(invalid(&error)),
        Err(_) => Ok(None),
    }
}

fn missing(index: usize) -> DataFusionError {
    DataFusionError::Internal(format!("argument {} was not coerced", index + 1))
}

fn unexpected(expected: &str, array: &dyn Array) -> DataFusionError {
    exec_datafusion_err!("expected {expected}, found a value of type {}", array.data_type())
}

/// A number a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers<'a> {
    /// The same in every row.
    Constant(Option<f64>),
    /// One a row.
    Array(&'a Float64Array),
}

impl Numbers<'_> {
    /// The number of a row; `None` where it is null.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        match self {
            Self::Constant(number) => *number,
            Self::Array(numbers) => numbers.is_valid(row).then(|| numbers.value(row)),
        }
    }
}

/// A whole number a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Integers<'a> {
    /// The same in every row.
    Constant(Option<i64>),
    /// One a row.
    Array(&'a Int64Array),
}

impl Integers<'_> {
    /// The number of a row; `None` where it is null.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::Constant(number) => *number,
            Self::Array(numbers) => numbers.is_valid(row).then(|| numbers.value(row)),
        }
    }
}

/// A text a row.
#[derive(Debug)]
pub(crate) struct Texts {
    texts: StringArray,
    constant: bool,
}

impl Texts {
    /// The text of a row; `None` where it is null.
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        let row = if self.constant { 0 } else { row };
        self.texts.is_valid(row).then(|| self.texts.value(row))
    }
}

/// A geometry a row.
#[derive(Debug)]
pub(crate) struct Geometries {
    array: GeometryArray,
    constant: bool,
}

impl Geometries {
    /// The kind of all of them.
    pub(crate) fn kind(&self) -> GeometryKind {
        self.array.kind()
    }

    /// Whether all rows have the same one.
    pub(crate) fn is_constant(&self) -> bool {
        self.constant
    }

    /// Whether a row has none.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(if self.constant { 0 } else { row })
    }

    /// Longitude and latitude of a row's point; `None` where it is null or no position, or where the kind is another.
    #[inline]
    pub(crate) fn position(&self, row: usize) -> Option<(f64, f64)> {
        self.array.position(if self.constant { 0 } else { row })
    }

    /// The text of a row's region; `None` where it is null or the kind is another.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        self.array.text(if self.constant { 0 } else { row })
    }

    /// The geometry of a row; `None` where it is null, or impossible in a column.
    ///
    /// *Errors*: an impossible constant.
    pub(crate) fn region(&self, row: usize) -> Result<Option<Region>> {
        let row = if self.constant { 0 } else { row };
        self.array.region(row).map_or_else(|error| settle(Err(error), self.constant), Ok)
    }
}
