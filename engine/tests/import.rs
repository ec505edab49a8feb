//! What becomes of table files: formats, rejected rows, guessed types, bounded memory, interruptions.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sidereus_engine::{
    ColumnRule, EngineError, ImportOptions, ImportProgress, ImportedCatalog, ReadOptions, TableFormat, TableInput,
    WriteOptions, import_tables, open_table,
};

#[test]
fn many_runs_make_the_files_that_memory_makes() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [sky_csv(folder.path(), "a.csv", 0..120_000), sky_csv(folder.path(), "b.csv", 120_000..200_000)];
    let options = ImportOptions {
        write: WriteOptions { rows_per_partition: 9_000, ..WriteOptions::new("sky") },
        ..ImportOptions::new(WriteOptions::new("sky"))
    };
    let first = import(&sources, &options, &folder.path().join("first")).unwrap();
    assert_eq!((first.catalog.rows, first.rejects), (200_000, 0));
    let sparing = ImportOptions { memory: 1 << 20, ..options };
    let second = import(&sources, &sparing, &folder.path().join("second")).unwrap();
    assert_eq!(second.catalog.partitions, first.catalog.partitions);
    let (first, second) = (files(&first.catalog.root), files(&second.catalog.root));
    assert!(first.len() > 20);
    assert_eq!(first, second);
    assert_eq!(names_in(folder.path()), ["a.csv", "b.csv", "first", "second"]);
}

#[test]
fn rows_that_cannot_be_taken_are_told_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "id,ra,dec,note\n".to_owned();
    for row in 0..400 {
        text.push_str(&format!("{row},{}.5,-10,\"line\none\"\n", row % 360));
    }
    text.push_str("x,1,2,bad id\n401,1,91,south of nothing\n402,1,2\n403,,2,no ra\n");
    let source = folder.path().join("sky.csv");
    fs::write(&source, text).unwrap();
    let sources = [source.display().to_string()];
    let options = ImportOptions::new(WriteOptions::new("sky"));
    let rules = vec![ColumnRule { name: "id".to_owned(), kind: Some(DataType::Int64), ..ColumnRule::default() }];
    let read = ReadOptions { types: BTreeMap::from([("id".to_owned(), DataType::Int64)]), ..ReadOptions::default() };
    let options = ImportOptions { rules, read, ..options };
    let imported = import(&sources, &options, &folder.path().join("sky")).unwrap();
    assert_eq!((imported.catalog.rows, imported.rejects), (400, 4));
    let rejects = fs::read_to_string(folder.path().join("sky.rejects.csv")).unwrap();
    let found: Vec<Vec<String>> = csv::Reader::from_reader(rejects.as_bytes())
        .records()
        .map(|record| record.unwrap().iter().skip(1).map(str::to_owned).collect())
        .collect();
    assert_eq!(
        found,
        [
            ["802", "id", "expected an integer of 64 bits", "x"],
            ["803", "ra dec", "no place on the sky, expected degrees", "1.0 91"],
            ["804", "", "3 cells, expected 4", "402,1,2"],
            ["805", "ra dec", "no place on the sky, expected degrees", "null 2"],
        ]
    );
    let strict = ImportOptions { max_rejects: Some(3), ..options };
    let error = import(&sources, &strict, &folder.path().join("strict")).unwrap_err().to_string();
    assert!(error.starts_with("4 of the 404 rows read cannot be taken, more than 3; the first: "), "{error}");
    assert_eq!(names_in(folder.path()), ["sky", "sky.csv", "sky.rejects.csv", "strict.rejects.csv"]);
}

#[test]
fn a_wrong_position_column_fails_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [sky_csv(folder.path(), "a.csv", 0..3_000)];
    let with = |ra: &str| ImportOptions { ra: Some(ra.to_owned()), ..ImportOptions::new(WriteOptions::new("sky")) };
    let error = import(&sources, &with("rra"), &folder.path().join("sky")).unwrap_err().to_string();
    assert_eq!(error, "there is no position column \"rra\"; did you mean \"ra\"?");
    let error = import(&sources, &with("name"), &folder.path().join("sky")).unwrap_err().to_string();
    assert!(error.contains("is Utf8, expected numbers of degrees; did you mean one of ra, dec"), "{error}");
    let error = import(&sources, &with("big"), &folder.path().join("sky")).unwrap_err().to_string();
    assert!(error.contains("of the 3000 rows read cannot be taken"), "{error}");
    assert!(!folder.path().join("sky").exists() && !folder.path().join(".sky.import").exists());
}

#[test]
fn guessed_types_grow_and_never_lose_digits() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "ra,dec,grows,late,big,flag\n".to_owned();
    for row in 0..200_000 {
        let tail = row > 199_990;
        let (grows, late) = (if tail { "0.5" } else { "7" }, if tail { "12" } else { "" });
        text.push_str(&format!("{}.25,10,{grows},{late},18446744073709551615,true\n", row % 360));
    }
    // Packed, so that no sample is taken of the end.
    let source = folder.path().join("sky.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(fs::File::create(&source).unwrap(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
    let sources = [source.display().to_string()];
    let imported = import(&sources, &ImportOptions::new(WriteOptions::new("sky")), &folder.path().join("sky")).unwrap();
    assert_eq!((imported.catalog.rows, imported.rejects), (200_000, 0));
    let rows = all_rows(&imported.catalog.root);
    let kinds = |name| rows[0].column_by_name(name).unwrap().data_type().clone();
    assert_eq!([kinds("grows"), kinds("late")], [DataType::Float64, DataType::Int64]);
    assert_eq!([kinds("big"), kinds("flag")], [DataType::Utf8, DataType::Boolean]);
    let late: usize = rows
        .iter()
        .map(|batch| batch.column_by_name("late").unwrap().as_primitive::<Int64Type>().iter().flatten().count())
        .sum();
    assert_eq!(late, 9);
}

#[test]
fn rules_rename_drop_convert_and_describe() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [sky_csv(folder.path(), "a.csv", 0..100)];
    let rule = |name: &str| ColumnRule { name: name.to_owned(), ..ColumnRule::default() };
    let mark = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let rules = vec![
        ColumnRule { rename: Some("right_ascension".to_owned()), metadata: mark("unit", "deg"), ..rule("ra") },
        ColumnRule { drop: true, ..rule("name") },
        ColumnRule { kind: Some(DataType::Int16), ..rule("id") },
    ];
    let options =
        ImportOptions { rules, ra: Some("right_ascension".to_owned()), ..ImportOptions::new(WriteOptions::new("sky")) };
    let imported = import(&sources, &options, &folder.path().join("sky")).unwrap();
    let schema = all_rows(&imported.catalog.root)[0].schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["_healpix_29", "id", "right_ascension", "dec", "big"]);
    assert_eq!(schema.field(2).metadata()["unit"], "deg");
    assert_eq!(schema.field(1).data_type(), &DataType::Int16);
    let unknown = ImportOptions { rules: vec![rule("decc")], ..ImportOptions::new(WriteOptions::new("sky")) };
    let error = import(&sources, &unknown, &folder.path().join("none")).unwrap_err().to_string();
    assert_eq!(error, "there is no column \"decc\"; did you mean \"dec\"?");
}

#[test]
fn radians_of_a_readme_become_degrees() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ReadMe"), README).unwrap();
    fs::write(
        folder.path().join("stars.dat"),
        "   1 1.5707963268 -0.5235987756  4.5\n   2 0.0000000000  0.2617993878  9.9\n",
    )
    .unwrap();
    let sources = [folder.path().join("stars.dat").display().to_string()];
    let options = ImportOptions {
        ra: Some("RArad".to_owned()),
        dec: Some("DErad".to_owned()),
        ..ImportOptions::new(WriteOptions::new("stars"))
    };
    let imported = import(&sources, &options, &folder.path().join("stars")).unwrap();
    assert_eq!(imported.notes.len(), 2);
    let mut found: Vec<(f64, f64)> = Vec::new();
    for batch in all_rows(&imported.catalog.root) {
        let column = |name| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().clone();
        found.extend(column("RArad").values().iter().copied().zip(column("DErad").values().iter().copied()));
        assert_eq!(batch.schema().field_with_name("RArad").unwrap().metadata()["unit"], "deg");
        assert_eq!(column("Vmag").iter().flatten().count(), usize::from(column("RArad").value(0) > 1.0));
    }
    found.sort_by(|left, right| left.0.total_cmp(&right.0));
    for (found, expected) in found.iter().zip([(0.0, 15.0), (90.0, -30.0)]) {
        assert!((found.0 - expected.0).abs() < 1e-8 && (found.1 - expected.1).abs() < 1e-8, "{found:?}");
    }
}

const README: &str = "\
Byte-by-byte Description of file: stars.dat
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
   1-  4  I4    ---     ID        Number
   6- 17 F12.10 rad     RArad     Right ascension
  19- 31 F13.10 rad     DErad     Declination
  33- 36  F4.1  mag     Vmag      ?=9.9 Magnitude
--------------------------------------------------------------------------------
";

#[test]
fn an_import_to_a_busy_or_taken_target_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [sky_csv(folder.path(), "a.csv", 0..10)];
    fs::create_dir(folder.path().join("sky")).unwrap();
    let options = ImportOptions::new(WriteOptions::new("sky"));
    let taken = || import(&sources, &options, &folder.path().join("sky")).unwrap_err().to_string();
    assert!(taken().ends_with("a catalog is never overwritten"), "{}", taken());
    // What an import left that ended behind the last step is removed, but not while somebody holds it.
    let left = folder.path().join(".sky.import");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("run"), "rows").unwrap();
    let held = fs::File::create(left.join("journal")).unwrap();
    held.lock().unwrap();
    assert!(taken().contains("overwritten") && left.exists());
    drop(held);
    assert!(taken().contains("overwritten") && !left.exists());
    let error = import(&["nothing*.csv".to_owned()], &options, &folder.path().join("new")).unwrap_err().to_string();
    assert_eq!(error, "nothing*.csv: no file has such a name");
}

/// Files that are cut or changed anywhere end in an error or in rows, soon, and never in a panic.
#[test]
fn damaged_files_are_errors() {
    let cards = |cards: &[&str], data: &[u8]| {
        let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
        bytes.resize(bytes.len().next_multiple_of(2880), b' ');
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(2880), 0);
        bytes
    };
    let mut fits = cards(&["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "END"], &[]);
    let table = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 24",
        "NAXIS2  = 3",
        "PCOUNT  = 16",
        "GCOUNT  = 1",
        "TFIELDS = 4",
        "TTYPE1  = 'ra'",
        "TFORM1  = 'D'",
        "TTYPE2  = 'x'",
        "TFORM2  = '2I'",
        "TTYPE3  = 't'",
        "TFORM3  = '4A'",
        "TTYPE4  = 'v'",
        "TFORM4  = '1PE(2)'",
        "END",
    ];
    let row: Vec<u8> = [&1.5_f64.to_be_bytes()[..], b"\0\x01\0\x02", b"abc ", &[0, 0, 0, 2, 0, 0, 0, 4]].concat();
    fits.extend(cards(&table, &[row.as_slice(), &row, &row, &[0; 16]].concat()));
    let votable = |data: &str| {
        format!(
            "<?xml version='1.0'?><VOTABLE><RESOURCE><TABLE><FIELD name='a' datatype='int'><VALUES null='-1'/></FIELD>\
             <FIELD name='b' datatype='float' arraysize='2'/><FIELD name='c' datatype='char' arraysize='*'/><DATA>{data}</DATA>\
             </TABLE></RESOURCE></VOTABLE>"
        )
    };
    let text = votable(
        "<TABLEDATA><TR><TD>1</TD><TD>1 2</TD><TD>x &amp; y</TD></TR><TR><TD>-1</TD><TD/><TD/></TR></TABLEDATA>",
    );
    let binary = votable("<BINARY><STREAM encoding='base64'>AAAAAT+AAABAAAAAAAAAAnh5</STREAM></BINARY>");
    let samples: [(TableFormat, Vec<u8>); 5] = [
        (TableFormat::Fits, fits),
        (TableFormat::Votable, text.into_bytes()),
        (TableFormat::Votable, binary.into_bytes()),
        (TableFormat::Ecsv, b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64, unit: deg}\n# - name: b\n#   datatype: string\na b\n1 \"x\"\n2 \"\"\n".to_vec()),
        (TableFormat::Csv, b"a,b\n1,\"x,\"\"y\"\n2,z\n".to_vec()),
    ];
    for (format, sound) in samples {
        let rows = read_all(format, sound.clone()).unwrap();
        assert!(rows > 0, "{format}");
        let mut number = 1_u64;
        for round in 0..1500 {
            let mut bytes = sound.clone();
            for _ in 0..=round % 3 {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (number >> 33) as usize % bytes.len();
                let text = [b'0', b'9', b'"', b'<', b'\'', b' ', b'-', b'x', 0xff, b'\n', b'&', b'='];
                bytes[place] = text[(number >> 20) as usize % text.len()];
            }
            if round % 4 == 0 {
                bytes.truncate((number >> 13) as usize % bytes.len());
            }
            // An error is as good as rows.
            let _ = read_all(format, bytes);
        }
    }
}

fn read_all(format: TableFormat, bytes: Vec<u8>) -> Result<usize, EngineError> {
    let input = TableInput::Stream { name: "x".to_owned(), bytes: Box::new(std::io::Cursor::new(bytes)) };
    let mut reader = open_table(input, &ReadOptions { format: Some(format), ..ReadOptions::default() })?;
    let mut rows = 0;
    while let Some(chunk) = reader.next_chunk()? {
        rows += chunk.decode()?.rows.num_rows();
    }
    Ok(rows)
}

fn import(sources: &[String], options: &ImportOptions, target: &Path) -> Result<ImportedCatalog, EngineError> {
    import_tables(sources, options, target, &ImportProgress::default())
}

/// Rows all over the sky in no order, many of them at one place.
fn sky_csv(folder: &Path, name: &str, rows: std::ops::Range<u64>) -> String {
    let mut text = "id,ra,dec,name,big\n".to_owned();
    for row in rows {
        let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (ra, dec) = if row % 10 == 0 {
            (10.5, 20.5)
        } else {
            ((mixed >> 40) as f64 / 46_604.0, (mixed >> 20 & 0xf_ffff) as f64 / 6_000.0 - 87.0)
        };
        text.push_str(&format!("{row},{ra},{dec},\"star {row}\",{}\n", row + 10_000));
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Content of the Parquet files below a catalog's root.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join("dataset")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn all_rows(root: &Path) -> Vec<RecordBatch> {
    let leaves = files(root).into_iter().filter(|(path, _)| path.extension().is_some_and(|ending| ending == "parquet"));
    let read = |bytes| ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap().build().unwrap();
    leaves.flat_map(|(_, bytes)| read(bytes).map(Result::unwrap)).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
