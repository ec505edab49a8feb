//! What can a function be called with?
//!
//! A [`Form`] lists the kinds of its arguments; [`coerce`] picks the form that a call has and names the Arrow types that
//! the arguments must be cast to. This module must not know any SQL function.

use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_datafusion_err};

use super::geometry_type::GeometryKind;

/// The kind of one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    /// Any numeric type, evaluated as `Float64`.
    Number,
    /// Any integer type, evaluated as `Int64`.
    Integer,
    /// A timestamp, a date, or a text that is one.
    Time,
    /// A pair of numbers: a column of intervals.
    Interval,
    /// A point.
    Point,
    /// Any geometry.
    Geometry,
    /// A character string.
    Text,
}

/// One way to call a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// These arguments.
    Exact(&'static [Argument]),
    /// These arguments, at least so many times over.
    Repeated(&'static [Argument], usize),
}

impl Form {
    /// The kind of one argument.
    pub(crate) fn argument(self, index: usize) -> Option<Argument> {
        match self {
            Self::Exact(pattern) => pattern.get(index).copied(),
            Self::Repeated(pattern, _) => pattern.get(index % pattern.len().max(1)).copied(),
        }
    }

    /// The types to cast to, where the call has this form.
    fn matches(self, types: &[DataType]) -> Option<Vec<DataType>> {
        let pattern = match self {
            Self::Exact(pattern) if types.len() == pattern.len() => pattern,
            Self::Repeated(pattern, least)
                if types.len().is_multiple_of(pattern.len()) && types.len() / pattern.len() >= least =>
            {
                pattern
            }
            Self::Exact(_) | Self::Repeated(..) => return None,
        };
        pattern.iter().cycle().zip(types).map(|(argument, found)| argument.accept(found)).collect()
    }
}

impl Argument {
    /// The type to cast a found type to; `None` when it is of another kind.
    fn accept(self, found: &DataType) -> Option<DataType> {
        let is_text = matches!(found, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
        match self {
            Self::Number if found.is_numeric() || found.is_null() => Some(DataType::Float64),
            Self::Integer if found.is_integer() || found.is_null() => Some(DataType::Int64),
            Self::Time if matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) => {
                Some(found.clone())
            }
            Self::Interval if found.is_null() => Some(GeometryKind::Point.data_type()),
            Self::Interval => is_pair(found).then(|| GeometryKind::Point.data_type()),
            Self::Text | Self::Time | Self::Geometry if is_text => Some(DataType::Utf8),
            Self::Text | Self::Time if found.is_null() => Some(DataType::Utf8),
            Self::Point if found.is_null() => Some(GeometryKind::Point.data_type()),
            Self::Point => (GeometryKind::of_shape(found) == Some(GeometryKind::Point)).then(|| found.clone()),
            Self::Geometry if found.is_null() => Some(DataType::Null),
            Self::Geometry => GeometryKind::of_shape(found).map(|_| found.clone()),
            Self::Number | Self::Integer | Self::Time | Self::Text => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Integer => "whole number",
            Self::Time => "timestamp",
            Self::Interval => "interval",
            Self::Point => "point",
            Self::Geometry => "geometry",
            Self::Text => "text",
        }
    }
}

/// Whether a type holds two numbers in every row.
fn is_pair(found: &DataType) -> bool {
    matches!(found, DataType::FixedSizeList(item, 2) if item.data_type().is_numeric())
}

/// The types that the arguments of a call must be cast to.
///
/// *Errors*: a call of none of the forms; the message lists them.
pub(crate) fn coerce(name: &str, forms: &[Form], types: &[DataType]) -> Result<Vec<DataType>> {
    forms.iter().find_map(|form| form.matches(types)).ok_or_else(|| {
        let expected: Vec<String> = forms.iter().map(|form| form.render(name)).collect();
        let found: Vec<String> = types.iter().map(ToString::to_string).collect();
        plan_datafusion_err!("{name} is called as {}, not with ({})", expected.join(" or "), found.join(", "))
    })
}

impl Form {
    fn render(self, name: &str) -> String {
        let (pattern, more) = match self {
            Self::Exact(pattern) => (pattern.to_vec(), ""),
            Self::Repeated(pattern, least) => (pattern.repeat(least), ", ..."),
        };
        let names: Vec<&str> = pattern.iter().map(|argument| argument.name()).collect();
        format!("{name}({}{more})", names.join(", "))
    }
}
