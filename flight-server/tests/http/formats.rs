//! The same rows in every format.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::StreamReader;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::server::Server;

const QUERY: &str = "SELECT TOP 20 hip, ra, dec, plx FROM hipparcos2 ORDER BY hip";

#[test]
fn every_format_holds_the_same_numbers() {
    let server = Server::start();
    let ask = |format: &str| server.post(&[("LANG", "ADQL"), ("QUERY", QUERY), ("RESPONSEFORMAT", format)]);
    let expected: Vec<f64> =
        ask("csv").rows().iter().map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(expected.len(), 20);

    let arrow = ask("application/vnd.apache.arrow.stream");
    let reader = StreamReader::try_new(arrow.body.as_slice(), None).unwrap();
    let unit = reader.schema().field_with_name("ra").unwrap().metadata().get("unit").cloned();
    assert_eq!(unit.as_deref(), Some("deg"));
    assert_eq!(numbers(reader.map(Result::unwrap)), expected);

    let parquet = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(ask("parquet").body)).unwrap();
    assert_eq!(numbers(parquet.build().unwrap().map(Result::unwrap)), expected);

    let votable = ask("votable");
    let cells: Vec<f64> = votable
        .text()
        .split("<TR>")
        .skip(1)
        .map(|row| row.split("<TD>").nth(2).unwrap().split('<').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(cells, expected);
    assert!(votable.text().contains("unit=\"deg\" ucd=\"pos.eq.ra;meta.main\""), "{}", votable.text());
    assert!(ask("votable/b2").text().contains("<BINARY2><STREAM encoding=\"base64\">"));
}

fn numbers(batches: impl Iterator<Item = arrow::record_batch::RecordBatch>) -> Vec<f64> {
    batches.flat_map(|batch| batch.column(1).as_primitive::<Float64Type>().values().to_vec()).collect()
}

/// The metadata of an answer, by format, and the rows.
fn said(server: &Server, query: &str, format: &str) -> (BTreeMap<String, String>, String) {
    let answer = server.post(&[("LANG", "ADQL"), ("QUERY", query), ("RESPONSEFORMAT", format)]);
    let (metadata, rows): (BTreeMap<String, String>, _) = match format {
        "arrow" => {
            let reader = StreamReader::try_new(answer.body.as_slice(), None).unwrap();
            let metadata = reader.schema().metadata().clone();
            (
                metadata.into_iter().collect(),
                format!("{:?}", reader.map(|batch| batch.unwrap().columns().to_vec()).collect::<Vec<_>>()),
            )
        }
        "parquet" => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(answer.body)).unwrap();
            let pairs = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
            let metadata = pairs.into_iter().filter_map(|pair| Some((pair.key, pair.value?))).collect();
            let rows = builder.build().unwrap().map(|batch| batch.unwrap().columns().to_vec()).collect::<Vec<_>>();
            (metadata, format!("{rows:?}"))
        }
        _ => {
            let text = answer.text();
            let info = |line: &str| {
                let (name, value) = line.strip_prefix("<INFO name=\"")?.split_once("\" value=\"")?;
                let value =
                    value.strip_suffix("\"/>")?.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
                Some((name.to_owned(), value))
            };
            (text.lines().filter_map(info).collect(), text.split_once("<DATA>").map_or("", |(_, data)| data).to_owned())
        }
    };
    (metadata, rows)
}

#[test]
fn every_format_but_csv_says_what_its_rows_were_made_of() {
    let server = Server::start();
    let query = "SELECT TOP 9 hip, \"ra\" FROM hipparcos2 WHERE plx > 20 AND dec < 3";
    let mut seen = BTreeSet::new();
    for format in ["votable", "votable/b2", "parquet", "arrow"] {
        let (metadata, rows) = said(&server, query, format);
        assert!(metadata["sidereus.software"].starts_with("Sidereus/"), "{format}: {metadata:?}");
        assert_eq!(metadata["sidereus.language"], "ADQL");
        let again = &metadata["sidereus.query"];
        assert_eq!(again, &query.replace("hipparcos2", &metadata["sidereus.snapshots"]), "{format}");
        assert!(again.contains("hipparcos2@"), "{again}");
        assert_eq!(said(&server, again, format).1, rows, "{format}: the same rows again");
        seen.insert(again.clone());
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    let csv = server.post(&[("LANG", "ADQL"), ("QUERY", query), ("RESPONSEFORMAT", "csv")]);
    assert!(!csv.text().contains("sidereus"));
    let columns = server.post(&[("LANG", "ADQL"), ("QUERY", query), ("MAXREC", "0")]);
    assert!(columns.text().contains("<INFO name=\"sidereus.snapshots\""), "{}", columns.text());
}
