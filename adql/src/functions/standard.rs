//! The functions of ADQL 2.1 other than geometry (sections 2.3 and 4.3 to 4.6).

use super::{Feature, Form, FunctionClass, FunctionEntry, Kind};
use crate::request::Label;
use Kind::{Any, Integer, Number, Text};

const NONE: &[Form] = &[Form::of(&[])];
const ONE: &[Form] = &[Form::of(&[Number])];
const TWO: &[Form] = &[Form::of(&[Number, Number])];
const ROUNDING: &[Form] = &[Form::optional(&[Number, Integer], 1)];
const ONE_TEXT: &[Form] = &[Form::of(&[Text])];
const ONE_ANY: &[Form] = &[Form::of(&[Any])];

const fn math(name: &'static str, lowered: &'static str, forms: &'static [Form]) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, Number)
}

const fn aggregate(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).class(FunctionClass::Aggregate)
}

pub(super) const FUNCTIONS: &[FunctionEntry] = &[
    math("ABS", "abs", ONE),
    math("ACOS", "acos", ONE),
    math("ASIN", "asin", ONE),
    math("ATAN", "atan", ONE),
    math("ATAN2", "atan2", TWO),
    math("CEILING", "ceil", ONE),
    math("COS", "cos", ONE),
    math("COT", "cot", ONE),
    math("DEGREES", "degrees", ONE),
    math("EXP", "exp", ONE),
    math("FLOOR", "floor", ONE),
    // Natural in ADQL, to base 10 in Postgres.
    math("LOG", "ln", ONE).label(Label::Adql),
    math("LOG", "log10", ONE).label(Label::Sql),
    math("LOG10", "log10", ONE),
    math("MOD", "adql_mod", TWO),
    math("PI", "pi", NONE),
    math("POWER", "power", TWO),
    math("RADIANS", "radians", ONE),
    // The seed has no defined meaning in the standard: it is taken and left out.
    math("RAND", "random", &[Form::optional(&[Integer], 1)]),
    math("ROUND", "round", ROUNDING),
    math("SIN", "sin", ONE),
    math("SQRT", "sqrt", ONE),
    math("TAN", "tan", ONE),
    math("TRUNCATE", "trunc", ROUNDING),
    aggregate("AVG", "avg", ONE, Number),
    aggregate("COUNT", "count", ONE_ANY, Integer),
    aggregate("MAX", "max", ONE_ANY, Any),
    aggregate("MIN", "min", ONE_ANY, Any),
    aggregate("SUM", "sum", ONE, Number),
    FunctionEntry::new("LOWER", "lower", ONE_TEXT, Text).feature(Feature::String),
    FunctionEntry::new("UPPER", "upper", ONE_TEXT, Text).feature(Feature::String),
    FunctionEntry::new("COALESCE", "coalesce", &[Form::repeated(&[], &[Any], 1)], Any).feature(Feature::Conditional),
    FunctionEntry::new("IN_UNIT", "in_unit", &[Form::of(&[Number, Text])], Number).feature(Feature::Unit),
];
