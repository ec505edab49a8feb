//! Do the worst files end in a clear error, or in a table, within 256 MB?

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, NullArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::IpcWriteOptions;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use parquet::basic::{BrotliLevel, Compression, Encoding};
use parquet::file::properties::WriterProperties;
use sidereus_engine::{EngineError, ErrorKind, TableInput, UploadLimits, UploadOptions, UploadedTable};

use crate::memory::peak;
use crate::seeds::{arrow, batch, parquet, seeds};
use crate::upload;

/// Bytes that reading a table may take, whatever it is.
const MOST_MEMORY: usize = 256 << 20;
/// Time, unoptimised and beside other tests.
const SLOWEST: Duration = Duration::from_secs(120);

struct Case {
    name: &'static str,
    file: &'static str,
    bytes: Box<dyn Read + Send>,
    /// A part of the error; none where a table is as well.
    said: &'static str,
}

fn case(name: &'static str, file: &'static str, bytes: impl Into<Vec<u8>>, said: &'static str) -> Case {
    Case { name, file, bytes: Box::new(std::io::Cursor::new(bytes.into())), said }
}

fn votable(fields: &str, data: &str) -> String {
    format!("<VOTABLE><RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>")
}

fn field(datatype: &str, arraysize: &str) -> String {
    format!("<FIELD name=\"x\" datatype=\"{datatype}\" arraysize=\"{arraysize}\"/>")
}

fn binary(fields: &str, rows: &[u8]) -> String {
    votable(fields, &format!("<BINARY><STREAM encoding=\"base64\">{}</STREAM></BINARY>", STANDARD.encode(rows)))
}

fn documents() -> Vec<Case> {
    let double = field("double", "");
    let entities = format!("<!DOCTYPE VOTABLE [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;\">]>", "x".repeat(1000));
    let rows = |row: &str, count: usize| votable(&double, &format!("<TABLEDATA>{}</TABLEDATA>", row.repeat(count)));
    vec![
        case("entities", "t.vot", entities + &rows("<TR><TD>&b;</TD></TR>", 1), "DOCTYPE"),
        case("an entity that is not defined", "t.vot", rows("<TR><TD>&b;</TD></TR>", 1), "not defined"),
        case("depth", "t.vot", "<VOTABLE>".to_owned() + &"<RESOURCE>".repeat(1 << 20), "64 deep"),
        case("depth within rows", "t.vot", rows(&"<TD>".repeat(1 << 20), 1), "64 deep"),
        case("a million fields", "t.vot", votable(&double.repeat(1_000_000), ""), "10000 columns"),
        case("a long attribute", "t.vot", format!("<VOTABLE a=\"{}\">", "x".repeat(40 << 20)), "longer than 16 MB"),
        case(
            "a long cell",
            "t.vot",
            rows(&format!("<TR><TD>{}</TD></TR>", "1".repeat(40 << 20)), 1),
            "longer than 16 MB",
        ),
        case(
            "a cell of many texts",
            "t.vot",
            rows(&format!("<TR><TD>{}</TD></TR>", "&lt;1".repeat(4 << 20)), 1),
            "expected a number",
        ),
        case("many short cells", "t.vot", rows("<TR><TD>1</TD></TR>", 1 << 18), "262144 rows"),
        case(
            "rows without cells",
            "t.vot",
            votable(&double.repeat(4000), &format!("<TABLEDATA>{}</TABLEDATA>", "<TR/>".repeat(1 << 14))),
            "100 times",
        ),
        case(
            "an array of 1e12",
            "t.vot",
            votable(&field("double", "1000000000000"), "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"),
            "",
        ),
        case(
            "a binary array of 1e12",
            "t.vot",
            binary(&field("double", "1000000000000"), &[0; 100]),
            "ends within row 1",
        ),
        case("a size that overflows", "t.vot", binary(&field("double", "4294967296x4294967296x9"), &[0; 100]), ""),
        case("a lying length", "t.vot", binary(&field("double", "*"), &[0xff; 100]), "ends within row 1"),
        case("rows without bytes", "t.vot", binary(&field("short", "0"), &[0; 100]), "cannot be kept"),
        case("many bytes", "t.vot", binary(&field("unsignedByte", ""), &vec![1; 4 << 20]), "4194304 rows"),
        case(
            "nulls of fixed arrays",
            "t.vot",
            votable(&field("double", "1024"), &format!("<TABLEDATA>{}</TABLEDATA>", "<TR/>".repeat(1 << 18))),
            "100 times",
        ),
    ]
}

fn texts() -> Vec<Case> {
    let long = Read::chain(&b"a,b\n1,"[..], std::io::repeat(b'x').take(1 << 30));
    let quoted = format!("\"{}\",b\n1,2\n", ",".repeat(9000) + &"x".repeat(30 << 20));
    vec![
        Case { name: "a line of 1 GB", file: "t.csv", bytes: Box::new(long), said: "line 2 does not end" },
        case("ten million columns", "t.csv", ",".repeat(10_000_000) + "\n", "10000 columns"),
        case("a long quoted name", "t.csv", quoted, ""),
        case("short cells", "t.csv", "a,b\n".to_owned() + &"1,2\n".repeat(2 << 20), "2097152 rows"),
        case("rows of another width", "t.csv", "a,b\n".to_owned() + &"1\n".repeat(8 << 20), "1 cells, expected 2"),
        case(
            "cells of another type",
            "t.ecsv",
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int8}\na\n".to_owned() + &"x\n".repeat(8 << 20),
            "type Int8",
        ),
        case(
            "a deep header",
            "t.ecsv",
            "# %ECSV 1.0\n# ---\n# datatype:\n# - ".to_owned() + &"{a".repeat(1 << 20) + "\na\n",
            "",
        ),
        case(
            "a long description",
            "t.ecsv",
            "# %ECSV 1.0\n# ---\n# datatype:\n# -\n#   name: a\n".to_owned() + &"#     x\n".repeat(1 << 18) + "a\n1\n",
            "",
        ),
        case("nothing", "t.csv", "", "it is empty"),
        case("noise", "t", vec![0x80; 1000], "told by neither name nor content"),
    ]
}

fn packed() -> Vec<Case> {
    let mut gzip = GzEncoder::new(Vec::new(), Level::fast());
    gzip.write_all(b"a\n")
        .and_then(|()| std::io::copy(&mut std::io::repeat(b'1').take(512 << 20), &mut gzip))
        .expect("it is packed");
    let zstd = zstd::encode_all(std::io::repeat(b'\n').take(512 << 20), 1).expect("it is packed");
    vec![
        case("a bomb of gzip", "t.csv", gzip.finish().expect("it is packed"), "32 MB"),
        case("a bomb of zstd", "t.csv", zstd, "100 times"),
        case("damaged gzip", "t.csv", [&[0x1f, 0x8b, 8, 0][..], &[7; 100]].concat(), "unpack"),
        case("damaged zstd", "t.csv", [&[0x28, 0xb5, 0x2f, 0xfd][..], &[7; 100]].concat(), "unpack"),
    ]
}

/// A FITS table with a keyword of its header changed.
fn changed(has_heap: usize, key: &str, value: &str) -> Vec<u8> {
    let mut bytes = seeds("fits").swap_remove(has_heap);
    let place = bytes.chunks_exact(80).position(|card| card.starts_with(format!("{key:<8}=").as_bytes()));
    let at = place.expect("the card is there") * 80;
    bytes[at..at + 80].copy_from_slice(format!("{key:<8}= {value:<70}").as_bytes());
    bytes
}

fn fits() -> Vec<Case> {
    let endless = [b"SIMPLE  =                    T".to_vec(), vec![b' '; 40 << 20]].concat();
    let mut overlapping = changed(1, "NAXIS2", "100000");
    overlapping.resize(overlapping.len() + (17 * 100_000), 0);
    vec![
        case("a header without end", "t.fits", endless, "no end"),
        case("rows of 1e18 bytes", "t.fits", changed(0, "NAXIS1", "1000000000000000000"), "bytes"),
        case("1e18 rows", "t.fits", changed(0, "NAXIS2", "1000000000000000000"), "ends within row"),
        case("999 columns", "t.fits", changed(0, "TFIELDS", "999"), "TFORM"),
        case("a heap that is not there", "t.fits", changed(1, "PCOUNT", "1000000000000"), ""),
        case("a heap in the padding", "t.fits", changed(1, "PCOUNT", "0"), ""),
        case("bits of bits", "t.fits", changed(0, "TFORM2", "'99999999999999999X'"), "TFORM"),
        case("rows over each other", "t.fits", overlapping, ""),
    ]
}

fn one(array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([("x", array)]).expect("it is one column")
}

fn columnar() -> Vec<Case> {
    let long = "x".repeat(1 << 20);
    let keys = Int32Array::from(vec![0; 2000]);
    let words = DictionaryArray::try_new(keys, Arc::new(StringArray::from(vec![long.as_str()]))).expect("keys fit");
    let zeros = one(Arc::new(Int32Array::from(vec![0; 24 << 20])));
    let properties = WriterProperties::builder;
    let mut footer = seeds("parquet").swap_remove(0);
    let at = footer.len() - 8;
    footer[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let mut message = seeds("arrow").swap_remove(0);
    message[4..8].copy_from_slice(&0x7fff_fff0_u32.to_le_bytes());
    let plain = IpcWriteOptions::default();
    let lz4 = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).expect("it is there");
    let deep = (0..40).fold(DataType::Int8, |kind, _| DataType::List(Arc::new(Field::new("item", kind, true))));
    let brotli = properties().set_compression(Compression::BROTLI(BrotliLevel::default())).build();
    let delta =
        properties().set_dictionary_enabled(false).set_column_encoding("s".into(), Encoding::DELTA_BYTE_ARRAY).build();
    vec![
        case(
            "a long word by number",
            "t.parquet",
            parquet(&one(Arc::new(words.clone())), properties().build()),
            "a page of",
        ),
        case("the same for Arrow", "t.arrow", arrow(&one(Arc::new(words)), plain.clone()), "100 times"),
        case("a long footer", "t.parquet", footer, "footer"),
        case("a long message", "t.arrow", message, "description"),
        case("nulls", "t.arrow", arrow(&one(Arc::new(NullArray::new(2_000_000_000))), plain.clone()), "100000000 rows"),
        case("many nulls", "t.arrow", arrow(&one(Arc::new(NullArray::new(90_000_000))), plain.clone()), "100 times"),
        case("packed zeros", "t.arrow", arrow(&zeros, lz4), ""),
        case("plain zeros", "t.arrow", arrow(&zeros, plain), ""),
        case("deep lists", "t.parquet", parquet(&one(arrow::array::new_empty_array(&deep)), properties().build()), ""),
        case("Brotli", "t.parquet", parquet(&batch(), brotli), "Brotli"),
        case("common beginnings", "t.parquet", parquet(&batch(), delta), "DELTA_BYTE_ARRAY"),
    ]
}

/// What is wrong with the way a case ends.
fn check(case: Case) -> Option<String> {
    let folder = tempfile::tempdir().expect("there is a folder");
    let Case { name, file, mut bytes, said } = case;
    let path = folder.path().join(file);
    let written = std::fs::File::create(&path).and_then(|mut file| std::io::copy(&mut bytes, &mut file));
    written.expect("the file is written");
    drop(bytes);
    let options = UploadOptions {
        limits: UploadLimits { bytes: 2 << 30, ..UploadLimits::default() },
        ..UploadOptions::default()
    };
    let begun = Instant::now();
    let (outcome, memory) = peak(|| UploadedTable::store("u", TableInput::File(path), folder.path(), &options));
    let taken = begun.elapsed();
    let told = outcome.as_ref().map_or_else(EngineError::to_string, |table| format!("{} rows", table.rows()));
    let is_clear = |error: &EngineError| matches!(error.kind(), ErrorKind::BadQuery | ErrorKind::LimitExceeded);
    #[allow(clippy::print_stdout, reason = "figures of a test")]
    {
        println!("{name}: {} MB, {taken:.1?}: {}", memory >> 20, told.chars().take(120).collect::<String>());
    }
    let is_expected = told.contains(said) && (outcome.is_err() || said.is_empty() || said.ends_with("rows"));
    if outcome.as_ref().err().is_none_or(is_clear) && is_expected && memory <= MOST_MEMORY && taken < SLOWEST {
        return None;
    }
    Some(format!("{name}: {} MB, {taken:.1?}: {told:.300}, expected {said:?}", memory >> 20))
}

/// Alone in its process, because memory is counted for all threads.
#[test]
#[ignore = "run in a process of its own, by the test below"]
fn worst_files_alone() {
    let kinds = [documents, texts, packed, fits, columnar];
    let wrong: Vec<String> = kinds.iter().flat_map(|cases| cases()).filter_map(check).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn worst_files_are_refused_within_bounds() {
    let program = std::env::current_exe().expect("a test has a program");
    let words = ["hostile::worst_files_alone", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let output = Command::new(program).args(words).output().expect("the test runs");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
}

#[test]
fn the_first_of_several_tables_is_taken() {
    let folder = tempfile::tempdir().expect("there is a folder");
    let table = |name: &str| {
        format!(
            "<TABLE><FIELD name=\"{name}\" datatype=\"int\"/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE>"
        )
    };
    let document = format!("<VOTABLE><RESOURCE>{}{}</RESOURCE></VOTABLE>", table("one"), table("two"));
    let first = upload("t", "t.vot", document, folder.path()).expect("it is read");
    assert_eq!(first.schema().field(0).name(), "one");
}
