//! What does the standard not have that this language has?
//!
//! A walk over a parsed query that finds every use of an [`Extension`]. By the [`Rule`] of the standard each is reported,
//! with what the standard has instead, and so is every name that is not a regular identifier of ADQL and, for version
//! 2.0, what came with 2.1; [`kinds`](crate::kinds) judges the functions then. By the rule of a service only the
//! extensions are reported that it has switched off, functions among them.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArguments, Ident, JoinConstraint, JoinOperator,
    LimitClause, OrderBy, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Spanned,
    TableAlias, TableFactor, TableWithJoins, TopQuantity, UnaryOperator, Value,
};
use sqlparser::tokenizer::{Span, Token};

use crate::error::Findings;
use crate::extensions::{Extension, Extensions};
use crate::functions::find_function;
use crate::request::Label;
use crate::reserved::is_reserved;
use crate::tokens::Tokens;
use crate::validate::Version;
use crate::walk::{Part, bare, constraint, parts, place, query_parts};

/// What is reported.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Whatever that version of the standard does not have.
    Standard(Version),
    /// The extensions that are switched off, under that label.
    Off(Extensions, Label),
}

impl Rule {
    fn report(self, findings: &mut Findings<'_>, extension: Extension, at: Span, (what, hint): (&str, &str)) {
        match self {
            Self::Standard(_) => findings.hinted(at, what, hint),
            Self::Off(off, _) if off.contains(extension) => {
                findings.hinted(at, format!("the extension `{}` is switched off here", extension.name()), hint);
            }
            Self::Off(..) => {}
        }
    }
}

/// Reports what is beyond the rule in the tokens of a text.
pub(crate) fn check_tokens(tokens: &Tokens, rule: Rule, findings: &mut Findings<'_>) {
    for comment in &tokens.block_comments {
        let said = ("ADQL has no comments of this form", "begin each line of a comment with --");
        rule.report(findings, Extension::BlockComments, *comment, said);
    }
    for literal in &tokens.hexadecimals {
        let said = ("ADQL has no hexadecimal numbers", "write the number in decimal digits");
        rule.report(findings, Extension::HexLiterals, *literal, said);
    }
    for pin in &tokens.pins {
        let said = ("ADQL has no versions of tables", "write the name of the table alone");
        rule.report(findings, Extension::Snapshots, pin.at, said);
    }
    for token in &tokens.list {
        let (extension, hint) = match &token.token {
            Token::Mod => (Extension::Modulo, "write MOD(x, y)"),
            Token::DoubleColon => (Extension::Casts, "write CAST(value AS type)"),
            Token::Placeholder(_) => (Extension::Parameters, "write the value"),
            Token::Ampersand | Token::Pipe | Token::Sharp | Token::ShiftLeft | Token::ShiftRight => {
                (Extension::BitOperators, "there are no bit operators")
            }
            // Before a value it is an operator of bits, between two one of regular expressions.
            Token::Tilde if matches!(rule, Rule::Off(..)) => continue,
            Token::Tilde => (Extension::BitOperators, "there are no bit operators"),
            Token::TildeAsterisk | Token::ExclamationMarkTilde | Token::ExclamationMarkTildeAsterisk => {
                (Extension::RegexOperators, "write LIKE or ILIKE")
            }
            Token::LBracket | Token::RBracket => (Extension::Arrays, "there are no arrays"),
            _ => continue,
        };
        rule.report(findings, extension, token.span, (&format!("{} is not part of ADQL", token.token), hint));
    }
}

/// Reports an EXPLAIN, at its place, where it is beyond the rule.
pub(crate) fn check_explain(at: Span, rule: Rule, findings: &mut Findings<'_>) {
    rule.report(findings, Extension::Explain, at, ("EXPLAIN is not part of ADQL", "write the query alone"));
}

/// Reports what is beyond the rule in a query.
pub(crate) fn check_query(query: &mut Query, rule: Rule, findings: &mut Findings<'_>) {
    Strict { findings, rule }.query(query, true);
}

struct Strict<'a, 'b> {
    findings: &'a mut Findings<'b>,
    rule: Rule,
}

impl Strict<'_, '_> {
    fn query(&mut self, query: &mut Query, top_level: bool) {
        let at = query.span();
        if let Some(with) = &query.with {
            let at = with.with_token.0.span;
            self.since_2_1(at, "WITH");
            if !top_level {
                let said = ("WITH can stand only at the beginning of the whole query", "move it there");
                self.rule.report(self.findings, Extension::NestedWith, at, said);
            }
            with.cte_tables.iter().for_each(|cte| self.alias(&cte.alias, "WITH name (columns)"));
        }
        self.body(&query.body);
        query.order_by.iter().for_each(|order| self.order(order));
        query.limit_clause.iter().for_each(|clause| self.limit(clause, at));
        query_parts(query, &mut |part| self.part(part));
    }

    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Expr(expr) => self.expr(expr),
            Part::Query(query) => self.query(query, false),
        }
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, right, op, .. } => {
                self.since_2_1(right.span(), &op.to_string());
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &Select) {
        let at = select.select_token.0.span;
        if let Some(condition) = &select.qualify {
            self.extension(Extension::Qualify, condition.span(), "QUALIFY", "put the condition around a sub-query");
        }
        if let Rule::Standard(_) = self.rule {
            self.standard_select(select, at);
        }
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => self.name(alias),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    name.0.iter().filter_map(|part| part.as_ident()).for_each(|ident| self.name(ident));
                }
                _ => {}
            }
        }
        select.from.iter().for_each(|tables| self.tables(tables));
    }

    fn standard_select(&mut self, select: &Select, at: Span) {
        if select.from.is_empty() {
            self.findings.hinted(at, "a SELECT needs a FROM in ADQL", "write FROM table");
        }
        if matches!(select.top.as_ref().and_then(|top| top.quantity.as_ref()), Some(TopQuantity::Expr(_))) {
            self.findings.hinted(at, "TOP takes a whole number without parentheses", "write TOP 10");
        }
    }

    fn tables(&mut self, tables: &TableWithJoins) {
        self.factor(&tables.relation);
        for join in &tables.joins {
            self.factor(&join.relation);
            if matches!(join.join_operator, JoinOperator::CrossJoin(_)) {
                self.extension(
                    Extension::CrossJoin,
                    join.relation.span(),
                    "CROSS JOIN",
                    "write a comma between the tables",
                );
            }
            if let Some(JoinConstraint::Using(columns)) = constraint(&join.join_operator) {
                columns
                    .iter()
                    .flat_map(|name| &name.0)
                    .filter_map(|part| part.as_ident())
                    .for_each(|ident| self.name(ident));
            }
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, alias, args: Some(_), .. } => {
                self.extension(Extension::Xmatch, name.span(), "XMATCH", "join the tables ON DISTANCE(..) <= radius");
                alias.iter().for_each(|alias| self.alias(alias, "AS name (columns)"));
            }
            TableFactor::Table { name, alias, sample, .. } => {
                if sample.is_some() {
                    self.extension(Extension::Tablesample, name.span(), "TABLESAMPLE", "compare RAND() with a number");
                }
                let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
                self.names(&parts, 3, "a table has at most the parts catalog.schema.table");
                alias.iter().for_each(|alias| self.alias(alias, "AS name (columns)"));
            }
            TableFactor::Derived { lateral, alias, subquery, .. } => {
                if *lateral {
                    self.extension(Extension::Lateral, subquery.span(), "LATERAL", "join the table itself");
                }
                alias.iter().for_each(|alias| self.alias(alias, "AS name (columns)"));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.tables(table_with_joins),
            _ => {}
        }
    }

    fn alias(&mut self, alias: &TableAlias, form: &str) {
        self.name(&alias.name);
        if !alias.columns.is_empty() {
            self.extension(Extension::ColumnAliases, alias.span(), form, "name the columns in the sub-query");
        }
    }

    fn order(&mut self, order: &OrderBy) {
        let OrderByKind::Expressions(items) = &order.kind else { return };
        for item in items {
            if item.options.nulls_first.is_some() {
                self.extension(Extension::NullsOrder, item.span(), "NULLS FIRST and NULLS LAST", "leave it out");
            }
            if self.is_2_0() && !matches!(item.expr, Expr::Identifier(_) | Expr::Value(_)) {
                self.since_2_1(item.span(), "ORDER BY of an expression");
            }
        }
    }

    fn limit(&mut self, clause: &LimitClause, at: Span) {
        let LimitClause::LimitOffset { limit, offset, .. } = clause else { return };
        if let Some(limit) = limit {
            self.extension(Extension::Limit, limit.span(), "LIMIT", "write SELECT TOP n");
        }
        if let Some(offset) = offset {
            let place = offset.value.span();
            self.since_2_1(if place == Span::empty() { at } else { place }, "OFFSET");
        }
    }

    fn expr(&mut self, expr: &mut Expr) {
        self.expression(expr);
        parts(expr, &mut |part| self.part(part));
    }

    fn expression(&mut self, expr: &Expr) {
        let at = place(expr);
        match expr {
            Expr::Identifier(ident) => self.name(ident),
            Expr::CompoundIdentifier(idents) => {
                let parts: Vec<&Ident> = idents.iter().collect();
                self.names(&parts, 4, "a column has at most the parts catalog.schema.table.column");
            }
            Expr::Value(value) => {
                if let Value::Boolean(_) = value.value {
                    self.extension(Extension::Booleans, value.span, "TRUE and FALSE", "compare with a number");
                }
            }
            Expr::Cast { kind, data_type, .. } => {
                self.since_2_1(at, "CAST");
                if *kind == CastKind::Cast && !is_standard_type(data_type) {
                    let hint = "one of SMALLINT, INTEGER, BIGINT, REAL, DOUBLE PRECISION, CHAR, VARCHAR, TIMESTAMP, POINT, CIRCLE, POLYGON";
                    let said = (&*format!("ADQL cannot cast to {data_type}"), hint);
                    self.rule.report(self.findings, Extension::Casts, at, said);
                }
            }
            Expr::ILike { escape_char, .. } => {
                self.since_2_1(at, "ILIKE");
                self.escape(escape_char.is_some(), at);
            }
            Expr::Like { escape_char, .. } => self.escape(escape_char.is_some(), at),
            Expr::Function(function) => self.function(function, at),
            Expr::UnaryOp { op: UnaryOperator::BitwiseNot, .. } => {
                self.tilde(Extension::BitOperators, at, "there are no bit operators");
            }
            Expr::BinaryOp { op: BinaryOperator::PGRegexMatch, .. } => {
                self.tilde(Extension::RegexOperators, at, "write LIKE or ILIKE");
            }
            other => {
                if let Some((extension, what, hint)) = extension_of(other) {
                    self.extension(extension, at, what, hint);
                }
            }
        }
    }

    /// The two meanings of `~`; the standard has refused the token already.
    fn tilde(&mut self, extension: Extension, at: Span, hint: &str) {
        if let Rule::Off(..) = self.rule {
            self.extension(extension, at, "~", hint);
        }
    }

    fn escape(&mut self, used: bool, at: Span) {
        if used {
            self.extension(Extension::LikeEscape, at, "LIKE ... ESCAPE", "leave the ESCAPE out");
        }
    }

    fn function(&mut self, function: &Function, at: Span) {
        self.function_off(function);
        let ordered = match &function.args {
            FunctionArguments::List(list) => !list.clauses.is_empty(),
            _ => false,
        };
        if function.over.is_some() {
            self.extension(Extension::WindowFunctions, at, "window functions", "group the rows");
        }
        if function.filter.is_some()
            || !function.within_group.is_empty()
            || function.null_treatment.is_some()
            || ordered
        {
            self.extension(Extension::AggregateClauses, at, "FILTER, WITHIN GROUP and ORDER BY in a call", "use WHERE");
        }
    }

    /// A function of an extension that is switched off.
    fn function_off(&mut self, function: &Function) {
        let (Rule::Off(_, label), Some(name)) = (self.rule, function.name.0.first().and_then(|part| part.as_ident()))
        else {
            return;
        };
        let extension = find_function(&name.value, label).and_then(|entry| entry.extension);
        if let Some(extension) = extension {
            let hint = format!("{} is part of it", name.value.to_uppercase());
            self.rule.report(self.findings, extension, name.span, ("", &hint));
        }
    }

    fn names(&mut self, parts: &[&Ident], most: usize, hint: &str) {
        if let (Some(extra), Rule::Standard(_)) = (parts.get(most), self.rule) {
            self.findings.hinted(extra.span, "this name has too many parts", hint);
        }
        // SQL-92 reserves PUBLIC for a statement that ADQL has not; services over PostgreSQL have named their tables so ever since.
        let is_schema =
            |(index, ident): &(usize, &&Ident)| index + 1 < parts.len() && ident.value.eq_ignore_ascii_case("public");
        parts.iter().enumerate().filter(|part| !is_schema(part)).for_each(|(_, ident)| self.name(ident));
    }

    /// A regular identifier begins with a letter and is not reserved.
    fn name(&mut self, ident: &Ident) {
        if ident.quote_style.is_some() || matches!(self.rule, Rule::Off(..)) {
            return;
        }
        let quoted = format!("write \"{}\"", ident.value);
        if is_reserved(&ident.value) {
            self.findings.hinted(ident.span, format!("{} is a reserved word", ident.value.to_uppercase()), quoted);
        } else if !ident.value.starts_with(|first: char| first.is_ascii_alphabetic()) {
            self.findings.hinted(ident.span, format!("the name {} does not begin with a letter", ident.value), quoted);
        }
    }

    fn extension(&mut self, extension: Extension, at: Span, what: &str, hint: &str) {
        self.rule.report(self.findings, extension, at, (&format!("{what}: not part of ADQL"), hint));
    }

    fn is_2_0(&self) -> bool {
        matches!(self.rule, Rule::Standard(Version::V2_0))
    }

    fn since_2_1(&mut self, at: Span, what: &str) {
        if self.is_2_0() {
            self.findings.hinted(at, format!("{what}: not part of ADQL 2.0"), "it came with ADQL 2.1");
        }
    }
}

/// The extension that an expression is, and what to write instead.
fn extension_of(expr: &Expr) -> Option<(Extension, &'static str, &'static str)> {
    Some(match bare(expr) {
        Expr::Case { .. } => (Extension::Case, "CASE", "use COALESCE, or several queries joined by UNION"),
        Expr::Extract { .. } => (Extension::Dates, "EXTRACT", "compare the timestamp itself"),
        Expr::Ceil { .. } => (Extension::MathFunctions, "CEIL", "write CEILING"),
        Expr::Position { .. } | Expr::Substring { .. } | Expr::Trim { .. } | Expr::Overlay { .. } => {
            (Extension::StringFunctions, "this string function", "ADQL has LOWER, UPPER and ||")
        }
        Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_) => {
            (Extension::Booleans, "IS TRUE, IS FALSE and IS UNKNOWN", "write the condition alone, or NOT")
        }
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => {
            (Extension::DistinctFrom, "IS DISTINCT FROM", "write = or <>")
        }
        Expr::TypedString(_) => (Extension::Dates, "a typed literal", "write the string alone, or CAST it"),
        Expr::Interval(_) => (Extension::Dates, "INTERVAL", "there is no arithmetic with times"),
        Expr::AtTimeZone { .. } => (Extension::Dates, "AT TIME ZONE", "times are UTC"),
        _ => return None,
    })
}

fn is_standard_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::SmallInt(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Real
        | DataType::DoublePrecision
        | DataType::Char(_)
        | DataType::Varchar(_) => true,
        DataType::Timestamp(None, zone) => *zone == sqlparser::ast::TimezoneInfo::None,
        other => crate::shape::geometry_type(other).is_some(),
    }
}
