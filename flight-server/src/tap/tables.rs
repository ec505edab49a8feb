//! What can be queried? (VOSI 1.1, section 4)
//!
//! `/tables` lists what the principal may see, with columns unless `detail=min`; `/tables/{name}` is one table. The same
//! descriptions as TAP_SCHEMA, so that both agree. Clients of TAP+ ask for single tables by `tables=` and for names alone by
//! `only_tables=true`.

use std::fmt::Write;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use axum::response::Response;
use sidereus_engine::{ColumnDescription, Principal, TableDescription, adql_identifier, adql_table};

use super::keys::{ForeignKey, foreign_keys};
use super::parameters::{ParameterError, Parameters};
use super::respond::{error_response, failed, xml_response};
use crate::error::RequestId;
use crate::format::xml::escaped;
use crate::services::Services;

const NAMESPACES: &str = "xmlns:vosi=\"http://www.ivoa.net/xml/VOSITables/v1.0\" \
    xmlns:vs=\"http://www.ivoa.net/xml/VODataService/v1.1\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// The schema that queries need not name.
const PUBLIC: &str = "public";

/// Answers `/tables`.
pub(super) async fn list(
    State(services): State<Services>,
    Extension(principal): Extension<Principal>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let parameters = Parameters::of_query(request.uri().query());
    let keys = match detailed(&parameters) {
        Ok(true) => foreign_keys(&services, &principal).await.map(Some),
        Ok(false) => Ok(None),
        Err(error) => return error_response(error.status(), &error.to_string()),
    };
    match keys {
        Ok(keys) => {
            let mut tables = services.query.tables(&principal);
            let wanted: Vec<&str> = parameters.all("TABLES").flat_map(|list| list.split(',')).map(str::trim).collect();
            tables.retain(|table| wanted.is_empty() || wanted.iter().any(|name| is_named(table, name)));
            let text = table_set(&tables, keys.as_deref());
            xml_response(if is_tap_plus(&request) { for_tap_plus(&text) } else { text })
        }
        Err(failure) => failed(&failure, &id),
    }
}

/// Answers `/tables/{name}`.
pub(super) async fn one(
    State(services): State<Services>,
    Extension(principal): Extension<Principal>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
) -> Response {
    let tables = services.query.tables(&principal);
    let found = tables.iter().find(|table| is_named(table, &name));
    let Some(table) = found else { return error_response(StatusCode::NOT_FOUND, &format!("no table {name}")) };
    match foreign_keys(&services, &principal).await {
        Ok(keys) => {
            let element = format!("vosi:table type=\"{}\"", table.table_type);
            xml_response(document(&element, &contents(table, Some(&keys))))
        }
        Err(failure) => failed(&failure, &id),
    }
}

/// Whether a table is meant by a name with or without delimiters, in any case; the schema that queries need not name may be left
/// out.
fn is_named(table: &TableDescription, name: &str) -> bool {
    let (plain, shown) = (table.name.to_string(), adql_table(&table.name));
    plain.eq_ignore_ascii_case(name) || shown.eq_ignore_ascii_case(name) || is_public(table, name)
}

/// Whether astroquery's `TapPlus` may be asking, which says nothing of itself here and reads no column without an attribute of
/// its own archive.
fn is_tap_plus(request: &Request) -> bool {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_none_or(|agent| agent.starts_with("astroquery/"))
}

fn for_tap_plus(document: &str) -> String {
    let namespace = " xmlns:esatapplus=\"http://esa.int/xml/EsaTapPlus\" xmlns:vosi=";
    document.replacen(" xmlns:vosi=", namespace, 1).replace("<column>", "<column esatapplus:flags=\"0\">")
}

fn detailed(parameters: &Parameters) -> Result<bool, ParameterError> {
    if parameters.single("ONLY_TABLES")?.is_some_and(|only| only.eq_ignore_ascii_case("true")) {
        return Ok(false);
    }
    match parameters.single("DETAIL")?.map(str::to_ascii_lowercase).as_deref() {
        None | Some("max") => Ok(true),
        Some("min") => Ok(false),
        Some(other) => {
            Err(ParameterError::Value { name: "DETAIL", message: format!("expected min or max, found {other:?}") })
        }
    }
}

/// The whole document; columns and keys are left out where no keys are given.
fn table_set(tables: &[TableDescription], keys: Option<&[ForeignKey]>) -> String {
    let mut schemas: Vec<&str> = tables.iter().map(|table| table.name.schema.as_str()).collect();
    schemas.sort_unstable();
    schemas.dedup();
    let mut text = String::new();
    for schema in schemas {
        push(&mut text, format_args!("<schema><name>{}</name>\n", escaped(schema)));
        for table in tables.iter().filter(|table| table.name.schema == schema) {
            push(&mut text, format_args!("<table type=\"{}\">{}</table>\n", table.table_type, contents(table, keys)));
        }
        text.push_str("</schema>\n");
    }
    document("vosi:tableset", &text)
}

fn document(element: &str, contents: &str) -> String {
    let name = element.split(' ').next().unwrap_or(element);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{element} {NAMESPACES}>\n{contents}</{name}>\n")
}

fn contents(table: &TableDescription, keys: Option<&[ForeignKey]>) -> String {
    let name = adql_table(&table.name);
    let mut text = format!("<name>{}</name>", escaped(&name));
    push_optional(&mut text, "description", table.description.as_deref());
    text.push('\n');
    let Some(keys) = keys else { return text };
    table.columns.iter().for_each(|column| push_column(&mut text, column));
    keys.iter().filter(|key| key.from == name).for_each(|key| push_key(&mut text, key));
    text
}

fn push_key(text: &mut String, key: &ForeignKey) {
    push(text, format_args!("<foreignKey><targetTable>{}</targetTable>", escaped(&key.target)));
    for (from, target) in &key.columns {
        let (from, target) = (escaped(from), escaped(target));
        push(
            text,
            format_args!("<fkColumn><fromColumn>{from}</fromColumn><targetColumn>{target}</targetColumn></fkColumn>"),
        );
    }
    text.push_str("</foreignKey>\n");
}

fn push_column(text: &mut String, column: &ColumnDescription) {
    push(text, format_args!("<column><name>{}</name>", escaped(&adql_identifier(&column.name))));
    push_optional(text, "description", column.description.as_deref());
    push_optional(text, "unit", column.unit.as_deref());
    push_optional(text, "ucd", column.ucd.as_deref());
    push_optional(text, "utype", column.utype.as_deref());
    text.push_str("<dataType xsi:type=\"vs:VOTableType\"");
    for (attribute, value) in [("arraysize", &column.arraysize), ("extendedType", &column.xtype)] {
        if let Some(value) = value {
            push(text, format_args!(" {attribute}=\"{}\"", escaped(value)));
        }
    }
    push(text, format_args!(">{}</dataType>", column.datatype));
    for (flag, set) in
        [("indexed", column.indexed), ("principal", column.principal), ("nullable", column.field.is_nullable())]
    {
        if set {
            push(text, format_args!("<flag>{flag}</flag>"));
        }
    }
    text.push_str("</column>\n");
}

fn push_optional(text: &mut String, element: &str, value: Option<&str>) {
    if let Some(value) = value {
        push(text, format_args!("<{element}>{}</{element}>", escaped(value)));
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes any text");
}

fn is_public(table: &TableDescription, name: &str) -> bool {
    table.name.schema == PUBLIC && table.name.table.eq_ignore_ascii_case(name)
}
