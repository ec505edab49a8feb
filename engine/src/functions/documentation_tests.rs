//! `docs/functions.md` is made of what the functions say about themselves, and every example runs.
//!
//! The test fails when the page is not what would be written; with `SIDEREUS_BLESS=1` it writes it.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::Documentation;
use datafusion::sql::parser::Statement;
use sidereus_adql::{
    Feature, FunctionClass, FunctionEntry, Label, Name, Request, TableLookup, TableNames, check, function_table, lower,
    parse,
};

use super::documentation::SECTIONS;
use super::tester::session;
use super::{aggregates, all};

const HEAD: &str = "# Functions

Made from the functions' own descriptions by a test, which also runs every example; see
[CONTRIBUTING](../CONTRIBUTING.md). Angles are degrees, positions are ICRS.

A null argument makes the result null. Where the numbers of a *row* describe no geometry (a latitude beyond the poles, a
negative radius, NaN) the result of that row is null; where a query itself says such numbers, it is an error.
";

const OTHERS: &str = "## Other functions

They mean what they mean in SQL; the ones marked *extension* are not part of ADQL 2.1. Aggregates and windows are shown over
three rows `(n, x, y)`: `(1, 1, 3)`, `(2, 2, 5)`, `(3, 4, 9.5)`.

| function | kind | | what it gives | example | result |
|---|---|---|---|---|---|
";

/// For each function without a page of its own: name, what it gives, an example or `-`; with tabs between them.
const EXAMPLES: &str = include_str!("examples.tsv");

const ROWS: &str = "(SELECT 1 AS n, 1.0 AS x, 3.0 AS y UNION ALL SELECT 2, 2.0, 5.0 UNION ALL SELECT 3, 4.0, 9.5) AS t";

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
    pretty_format_batches(&batches(example).await).unwrap().to_string()
}

async fn batches(example: &str) -> Vec<RecordBatch> {
    let request = parse(example, Label::Sql).unwrap_or_else(|error| panic!("{example}: {error}"));
    let Request::Select(select) = request else { panic!("{example}: only SELECT") };
    let lowered = lower(check(select, &NoTables).unwrap_or_else(|error| panic!("{example}: {error}"))).unwrap();
    let (session, statement) = (session(), Statement::Statement(Box::new(lowered.statement)));
    let planned = session.state().statement_to_plan(statement).await;
    let plan = planned.unwrap_or_else(|error| panic!("{example}: {error}"));
    let result = session.execute_logical_plan(plan).await.unwrap().collect().await;
    result.unwrap_or_else(|error| panic!("{example}: {error}"))
}

/// The values of an example, of one row or, over the three rows, of each.
async fn values(example: &str, entry: &FunctionEntry) -> String {
    let text = match entry.class {
        FunctionClass::Scalar => format!("SELECT {example} AS v FROM (SELECT 1 AS n) AS t"),
        FunctionClass::Aggregate => format!("SELECT {example} AS v FROM {ROWS}"),
        FunctionClass::Window => format!("SELECT {example} AS v FROM {ROWS} ORDER BY x"),
    };
    let format = FormatOptions::default().with_null("NULL");
    let mut shown = Vec::new();
    for batch in batches(&text).await {
        let column = ArrayFormatter::try_new(batch.column(0), &format).unwrap();
        shown.extend((0..batch.num_rows()).map(|row| column.value(row).to_string()));
    }
    shown.join(", ")
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

async fn others() -> String {
    let ours = pages();
    let examples: HashMap<&str, (&str, &str)> = EXAMPLES
        .lines()
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [name, what, example] => (name, (what, example)),
            _ => panic!("{line}: expected three parts"),
        })
        .collect();
    let mut rows = Vec::new();
    let without_page = |entry: &&FunctionEntry| entry.available && ours.iter().all(|(name, _)| name != entry.lowered);
    for entry in function_table().iter().filter(without_page) {
        let (what, example) = examples.get(entry.name).unwrap_or_else(|| panic!("{} has no example", entry.name));
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
        let (example, result) = match *example {
            // Under ADQL nothing is selected without a table.
            _ if entry.label == Some(Label::Adql) => (String::new(), String::new()),
            "-" => (String::new(), String::new()),
            example => (format!("`{example}`"), format!("`{}`", values(example, entry).await)),
        };
        rows.push(format!("| {}{label} | {kind} | {extension} | {what} | {example} | {result} |\n", entry.name));
    }
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
    text + &others().await
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
