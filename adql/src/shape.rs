//! Does the query use only what the language has?
//!
//! An allow-list over the parser's tree: clauses, table expressions, operators, types. What is not named here is refused
//! at its place, so the later steps, and the planner behind them, meet nothing unexpected. Also bounds the depth.
//! Knows no names and no functions.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CeilFloorKind, DataType, Distinct, Expr, Function, FunctionArg,
    FunctionArgExpr, GroupByExpr, Ident, JoinConstraint, JoinOperator, LimitClause, ObjectName, OrderBy, OrderByExpr,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetQuantifier, Spanned,
    TableAlias, TableFactor, TableFunctionArgs, TableSample, TableSampleKind, TableSampleMethod, TableSampleModifier,
    TableSampleSeedModifier, TableWithJoins, Top, TopQuantity, UnaryOperator, Value, WildcardAdditionalOptions,
};
use sqlparser::tokenizer::Span;

use crate::bind::is_xmatch;
use crate::error::{Findings, QueryErrorKind};
use crate::limits::Limits;
use crate::walk::{Part, bare, constraint, parts, place, query_parts};

/// Adds an error for everything in the query that the language does not have.
pub(crate) fn check_shape(query: &mut Query, findings: &mut Findings<'_>) {
    Shape { findings, depth: 0, too_deep: false }.query(query);
}

struct Shape<'a, 'b> {
    findings: &'a mut Findings<'b>,
    depth: usize,
    too_deep: bool,
}

impl Shape<'_, '_> {
    fn query(&mut self, query: &mut Query) {
        let extra = query.fetch.is_some()
            || !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        if extra {
            self.refuse(query.span(), "FETCH, FOR and other clauses after the query are not supported");
        }
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.refuse_if(
                cte.from.is_some() || cte.materialized.is_some(),
                cte.alias.span(),
                "only WITH name AS (SELECT ...) is supported",
            );
            self.alias(&cte.alias);
        }
        if let Some(with) = query.with.as_ref().filter(|with| with.recursive) {
            self.refuse(with.with_token.0.span, "WITH RECURSIVE is not supported");
        }
        self.body(&query.body);
        if let Some(order) = &query.order_by {
            self.order(order);
        }
        if let Some(clause) = &query.limit_clause {
            self.limit(clause, query);
            if counts_twice(&query.body, clause) {
                self.refuse(query.span(), "TOP and LIMIT cannot both be given where one is a parameter");
            }
        }
        query_parts(query, &mut |part| self.part(part));
    }

    fn part(&mut self, part: Part<'_>) {
        self.depth += 1;
        if self.depth > Limits::DEFAULT.depth {
            self.deep(&part);
        } else {
            match part {
                Part::Expr(expr) => self.expr(expr),
                Part::Query(query) => self.query(query),
            }
        }
        self.depth -= 1;
    }

    fn deep(&mut self, part: &Part<'_>) {
        if !std::mem::replace(&mut self.too_deep, true) {
            let span = match part {
                Part::Expr(expr) => expr.span(),
                Part::Query(query) => query.span(),
            };
            let message = format!("a chain of more than {} operators", Limits::DEFAULT.depth);
            self.findings.add(QueryErrorKind::LimitExceeded, span, message, None);
        }
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(_) => {}
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                let known =
                    matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None);
                self.refuse_if(!known, right.span(), "set operations BY NAME are not supported");
                self.body(left);
                self.body(right);
            }
            SetExpr::Values(values) => self.refuse(values.span(), "VALUES is not supported: only SELECT is a query"),
            other => self.findings.add(
                QueryErrorKind::Forbidden,
                other.span(),
                "only SELECT queries can be run here".into(),
                None,
            ),
        }
    }

    fn select(&mut self, select: &Select) {
        let span = select.select_token.0.span;
        if let Some(into) = &select.into {
            let message = "SELECT INTO would create a table: only SELECT queries can be run here".to_owned();
            self.findings.add(QueryErrorKind::Forbidden, into.span(), message, None);
        }
        let extra = select.exclude.is_some()
            || select.select_modifiers.is_some()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty()
            || !select.named_window.is_empty()
            || select.value_table_mode.is_some();
        self.refuse_if(extra, span, "a clause of this SELECT is not supported");
        if let Some(Distinct::On(items)) = &select.distinct {
            let at = items.first().map_or(span, Spanned::span);
            self.refuse(at, "DISTINCT ON is not supported");
        }
        let tables = select.from.iter().map(|item| 1 + item.joins.len()).sum::<usize>();
        if tables > Limits::DEFAULT.tables {
            let message = format!("{tables} tables in one FROM; at most {} are taken", Limits::DEFAULT.tables);
            self.findings.add(QueryErrorKind::LimitExceeded, span, message, None);
        }
        select.top.iter().for_each(|top| self.top(top, span));
        select.projection.iter().for_each(|item| self.item(item));
        select.from.iter().for_each(|tables| self.tables(tables));
        match &select.group_by {
            GroupByExpr::Expressions(_, modifiers) if modifiers.is_empty() => {}
            _ => self.refuse(span, "GROUP BY ALL and GROUP BY ... WITH are not supported"),
        }
    }

    fn top(&mut self, top: &Top, select: Span) {
        if top.percent || top.with_ties {
            self.refuse(select, "TOP takes a number of rows: PERCENT and WITH TIES are not supported");
        }
        match &top.quantity {
            Some(TopQuantity::Constant(count)) if i64::try_from(*count).is_ok() => {}
            Some(TopQuantity::Expr(expr)) if row_count(expr).is_some() => {}
            _ => self.refuse(select, "TOP takes a whole number"),
        }
    }

    fn item(&mut self, item: &SelectItem) {
        match item {
            SelectItem::UnnamedExpr(_) => {}
            SelectItem::ExprWithAlias { alias, expr } if alias.quote_style == Some('\'') => {
                let message = format!("the string '{}' cannot be the name of a result column", alias.value);
                self.findings.hinted(expr.span(), message, "write the name in double quotes");
            }
            SelectItem::ExprWithAlias { alias, .. } => self.name(alias),
            SelectItem::Wildcard(options) => self.wildcard(options),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(_), options) => {
                self.wildcard(options);
            }
            other => self.refuse(other.span(), "this form of a result column is not supported"),
        }
    }

    fn wildcard(&mut self, options: &WildcardAdditionalOptions) {
        let plain = options.opt_ilike.is_none()
            && options.opt_exclude.is_none()
            && options.opt_except.is_none()
            && options.opt_replace.is_none()
            && options.opt_rename.is_none()
            && options.opt_alias.is_none();
        self.refuse_if(!plain, options.span(), "nothing may follow the *");
    }

    fn tables(&mut self, tables: &TableWithJoins) {
        self.factor(&tables.relation);
        for joined in &tables.joins {
            let operator = &joined.join_operator;
            let span = joined.relation.span();
            match constraint(operator) {
                None => self.refuse(span, "this kind of JOIN is not supported"),
                Some(JoinConstraint::None) if !matches!(operator, JoinOperator::CrossJoin(_)) => self.findings.hinted(
                    span,
                    "a JOIN needs a condition",
                    "add ON condition or USING (column), or write NATURAL JOIN or CROSS JOIN",
                ),
                Some(JoinConstraint::Using(columns)) => {
                    for column in columns.iter().filter(|column| column.0.len() != 1) {
                        self.refuse(column.span(), "USING takes bare names of columns");
                    }
                }
                Some(_) => {}
            }
            self.refuse_if(joined.global, span, "GLOBAL JOIN is not supported");
            self.factor(&joined.relation);
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                alias.iter().for_each(|alias| self.alias(alias));
                if let Some(given) = args {
                    self.table_function(name, given);
                    self.refuse_if(
                        sample.is_some(),
                        name.span(),
                        "only a table can be sampled: TABLESAMPLE follows its name",
                    );
                }
                let extra = !with_hints.is_empty()
                    || version.is_some()
                    || *with_ordinality
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_hints.is_empty();
                self.refuse_if(extra, name.span(), "nothing but an alias may follow the name of a table");
                sample.iter().for_each(|sample| self.sample(sample, name.span()));
                for part in &name.0 {
                    match part.as_ident() {
                        Some(ident) => self.name(ident),
                        None => self.refuse(name.span(), "expected the name of a table"),
                    }
                }
            }
            TableFactor::Derived { alias, sample, subquery, .. } => {
                self.refuse_if(
                    sample.is_some(),
                    subquery.span(),
                    "only a table can be sampled: TABLESAMPLE follows its name",
                );
                match alias {
                    Some(alias) => self.alias(alias),
                    None => self.findings.hinted(
                        subquery.span(),
                        "a sub-query in FROM needs a name",
                        "write (SELECT ...) AS name",
                    ),
                }
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let at = alias.as_ref().map_or_else(Span::empty, Spanned::span);
                self.refuse_if(alias.is_some(), at, "a join in parentheses takes no name");
                self.tables(table_with_joins);
            }
            other => self.refuse(other.span(), "only tables, joins and sub-queries can stand in FROM"),
        }
    }

    fn table_function(&mut self, name: &ObjectName, given: &TableFunctionArgs) {
        if !is_xmatch(name) {
            return self.findings.hinted(name.span(), format!("there is no table function {name}"), "there is XMATCH");
        }
        let plain = |argument: &FunctionArg| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
        let plain = given.settings.is_none() && given.args.iter().all(plain);
        self.refuse_if(!plain, name.span(), "XMATCH takes tables, a radius, a number and a text, without names");
    }

    fn sample(&mut self, sample: &TableSampleKind, table: Span) {
        let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
        if sampled_percent(sample).is_none() {
            let hint = "write TABLESAMPLE (p), or TABLESAMPLE BERNOULLI (p) REPEATABLE (n)";
            self.findings.hinted(table, "TABLESAMPLE takes a percentage from 0 to 100, written out", hint);
        }
    }

    fn alias(&mut self, alias: &TableAlias) {
        self.name(&alias.name);
        self.refuse_if(alias.at.is_some(), alias.span(), "AT is not supported");
        for column in &alias.columns {
            self.name(&column.name);
            self.refuse_if(column.data_type.is_some(), column.name.span, "a column alias takes no type");
        }
    }

    fn name(&mut self, ident: &Ident) {
        match ident.quote_style {
            None | Some('"') if !ident.value.is_empty() => {}
            None | Some('"') => self.findings.bad(ident.span, "an empty name"),
            Some(_) => self.findings.hinted(ident.span, "a string cannot be a name", "write the name in double quotes"),
        }
    }

    fn order(&mut self, order: &OrderBy) {
        match &order.kind {
            OrderByKind::Expressions(items) if order.interpolate.is_none() => {
                items.iter().for_each(|item| self.order_item(item));
            }
            _ => self.refuse(order.span(), "this form of ORDER BY is not supported"),
        }
    }

    fn order_item(&mut self, item: &OrderByExpr) {
        self.refuse_if(item.with_fill.is_some(), item.span(), "WITH FILL is not supported");
    }

    fn limit(&mut self, clause: &LimitClause, query: &Query) {
        let LimitClause::LimitOffset { limit, offset, limit_by } = clause else {
            return self.findings.hinted(query.span(), "LIMIT takes one number", "write LIMIT n OFFSET m");
        };
        if !limit_by.is_empty() {
            self.refuse(query.span(), "LIMIT BY is not supported");
        }
        for (expr, word) in
            limit.iter().map(|expr| (expr, "LIMIT")).chain(offset.iter().map(|offset| (&offset.value, "OFFSET")))
        {
            if row_count(expr).is_none() {
                self.findings.bad(expr.span(), format!("{word} takes a whole number"));
            }
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        join_name(expr);
        match &*expr {
            Expr::Identifier(ident) => self.name(ident),
            Expr::CompoundIdentifier(idents) => idents.iter().for_each(|ident| self.name(ident)),
            Expr::Value(value) => match &value.value {
                Value::Number(_, false)
                | Value::SingleQuotedString(_)
                | Value::Boolean(_)
                | Value::Null
                | Value::Placeholder(_) => {}
                other => self.refuse(value.span, &format!("the literal {other} is not supported")),
            },
            Expr::BinaryOp { op, .. } => self.binary(op, expr),
            Expr::UnaryOp {
                op: UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not | UnaryOperator::BitwiseNot,
                ..
            } => {}
            Expr::UnaryOp { op, .. } => self.refuse(expr.span(), &format!("the operator {op} is not supported")),
            Expr::Like { any: true, .. } | Expr::ILike { any: true, .. } => {
                self.refuse(expr.span(), "LIKE ANY is not supported");
            }
            Expr::SimilarTo { .. } => {
                let hint = "write LIKE, or ~ with a regular expression";
                self.findings.hinted(expr.span(), "SIMILAR TO is not supported", hint);
            }
            Expr::Cast { kind, data_type, array, format, .. } => {
                let plain = matches!(kind, CastKind::Cast | CastKind::DoubleColon) && !array && format.is_none();
                if !plain {
                    self.refuse(place(expr), "only CAST(value AS type) is supported");
                }
                if !castable(data_type) {
                    self.data_type(data_type, place(expr));
                }
            }
            Expr::TypedString(typed) => self.data_type(&typed.data_type, typed.value.span),
            Expr::Ceil { field, .. } | Expr::Floor { field, .. } => {
                let plain = matches!(field, CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime));
                if !plain {
                    self.refuse(place(expr), "CEIL and FLOOR take one number");
                }
            }
            Expr::Tuple(_) => self.refuse(expr.span(), "a list of values in parentheses is not supported here"),
            Expr::Function(function) => self.function(function),
            Expr::AnyOp { .. } | Expr::AllOp { .. } => self.refuse(expr.span(), "ANY and ALL are not supported"),
            _ => {}
        }
        if !parts(expr, &mut |part| self.part(part)) {
            self.refuse(expr.span(), "this expression is not supported");
        }
    }

    fn function(&mut self, function: &Function) {
        match function.name.0.as_slice() {
            [part] if part.as_ident().is_some() => {}
            _ => self.refuse(function.name.span(), "functions have no schema here: expected one name"),
        }
    }

    fn binary(&mut self, op: &BinaryOperator, expr: &Expr) {
        let known = matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
                | BinaryOperator::StringConcat
                | BinaryOperator::Gt
                | BinaryOperator::Lt
                | BinaryOperator::GtEq
                | BinaryOperator::LtEq
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::And
                | BinaryOperator::Or
                | BinaryOperator::BitwiseOr
                | BinaryOperator::BitwiseAnd
                | BinaryOperator::PGBitwiseXor
                | BinaryOperator::PGBitwiseShiftLeft
                | BinaryOperator::PGBitwiseShiftRight
                | BinaryOperator::PGRegexMatch
                | BinaryOperator::PGRegexIMatch
                | BinaryOperator::PGRegexNotMatch
                | BinaryOperator::PGRegexNotIMatch
        );
        if !known {
            self.refuse(place(expr), &format!("the operator {op} is not supported"));
        }
    }

    fn data_type(&mut self, data_type: &DataType, span: Span) {
        if !castable(data_type) {
            let hint = "one of SMALLINT, INTEGER, BIGINT, REAL, DOUBLE PRECISION, CHAR, VARCHAR, TIMESTAMP";
            self.findings.hinted(span, format!("values cannot be converted to {data_type}"), hint);
        }
    }

    fn refuse_if(&mut self, refused: bool, span: Span, message: &str) {
        if refused {
            self.refuse(span, message);
        }
    }

    fn refuse(&mut self, span: Span, message: &str) {
        self.findings.bad(span, message);
    }
}

/// Takes the parts of a name before a subscript together: the parser has `t.c[1]` as items `c`, then 1, of `t`.
fn join_name(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return };
    let mut parts = match root.as_mut() {
        Expr::Identifier(ident) => vec![ident.clone()],
        Expr::CompoundIdentifier(idents) => std::mem::take(idents),
        _ => return,
    };
    let is_name = |access: &AccessExpr| matches!(access, AccessExpr::Dot(Expr::Identifier(_)));
    let named = access_chain.iter().take_while(|access| is_name(access)).count();
    parts.extend(access_chain.drain(..named).filter_map(|access| match access {
        AccessExpr::Dot(Expr::Identifier(ident)) => Some(ident),
        _ => None,
    }));
    **root = match parts.len() {
        1 => Expr::Identifier(parts.swap_remove(0)),
        _ => Expr::CompoundIdentifier(parts),
    };
}

/// The constructor of a geometry type that a string can be converted to.
pub(crate) fn geometry_type(data_type: &DataType) -> Option<&'static str> {
    let DataType::Custom(name, modifiers) = data_type else { return None };
    let [part] = name.0.as_slice() else { return None };
    let written = &part.as_ident().filter(|ident| ident.quote_style.is_none())?.value;
    let known = ["POINT", "CIRCLE", "POLYGON"].into_iter().find(|known| known.eq_ignore_ascii_case(written));
    known.filter(|_| modifiers.is_empty())
}

/// The types that a value can be converted to.
fn castable(data_type: &DataType) -> bool {
    geometry_type(data_type).is_some()
        || matches!(
            data_type,
            DataType::SmallInt(_)
                | DataType::Int2(_)
                | DataType::Int(_)
                | DataType::Int4(_)
                | DataType::Integer(_)
                | DataType::BigInt(_)
                | DataType::Int8(_)
                | DataType::Real
                | DataType::Float4
                | DataType::Float(_)
                | DataType::Float8
                | DataType::Double(_)
                | DataType::DoublePrecision
                | DataType::Numeric(_)
                | DataType::Decimal(_)
                | DataType::Char(_)
                | DataType::Character(_)
                | DataType::Varchar(_)
                | DataType::CharVarying(_)
                | DataType::CharacterVarying(_)
                | DataType::Text
                | DataType::Boolean
                | DataType::Bool
                | DataType::Date
                | DataType::Time(..)
                | DataType::Timestamp(..)
        )
}

/// Whether the number of rows is given by TOP and LIMIT, one of them by a parameter, so that no smaller one is known.
fn counts_twice(body: &SetExpr, clause: &LimitClause) -> bool {
    let (SetExpr::Select(select), LimitClause::LimitOffset { limit: Some(limit), .. }) = (body, clause) else {
        return false;
    };
    match select.top.as_ref().and_then(|top| top.quantity.as_ref()) {
        Some(TopQuantity::Expr(top)) => [top, limit].map(row_count).contains(&Some(RowCount::Parameter)),
        Some(TopQuantity::Constant(_)) => row_count(limit) == Some(RowCount::Parameter),
        None => false,
    }
}

/// The percentage of a sample; `None` for a form of TABLESAMPLE that the language does not have.
pub(crate) fn sampled_percent(sample: &TableSample) -> Option<f64> {
    let TableSample { modifier, name, quantity, seed, bucket, offset } = sample;
    let method = matches!(name, None | Some(TableSampleMethod::Bernoulli | TableSampleMethod::System));
    let seeded = seed.as_ref().is_none_or(|seed| {
        let whole = matches!(&seed.value.value, Value::Number(digits, _) if digits.parse::<u32>().is_ok());
        matches!(seed.modifier, TableSampleSeedModifier::Repeatable) && whole
    });
    let plain = matches!(modifier, TableSampleModifier::TableSample) && bucket.is_none() && offset.is_none();
    let quantity = quantity.as_ref().filter(|quantity| quantity.parenthesized && quantity.unit.is_none())?;
    let Expr::Value(value) = bare(&quantity.value) else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    let percent = digits.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.filter(|_| method && seeded && plain)
}

/// A literal number of rows.
pub(crate) fn row_count(expr: &Expr) -> Option<RowCount> {
    let Expr::Value(value) = bare(expr) else { return None };
    match &value.value {
        Value::Number(digits, _) => {
            digits.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok()).map(RowCount::Literal)
        }
        Value::Placeholder(_) => Some(RowCount::Parameter),
        _ => None,
    }
}

/// How a number of rows is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowCount {
    /// Written out.
    Literal(u64),
    /// To be bound.
    Parameter,
}
