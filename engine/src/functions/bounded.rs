//! How large may a text become that a query makes?
//!
//! Some functions make a text that is longer than what they are given; nested, or with a long replacement, a short query
//! could ask for more than the machine has. [`BoundTextSize`] runs after type coercion and puts each of them, and `||`, into a
//! [`Bounded`] call, which looks at the lengths of a batch before it lets the function work:
//!
//! ```text
//! fits surely            -> evaluate the batch
//! may not fit            -> evaluate half of the rows, then the other half, and count what came out
//! one row may not fit    -> "replace would make a text of more than 64 MiB"
//! ```
//! All results of a batch together stay below [`BATCH_BYTES`], one result below [`TEXT_BYTES`].
//!
//! This module must not know where a query comes from.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::functions::{core, datetime, regex, string};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Documentation, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::optimizer::AnalyzerRule;

use super::rewrite::rewrite_expressions;
use super::text_concat::text_concat;

/// Bytes of one text that a function makes.
const TEXT_BYTES: usize = 64 << 20;

/// Bytes of all texts that a function makes of one batch.
const BATCH_BYTES: usize = 256 << 20;

/// How much longer than its arguments a result can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// As long as all arguments together, and as many separators as there are arguments.
    Joined,
    /// The third argument for every place where the second is in the first.
    Replaced,
    /// The third argument for each character of the first and once more, and what it repeats of the first.
    Rewritten,
    /// A pattern whose letters stand for words.
    Formatted,
}

/// The functions of DataFusion that make a text longer than they are given.
static GROWING: LazyLock<Vec<(Arc<ScalarUDF>, Growth)>> = LazyLock::new(|| {
    vec![
        (string::concat(), Growth::Joined),
        (string::concat_ws(), Growth::Joined),
        (core::overlay(), Growth::Joined),
        (string::replace(), Growth::Replaced),
        (regex::regexp_replace(), Growth::Rewritten),
        (datetime::to_char(), Growth::Formatted),
    ]
});

/// Puts functions that make long texts, and `||`, into calls that bound them.
#[derive(Debug, Default)]
pub(crate) struct BoundTextSize;

impl AnalyzerRule for BoundTextSize {
    fn name(&self) -> &str {
        "bound_text_size"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, bound)
    }
}

fn bound(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            if !left.get_type(schema)?.is_string() || !right.get_type(schema)?.is_string() {
                let unchanged = BinaryExpr { left, op: Operator::StringConcat, right };
                return Ok(Transformed::no(Expr::BinaryExpr(unchanged)));
            }
            let joined = Bounded { function: text_concat(), growth: Growth::Joined };
            Ok(Transformed::yes(ScalarUDF::new_from_impl(joined).call(vec![*left, *right])))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => match bounded(&func) {
            Some(bounded) => Ok(Transformed::yes(bounded.call(args))),
            None => Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args }))),
        },
        other => Ok(Transformed::no(other)),
    }
}

/// The bounded form of a function that makes long texts; `None` for any other.
fn bounded(function: &Arc<ScalarUDF>) -> Option<ScalarUDF> {
    let (_, growth) = GROWING.iter().find(|(growing, _)| growing == function)?;
    Some(ScalarUDF::new_from_impl(Bounded { function: Arc::clone(function), growth: *growth }))
}

/// A function whose results are bounded; its name and types are those of the function.
///
/// *Cost*: the lengths of a batch are added up before it is evaluated. *Errors*: a result beyond the bounds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    function: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.function.schema_name(args)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.function.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<arrow::datatypes::FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.function.is_strict()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(arg_types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let bounds = self.bounds(&args.args, rows);
        if bounds.iter().fold(0_usize, |sum, bound| sum.saturating_add(*bound)) <= BATCH_BYTES
            && bounds.iter().all(|bound| *bound <= TEXT_BYTES)
        {
            return self.function.invoke_with_args(args);
        }
        let mut made = Made::default();
        self.in_parts(&args, 0..rows, &bounds, &mut made)?;
        let parts: Vec<&dyn Array> = made.parts.iter().map(AsRef::as_ref).collect();
        let array = concat(&parts)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// What was evaluated so far.
#[derive(Debug, Default)]
struct Made {
    parts: Vec<ArrayRef>,
    bytes: usize,
}

impl Bounded {
    /// The most bytes that each row's result can have.
    fn bounds(&self, args: &[ColumnarValue], rows: usize) -> Vec<usize> {
        let texts: Vec<Texts<'_>> = args.iter().map(Texts::of).collect();
        let of_row = |row: usize| {
            let text = |index: usize| texts.get(index).map_or("", |texts| texts.get(row));
            let all = texts.iter().map(|texts| texts.bytes(row)).fold(0_usize, usize::saturating_add);
            match self.growth {
                Growth::Joined => all.saturating_add(texts.len().saturating_mul(text(0).len())),
                Growth::Replaced => {
                    let replaced = text(0).matches(text(1)).count();
                    text(0).len().saturating_add(replaced.saturating_mul(text(2).len()))
                }
                Growth::Rewritten => (text(0).len() + 1).saturating_mul(text(2).len().saturating_mul(2).max(1)),
                Growth::Formatted => all.saturating_mul(16),
            }
        };
        (0..rows).map(of_row).collect()
    }

    fn in_parts(
        &self,
        args: &ScalarFunctionArgs,
        rows: std::ops::Range<usize>,
        bounds: &[usize],
        made: &mut Made,
    ) -> Result<()> {
        let bound = bounds[rows.clone()].iter().fold(0_usize, |sum, bound| sum.saturating_add(*bound));
        if bound <= TEXT_BYTES {
            let part = self.evaluate(args, &rows)?;
            made.bytes += part.get_array_memory_size();
            made.parts.push(part);
            if made.bytes > BATCH_BYTES {
                return exec_err!("{} would make texts of more than {} MiB", self.name(), BATCH_BYTES >> 20);
            }
            return Ok(());
        }
        if rows.len() <= 1 {
            return exec_err!("{} would make a text of more than {} MiB", self.name(), TEXT_BYTES >> 20);
        }
        let middle = rows.start + rows.len() / 2;
        self.in_parts(args, rows.start..middle, bounds, made)?;
        self.in_parts(args, middle..rows.end, bounds, made)
    }

    fn evaluate(&self, args: &ScalarFunctionArgs, rows: &std::ops::Range<usize>) -> Result<ArrayRef> {
        let part = |value: &ColumnarValue| match value {
            ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(rows.start, rows.len())),
            ColumnarValue::Scalar(scalar) => ColumnarValue::Scalar(scalar.clone()),
        };
        let call =
            ScalarFunctionArgs { args: args.args.iter().map(part).collect(), number_rows: rows.len(), ..args.clone() };
        self.function
            .invoke_with_args(call)?
            .into_array(rows.len())
            .map_err(|error| exec_datafusion_err!("{}: {error}", self.name()))
    }
}

/// Bytes that a value takes where it is no text.
const OTHER_BYTES: usize = 64;

/// An argument, read as text by row.
enum Texts<'a> {
    Constant(Option<&'a str>),
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    View(&'a StringViewArray),
    Other,
}

impl<'a> Texts<'a> {
    fn of(value: &'a ColumnarValue) -> Self {
        match value {
            ColumnarValue::Scalar(scalar) => scalar.try_as_str().map_or(Self::Other, Self::Constant),
            ColumnarValue::Array(array) => match array.data_type() {
                DataType::Utf8 => Self::Utf8(array.as_string()),
                DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
                DataType::Utf8View => Self::View(array.as_string_view()),
                _ => Self::Other,
            },
        }
    }

    /// The text of a row; empty where it is null or no text.
    fn get(&self, row: usize) -> &'a str {
        match self {
            Self::Constant(text) => text.unwrap_or_default(),
            Self::Utf8(texts) if texts.is_valid(row) => texts.value(row),
            Self::LargeUtf8(texts) if texts.is_valid(row) => texts.value(row),
            Self::View(texts) if texts.is_valid(row) => texts.value(row),
            Self::Utf8(_) | Self::LargeUtf8(_) | Self::View(_) | Self::Other => "",
        }
    }

    fn bytes(&self, row: usize) -> usize {
        if matches!(self, Self::Other) { OTHER_BYTES } else { self.get(row).len() }
    }
}
