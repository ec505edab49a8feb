//! `sidereus check`: is it ADQL? One JSON line in, one JSON line out, no catalog.
//!
//! In: `{"query": "SELECT ...", "id": 1, "version": "2.1", "udfs": ["my_function"]}`, all but `query` optional. Out:
//! `{"id": 1, "valid": false, "errors": [{"line": 1, "column": 8, "message": "...", "hint": "..."}]}`. A line that is no such
//! object is answered as invalid; only files that cannot be read or written end the command with an error.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidereus_adql::{QueryError, QueryErrors, ValidateOptions, Version, validate};

use super::{CommandError, Language};

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// File of JSON lines; without it, standard input.
    file: Option<PathBuf>,
    /// The language of the queries.
    #[arg(long, value_enum, default_value = "adql")]
    lang: Language,
}

#[derive(Debug, Deserialize)]
struct Question {
    query: String,
    #[serde(default)]
    id: Value,
    version: Option<Value>,
    #[serde(default)]
    udfs: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Answer {
    id: Value,
    valid: bool,
    errors: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    line: usize,
    column: usize,
    message: String,
    hint: Option<String>,
}

/// Runs the command.
pub(super) fn run(options: &Options) -> Result<(), CommandError> {
    let input: Box<dyn Read> = match &options.file {
        Some(path) => Box::new(File::open(path).map_err(CommandError::at(path))?),
        None => Box::new(std::io::stdin()),
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            serde_json::to_writer(&mut out, &answer(&line, options.lang)).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
        line.clear();
        if input.buffer().is_empty() {
            // Whoever writes one question at a time waits for its answer.
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

fn answer(line: &[u8], language: Language) -> Answer {
    let question: Question = match serde_json::from_slice(line) {
        Ok(question) => question,
        Err(error) => return refusal(id_of(line), format!("not a JSON object with a field query: {error}")),
    };
    let Some(version) = version(question.version.as_ref()) else {
        return refusal(question.id, "unknown version: expected 2.0 or 2.1".to_owned());
    };
    let udfs = question.udfs.iter().map(|udf| function_name(udf).to_owned()).collect();
    let options = ValidateOptions { label: language.into(), version, udfs };
    let errors = validate(&question.query, &options).err();
    Answer { id: question.id, valid: errors.is_none(), errors: errors.as_ref().map(findings).unwrap_or_default() }
}

/// The id of a line that is otherwise not understood, where it has one.
fn id_of(line: &[u8]) -> Value {
    let value = serde_json::from_slice(line).unwrap_or(Value::Null);
    value.get("id").cloned().unwrap_or(Value::Null)
}

fn version(value: Option<&Value>) -> Option<Version> {
    match value {
        None | Some(Value::Null) => Some(Version::default()),
        Some(Value::String(text)) => Version::from_number(text.trim().trim_start_matches("ADQL-")),
        Some(Value::Number(number)) => Version::from_number(&number.to_string()),
        Some(_) => None,
    }
}

/// The name in front of a signature such as `name(a DOUBLE) -> DOUBLE`.
fn function_name(signature: &str) -> &str {
    signature.split('(').next().unwrap_or(signature).trim()
}

fn findings(errors: &QueryErrors) -> Vec<Finding> {
    let finding = |error: &QueryError| Finding {
        line: error.line,
        column: error.column,
        message: error.message.clone(),
        hint: error.hint.clone(),
    };
    errors.errors().iter().map(finding).collect()
}

fn refusal(id: Value, message: String) -> Answer {
    Answer { id, valid: false, errors: vec![Finding { line: 0, column: 0, message, hint: None }] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_judged_one_by_one() {
        assert_eq!(check(r#"{"id": 7, "query": "SELECT TOP 3 a FROM t"}"#), r#"{"id":7,"valid":true,"errors":[]}"#);
        let wrong = check(r#"{"id": "x", "query": "SELECT\n a FROM t WHERE nonsense(a) = 1"}"#);
        assert!(wrong.starts_with(r#"{"id":"x","valid":false,"errors":[{"line":2,"column":17,"#), "{wrong}");
        let known =
            check(r#"{"query": "SELECT a FROM t WHERE nonsense(a) = 1", "udfs": ["NONSENSE(a DOUBLE) -> DOUBLE"]}"#);
        assert_eq!(known, r#"{"id":null,"valid":true,"errors":[]}"#);
    }

    #[test]
    fn lines_that_are_no_questions_are_answered() {
        for (line, id) in [("{", "null"), (r#"{"id": 3}"#, "3"), (r#"[1]"#, "null"), (r#"{"id":1,"query":2}"#, "1")] {
            let answer = check(line);
            assert!(answer.starts_with(&format!(r#"{{"id":{id},"valid":false,"#)), "{line}: {answer}");
        }
        assert!(check(r#"{"query": "SELECT a FROM t", "version": "3.0"}"#).contains("unknown version"));
    }

    fn check(line: &str) -> String {
        serde_json::to_string(&answer(line.as_bytes(), Language::Adql)).unwrap()
    }
}
