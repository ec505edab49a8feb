//! What does a person see who opens the service in a browser?
//!
//! What can be queried, a form that asks, and where programs go on. Plain HTML without scripts.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use sidereus_engine::{Principal, TableDescription, adql_table};

use super::links;
use crate::format;
use crate::format::xml::escaped;
use crate::services::Services;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
    textarea{width:100%;height:7em;font:14px monospace}table{border-collapse:collapse}\
    td,th{text-align:left;vertical-align:top;padding:.2em 1em .2em 0}td.n{text-align:right}";

/// Answers the base URL.
pub(super) async fn show(
    State(services): State<Services>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Response {
    let base = links::base(request.extensions());
    let text = page(&services.query.tables(&principal), &base);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

fn page(tables: &[TableDescription], base: &str) -> String {
    let base = escaped(base);
    let formats: String = format::ALL
        .iter()
        .filter(|format| format.is_served())
        .map(|format| {
            format!(
                "<option value=\"{0}\"{1}>{0}</option>",
                format.name(),
                if format.name() == "html" { " selected" } else { "" }
            )
        })
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sidereus TAP service</title>\
         <style>{STYLE}</style></head>\n<body>\n<h1>Sidereus: catalogs for queries in ADQL</h1>\n\
         <p>This is a TAP 1.1 service. Give <code>{base}</code> to TOPCAT, STILTS, pyvo, astroquery or Aladin.</p>\n\
         <form action=\"{base}/sync\" method=\"post\"><input type=\"hidden\" name=\"LANG\" value=\"ADQL\">\n\
         <p><label for=\"query\">Query</label><br><textarea id=\"query\" name=\"QUERY\" required>{}</textarea></p>\n\
         <p><label>Rows at most <input name=\"MAXREC\" value=\"100\" size=\"8\"></label>\n\
         <label>Format <select name=\"RESPONSEFORMAT\">{formats}</select></label> <button>Ask</button></p></form>\n\
         <h2>Tables</h2>\n<table><tr><th>Name</th><th>Rows</th><th>Description</th></tr>\n{}</table>\n\
         <h2>For programs</h2>\n<ul>{}</ul>\n</body></html>\n",
        escaped(&query(tables)),
        rows(tables, &base),
        links(&base)
    )
}

/// A query of the first table that is no description of others.
fn query(tables: &[TableDescription]) -> String {
    let table = tables.iter().find(|table| !table.name.schema.eq_ignore_ascii_case("tap_schema"));
    table.map_or_else(
        || "SELECT * FROM TAP_SCHEMA.tables".to_owned(),
        |table| format!("SELECT TOP 10 * FROM {}", adql_table(&table.name)),
    )
}

fn rows(tables: &[TableDescription], base: &str) -> String {
    let row = |table: &TableDescription| {
        let name = adql_table(&table.name);
        let count = table.rows.map(|rows| rows.to_string()).unwrap_or_default();
        let link = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>();
        format!(
            "<tr><td><a href=\"{base}/tables/{link}\">{}</a></td><td class=\"n\">{count}</td><td>{}</td></tr>\n",
            escaped(&name),
            escaped(table.description.as_deref().unwrap_or_default())
        )
    };
    tables.iter().map(row).collect()
}

fn links(base: &str) -> String {
    let resources = [
        ("examples", "example queries"),
        ("tables", "tables and columns (VOSI)"),
        ("capabilities", "languages, functions, formats, limits (VOSI)"),
        ("availability", "whether it is up (VOSI)"),
        ("sync", "queries that are answered at once"),
        ("async", "queries as jobs (UWS)"),
    ];
    let item = |(path, text): (&str, &str)| format!("<li><a href=\"{base}/{path}\">{path}</a>: {text}</li>\n");
    resources.map(item).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_escaped() {
        let text = page(&[], "http://h/<script>");
        assert!(!text.contains("<script>") && text.contains("http://h/&lt;script&gt;/sync"), "{text}");
    }
}
