//! How are small pieces of SQL written and read?
//!
//! Builders of expressions for the steps that rewrite; knows nothing of what they mean.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident,
    ObjectName, Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, Value,
};
use sqlparser::tokenizer::Span;

use crate::walk::bare;

/// A call of a function by its exact name.
pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    call_of(Ident::new(name), arguments)
}

/// The same, of a name with its place.
pub(crate) fn call_of(name: Ident, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The number of a result column, where an item is just a whole number.
pub(crate) fn position(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = bare(expr) else { return None };
    match &value.value {
        Value::Number(digits, _) => digits.parse().ok(),
        _ => None,
    }
}

pub(crate) fn number_literal(number: usize) -> Expr {
    Expr::value(Value::Number(number.to_string(), false))
}

/// A query without any clause around its body.
pub(crate) fn query_of(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// `SELECT projection FROM from WHERE condition`.
pub(crate) fn select_of(projection: Vec<SelectItem>, from: TableWithJoins, condition: Option<Expr>) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from: vec![from],
        lateral_views: Vec::new(),
        prewhere: None,
        selection: condition,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

/// A table by its name, with nothing but an alias.
pub(crate) fn table_of(name: ObjectName, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// Keeps the place of what the user wrote on the names written out for it.
pub(crate) fn with_span(mut expr: Expr, at: Span) -> Expr {
    match &mut expr {
        Expr::Identifier(ident) => ident.span = at,
        Expr::CompoundIdentifier(idents) => idents.iter_mut().for_each(|ident| ident.span = at),
        _ => {}
    }
    expr
}
