//! Do the functions of the IVOA's catalogue answer what its authors wrote down?
//!
//! The cases are those of the catalogue's own list, read from `../shared`; a hand copy of the essential ones is in
//! `slt/catalogue.slt`. Numbers are compared at the precision they are printed with.

mod support;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use sidereus_engine::{EngineError, QueryService, Rules};
use support::{ask, root, service, shared};

/// Cases that cannot be asked here, each with its reason.
const LEFT_OUT: [(&str, &str); 6] = [
    ("udfcat:ivo_healpix_center:8", "undefined by the catalogue"),
    ("udfcat:ivo_histogram:41", "needs the table gaiadr3.nss_vim_fl"),
    ("udfcat:ivo_histogram:42", "needs the table mwsc.main"),
    ("udfcat:ivo_string_agg:26", "the order of its rows is the service's own; see slt/catalogue.slt"),
    ("udfcat:ivo_normal_random:43", "random"),
    ("udfcat:ivo_simbadpoint:49", "needs the network"),
];

/// Where the printed digits are not all right: degrees by which an answer may differ, and why.
///
/// The answers themselves are those of astropy 8 in `slt/catalogue.slt`.
const LESS_PRECISE: [(&str, f64, &str); 2] = [
    ("udfcat:ivo_geom_transform:16", 1e-9, "2 microarcsec from astropy: rounded pole of the galaxy"),
    ("udfcat:ivo_geom_transform:19", 1e-5, "FK5 taken for ICRS, from which it is turned by 23 mas"),
];

/// Degrees that rounding makes of a position after the sines and cosines of a propagation.
const ROUNDING_DEG: f64 = 1e-13;

/// The first value of an answer as text.
async fn value(service: &QueryService, query: &str) -> Result<String, EngineError> {
    let batches: Vec<RecordBatch> = ask(service, query, Rules::all()).await?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
    let options = FormatOptions::new().with_null("NULL");
    let column = ArrayFormatter::try_new(batch.column(0).as_ref(), &options).expect("a value can be shown");
    Ok(column.value(0).to_string())
}

fn numbers(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    let words: Vec<&str> = inner.split(',').map(str::trim).collect();
    words.iter().all(|word| word.parse::<f64>().is_ok()).then_some(words)
}

/// Whether a number is the printed one to within a unit of its last digit, or what is allowed in its place.
fn agrees(found: &str, printed: &str, allowed: f64) -> bool {
    let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let (found, expected): (f64, f64) = (found.parse().expect("a number"), printed.parse().expect("a number"));
    let unit = 10_f64.powi(-i32::try_from(decimals).expect("few digits"));
    let unit = if decimals == 0 { 0.0 } else { unit };
    (found - expected).abs() <= unit.max(allowed)
}

fn is_expected(found: &str, expected: &str, allowed: f64) -> bool {
    match (numbers(found), numbers(expected)) {
        (Some(found), Some(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| agrees(found, expected, allowed))
        }
        _ => found == expected,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_the_catalogue_answer_as_written() {
    let Some(path) = shared("specs/udf-catalogue.jsonl") else { return };
    let service = service(&[root().join("testdata/catalogs")]).await;
    let text = std::fs::read_to_string(path).expect("the cases open");
    let (mut asked, mut left_out, mut wrong) = (0, 0, Vec::new());
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a JSON line");
        let of = |key: &str| case[key].as_str().expect("a string");
        if LEFT_OUT.iter().any(|(id, _)| *id == of("id")) {
            left_out += 1;
            continue;
        }
        asked += 1;
        let found = value(&service, of("query")).await;
        let expected = of("expected");
        let allowed =
            LESS_PRECISE.iter().find(|(id, ..)| *id == of("id")).map_or(ROUNDING_DEG, |(_, allowed, _)| *allowed);
        let right = match &found {
            Ok(found) => is_expected(found, expected, allowed),
            Err(_) => expected == "an error",
        };
        if !right {
            wrong.push(format!("{}: {found:?} for {expected}", of("expr")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((asked, left_out), (55, LEFT_OUT.len()));
}
