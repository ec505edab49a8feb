//! In which unit is an expression, and how does a value get into another one?
//!
//! ```text
//!  IN_UNIT(pmra, 'deg.yr**-1')   ->  IN_UNIT(pmra / 3600000.0, 'deg.yr**-1'), whose call the lowering takes away
//! ```
//!
//! Units are inferred where the scopes are at hand, from columns upwards, by rules that never claim too much: a sum of
//! different units has none, nor has a value multiplied by what looks like a conversion (`DISTANCE(..) * 3600`). Knows no
//! table beyond [`TableNames::unit`](crate::TableNames::unit).

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, UnaryOperator,
    Value,
};

use super::Binder;
use crate::functions::find_function;
use crate::kinds::type_kind;
use crate::names::TableNames;
use crate::scope::ColumnUnit;
use crate::units::{Factor, Unit, parse_loosely, parse_strictly};
use crate::walk::{arguments, bare};

/// What is known of an expression's unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Inferred {
    /// Nothing.
    Unknown,
    /// A constant: it goes with any unit.
    Constant,
    /// This.
    Known(Unit),
}

impl Binder<'_, '_> {
    /// The unit of an expression whose names are bound.
    pub(crate) fn unit_of(&self, expr: &Expr) -> Inferred {
        match expr {
            Expr::Identifier(ident) => self.unit_of_column(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => self.unit_of_column(idents),
            Expr::Value(value) => match value.value {
                Value::Number(..) | Value::Null => Inferred::Constant,
                _ => Inferred::Unknown,
            },
            Expr::Nested(inner)
            | Expr::UnaryOp { op: UnaryOperator::Plus | UnaryOperator::Minus, expr: inner }
            | Expr::Ceil { expr: inner, .. }
            | Expr::Floor { expr: inner, .. } => self.unit_of(inner),
            Expr::Cast { expr: inner, data_type, .. } if type_kind(data_type).is_number() => self.unit_of(inner),
            Expr::BinaryOp { left, op, right } => self.unit_of_operation(left, op, right),
            Expr::Case { conditions, else_result, .. } => {
                let results = conditions.iter().map(|branch| &branch.result).chain(else_result.as_deref());
                self.common_unit(results)
            }
            Expr::Function(function) => self.unit_of_call(function),
            _ => Inferred::Unknown,
        }
    }

    fn unit_of_operation(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Inferred {
        let units = (self.unit_of(left), self.unit_of(right));
        match (op, units) {
            (
                BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo,
                (Inferred::Constant, Inferred::Constant),
            ) => Inferred::Constant,
            (BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Modulo, (left, right)) => {
                same(left, &right)
            }
            (BinaryOperator::Multiply, (Inferred::Known(left), Inferred::Known(right))) => known(left.times(&right)),
            (BinaryOperator::Divide, (Inferred::Known(left), Inferred::Known(right))) => known(left.over(&right)),
            (BinaryOperator::Multiply | BinaryOperator::Divide, (Inferred::Known(unit), Inferred::Constant))
            | (BinaryOperator::Multiply, (Inferred::Constant, Inferred::Known(unit))) => {
                match multiplier(left) * multiplier(right).powi(if *op == BinaryOperator::Divide { -1 } else { 1 }) {
                    factor if looks_like_conversion(&unit, factor.abs()) => Inferred::Unknown,
                    _ => Inferred::Known(unit),
                }
            }
            (BinaryOperator::Divide, (Inferred::Constant, Inferred::Known(unit))) => known(unit.power(-1, 1)),
            _ => Inferred::Unknown,
        }
    }

    fn unit_of_call(&self, function: &Function) -> Inferred {
        let name = function.name.0.first().and_then(|part| part.as_ident());
        let Some(entry) = name.and_then(|name| find_function(&name.value, self.label)) else {
            return Inferred::Unknown;
        };
        let given = arguments(function);
        let first = || given.first().map_or(Inferred::Unknown, |first| self.unit_of(first));
        let powered = |numerator, denominator| match first() {
            Inferred::Known(unit) => known(unit.power(numerator, denominator)),
            other => other,
        };
        match entry.name {
            "ABS"
            | "ROUND"
            | "TRUNCATE"
            | "TRUNC"
            | "CEILING"
            | "CEIL"
            | "FLOOR"
            | "MIN"
            | "MAX"
            | "AVG"
            | "SUM"
            | "MEAN"
            | "MEDIAN"
            | "APPROX_MEDIAN"
            | "PERCENTILE"
            | "APPROX_PERCENTILE_CONT"
            | "STDDEV"
            | "STDDEV_POP"
            | "STDDEV_SAMP"
            | "NULLIF"
            | "FIRST_VALUE"
            | "LAST_VALUE"
            | "NTH_VALUE"
            | "LAG"
            | "LEAD" => first(),
            "COALESCE" | "GREATEST" | "LEAST" | "NVL" | "NANVL" => self.common_unit(given.iter().copied()),
            "PERCENTILE_CONT" | "PERCENTILE_DISC" => match function.within_group.as_slice() {
                [order] => self.unit_of(&order.expr),
                _ => Inferred::Unknown,
            },
            "IF_THEN_ELSE" => self.common_unit(given.iter().skip(1).copied()),
            "MOD" | "MODULO" => given.get(1).map_or(Inferred::Unknown, |second| same(first(), &self.unit_of(second))),
            "SQRT" => powered(1, 2),
            "CBRT" => powered(1, 3),
            "VAR" | "VAR_POP" | "VAR_SAMP" | "VARIANCE" => powered(2, 1),
            "POWER" | "POW" => match given.get(1).and_then(|power| whole(power)) {
                Some(power) => powered(power, 1),
                None => Inferred::Unknown,
            },
            "DISTANCE" | "Q3C_DIST" | "COORD1" | "COORD2" | "DEGREES" => Inferred::Known(Unit::of("deg")),
            "RADIANS" | "ACOS" | "ASIN" | "ATAN" | "ATAN2" => Inferred::Known(Unit::of("rad")),
            "AREA" => known(Unit::of("deg").power(2, 1)),
            "PI" => Inferred::Constant,
            "IN_UNIT" => match given.get(1).and_then(|unit| text(unit)).map(parse_strictly) {
                Some(Ok(unit)) => Inferred::Known(unit),
                _ => Inferred::Unknown,
            },
            _ => Inferred::Unknown,
        }
    }

    /// The one unit of alternatives; constants go with any.
    fn common_unit<'e>(&self, alternatives: impl IntoIterator<Item = &'e Expr>) -> Inferred {
        let mut common = Inferred::Constant;
        for alternative in alternatives {
            common = match (common, self.unit_of(alternative)) {
                (Inferred::Constant, other) | (other, Inferred::Constant) => other,
                (one, other) => same(one, &other),
            };
        }
        common
    }

    fn unit_of_column(&self, idents: &[Ident]) -> Inferred {
        match self.column_unit(idents) {
            ColumnUnit::Unknown => Inferred::Unknown,
            ColumnUnit::Known(unit) => Inferred::Known(unit),
            ColumnUnit::OfTable { table, column } => {
                let text = self.names.unit(&table, &column);
                known(text.and_then(|text| parse_loosely(&text)))
            }
        }
    }

    fn column_unit(&self, idents: &[Ident]) -> ColumnUnit {
        self.scopes().find_map(|scope| scope.written_column(idents)).map(|column| column.unit).unwrap_or_default()
    }

    /// The unit of a result column: that of a column as it stands, else what follows.
    pub(crate) fn output_unit(&self, expr: &Expr) -> ColumnUnit {
        match expr {
            Expr::Identifier(ident) => self.column_unit(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => self.column_unit(idents),
            other => match self.unit_of(other) {
                Inferred::Known(unit) => ColumnUnit::Known(unit),
                _ => ColumnUnit::Unknown,
            },
        }
    }

    /// Multiplies the value of an IN_UNIT; reports a unit that is none, is missing, or measures something else.
    pub(super) fn in_unit(&mut self, function: &mut Function) {
        let [value, target] = arguments(function)[..] else { return };
        let at = target.span();
        let Some(written) = text(target) else {
            return self.findings.bad(at, "the unit must be a string, written out");
        };
        let unit = match parse_strictly(written) {
            Ok(unit) => unit,
            Err((message, Some(hint))) => return self.findings.hinted(at, message, hint),
            Err((message, None)) => return self.findings.bad(at, message),
        };
        if self.scopes().any(|scope| scope.has_unknown()) {
            return;
        }
        let source = match self.unit_of(value) {
            Inferred::Known(source) => source,
            _ => return self.report_unitless(&value.clone()),
        };
        match source.factor_to(&unit) {
            Some(factor) => multiply_first(function, factor),
            None => {
                let shown =
                    if source.is_number() { "a pure number".to_owned() } else { format!("a value in {source}") };
                self.findings.bad(at, format!("{shown} cannot be converted to {written}"));
            }
        }
    }

    fn report_unitless(&mut self, value: &Expr) {
        let unit = match bare(value) {
            Expr::Identifier(ident) => self.column_unit(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => self.column_unit(idents),
            _ => ColumnUnit::Unknown,
        };
        let hint = match text_of(unit, self.names) {
            Some(text) => format!("its table says {text}, which is no unit of VOUnits"),
            None => "the units of columns are in TAP_SCHEMA.columns".to_owned(),
        };
        self.findings.hinted(value.span(), "IN_UNIT: the unit of this value is not known", hint);
    }
}

/// The unit of a column as text: that of a table's column as the table states it.
pub(crate) fn text_of(unit: ColumnUnit, names: &dyn TableNames) -> Option<String> {
    match unit {
        ColumnUnit::Unknown => None,
        ColumnUnit::Known(unit) => (!unit.is_number()).then(|| unit.to_string()),
        ColumnUnit::OfTable { table, column } => names.unit(&table, &column),
    }
}

/// Whether a call is that of IN_UNIT.
pub(super) fn is_in_unit(function: &Function) -> bool {
    let name = function.name.0.first().and_then(|part| part.as_ident());
    name.is_some_and(|name| name.value.eq_ignore_ascii_case("IN_UNIT"))
}

fn multiply_first(function: &mut Function, factor: Factor) {
    let (op, number) = match factor {
        Factor::One => return,
        Factor::Times(factor) => (BinaryOperator::Multiply, factor),
        Factor::Over(divisor) => (BinaryOperator::Divide, divisor),
    };
    let FunctionArguments::List(list) = &mut function.args else { return };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut() else { return };
    let inner = std::mem::replace(value, Expr::value(Value::Null));
    let left = Box::new(if needs_parentheses(&inner) { Expr::Nested(Box::new(inner)) } else { inner });
    let right = Box::new(Expr::value(Value::Number(format!("{number:?}"), false)));
    *value = Expr::BinaryOp { left, op, right };
}

fn needs_parentheses(expr: &Expr) -> bool {
    !matches!(
        expr,
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Nested(_) | Expr::Function(_)
    )
}

fn known(unit: Option<Unit>) -> Inferred {
    unit.map_or(Inferred::Unknown, Inferred::Known)
}

/// The unit of a sum.
fn same(left: Inferred, right: &Inferred) -> Inferred {
    match (&left, right) {
        (Inferred::Known(one), Inferred::Known(other)) if one.factor_to(other) == Some(Factor::One) => left,
        _ => Inferred::Unknown,
    }
}

/// Whether a value in a unit is multiplied by that number to be in another one, or in hours of right ascension.
fn looks_like_conversion(unit: &Unit, factor: f64) -> bool {
    let hours = [15.0, 1.0 / 15.0].into_iter().any(|hours| (factor / hours - 1.0_f64).abs() < 1e-3);
    hours || unit.converts_by(factor)
}

/// The product of the constants that an expression is multiplied by: 3600 in `60 * (x * 60)`.
fn multiplier(expr: &Expr) -> f64 {
    match bare(expr) {
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } => multiplier(left) * multiplier(right),
        Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => multiplier(left) / multiplier(right),
        other => constant(other).unwrap_or(1.0),
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn whole(expr: &Expr) -> Option<i32> {
    let value = constant(expr).filter(|value| value.fract() == 0.0 && value.abs() <= 100.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number up to 100")]
    let whole = value as i32;
    Some(whole)
}

/// The value of a constant expression.
fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } => constant(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => constant(expr).map(|value| -value),
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (constant(left)?, constant(right)?);
            match op {
                BinaryOperator::Plus => Some(left + right),
                BinaryOperator::Minus => Some(left - right),
                BinaryOperator::Multiply => Some(left * right),
                BinaryOperator::Divide => Some(left / right),
                _ => None,
            }
        }
        Expr::Function(function) if arguments(function).is_empty() => {
            let name = function.name.0.first().and_then(|part| part.as_ident())?;
            name.value.eq_ignore_ascii_case("PI").then_some(std::f64::consts::PI)
        }
        _ => None,
    }
}
