//! Do functions and operators get what they need?
//!
//! Infers the [`Kind`] of every expression as far as the text alone tells (a column is [`Kind::Any`]) and reports unknown
//! functions, arguments that do not fit, geometries and numbers used as conditions, aggregates where none can be.
//! Must not know catalogs, nor how anything is lowered.

use sqlparser::ast::{
    BinaryOperator, DataType, Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    JoinConstraint, LimitClause, OrderByKind, Query, Select, SelectItem, SetExpr, Spanned, TableFactor, TableWithJoins,
    UnaryOperator, Value,
};
use sqlparser::tokenizer::Span;

use crate::error::Findings;
use crate::frames;
use crate::functions::{FunctionClass, FunctionEntry, Kind, closest_function, find_function};
use crate::request::Label;
use crate::walk::{Part, arguments, constraint_mut, parts};

/// Checks functions and kinds in a query.
pub(crate) fn check_kinds(query: &mut Query, label: Label, findings: &mut Findings<'_>) {
    Judge { findings, label, declared: &[], place: Place::Rows, in_aggregate: false }.query(query);
}

/// The same for a text that is judged without a catalog; functions named in `declared` exist.
pub(crate) fn check_kinds_with(query: &mut Query, label: Label, declared: &[String], findings: &mut Findings<'_>) {
    Judge { findings, label, declared, place: Place::Rows, in_aggregate: false }.query(query);
}

/// Where an expression stands, as far as aggregates are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Select list, HAVING, ORDER BY: aggregates are values here.
    Groups,
    /// WHERE, ON, GROUP BY: every row by itself.
    Rows,
}

struct Judge<'a, 'b> {
    findings: &'a mut Findings<'b>,
    label: Label,
    declared: &'a [String],
    place: Place,
    in_aggregate: bool,
}

impl Judge<'_, '_> {
    fn query(&mut self, query: &mut Query) {
        let outer = (self.place, self.in_aggregate);
        self.in_aggregate = false;
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            self.query(&mut cte.query);
        }
        self.body(&mut query.body);
        self.place = Place::Groups;
        if let Some(OrderByKind::Expressions(items)) = query.order_by.as_mut().map(|order| &mut order.kind) {
            items.iter_mut().for_each(|item| self.sortable(&mut item.expr, "ordered by"));
        }
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            limit.iter_mut().chain(offset.iter_mut().map(|offset| &mut offset.value)).for_each(|expr| {
                self.kind(expr);
            });
        }
        (self.place, self.in_aggregate) = outer;
    }

    fn body(&mut self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &mut Select) {
        self.place = Place::Rows;
        select.from.iter_mut().for_each(|tables| self.tables(tables));
        select.selection.iter_mut().for_each(|condition| self.condition(condition));
        if let GroupByExpr::Expressions(items, _) = &mut select.group_by {
            items.iter_mut().for_each(|item| self.sortable(item, "grouped by"));
        }
        self.place = Place::Groups;
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } if distinct => {
                    self.sortable(expr, "made DISTINCT");
                }
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    self.kind(expr);
                }
                _ => {}
            }
        }
        select.having.iter_mut().for_each(|condition| self.condition(condition));
    }

    fn tables(&mut self, tables: &mut TableWithJoins) {
        self.factor(&mut tables.relation);
        for join in &mut tables.joins {
            self.factor(&mut join.relation);
            if let Some(JoinConstraint::On(condition)) = constraint_mut(&mut join.join_operator) {
                self.condition(condition);
            }
        }
    }

    fn factor(&mut self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => self.tables(table_with_joins),
            _ => {}
        }
    }

    /// A value that rows are compared by.
    fn sortable(&mut self, expr: &mut Expr, verb: &str) {
        if self.kind(expr).is_geometry() {
            self.findings.bad(expr.span(), format!("geometries cannot be {verb}"));
        }
    }

    /// An expression that must be true or false.
    fn condition(&mut self, expr: &mut Expr) {
        let kind = self.kind(expr);
        if matches!(kind, Kind::Boolean | Kind::Any) {
            return;
        }
        let span = expr.span();
        match called(expr) {
            Some(name @ ("CONTAINS" | "INTERSECTS")) => {
                self.findings.hinted(
                    span,
                    format!("{name} gives 1 or 0, not a condition"),
                    format!("write 1 = {name}(...)"),
                );
            }
            _ if kind.is_geometry() => {
                self.findings.hinted(
                    span,
                    format!("{} is no condition", kind.noun()),
                    "write 1 = CONTAINS(point, region)",
                );
            }
            _ => self.findings.bad(span, format!("{} is no condition", kind.noun())),
        }
    }

    /// Infers the kind of an expression and reports what is wrong inside.
    fn kind(&mut self, expr: &mut Expr) -> Kind {
        let span = expr.span();
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Kind::Any,
            Expr::Value(value) => literal_kind(&value.value),
            Expr::Nested(inner) => self.kind(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.condition(left);
                self.condition(right);
                Kind::Boolean
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                self.condition(expr);
                Kind::Boolean
            }
            Expr::UnaryOp { expr, .. } => {
                let kind = self.kind(expr);
                self.numeric(kind, span)
            }
            Expr::BinaryOp { left, op, right } => {
                let kinds = (self.kind(left), self.kind(right));
                self.operator(op, kinds, span)
            }
            Expr::Between { expr, low, high, .. } => {
                let kinds = [self.kind(expr), self.kind(low), self.kind(high)];
                self.comparable(kinds[0], kinds[1], span);
                self.comparable(kinds[0], kinds[2], span);
                Kind::Boolean
            }
            Expr::InList { expr, list, .. } => {
                let kind = self.kind(expr);
                for item in list {
                    let other = self.kind(item);
                    self.comparable(kind, other, span);
                }
                Kind::Boolean
            }
            Expr::Like { expr, pattern, .. }
            | Expr::ILike { expr, pattern, .. }
            | Expr::SimilarTo { expr, pattern, .. } => {
                for part in [expr, pattern] {
                    let kind = self.kind(part);
                    self.no_geometry(kind, part.span());
                }
                Kind::Boolean
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let simple = operand.as_mut().map(|operand| self.kind(operand));
                let mut result = Vec::new();
                for branch in conditions {
                    match simple {
                        None => self.condition(&mut branch.condition),
                        Some(kind) => {
                            let other = self.kind(&mut branch.condition);
                            self.comparable(kind, other, span);
                        }
                    }
                    result.push(self.kind(&mut branch.result));
                }
                result.extend(else_result.iter_mut().map(|expr| self.kind(expr)));
                common(&result)
            }
            Expr::Cast { expr, data_type, .. } => {
                let kind = self.kind(expr);
                self.no_geometry(kind, span);
                type_kind(data_type)
            }
            Expr::TypedString(typed) => type_kind(&typed.data_type),
            Expr::Array(array) => {
                array.elem.iter_mut().for_each(|item| {
                    self.kind(item);
                });
                Kind::Array
            }
            Expr::Function(function) => self.function(function, span),
            other => self.other(other),
        }
    }

    fn other(&mut self, expr: &mut Expr) -> Kind {
        parts(expr, &mut |part| match part {
            Part::Expr(inner) => {
                self.kind(inner);
            }
            Part::Query(query) => self.query(query),
        });
        match expr {
            Expr::Ceil { .. } | Expr::Floor { .. } | Expr::Extract { .. } => Kind::Number,
            Expr::Position { .. } => Kind::Integer,
            Expr::Substring { .. } | Expr::Trim { .. } | Expr::Overlay { .. } => Kind::Text,
            Expr::AtTimeZone { .. } => Kind::Timestamp,
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InSubquery { .. }
            | Expr::Exists { .. } => Kind::Boolean,
            _ => Kind::Any,
        }
    }

    fn operator(&mut self, op: &BinaryOperator, (left, right): (Kind, Kind), span: Span) -> Kind {
        match op {
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => {
                self.comparable(left, right, span);
                Kind::Boolean
            }
            BinaryOperator::StringConcat => {
                self.no_geometry(left, span);
                self.no_geometry(right, span);
                Kind::Text
            }
            BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch => Kind::Boolean,
            _ => {
                self.numeric(left, span);
                self.numeric(right, span);
                match (left, right) {
                    (Kind::Integer, Kind::Integer) => Kind::Integer,
                    (left, right) if left.is_number() && right.is_number() => Kind::Number,
                    _ => Kind::Any,
                }
            }
        }
    }

    fn numeric(&mut self, kind: Kind, span: Span) -> Kind {
        if kind.is_geometry() || kind == Kind::Boolean {
            self.findings.bad(span, format!("{} cannot be calculated with", kind.noun()));
        }
        if kind.is_number() { kind } else { Kind::Any }
    }

    fn no_geometry(&mut self, kind: Kind, span: Span) {
        if kind.is_geometry() {
            self.findings.bad(span, format!("{} cannot stand here", kind.noun()));
        }
    }

    fn comparable(&mut self, left: Kind, right: Kind, span: Span) {
        if left.is_geometry() || right.is_geometry() {
            let message = "geometries cannot be compared";
            return self.findings.hinted(span, message, "use CONTAINS, INTERSECTS or DISTANCE");
        }
        let mixed = (left == Kind::Boolean && right.is_number()) || (right == Kind::Boolean && left.is_number());
        if mixed {
            self.findings.hinted(
                span,
                "a condition cannot be compared with a number",
                "write the condition alone, or NOT",
            );
        }
    }

    fn function(&mut self, function: &mut Function, span: Span) -> Kind {
        let Some(ident) = function.name.0.first().and_then(|part| part.as_ident()).cloned() else { return Kind::Any };
        let entry = find_function(&ident.value, self.label);
        let known = entry.is_some() || self.declared.iter().any(|name| name.eq_ignore_ascii_case(&ident.value));
        if !known {
            let hint = closest_function(&ident.value).map(|meant| format!("did you mean {meant}?"));
            self.findings.add(
                crate::QueryErrorKind::BadQuery,
                ident.span,
                format!("unknown function {}", ident.value.to_uppercase()),
                hint,
            );
        }
        let class = entry.map_or(FunctionClass::Scalar, |entry| entry.class);
        self.call_clauses(function, class, known && entry.is_none(), ident.span);
        let kinds = self.argument_kinds(function, class);
        let Some(entry) = entry else { return Kind::Any };
        self.arguments(entry, function, &kinds, span);
        frames::check_frames(entry, &arguments(function), span, self.findings);
        match entry.returns {
            Kind::Any => common(&kinds),
            kind => kind,
        }
    }

    /// DISTINCT, FILTER and OVER stand only where they mean something.
    fn call_clauses(&mut self, function: &Function, class: FunctionClass, declared: bool, at: Span) {
        let name = function.name.to_string().to_uppercase();
        let distinct = match &function.args {
            FunctionArguments::List(list) => list.duplicate_treatment.is_some(),
            _ => false,
        };
        if class == FunctionClass::Scalar && !declared {
            let extra =
                distinct || function.filter.is_some() || function.over.is_some() || !function.within_group.is_empty();
            if extra {
                self.findings
                    .bad(at, format!("{name} is no aggregate: DISTINCT, FILTER, WITHIN GROUP and OVER cannot be used"));
            }
            return;
        }
        if class == FunctionClass::Window && function.over.is_none() {
            self.findings.hinted(at, format!("{name} is a window function"), format!("write {name}(...) OVER (...)"));
        }
        if class != FunctionClass::Scalar && self.place == Place::Rows {
            self.findings.hinted(
                at,
                format!("{name} cannot be used in WHERE, ON or GROUP BY"),
                "conditions on groups go to HAVING",
            );
        }
        if class == FunctionClass::Aggregate && function.over.is_none() && self.in_aggregate {
            self.findings.bad(at, format!("{name} stands inside another aggregate"));
        }
    }

    fn argument_kinds(&mut self, function: &mut Function, class: FunctionClass) -> Vec<Kind> {
        let aggregate = class == FunctionClass::Aggregate && function.over.is_none();
        let outer = self.in_aggregate;
        self.in_aggregate |= aggregate;
        let mut kinds = Vec::new();
        if let FunctionArguments::List(list) = &mut function.args {
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    kinds.push(self.kind(expr));
                }
            }
        }
        function.filter.iter_mut().for_each(|filter| self.condition(filter));
        let mut rest = function.clone();
        rest.args = FunctionArguments::None;
        rest.filter = None;
        self.other(&mut Expr::Function(rest));
        self.in_aggregate = outer;
        kinds
    }

    /// Reports arguments that fit no form of the function.
    fn arguments(&mut self, entry: &FunctionEntry, function: &Function, kinds: &[Kind], span: Span) {
        let given = arguments(function);
        let skipped = usize::from(frames::leading_frame(entry, &given).is_some());
        let (given, kinds) = (&given[skipped..], &kinds[skipped..]);
        if let FunctionArguments::List(list) = &function.args {
            let star =
                list.args.iter().any(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)));
            if star && entry.name == "COUNT" && list.args.len() == 1 {
                return;
            }
            if star {
                return self.findings.bad(span, format!("{} takes no *", entry.name));
            }
        }
        let mut forms = entry.forms.iter().filter(|form| form.takes(given.len())).peekable();
        if forms.peek().is_none() {
            let message = format!("{} does not take {}", entry.name, counted(given.len()));
            return self.findings.hinted(span, message, usage(entry));
        }
        let misfit =
            |form: &&crate::Form| kinds.iter().enumerate().find(|(index, kind)| !form.kind_at(*index).accepts(**kind));
        let misfits: Vec<_> =
            forms.map(|form| misfit(&form).map(|(index, kind)| (index, *kind, form.kind_at(index)))).collect();
        if misfits.iter().any(Option::is_none) {
            return;
        }
        if let Some((index, kind, wanted)) = misfits.into_iter().flatten().max_by_key(|(index, ..)| *index) {
            let message = format!("argument {} of {} is {}", index + 1, entry.name, kind.noun());
            let hint = if entry.forms.len() > 1 { usage(entry) } else { format!("it must be {}", wanted.noun()) };
            self.findings.hinted(given[index].span(), message, hint);
        }
    }
}

fn counted(count: usize) -> String {
    match count {
        0 => "an empty list of arguments".into(),
        1 => "one argument".into(),
        count => format!("{count} arguments"),
    }
}

/// How a function is called, for a hint.
fn usage(entry: &FunctionEntry) -> String {
    let word = |kind: &Kind| kind.noun().trim_start_matches("an ").trim_start_matches("a ").to_owned();
    let form = |form: &crate::Form| {
        let needed = form.arguments.len() - form.optional;
        let mut words: Vec<String> = form.arguments[..needed].iter().map(word).collect();
        words.extend(form.arguments[needed..].iter().map(|kind| format!("[{}]", word(kind))));
        words.extend((0..form.least).flat_map(|_| form.repeated).map(word));
        if !form.repeated.is_empty() {
            words.push("...".into());
        }
        format!("{}({})", entry.name, words.join(", "))
    };
    format!("write {}", entry.forms.iter().map(form).collect::<Vec<_>>().join(" or "))
}

/// The function that an expression calls, in upper case.
fn called(expr: &Expr) -> Option<&'static str> {
    let Expr::Function(function) = crate::walk::bare(expr) else { return None };
    let ident = function.name.0.first().and_then(|part| part.as_ident())?;
    find_function(&ident.value, Label::Adql).map(|entry| entry.name)
}

/// The one kind that all of them have, if there is one.
fn common(kinds: &[Kind]) -> Kind {
    let mut known = kinds.iter().copied().filter(|kind| *kind != Kind::Any);
    let Some(first) = known.next() else { return Kind::Any };
    if kinds.iter().all(|kind| *kind == first) { first } else { Kind::Any }
}

fn literal_kind(value: &Value) -> Kind {
    match value {
        Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Kind::Integer,
        Value::Number(..) => Kind::Number,
        Value::SingleQuotedString(_) => Kind::Text,
        Value::Boolean(_) => Kind::Boolean,
        _ => Kind::Any,
    }
}

fn type_kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::SmallInt(_)
        | DataType::Int2(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Int8(_) => Kind::Integer,
        DataType::Real
        | DataType::Float4
        | DataType::Float(_)
        | DataType::Float8
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Numeric(_)
        | DataType::Decimal(_) => Kind::Number,
        DataType::Boolean | DataType::Bool => Kind::Boolean,
        DataType::Date | DataType::Time(..) | DataType::Timestamp(..) => Kind::Timestamp,
        _ => Kind::Text,
    }
}
