//! What the writer of catalogs leaves on disk, read back with nothing but a Parquet reader.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Float64Builder, Int64Array, ListBuilder,
    RecordBatch, StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use sidereus_engine::{
    CatalogKind, CatalogWriter, Codec, EngineError, ImportOptions, ImportProgress, KEY_COLUMN, WriteOptions,
    import_tables, keyed_schema, nan_counts, write_catalog,
};
use sidereus_sky::{Cell, Order, hash29};

#[test]
fn every_row_is_found_once_in_its_cell_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let sky = clustered_sky(20_000);
    let batches = [sky.slice(0, 7_000), sky.slice(7_000, 1), sky.slice(7_001, 12_999)];
    let options = WriteOptions { rows_per_partition: 1_000, ..WriteOptions::new("sky") };
    let root = folder.path().join("sky");
    let written = write_catalog(&batches, &options, &root).unwrap();

    let leaves = leaves(&root);
    let orders: BTreeSet<u8> = leaves.iter().map(|(cell, _)| cell.order().get()).collect();
    assert!(orders.len() > 2, "orders {orders:?} should be mixed");
    assert_eq!((written.rows, written.partitions, written.rekeyed), (20_000, leaves.len(), 0));

    let mut ids = Vec::new();
    for (cell, path) in &leaves {
        let rows = read(path);
        assert!(rows.num_rows() <= 1_000);
        let keys = rows.column(0).as_primitive::<Int64Type>().values();
        assert!(keys.is_sorted());
        let (ra, dec) = (floats(&rows, "ra"), floats(&rows, "dec"));
        for row in 0..rows.num_rows() {
            let key = hash29(ra.value(row), dec.value(row)).unwrap();
            assert_eq!(keys[row].cast_unsigned(), key);
            assert!((cell.range29().start..cell.range29().end).contains(&key));
        }
        ids.extend(rows.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().iter().copied());
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..20_000).collect::<Vec<i64>>());
}

#[test]
fn values_of_every_type_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let sky = clustered_sky(500);
    for codec in [Codec::Lz4, Codec::Zstd, Codec::None] {
        let root = folder.path().join(format!("{codec:?}"));
        write_catalog(std::slice::from_ref(&sky), &WriteOptions { codec, ..WriteOptions::new("sky") }, &root).unwrap();
        let batches: Vec<RecordBatch> = leaves(&root).iter().map(|(_, path)| read(path)).collect();
        let all = concat_batches(&batches[0].schema(), &batches).unwrap();
        let ids = all.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        let order = arrow::compute::sort_to_indices(ids, None, None).unwrap();
        let sorted = arrow::compute::take_record_batch(&all, &order).unwrap();
        for (field, expected) in sky.schema().fields().iter().zip(sky.columns()) {
            assert_eq!(sorted.column_by_name(field.name()).unwrap().as_ref(), expected.as_ref(), "{}", field.name());
            assert_eq!(sorted.schema().field_with_name(field.name()).unwrap(), field.as_ref());
        }
    }
}

#[test]
fn leaf_files_are_made_for_pruning() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("one");
    let sky = northern_strip(140_000);
    write_catalog(&[sky], &WriteOptions::new("one"), &root).unwrap();
    let leaves = leaves(&root);
    let metadata = metadata(&leaves[0].1);
    assert_eq!(metadata.row_groups().iter().map(|group| group.num_rows()).max(), Some(131_072));

    let group = metadata.row_group(0);
    assert_eq!(group.sorting_columns().unwrap()[0].column_idx, 0);
    let expected = [
        (KEY_COLUMN, Encoding::DELTA_BINARY_PACKED),
        ("ra", Encoding::BYTE_STREAM_SPLIT),
        ("mag", Encoding::BYTE_STREAM_SPLIT),
    ];
    for (name, encoding) in expected {
        let column = group.columns().iter().position(|column| column.column_path().string() == name).unwrap();
        let chunk = group.column(column);
        assert!(chunk.encodings().any(|found| found == encoding), "{name}");
        assert!(chunk.statistics().unwrap().min_bytes_opt().is_some());
        let pages = &metadata.offset_index().unwrap()[0][column].page_locations;
        let first_rows: Vec<i64> = pages.iter().map(|page| page.first_row_index).collect();
        assert_eq!(first_rows, (0..32).map(|page| page * 4096).collect::<Vec<i64>>(), "{name}");
        assert_eq!(metadata.column_index().unwrap()[0][column].num_pages(), 32);
    }
    let text = group.columns().iter().find(|column| column.column_path().string() == "class").unwrap();
    assert!(text.dictionary_page_offset().is_some());
    assert_eq!(text.compression(), Compression::LZ4_RAW);
}

#[test]
fn nans_are_counted_by_row_group() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("one");
    write_catalog(&[northern_strip(140_000)], &WriteOptions::new("one"), &root).unwrap();
    let (mut nans, mut told) = (0, 0);
    for (_, path) in leaves(&root) {
        let metadata = metadata(&path);
        let counts = nan_counts(&metadata);
        let rows = read(&path);
        let mags = rows.column_by_name("mag").unwrap().as_primitive::<arrow::datatypes::Float32Type>();
        nans += mags.iter().flatten().filter(|mag| mag.is_nan()).count() as u64;
        for group in 0..metadata.num_row_groups() {
            told += counts.count("mag", group).unwrap();
            assert!(counts.is_nan_free("ra", group));
            assert_eq!(counts.count("id", group), None);
        }
    }
    assert!(nans > 0);
    assert_eq!(told, nans);
}

#[test]
fn a_flipped_bit_in_any_column_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("sky");
    let options = WriteOptions { codec: Codec::None, ..WriteOptions::new("sky") };
    write_catalog(&[northern_strip(9_000)], &options, &root).unwrap();
    let (_, path) = leaves(&root).remove(0);
    let metadata = metadata(&path);
    let sound = fs::read(&path).unwrap();
    for (column, chunk) in metadata.row_group(0).columns().iter().enumerate() {
        let (start, length) = chunk.byte_range();
        let dictionary = chunk
            .dictionary_page_offset()
            .map(|offset| (offset as u64, metadata.offset_index().unwrap()[0][column].page_locations[0].offset as u64));
        let pages = metadata.offset_index().unwrap()[0][column].page_locations.iter();
        let pages = pages.map(|page| (page.offset as u64, page.offset as u64 + page.compressed_page_size as u64));
        for (begin, end) in pages.chain(dictionary) {
            assert!(begin >= start && end <= start + length);
            let mut damaged = sound.clone();
            damaged[end as usize - 1] ^= 0x10;
            let reader =
                ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(damaged)).unwrap().build().unwrap();
            let error = reader.collect::<Result<Vec<_>, _>>().unwrap_err().to_string();
            assert!(error.contains("CRC"), "column {column}: {error}");
        }
    }
}

#[test]
fn metadata_files_describe_the_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("sky");
    let options = WriteOptions { rows_per_partition: 1_000, ..WriteOptions::new("sky") };
    write_catalog(&[clustered_sky(20_000)], &options, &root).unwrap();
    let leaves = leaves(&root);

    let common =
        ParquetRecordBatchReaderBuilder::try_new(File::open(root.join("dataset/_common_metadata")).unwrap()).unwrap();
    assert_eq!(common.metadata().num_row_groups(), 0);
    assert_eq!(common.schema().fields(), read(&leaves[0].1).schema().fields());
    assert_eq!(common.schema().field_with_name("ra").unwrap().metadata()["unit"], "deg");

    let all = ParquetRecordBatchReaderBuilder::try_new(File::open(root.join("dataset/_metadata")).unwrap()).unwrap();
    assert_eq!(all.metadata().file_metadata().num_rows(), 20_000);
    let paths: Vec<PathBuf> = all
        .metadata()
        .row_groups()
        .iter()
        .map(|group| root.join("dataset").join(group.column(0).file_path().unwrap()))
        .collect();
    assert_eq!(paths, leaves.iter().map(|(_, path)| path.clone()).collect::<Vec<_>>());
    let first = all.metadata().row_group(0).column(0);
    assert_eq!(first.byte_range(), metadata(&leaves[0].1).row_group(0).column(0).byte_range());

    assert_eq!(fs::read(root.join("properties")).unwrap(), fs::read(root.join("hats.properties")).unwrap());
    assert_eq!(fs::read(root.join("point_map.fits")).unwrap(), fs::read(root.join("skymap.fits")).unwrap());
    let properties = fs::read_to_string(root.join("hats.properties")).unwrap();
    assert!(properties.contains("\nhats_nrows=20000\n") && properties.contains("\nhats_col_healpix=_healpix_29\n"));
}

#[test]
fn one_row_is_a_catalog_and_none_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let sky = clustered_sky(1);
    let written =
        write_catalog(std::slice::from_ref(&sky), &WriteOptions::new("one"), &folder.path().join("one")).unwrap();
    assert_eq!((written.rows, written.partitions), (1, 1));
    for nothing in [vec![], vec![sky.slice(0, 0)]] {
        let error = write_catalog(&nothing, &WriteOptions::new("none"), &folder.path().join("none")).unwrap_err();
        assert_eq!(error.to_string(), "there are no rows to write");
    }
    assert_eq!(names_in(folder.path()), ["one"]);
}

#[test]
fn poles_and_any_longitude_have_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let positions =
        [(0.0, 90.0), (123.0, -90.0), (360.0, 0.0), (0.0, 0.0), (-90.0, 45.0), (270.0, 45.0), (359.999_999_999, -0.0)];
    let root = folder.path().join("sky");
    let written = write_catalog(
        &[sky_at(&positions)],
        &WriteOptions { rows_per_partition: 1, ..WriteOptions::new("sky") },
        &root,
    )
    .unwrap();
    assert_eq!(written.rows, 7);
    let rows: Vec<RecordBatch> = leaves(&root).iter().map(|(_, path)| read(path)).collect();
    let key_of = |id: i64| {
        rows.iter().find_map(|batch| {
            let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
            let row = ids.values().iter().position(|found| *found == id)?;
            Some(batch.column(0).as_primitive::<Int64Type>().value(row))
        })
    };
    assert_eq!(key_of(2), key_of(3));
    assert_eq!(key_of(4), key_of(5));
}

#[test]
fn rows_off_the_sky_are_counted_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let good = sky_at(&[(1.0, 1.0); 10]);
    let bad = sky_at(&[(1.0, 1.0), (f64::NAN, 0.0), (10.0, 90.1), (f64::INFINITY, 0.0), (400.0, 0.0)]);
    let error =
        write_catalog(&[good, bad], &WriteOptions::new("sky"), &folder.path().join("sky")).unwrap_err().to_string();
    assert!(error.starts_with("4 rows have no place on the sky") && error.ends_with("the first is row 11"), "{error}");
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from(vec![None, Some(2.0)])), Arc::new(Float64Array::from(vec![1.0, 2.0]))];
    let fields = vec![Field::new("ra", DataType::Float64, true), Field::new("dec", DataType::Float64, false)];
    let null = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let error = write_catalog(&[null], &WriteOptions::new("sky"), &folder.path().join("sky")).unwrap_err().to_string();
    assert!(error.starts_with("1 rows"), "{error}");
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn a_catalog_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("sky");
    fs::create_dir(&root).unwrap();
    let error = write_catalog(&[clustered_sky(5)], &WriteOptions::new("sky"), &root).unwrap_err();
    assert!(matches!(error, EngineError::Request { kind: sidereus_engine::ErrorKind::AlreadyExists, .. }), "{error}");
    assert_eq!(names_in(folder.path()), ["sky"]);
    assert!(names_in(&root).is_empty());
}

#[test]
fn a_foreign_key_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let sky = sky_at(&[(10.0, 20.0), (30.0, 40.0)]);
    let right = hash29(10.0, 20.0).unwrap().cast_signed();
    let with_key = RecordBatch::try_new(
        Arc::new(Schema::new(vec![
            sky.schema().field(0).clone(),
            sky.schema().field(1).clone(),
            sky.schema().field(2).clone(),
            Field::new(KEY_COLUMN, DataType::Int64, true),
        ])),
        vec![
            Arc::clone(sky.column(0)),
            Arc::clone(sky.column(1)),
            Arc::clone(sky.column(2)),
            Arc::new(Int64Array::from(vec![right, 5])),
        ],
    );
    let written = write_catalog(&[with_key.unwrap()], &WriteOptions::new("sky"), &folder.path().join("sky")).unwrap();
    assert_eq!((written.rows, written.rekeyed), (2, 1));
    let schema = read(&leaves(&written.root)[0].1).schema();
    assert_eq!(
        schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        [KEY_COLUMN, "id", "ra", "dec"]
    );
}

#[test]
fn a_written_file_can_be_imported_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = WriteOptions::new("sky");
    let import = ImportOptions::new(options.clone());
    let first = write_catalog(&[northern_strip(5_000)], &options, &folder.path().join("first")).unwrap();
    let (_, source) = leaves(&first.root).remove(0);
    let sources = [source.display().to_string()];
    let second = import_tables(&sources, &import, &folder.path().join("second"), &ImportProgress::default());
    let second = second.unwrap().catalog;
    let (_, copy) = leaves(&second.root).remove(0);
    assert_eq!(second.rekeyed, 0);
    assert_eq!(fs::read(source).unwrap(), fs::read(copy).unwrap());
}

#[test]
fn options_that_cannot_be_met_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("sky");
    let refusal = |options: WriteOptions| write_catalog(&[clustered_sky(5)], &options, &root).unwrap_err().to_string();
    let named = WriteOptions::new("sky");
    assert!(refusal(WriteOptions { rows_per_partition: 0, ..named.clone() }).contains("rows_per_partition"));
    assert!(refusal(WriteOptions { max_order: 30, ..named.clone() }).contains("max_order"));
    assert!(refusal(WriteOptions { kind: CatalogKind::Map, ..named.clone() }).contains("Map"));
    assert!(refusal(WriteOptions { default_columns: vec!["nix".into()], ..named.clone() }).contains("nix"));
    assert!(refusal(WriteOptions::new(" ")).contains("no name"));
    let mut positions = named.positions.clone();
    positions.ra = "class".into();
    assert!(refusal(WriteOptions { positions, ..named }).contains("expected numbers of degrees"));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn partitions_take_only_their_own_sorted_rows() {
    let folder = tempfile::tempdir().unwrap();
    let schema = keyed_schema(sky_at(&[]).schema_ref());
    let catalog = |name: &str| {
        CatalogWriter::create(&folder.path().join(name), Arc::clone(&schema), WriteOptions::new(name)).unwrap()
    };
    let rows = |keys: Vec<i64>| {
        let count = keys.len();
        let zeros = || Arc::new(Float64Array::from(vec![0.0; count])) as ArrayRef;
        let ids = Arc::new(Int64Array::from(vec![0; count])) as ArrayRef;
        RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from(keys)), ids, zeros(), zeros()])
            .unwrap()
    };
    let cell = |order: u8, npix: u64| Cell::new(Order::new(order).unwrap(), npix).unwrap();

    let writer = catalog("sorted");
    let mut partition = writer.partition(cell(0, 1));
    partition.write(&rows(vec![1 << 58, (1 << 58) + 1])).unwrap();
    assert!(partition.write(&rows(vec![1 << 58])).unwrap_err().to_string().contains("not sorted"));
    assert!(partition.write(&rows(vec![2 << 58])).unwrap_err().to_string().contains("outside the cell"));
    drop(partition);
    assert!(writer.finish().unwrap_err().to_string().contains("not finished"));

    let writer = catalog("overlap");
    for cell in [cell(0, 1), cell(1, 4)] {
        let mut partition = writer.partition(cell);
        partition.write(&rows(vec![1 << 58])).unwrap();
        partition.finish().unwrap();
    }
    assert!(writer.finish().unwrap_err().to_string().contains("overlap"));

    let writer = catalog("whole");
    writer.partition(cell(5, 10_000)).finish().unwrap();
    let mut partition = writer.partition(cell(0, 1));
    partition.write(&rows(vec![1 << 58])).unwrap();
    partition.finish().unwrap();
    assert_eq!(writer.finish().unwrap().partitions, 1);
    assert_eq!(leaves(&folder.path().join("whole")).len(), 1);
    assert!(!folder.path().join("whole/dataset/Norder=5").exists());
    assert_eq!(names_in(folder.path()), ["whole"]);
}

#[test]
fn tycho_becomes_a_catalog() {
    let Some(source) = shared("data/tycho2_07.parquet") else {
        println!("skipped: ../shared/data is absent");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let options = WriteOptions { rows_per_partition: 200_000, ..WriteOptions::new("tycho2") };
    let (sources, target) = ([source.display().to_string()], folder.path().join("tycho2"));
    let imported = import_tables(&sources, &ImportOptions::new(options), &target, &ImportProgress::default());
    let written = imported.unwrap().catalog;
    assert_eq!(written.rows, 1_871_011);
    let rows: i64 = leaves(&written.root).iter().map(|(_, path)| metadata(path).file_metadata().num_rows()).sum();
    assert_eq!(rows, 1_871_011);
}

/// A file below the folder of shared test data, beside the project or one level further up.
fn shared(relative: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    ["../shared", "../../shared"].iter().map(|place| root.join(place).join(relative)).find(|path| path.exists())
}

/// Rows all over the sky and three times as many within a degree, with a column of each kind.
fn clustered_sky(rows: usize) -> RecordBatch {
    sky(
        rows,
        |row, [a, b, _]| {
            if row % 4 == 0 { (a * 360.0, (2.0 * b - 1.0).asin() * 57.295) } else { (266.0 + a, -29.0 + b) }
        },
    )
}

/// Rows within one base cell.
fn northern_strip(rows: usize) -> RecordBatch {
    sky(rows, |_, [a, b, _]| (20.0 + a * 50.0, 30.0 + b))
}

fn sky(rows: usize, place: impl Fn(usize, [f64; 3]) -> (f64, f64)) -> RecordBatch {
    let drawn: Vec<[f64; 3]> = (0..rows).map(draw).collect();
    let places: Vec<(f64, f64)> = drawn.iter().enumerate().map(|(row, draw)| place(row, *draw)).collect();
    let mut lists = ListBuilder::new(Float64Builder::new());
    for (row, [a, _, c]) in drawn.iter().enumerate() {
        lists.values().append_slice(&[*a, *c][..row % 3]);
        lists.append(row % 5 != 0);
    }
    let mags = drawn.iter().enumerate().map(|(row, [.., c])| match row % 50 {
        0 => None,
        1 => Some(f32::NAN),
        _ => Some(*c as f32 * 20.0),
    });
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new((0..rows as i64).collect::<Int64Array>())),
        ("ra", Arc::new(places.iter().map(|(ra, _)| *ra).collect::<Float64Array>())),
        ("dec", Arc::new(places.iter().map(|(_, dec)| *dec).collect::<Float64Array>())),
        ("mag", Arc::new(mags.collect::<Float32Array>())),
        (
            "class",
            Arc::new(
                (0..rows).map(|row| (row % 7 != 0).then(|| format!("class {}", row % 4))).collect::<StringArray>(),
            ),
        ),
        ("is_variable", Arc::new((0..rows).map(|row| Some(row % 3 == 0)).collect::<BooleanArray>())),
        ("epochs", Arc::new(lists.finish())),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            let unit = if matches!(*name, "ra" | "dec") { "deg" } else { "" };
            Field::new(*name, array.data_type().clone(), array.is_nullable())
                .with_metadata([("unit".to_owned(), unit.to_owned())].into())
        })
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// Three numbers in 0..1, the same for the same row.
fn draw(row: usize) -> [f64; 3] {
    let mut state = row as u64 + 1;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    })
}

fn sky_at(positions: &[(f64, f64)]) -> RecordBatch {
    let fields = [("id", DataType::Int64), ("ra", DataType::Float64), ("dec", DataType::Float64)];
    let fields: Vec<Field> = fields.map(|(name, kind)| Field::new(name, kind, false)).into();
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..positions.len() as i64).collect::<Int64Array>()),
        Arc::new(positions.iter().map(|(ra, _)| *ra).collect::<Float64Array>()),
        Arc::new(positions.iter().map(|(_, dec)| *dec).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// Partitions as `partition_info.csv` lists them, with their files.
fn leaves(root: &Path) -> Vec<(Cell, PathBuf)> {
    let list = fs::read_to_string(root.join("partition_info.csv")).unwrap();
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("Norder,Npix"));
    lines
        .map(|line| {
            let (order, npix) = line.split_once(',').unwrap();
            let cell = Cell::new(Order::new(order.parse().unwrap()).unwrap(), npix.parse().unwrap()).unwrap();
            let dir = cell.npix() / 10_000 * 10_000;
            (cell, root.join(format!("dataset/Norder={order}/Dir={dir}/Npix={npix}.parquet")))
        })
        .collect()
}

fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder.build().unwrap().collect::<Result<_, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}

fn metadata(path: &Path) -> Arc<ParquetMetaData> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let file = File::open(path).unwrap();
    Arc::clone(ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap().metadata())
}

fn floats(rows: &RecordBatch, name: &str) -> Float64Array {
    rows.column_by_name(name).unwrap().as_primitive::<arrow::datatypes::Float64Type>().clone()
}

fn names_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
