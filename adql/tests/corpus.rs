//! The corpus: what is accepted, and the rendered errors of what is not.
//!
//! A file holds queries separated by a line `---`. Under `accept`, all must pass down to plain SQL; those in files named
//! `standard_*` must also conform to ADQL 2.1. Under `reject`, files named `strict_*` are judged by the standard alone.

#![allow(clippy::unwrap_used, reason = "a test ends where its setting is broken")]

mod sky;

use std::fs;
use std::path::{Path, PathBuf};

use sidereus_adql::{Label, ValidateOptions, Version, validate};
use sky::sql_of;

#[test]
fn accepted_queries_reach_plain_sql() {
    for (file, query) in queries("accept", "adql") {
        if let Err(errors) = sql_of(&query, Label::Adql) {
            panic!("{file}: {query}\n{errors}");
        }
        sql_of(&query, Label::Sql).unwrap_or_else(|errors| panic!("{file} under the other label: {query}\n{errors}"));
    }
}

#[test]
fn standard_queries_conform() {
    for (file, query) in queries("accept", "adql").into_iter().filter(|(file, _)| file.starts_with("standard_")) {
        validate(&query, &ValidateOptions::default()).unwrap_or_else(|errors| panic!("{file}: {query}\n{errors}"));
    }
}

#[test]
fn extensions_do_not_conform() {
    for (_, query) in queries("accept", "adql").into_iter().filter(|(file, _)| file.starts_with("extensions")) {
        assert!(validate(&query, &ValidateOptions::default()).is_err(), "{query}");
    }
}

#[test]
fn labelled_queries_reach_plain_sql() {
    for (_, query) in queries("accept", "sql") {
        sql_of(&query, Label::Sql).unwrap_or_else(|errors| panic!("{query}\n{errors}"));
    }
}

#[test]
fn rejected_queries_have_clear_errors() {
    for file in files("reject", "adql") {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let drawn: Vec<String> =
            blocks(&file).iter().map(|query| format!("{query}\n=>\n{}\n", rejection(&stem, query))).collect();
        insta::assert_snapshot!(stem, drawn.join("\n"));
    }
}

/// The drawn errors of a query; `accepted` where there are none.
fn rejection(stem: &str, query: &str) -> String {
    let strict =
        |version| validate(query, &ValidateOptions { version, ..ValidateOptions::default() }).map(|()| String::new());
    let result = match stem {
        "strict_2_0" => strict(Version::V2_0),
        "strict_2_1" => strict(Version::V2_1),
        _ => sky::request_of(query, Label::Adql),
    };
    result.map_or_else(|errors| errors.to_string(), |sql| panic!("accepted: {query}\n{sql}"))
}

fn queries(folder: &str, extension: &str) -> Vec<(String, String)> {
    let named = |file: PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        blocks(&file).into_iter().map(move |query| (name.clone(), query)).collect::<Vec<_>>()
    };
    let found: Vec<_> = files(folder, extension).into_iter().flat_map(named).collect();
    assert!(!found.is_empty());
    found
}

fn blocks(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().trim_end().split("\n---\n").map(|block| block.trim_end().to_owned()).collect()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|found| found == extension));
    found.sort();
    found
}
