//! The same rows in every format.

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
