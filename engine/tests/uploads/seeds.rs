//! A few small tables in each format.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int64Array,
    ListArray, NullArray, RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

/// The formats by name.
pub(crate) const FORMATS: [&str; 6] = ["votable", "fits", "csv", "ecsv", "parquet", "arrow"];

/// Tables of a format.
pub(crate) fn seeds(format: &str) -> Vec<Vec<u8>> {
    match format {
        "votable" => votables(),
        "fits" => vec![fits(false), fits(true)],
        "csv" => ["id,ra,dec,name\n1,10.5,-3,a\n2,,4e1,\"b, \"\"c\"\"\"\n", "a|b\n1|true\n2|false\n", "x\n\n# no\n1\n"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec(),
        "ecsv" => vec![ECSV.into(), ECSV_BLOCK.into()],
        "parquet" => parquets(),
        _ => arrows(),
    }
}

const ECSV: &str = "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: id, datatype: int64}\n\
    # - {name: ra, unit: deg, datatype: float64, description: 'right: ascension', meta: !!omap [{ucd: pos.eq.ra}]}\n\
    # - {name: n, datatype: string}\nid,ra,n\n1,2.5,a\n2,,\"b c\"\n";
const ECSV_BLOCK: &str = "# %ECSV 1.0\n# ---\n# datatype:\n# -\n#   name: id\n#   datatype: uint8\n#   description: a long\n\
    #     story\n# schema: astropy-2.0\nid\n1\n255\n";

fn votables() -> Vec<Vec<u8>> {
    let fields = "<FIELD name=\"id\" datatype=\"long\"><VALUES null=\"-1\"/></FIELD><FIELD name=\"b\" datatype=\"bit\" arraysize=\"9\"/>\
        <FIELD name=\"s\" datatype=\"char\" arraysize=\"*\" unit=\"m\"><DESCRIPTION>a &amp; b</DESCRIPTION></FIELD>\
        <FIELD name=\"w\" datatype=\"unicodeChar\" arraysize=\"3\"/><FIELD name=\"z\" datatype=\"floatComplex\"/>\
        <FIELD name=\"p\" datatype=\"double\" arraysize=\"2\" xtype=\"point\"/><FIELD name=\"v\" datatype=\"short\" arraysize=\"2x*\"/>";
    let document = |data: &str| {
        format!(
            "<?xml version=\"1.0\"?><VOTABLE version=\"1.4\"><RESOURCE><TABLE>{fields}<DATA>{data}</DATA></TABLE></RESOURCE></VOTABLE>"
        )
    };
    let text = "<TABLEDATA><TR><TD>1</TD><TD>101010101</TD><TD>x &lt; y</TD><TD>abc</TD><TD>1 2</TD><TD>10 20</TD><TD>1 2 3 4</TD></TR>\
        <TR><TD>-1</TD><TD/><TD><![CDATA[<]]></TD><TD/><TD/><TD/><TD/></TR></TABLEDATA>";
    let mut row = Vec::new();
    row.extend(7_i64.to_be_bytes());
    row.extend([0xaa, 0x80]);
    row.extend([0, 0, 0, 2, b'h', b'i']);
    row.extend([0, b'a', 0, b'b', 0, 0]);
    row.extend([1.0_f32.to_be_bytes(), 2.0_f32.to_be_bytes()].concat());
    row.extend([1.0_f64.to_be_bytes(), 2.0_f64.to_be_bytes()].concat());
    row.extend([0, 0, 0, 2, 0, 1, 0, 2]);
    let masked = [&[0x80][..], &row].concat();
    let stream = |form: &str, rows: Vec<u8>| {
        document(&format!("<{form}><STREAM encoding=\"base64\">{}</STREAM></{form}>", STANDARD.encode(rows)))
    };
    let all = [document(text), stream("BINARY", row.repeat(3)), stream("BINARY2", masked.repeat(3))];
    all.map(String::into_bytes).to_vec()
}

fn fits(has_heap: bool) -> Vec<u8> {
    let block = |cards: &[String]| {
        let mut text = cards.iter().fold(String::new(), |mut text, card| {
            let _ = write!(text, "{card:<80}");
            text
        });
        text += &format!("{:<80}", "END");
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len().next_multiple_of(2880), b' ');
        bytes
    };
    let number = |key: &str, value: usize| format!("{key:<8}= {value:>20}");
    let word = |key: &str, value: &str| format!("{key:<8}= '{value:<8}'");
    let mut bytes = block(&["SIMPLE  =                    T".to_owned(), number("BITPIX", 8), number("NAXIS", 0)]);
    let forms: &[&str] = if has_heap { &["K", "1PE(2)", "3X"] } else { &["J", "D", "5A", "2C", "L", "I", "3X"] };
    let width = if has_heap { 17 } else { 37 };
    let mut cards = vec![word("XTENSION", "BINTABLE"), number("BITPIX", 8), number("NAXIS", 2)];
    cards.extend([number("NAXIS1", width), number("NAXIS2", 2), number("PCOUNT", if has_heap { 16 } else { 0 })]);
    cards.extend([number("GCOUNT", 1), number("TFIELDS", forms.len())]);
    for (index, form) in forms.iter().enumerate() {
        cards.extend([
            word(&format!("TTYPE{}", index + 1), &format!("c{index}")),
            word(&format!("TFORM{}", index + 1), form),
        ]);
    }
    cards.extend([word("TUNIT2", "deg"), number("TNULL1", 7), "TZERO6  =              32768.0".to_owned()]);
    bytes.extend(block(&cards));
    let mut data = vec![0; width * 2 + if has_heap { 16 } else { 0 }];
    data.iter_mut().enumerate().for_each(|(index, byte)| *byte = if has_heap { 0 } else { index as u8 });
    if has_heap {
        // Two floats at the beginning of the heap, and one row without.
        data[11] = 2;
    }
    data.resize(data.len().next_multiple_of(2880), 0);
    bytes.extend(data);
    bytes
}

/// A batch with some of each family of types.
pub(crate) fn batch() -> RecordBatch {
    let rows = 40;
    let item = || Arc::new(Field::new_list_field(DataType::Float64, true));
    let words: DictionaryArray<Int32Type> = (0..rows).map(|row| Some(["a", "bb", "ccc"][row % 3])).collect();
    let lists: Vec<Option<Vec<Option<f64>>>> =
        (0..rows).map(|row| (row % 4 > 0).then(|| vec![Some(row as f64); row % 5])).collect();
    let points = Float64Array::from_iter_values((0..2 * rows).map(|value| value as f64));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows as i64))),
        ("ra", Arc::new(Float64Array::from_iter((0..rows).map(|row| (row % 7 > 0).then_some(row as f64))))),
        ("f", Arc::new(Float32Array::from(vec![1.5; rows]))),
        ("i", Arc::new(Int16Array::from(vec![-3; rows]))),
        ("b", Arc::new(BooleanArray::from_iter((0..rows).map(|row| Some(row % 2 == 0))))),
        ("s", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("star {row}"))))),
        ("v", Arc::new(StringViewArray::from_iter_values((0..rows).map(|row| format!("a view of star {row}"))))),
        ("d", Arc::new(words)),
        ("l", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
        ("p", Arc::new(FixedSizeListArray::new(item(), 2, Arc::new(points), None))),
    ];
    RecordBatch::try_from_iter(columns).expect("the columns have one length")
}

/// A batch as a Parquet file.
pub(crate) fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).expect("it can be written");
    writer.write(batch).expect("it can be written");
    writer.close().expect("it can be written");
    bytes
}

fn parquets() -> Vec<Vec<u8>> {
    let builder = || WriterProperties::builder().set_data_page_row_count_limit(16);
    let codecs = [
        builder().set_compression(Compression::ZSTD(ZstdLevel::default())),
        builder()
            .set_compression(Compression::SNAPPY)
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(true),
        builder().set_compression(Compression::GZIP(GzipLevel::default())).set_dictionary_enabled(false),
        builder().set_dictionary_enabled(false).set_column_encoding("s".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY),
        builder().set_compression(Compression::LZ4_RAW),
    ];
    codecs.into_iter().map(|codec| parquet(&batch(), codec.build())).collect()
}

/// A batch as an Arrow stream.
pub(crate) fn arrow(batch: &RecordBatch, options: IpcWriteOptions) -> Vec<u8> {
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect("it can be written");
    writer.write(batch).expect("it can be written");
    writer.finish().expect("it can be written");
    writer.into_inner().expect("it can be written")
}

fn arrows() -> Vec<Vec<u8>> {
    let plain = IpcWriteOptions::default();
    let packed = |codec| IpcWriteOptions::default().try_with_compression(Some(codec)).expect("the codec is there");
    let mut file = FileWriter::try_new(Vec::new(), &batch().schema()).expect("it can be written");
    file.write(&batch()).expect("it can be written");
    file.finish().expect("it can be written");
    let nulls = Arc::new(Schema::new(vec![Field::new("n", DataType::Null, true)]));
    let nulls = RecordBatch::try_new(nulls, vec![Arc::new(NullArray::new(5))]).expect("it is one column");
    vec![
        arrow(&batch(), plain.clone()),
        arrow(&batch(), packed(CompressionType::LZ4_FRAME)),
        arrow(&batch(), packed(CompressionType::ZSTD)),
        arrow(&nulls, plain),
        file.into_inner().expect("it can be written"),
    ]
}
