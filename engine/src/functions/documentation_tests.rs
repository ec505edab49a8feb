//! `docs/functions.md` is made of what the functions say about themselves, and every example runs.
//!
//! The test fails when the page is not what would be written; with `SIDEREUS_BLESS=1` it writes it.

use std::fmt::Write;
use std::path::PathBuf;

use arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::Documentation;
use sidereus_adql::{
    Feature, FunctionClass, FunctionEntry, Label, Name, Request, TableLookup, TableNames, check, function_table, lower,
    parse,
};

use super::documentation::SECTIONS;
use super::tester::query;
use super::{aggregates, all};

const HEAD: &str = "# Functions

Made from the functions' own descriptions by a test, which also runs every example; see
[CONTRIBUTING](../CONTRIBUTING.md). Angles are degrees, positions are ICRS.

A null argument makes the result null. Where the numbers of a *row* describe no geometry (a latitude beyond the poles, a
negative radius, NaN) the result of that row is null; where a query itself says such numbers, it is an error.
";

const OTHERS: &str = "## Other functions

They mean what they mean in SQL; the ones marked *extension* are not part of ADQL 2.1.

| function | kind | |
|---|---|---|
";

struct NoTables;

impl TableNames for NoTables {
    fn table(&self, _path: &[Name]) -> TableLookup {
        TableLookup::NotFound { suggestions: Vec::new() }
    }
}

/// What our functions say about themselves, by lowered name.
fn pages() -> Vec<(String, Documentation)> {
    let missing = |name: &str| panic!("{name} has no page");
    let of =
        |name: &str, page: Option<&Documentation>| (name.to_owned(), page.unwrap_or_else(|| missing(name)).clone());
    let scalar = all().into_iter().map(|function| of(function.name(), function.documentation()));
    let aggregate = aggregates().into_iter().map(|function| of(function.name(), function.documentation()));
    scalar.chain(aggregate).collect()
}

/// The result of an example, as text.
async fn run(example: &str) -> String {
    let request = parse(example, Label::Sql).unwrap_or_else(|error| panic!("{example}: {error}"));
    let Request::Select(select) = request else { panic!("{example}: only SELECT") };
    let lowered = lower(check(select, &NoTables).unwrap()).unwrap();
    let batches = query(&lowered.sql()).await.unwrap_or_else(|error| panic!("{example}: {error}"));
    pretty_format_batches(&batches).unwrap().to_string()
}

fn entries(lowered: &str) -> Vec<&'static FunctionEntry> {
    function_table()
        .iter()
        .filter(|entry| entry.lowered == lowered && (lowered.starts_with("q3c_") || !entry.name.starts_with("Q3C_")))
        .collect()
}

async fn page(lowered: &str, documentation: &Documentation) -> String {
    let names: Vec<&str> = entries(lowered).iter().map(|entry| entry.name).collect();
    let mut page = format!("\n### {}\n\n{}\n\n", names.join(", "), documentation.description);
    let mut forms = vec![documentation.syntax_example.clone()];
    forms.extend(documentation.alternative_syntax.clone().unwrap_or_default());
    writeln!(page, "```sql\n{}\n```\n", forms.join("\n")).unwrap();
    for (name, description) in documentation.arguments.iter().flatten() {
        writeln!(page, "* `{name}`: {description}").unwrap();
    }
    let example = documentation.sql_example.as_ref().unwrap_or_else(|| panic!("{lowered} has no example"));
    writeln!(page, "\n```sql\n{example}\n```\n```text\n{}\n```", run(example).await).unwrap();
    writeln!(page, "\nShown in plans as `{lowered}`.").unwrap();
    page
}

fn others() -> String {
    let ours = pages();
    let mut rows: Vec<String> = function_table()
        .iter()
        .filter(|entry| entry.available && ours.iter().all(|(name, _)| name != entry.lowered))
        .map(|entry| {
            let kind = match entry.class {
                FunctionClass::Scalar => "value",
                FunctionClass::Aggregate => "aggregate",
                FunctionClass::Window => "window",
            };
            let extension = if entry.feature == Feature::Extension { "extension" } else { "" };
            let label = match entry.label {
                Some(Label::Adql) => " (ADQL)",
                Some(Label::Sql) => " (SQL)",
                None => "",
            };
            format!("| {}{label} | {kind} | {extension} |\n", entry.name)
        })
        .collect();
    rows.sort();
    format!("\n{OTHERS}{}", rows.concat())
}

async fn rendered() -> String {
    let mut pages = pages();
    pages.sort_by_key(|(name, _)| entries(name).first().map(|entry| entry.name));
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        write!(text, "\n## {section}\n").unwrap();
        for (name, documentation) in &pages {
            if documentation.doc_section.label == section {
                text += &page(name, documentation).await;
            }
        }
    }
    text + &others()
}

#[tokio::test]
async fn the_page_is_current_and_its_examples_run() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/functions.md"));
    let expected = rendered().await;
    if std::env::var_os("SIDEREUS_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/functions.md is not current: run this test with SIDEREUS_BLESS=1");
}

#[test]
fn every_function_of_ours_has_a_page() {
    for (name, documentation) in pages() {
        assert!(documentation.sql_example.is_some(), "{name} has no example");
        assert!(!entries(&name).is_empty(), "{name} is not in the language");
    }
}
