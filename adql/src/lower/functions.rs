//! Calls: names of the language to names of the planner, coordinate systems dropped, types of parameters learnt.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value,
};

use super::{Lowering, ParameterType};
use crate::frames::{ICRS, frame_of, leading_frame};
use crate::functions::{Kind, find_function};
use crate::walk::{arguments, bare, take_arguments};

impl Lowering<'_> {
    /// Rewrites a call whose arguments are lowered already.
    pub(super) fn call(&mut self, expr: &mut Expr) {
        let Expr::Function(function) = expr else { return };
        let Some(written) = function.name.0.first().and_then(|part| part.as_ident()) else { return };
        let Some(entry) = find_function(&written.value, self.label) else { return };
        let at = written.span;
        if entry.name.starts_with("Q3C_") && entry.returns == Kind::Boolean {
            let arguments = take_arguments(function);
            *expr = super::q3c::lower_q3c(entry.name, arguments, at, &mut self.findings);
            return;
        }
        match entry.name {
            "Q3C_SINDIST" | "Q3C_SINDIST_PM" => {
                return *expr = super::q3c::lower_sindist(entry.lowered, take_arguments(function));
            }
            "Q3C_VERSION" => return *expr = Expr::value(Value::SingleQuotedString("Sidereus".into())),
            "IVO_SIMBADPOINT" => {
                return self.findings.bad(at, "IVO_SIMBADPOINT cannot look up a name: no resolver is configured");
            }
            name if entry.lowered == "bitwise" => {
                if let Some(operator) = super::bits::lower_bits(name, take_arguments(function)) {
                    *expr = operator;
                }
                return;
            }
            "IF_THEN_ELSE" => return *expr = if_then_else(take_arguments(function)),
            // Its value was converted where its unit was known.
            "IN_UNIT" => {
                let mut given = take_arguments(function);
                if !given.is_empty() {
                    *expr = given.swap_remove(0);
                }
                return;
            }
            "RAND" => drop(take_arguments(function)),
            "IVO_INTERVAL_HAS" => spread_array(function),
            name => self.aggregate(name, function, at),
        }
        if leading_frame(entry, &arguments(function)).is_some()
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args.remove(0);
        }
        let mut name = Ident::new(entry.lowered);
        name.span = at;
        function.name = ObjectName::from(vec![name]);
    }

    /// Refuses COORDSYS of a constructor in a system that its value would not keep.
    pub(super) fn coordinate_system(&mut self, expr: &Expr) {
        let Expr::Function(function) = expr else { return };
        let Some(name) = function.name.0.first().and_then(|part| part.as_ident()) else { return };
        if !name.value.eq_ignore_ascii_case("COORDSYS") {
            return;
        }
        if let Some(system) =
            arguments(function).first().and_then(|geometry| frame_of(geometry)).filter(|name| name != ICRS)
        {
            self.findings.bad(
                name.span,
                format!("a geometry does not keep its coordinate system here: that of {system} is lost"),
            );
        }
    }

    /// Learns the types of parameters that are direct arguments of a call or operands of an operator.
    pub(super) fn learn(&mut self, expr: &Expr) {
        match expr {
            Expr::Function(function) => {
                let Some(name) = function.name.0.first().and_then(|part| part.as_ident()) else { return };
                let Some(entry) = find_function(&name.value, self.label) else { return };
                let given = arguments(function);
                let skipped = usize::from(leading_frame(entry, &given).is_some());
                let given = &given[skipped..];
                let Some(form) = entry.forms.iter().find(|form| form.takes(given.len())) else { return };
                for (index, argument) in given.iter().enumerate() {
                    self.learn_one(argument, form.kind_at(index));
                }
            }
            Expr::BinaryOp { left, op, right } if compares_or_calculates(op) => {
                let (left_kind, right_kind) = (self.result(left), self.result(right));
                self.learn_one(left, right_kind);
                self.learn_one(right, left_kind);
            }
            Expr::Between { expr, low, high, .. } => {
                let kind = self.result(expr);
                self.learn_one(low, kind);
                self.learn_one(high, kind);
            }
            Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } => self.learn_one(pattern, Kind::Text),
            _ => {}
        }
    }

    fn learn_one(&mut self, expr: &Expr, kind: Kind) {
        let Expr::Value(value) = bare(expr) else { return };
        let Value::Placeholder(name) = &value.value else { return };
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        if let Some(slot) = number.and_then(|number| self.parameters.get_mut(number.wrapping_sub(1))) {
            *slot = slot.or_else(|| ParameterType::of(kind));
        }
    }

    /// What an operand gives, where it is a call.
    fn result(&self, expr: &Expr) -> Kind {
        match bare(expr) {
            Expr::Function(function) => function
                .name
                .0
                .first()
                .and_then(|part| part.as_ident())
                .and_then(|name| find_function(&name.value, self.label))
                .map_or(Kind::Any, |entry| entry.returns),
            _ => Kind::Any,
        }
    }
}

/// `IF_THEN_ELSE(condition, a, b)` as CASE; the number of arguments was checked.
fn if_then_else(given: Vec<Expr>) -> Expr {
    let mut given = given.into_iter();
    let mut next = || given.next().unwrap_or_else(|| Expr::value(Value::Null));
    let (condition, result, otherwise) = (next(), next(), next());
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: Some(Box::new(otherwise)),
    }
}

/// An interval written as `ARRAY[low, high]` becomes two arguments.
fn spread_array(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    if let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(array)))] = &mut list.args[..]
        && array.elem.len() == 2
    {
        let ends = std::mem::take(&mut array.elem);
        list.args.pop();
        list.args.extend(ends.into_iter().map(|end| FunctionArg::Unnamed(FunctionArgExpr::Expr(end))));
    }
}

fn compares_or_calculates(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
    )
}
