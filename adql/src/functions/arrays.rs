//! Functions of arrays of numbers, declared as an extension: GAVO DaCHS's names, and those of SQL.

use super::{Form, FunctionEntry, Kind};
use crate::extensions::Extension;
use Kind::{Any, Array, Integer, Number};

const ONE: &[Form] = &[Form::of(&[Array])];
const TWO: &[Form] = &[Form::of(&[Array, Array])];
// An array on one side at least.
const SIDES: &[Form] = &[Form::of(&[Array, Array]), Form::of(&[Array, Number]), Form::of(&[Number, Array])];

const fn array(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Arrays)
}

pub(super) const FUNCTIONS: &[FunctionEntry] = &[
    array("ARRAY_ITEM", "array_item", &[Form::of(&[Array, Integer])], Any),
    array("ARRAY_LENGTH", "array_cardinality", ONE, Integer),
    array("ARRAY_MINUS", "array_minus", SIDES, Array),
    array("ARRAY_OF", "array_of", &[Form::repeated(&[], &[Number], 1)], Array),
    array("ARRAY_OVER", "array_over", SIDES, Array),
    array("ARRAY_PLUS", "array_plus", SIDES, Array),
    array("ARRAY_TIMES", "array_times", SIDES, Array),
    array("ARR_AVG", "arr_avg", ONE, Number),
    array("ARR_COUNT", "arr_count", ONE, Integer),
    array("ARR_DOT", "arr_dot", TWO, Number),
    array("ARR_MAX", "arr_max", ONE, Number),
    array("ARR_MIN", "arr_min", ONE, Number),
    array("ARR_STDDEV", "arr_stddev", ONE, Number),
    array("ARR_SUM", "arr_sum", ONE, Number),
    array("CARDINALITY", "array_cardinality", ONE, Integer),
];
