//! Ordinary SQL functions beyond ADQL, declared as extensions.
//!
//! Listed is what cannot harm: nothing that makes a long value from a short one (`repeat`, `lpad`), no list functions,
//! nothing that reads files or settings.

use super::{Form, FunctionClass, FunctionEntry, Kind};
use crate::extensions::Extension;
use crate::request::Label;
use Kind::{Any, Boolean, Integer, Number, Text, Timestamp};

const NONE: &[Form] = &[Form::of(&[])];
const ONE: &[Form] = &[Form::of(&[Number])];
const TWO: &[Form] = &[Form::of(&[Number, Number])];
const TWO_BITS: &[Form] = &[Form::of(&[Integer, Integer])];
const ONE_TEXT: &[Form] = &[Form::of(&[Text])];
const TWO_TEXTS: &[Form] = &[Form::of(&[Text, Text])];
const TRIMMING: &[Form] = &[Form::optional(&[Text, Text], 1)];
const ONE_ANY: &[Form] = &[Form::of(&[Any])];
const SOME: &[Form] = &[Form::repeated(&[], &[Any], 1)];
const PATTERN: &[Form] = &[Form::optional(&[Text, Text, Text], 1)];
const TIME: &[Form] = &[Form::optional(&[Any, Text], 1)];
const SHIFTED: &[Form] = &[Form::optional(&[Any, Integer, Any], 2)];

const fn math(name: &'static str, lowered: &'static str, forms: &'static [Form]) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, Number).extension(Extension::MathFunctions)
}

const fn bits(name: &'static str, forms: &'static [Form]) -> FunctionEntry {
    FunctionEntry::new(name, "bitwise", forms, Integer).extension(Extension::BitOperators)
}

const fn choice(name: &'static str, lowered: &'static str, forms: &'static [Form]) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, Any).extension(Extension::ChoiceFunctions)
}

const fn text(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::StringFunctions)
}

const fn time(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Dates)
}

const fn aggregate(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    let entry = FunctionEntry::new(name, lowered, forms, returns).class(FunctionClass::Aggregate);
    entry.extension(Extension::Statistics)
}

const fn window(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    let entry = FunctionEntry::new(name, lowered, forms, returns).class(FunctionClass::Window);
    entry.extension(Extension::WindowFunctions)
}

pub(super) const FUNCTIONS: &[FunctionEntry] = &[
    math("ACOSH", "acosh", ONE),
    math("ASINH", "asinh", ONE),
    math("ATANH", "atanh", ONE),
    math("CBRT", "cbrt", ONE),
    math("CEIL", "ceil", ONE),
    math("COSH", "cosh", ONE),
    math("LN", "ln", ONE),
    math("LOG2", "log2", ONE),
    // A seed, and what the number depends on.
    math("HASH_FRACTION", "hash_fraction", &[Form::repeated(&[Integer], &[Any], 1)]),
    math("MODULO", "adql_mod", TWO),
    math("NANVL", "nanvl", TWO),
    math("POW", "power", TWO),
    math("RANDOM", "random", NONE),
    math("SIGN", "signum", ONE),
    math("SIGNUM", "signum", ONE),
    math("SINH", "sinh", ONE),
    math("TANH", "tanh", ONE),
    math("TRUNC", "trunc", &[Form::optional(&[Number, Integer], 1)]),
    FunctionEntry::new("ISNAN", "isnan", ONE, Boolean).extension(Extension::MathFunctions),
    FunctionEntry::new("ISZERO", "iszero", ONE, Boolean).extension(Extension::MathFunctions),
    // The draft of ADQL 2.1 had these; they become operators.
    bits("BITWISE_AND", TWO_BITS),
    bits("BITWISE_LSHIFT", TWO_BITS),
    bits("BITWISE_NOT", &[Form::of(&[Integer])]),
    bits("BITWISE_OR", TWO_BITS),
    bits("BITWISE_RSHIFT", TWO_BITS),
    bits("BITWISE_XOR", TWO_BITS),
    // Values of several columns.
    choice("GREATEST", "greatest", SOME),
    choice("LEAST", "least", SOME),
    choice("NULLIF", "nullif", &[Form::of(&[Any, Any])]),
    choice("NVL", "nvl", &[Form::of(&[Any, Any])]),
    // Strings.
    text("ASCII", "ascii", ONE_TEXT, Integer),
    text("BTRIM", "btrim", TRIMMING, Text),
    text("CHAR_LENGTH", "character_length", ONE_TEXT, Integer),
    text("CHARACTER_LENGTH", "character_length", ONE_TEXT, Integer),
    text("CHR", "chr", &[Form::of(&[Integer])], Text),
    text("CONCAT", "concat", SOME, Text),
    text("CONCAT_WS", "concat_ws", &[Form::repeated(&[Text], &[Any], 1)], Text),
    text("ENDS_WITH", "ends_with", TWO_TEXTS, Boolean),
    text("INITCAP", "initcap", ONE_TEXT, Text),
    text("LEFT", "left", &[Form::of(&[Text, Integer])], Text),
    text("LENGTH", "character_length", ONE_TEXT, Integer),
    text("LTRIM", "ltrim", TRIMMING, Text),
    text("OCTET_LENGTH", "octet_length", ONE_TEXT, Integer),
    text("REGEXP_COUNT", "regexp_count", TWO_TEXTS, Integer),
    text("REGEXP_LIKE", "regexp_like", PATTERN, Boolean),
    text("REGEXP_REPLACE", "regexp_replace", &[Form::optional(&[Text, Text, Text, Text], 1)], Text),
    text("REPLACE", "replace", &[Form::of(&[Text, Text, Text])], Text),
    text("REVERSE", "reverse", ONE_TEXT, Text),
    text("RIGHT", "right", &[Form::of(&[Text, Integer])], Text),
    text("RTRIM", "rtrim", TRIMMING, Text),
    text("SPLIT_PART", "split_part", &[Form::of(&[Text, Text, Integer])], Text),
    text("STARTS_WITH", "starts_with", TWO_TEXTS, Boolean),
    text("STRPOS", "strpos", TWO_TEXTS, Integer),
    text("TRANSLATE", "translate", &[Form::of(&[Text, Text, Text])], Text),
    // Written with grammar of their own (`SUBSTRING(x FROM 1 FOR 2)`); the planner calls these.
    text("POSITION", "strpos", TWO_TEXTS, Integer),
    text("SUBSTR", "substr", &[Form::optional(&[Text, Integer, Integer], 1)], Text),
    text("SUBSTRING", "substr", &[Form::optional(&[Text, Integer, Integer], 1)], Text),
    text("TRIM", "btrim", TRIMMING, Text),
    text("OVERLAY", "overlay", &[Form::optional(&[Text, Text, Integer, Integer], 1)], Text),
    time("EXTRACT", "date_part", &[Form::of(&[Text, Any])], Number),
    // Dates and times.
    time("CURRENT_DATE", "current_date", NONE, Timestamp),
    time("CURRENT_TIME", "current_time", NONE, Timestamp),
    time("CURRENT_TIMESTAMP", "now", NONE, Timestamp),
    time("DATE_BIN", "date_bin", &[Form::optional(&[Any, Any, Any], 1)], Timestamp),
    time("DATE_PART", "date_part", &[Form::of(&[Text, Any])], Number),
    time("DATE_TRUNC", "date_trunc", &[Form::of(&[Text, Any])], Timestamp),
    time("MAKE_DATE", "make_date", &[Form::of(&[Integer, Integer, Integer])], Timestamp),
    time("NOW", "now", NONE, Timestamp),
    time("TO_CHAR", "to_char", &[Form::of(&[Any, Text])], Text),
    time("TO_DATE", "to_date", TIME, Timestamp),
    time("TO_TIMESTAMP", "to_timestamp", TIME, Timestamp),
    time("TO_UNIXTIME", "to_unixtime", TIME, Integer),
    // Aggregates.
    aggregate("APPROX_DISTINCT", "approx_distinct", ONE_ANY, Integer),
    aggregate("APPROX_MEDIAN", "approx_median", ONE, Number),
    aggregate(
        "APPROX_PERCENTILE_CONT",
        "approx_percentile_cont",
        &[Form::optional(&[Number, Number, Integer], 2)],
        Number,
    ),
    aggregate("BIT_AND", "bit_and", ONE, Integer),
    aggregate("BIT_OR", "bit_or", ONE, Integer),
    aggregate("BIT_XOR", "bit_xor", ONE, Integer),
    aggregate("BOOL_AND", "bool_and", &[Form::of(&[Boolean])], Boolean),
    aggregate("BOOL_OR", "bool_or", &[Form::of(&[Boolean])], Boolean),
    aggregate("CORR", "corr", TWO, Number),
    aggregate("COVAR", "covar_samp", TWO, Number),
    aggregate("COVAR_POP", "covar_pop", TWO, Number),
    aggregate("COVAR_SAMP", "covar_samp", TWO, Number),
    aggregate("MEAN", "avg", ONE, Number),
    aggregate("MEDIAN", "percentile", ONE, Number),
    aggregate("PERCENTILE", "percentile", TWO, Number).without_window(),
    // The values stand in WITHIN GROUP (ORDER BY value).
    aggregate("PERCENTILE_CONT", "percentile", ONE, Number).without_window(),
    aggregate("PERCENTILE_DISC", "percentile", ONE, Number).without_window(),
    aggregate("REGR_AVGX", "regr_avgx", TWO, Number),
    aggregate("REGR_AVGY", "regr_avgy", TWO, Number),
    aggregate("REGR_COUNT", "regr_count", TWO, Integer),
    aggregate("REGR_INTERCEPT", "regr_intercept", TWO, Number),
    aggregate("REGR_R2", "regr_r2", TWO, Number),
    aggregate("REGR_SLOPE", "regr_slope", TWO, Number),
    aggregate("STDDEV", "stddev", ONE, Number),
    aggregate("STDDEV_POP", "stddev_pop", ONE, Number),
    aggregate("STDDEV_SAMP", "stddev", ONE, Number),
    aggregate("VAR", "var", ONE, Number),
    aggregate("VAR_POP", "var_pop", ONE, Number),
    aggregate("VAR_SAMP", "var", ONE, Number),
    aggregate("VARIANCE", "var", ONE, Number),
    // Windows.
    window("CUME_DIST", "cume_dist", NONE, Number),
    window("DENSE_RANK", "dense_rank", NONE, Integer),
    window("FIRST_VALUE", "first_value", ONE_ANY, Any),
    window("LAG", "lag", SHIFTED, Any),
    window("LAST_VALUE", "last_value", ONE_ANY, Any),
    window("LEAD", "lead", SHIFTED, Any),
    window("NTH_VALUE", "nth_value", &[Form::of(&[Any, Integer])], Any),
    window("NTILE", "ntile", &[Form::of(&[Integer])], Integer),
    window("PERCENT_RANK", "percent_rank", NONE, Number),
    window("RANK", "rank", NONE, Integer),
    window("ROW_NUMBER", "row_number", NONE, Integer),
    time("CLOCK_TIMESTAMP", "now", NONE, Timestamp).label(Label::Sql),
];
