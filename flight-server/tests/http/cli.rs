//! The commands that end by themselves.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::server::{catalogs, sidereus};

fn run(arguments: &[&str]) -> Output {
    sidereus().args(arguments).env("SIDEREUS_CATALOGS", catalogs()).output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn queries_are_answered_in_this_process() {
    let csv = run(&["query", "SELECT TOP 2 hip, plx FROM hipparcos2 ORDER BY plx DESC"]);
    assert_eq!(out(&csv), "hip,plx\r\n71681,796.92\r\n70890,771.64\r\n", "{}", err(&csv));
    let sql = run(&["query", "SELECT 1 + 1 AS two", "--lang", "sql", "--format", "table"]);
    assert_eq!(out(&sql), "two\n---\n  2\n(1 row)\n", "{}", err(&sql));
}

#[test]
fn a_cut_is_told_on_standard_error() {
    let cut = run(&["query", "SELECT name FROM openngc", "--max-rows", "3"]);
    assert_eq!(out(&cut).lines().count(), 4);
    assert!(err(&cut).contains("rows were left out"), "{}", err(&cut));
    let whole = run(&["query", "SELECT TOP 3 name FROM openngc", "--max-rows", "3"]);
    assert_eq!(err(&whole), "");
}

#[test]
fn output_goes_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stars.parquet");
    let path = file.to_str().unwrap();
    let done = run(&["query", "SELECT TOP 3 * FROM hipparcos2", "--format", "parquet", "--output", path]);
    assert!(done.status.success() && done.stdout.is_empty(), "{}", err(&done));
    assert!(std::fs::read(&file).unwrap().starts_with(b"PAR1"));
}

#[test]
fn a_parquet_file_becomes_a_catalog_with_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (file, catalog) = (folder.path().join("t.parquet"), folder.path().join("again"));
    let (file, catalog) = (file.to_str().unwrap(), catalog.to_str().unwrap());
    let query = "SELECT hip, ra, dec, plx FROM hipparcos2 WHERE plx > 20";
    assert!(run(&["query", query, "--format", "parquet", "--output", file]).status.success());
    let imported = run(&["import", file, "--output", catalog, "--rows-per-partition", "1000"]);
    assert!(out(&imported).contains(" rows in "), "{}", err(&imported));
    let cone = "WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(66, 16, 10))";
    let count = |table: &str, catalogs: &[&str]| {
        let query = format!("SELECT COUNT(*) AS n, SUM(hip) AS s FROM {table} {cone} AND plx > 20");
        out(&run(&[&["query", &query], catalogs].concat())).to_owned()
    };
    assert_eq!(count("again", &["--catalogs", catalog]), count("hipparcos2", &[]));
    let twice = run(&["import", file, "--output", catalog]);
    assert_eq!(twice.status.code(), Some(1), "an existing catalog is not overwritten");
}

#[test]
fn errors_point_at_the_text_and_set_the_exit_code() {
    for command in ["query", "explain"] {
        let wrong = run(&[command, "SELECT ra\nFROM hipparcos2 WHERE DISTANCES(ra, dec, 1, 2) < 1"]);
        assert_eq!(wrong.status.code(), Some(1));
        assert!(err(&wrong).starts_with("error: line 2, column 23: unknown function DISTANCES"), "{}", err(&wrong));
    }
    assert_eq!(run(&["query", "SELECT 1", "--format", "docx"]).status.code(), Some(2));
    assert_eq!(run(&["query"]).status.code(), Some(2));
    assert_eq!(run(&["config", "check", "--config", "/nonexistent"]).status.code(), Some(2));
    let nowhere = sidereus().args(["catalogs", "--catalogs", "/nonexistent"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(1), "{}", err(&nowhere));
}

#[test]
fn a_query_that_fails_late_says_so_once_and_leaves_nothing() {
    let wrong = run(&["query", "SELECT hip / 0 AS x FROM hipparcos2", "--format", "csv"]);
    assert_eq!((wrong.status.code(), out(&wrong), err(&wrong)), (Some(1), "", "error: division by zero\n"));
}

#[test]
fn rules_never_change_an_answer() {
    let query = ["query", "SELECT COUNT(*) AS n FROM gaia_dr3_bright WHERE DISTANCE(ra, dec, 10, 20) < 5"];
    let with = run(&query);
    let without = run(&[&query[..], &["--rules-off", "all"]].concat());
    assert_eq!(out(&with), out(&without), "{}{}", err(&with), err(&without));
    let unknown = run(&[&query[..], &["--rules-off", "pages"]].concat());
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("page_pruning"), "{}", err(&unknown));
}

#[test]
fn catalogs_are_listed() {
    let listed = run(&["catalogs"]);
    let line = out(&listed).lines().find(|line| line.starts_with("public.openngc ")).expect("openngc is listed");
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(&cells[..3], ["public.openngc", "object", "14026"]);
}

#[test]
fn plans_are_shown() {
    let query = "SELECT COUNT(*) FROM gaia_dr3_bright WHERE DISTANCE(ra, dec, 10, 20) < 0.1";
    let plan = run(&["explain", query]);
    assert!(out(&plan).contains("HatsScanExec"), "{}{}", out(&plan), err(&plan));
    assert!(out(&plan).contains("read: rows="), "{}{}", out(&plan), err(&plan));
    let analyzed = run(&["explain", "--analyze", query]);
    assert!(out(&analyzed).contains("output_rows"), "{}{}", out(&analyzed), err(&analyzed));
}

#[test]
fn questions_are_answered_line_by_line() {
    let mut child = sidereus().arg("check").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let questions = "{\"id\":1,\"query\":\"SELECT a FROM t\"}\n\nnonsense\n{\"id\":3,\"query\":\"SELECT FROM\"}\n";
    child.stdin.take().unwrap().write_all(questions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let answers: Vec<serde_json::Value> =
        out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(output.status.success());
    assert_eq!(answers.iter().map(|answer| answer["valid"] == true).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(answers[2]["errors"][0]["line"], 1);
    assert_eq!(run(&["check", "/nonexistent"]).status.code(), Some(1));
}

#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = sidereus()
        .args(["query", "SELECT * FROM hipparcos2", "--catalogs"])
        .arg(catalogs())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output)), (Some(0), ""));
}

#[test]
fn the_configuration_is_shown_without_secrets() {
    let shown = sidereus().args(["config", "show"]).env("SIDEREUS_LIMITS_MAX_ROWS", "99").output().unwrap();
    assert!(out(&shown).contains("max_rows = 99"), "{}", out(&shown));
    let wrong = sidereus().args(["config", "check"]).env("SIDEREUS_LIMITS_MAX_ROWS", "many").output().unwrap();
    assert!(wrong.status.code() == Some(2) && err(&wrong).contains("SIDEREUS_LIMITS_MAX_ROWS"));
}
