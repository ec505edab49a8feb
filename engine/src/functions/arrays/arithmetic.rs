//! `a + b`, `a - b`, `a * b`, `a / b` where a side is an array: item by item, or each item with a number.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::ArrayFunction;
use super::lists::{Column, Doubles, Lists, doubles, doubles_like, is_numeric_list};
use crate::functions::documentation::array_page;

/// One operator.
///
/// *Nulls*: a null array or number gives null, a null item a null item. *Errors*: arrays of different lengths. *Source*:
/// GAVO DaCHS's extension VECTORMATH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Plus,
    Minus,
    Times,
    Over,
}

/// Every operator.
pub(super) const ALL: [Arithmetic; 4] = [Arithmetic::Plus, Arithmetic::Minus, Arithmetic::Times, Arithmetic::Over];

impl Arithmetic {
    fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Plus => a + b,
            Self::Minus => a - b,
            Self::Times => a * b,
            Self::Over => a / b,
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Over => "/",
        }
    }
}

impl ArrayFunction for Arithmetic {
    fn name(&self) -> &'static str {
        match self {
            Self::Plus => "array_plus",
            Self::Minus => "array_minus",
            Self::Times => "array_times",
            Self::Over => "array_over",
        }
    }

    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let coerced = |kind: &DataType| {
            if is_numeric_list(kind) {
                return Ok(doubles_like(kind));
            }
            if kind.is_numeric() || kind.is_null() {
                return Ok(DataType::Float64);
            }
            plan_err!("an array can be combined by {} with an array or a number, not with {kind}", self.symbol())
        };
        types.iter().map(coerced).collect()
    }

    fn returned(&self, types: &[DataType]) -> DataType {
        let mut lists = types.iter().filter(|kind| is_numeric_list(kind));
        match (lists.next(), lists.next()) {
            (Some(kind), None) => kind.clone(),
            (Some(kind), Some(other)) if kind == other => kind.clone(),
            _ => doubles(),
        }
    }

    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let types: Vec<DataType> = arguments.iter().map(ColumnarValue::data_type).collect();
        let kind = self.returned(&types);
        let (left, right) = (Operand::of(&arguments[0])?, Operand::of(&arguments[1])?);
        let mut result = Doubles::default();
        for row in 0..rows {
            let (Some(a), Some(b)) = (left.items(row)?, right.items(row)?) else {
                result.null(&kind);
                continue;
            };
            let length = match (a.length(), b.length()) {
                (Some(a), Some(b)) if a != b => {
                    return exec_err!("arrays of {a} and of {b} items cannot be combined by {}", self.symbol());
                }
                (a, b) => a.or(b).unwrap_or(0),
            };
            result.append((0..length).map(|index| Some(self.apply(a.get(index)?, b.get(index)?))));
        }
        result.finish(&kind)
    }

    fn documentation(&self) -> Documentation {
        let (name, symbol) = (self.name().to_uppercase(), self.symbol());
        let example = format!("SELECT ARRAY[1, 2, 3] {symbol} ARRAY[2, 4, 8], ARRAY[1, 2, 3] {symbol} 2");
        array_page(
            &format!("What `a {symbol} b` means where one of them is an array: item by item, in double precision."),
            &format!("a {symbol} b"),
        )
        .with_alternative_syntax(format!("{name}(a, b)"))
        .with_argument("a, b", "arrays of one length, or an array and a number")
        .with_sql_example(example)
        .build()
    }
}

/// One side.
#[derive(Debug)]
enum Operand {
    Lists(Lists),
    Numbers(Column),
}

/// One side in one row.
enum Items<'a> {
    List(&'a arrow::array::Float64Array, std::ops::Range<usize>),
    Number(f64),
}

impl Operand {
    fn of(argument: &ColumnarValue) -> Result<Self> {
        if is_numeric_list(&argument.data_type()) {
            return Ok(Self::Lists(Lists::of(argument)?));
        }
        Ok(Self::Numbers(Column::of(argument)?))
    }

    fn items(&self, row: usize) -> Result<Option<Items<'_>>> {
        Ok(match self {
            Self::Lists(lists) => {
                let numbers = lists.numbers()?;
                lists.range(row).map(|range| Items::List(numbers, range))
            }
            Self::Numbers(numbers) => numbers.double(row).map(Items::Number),
        })
    }
}

impl Items<'_> {
    fn length(&self) -> Option<usize> {
        match self {
            Self::List(_, range) => Some(range.len()),
            Self::Number(_) => None,
        }
    }

    fn get(&self, index: usize) -> Option<f64> {
        match self {
            Self::List(numbers, range) => {
                let at = range.start + index;
                numbers.is_valid(at).then(|| numbers.value(at))
            }
            Self::Number(number) => Some(*number),
        }
    }
}
