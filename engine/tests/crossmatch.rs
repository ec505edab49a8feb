//! Are the pairs of a crossmatch those that astropy finds, however the join is written?

mod support;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sidereus_engine::{EngineOptions, Label, QueryService, Rules, WriteOptions, import_parquet};
use support::{ask_as, root, service, service_with, shared};

/// Integers of a column; nulls are -1.
fn integers(batches: &[RecordBatch], column: usize) -> Vec<i64> {
    let values = batches.iter().flat_map(|batch| {
        let column = cast(batch.column(column), &DataType::Int64).expect("integers");
        column.as_primitive::<Int64Type>().iter().map(|value| value.unwrap_or(-1)).collect::<Vec<_>>()
    });
    values.collect()
}

fn pairs(batches: &[RecordBatch]) -> Vec<(i64, i64)> {
    let mut pairs: Vec<(i64, i64)> = integers(batches, 0).into_iter().zip(integers(batches, 1)).collect();
    pairs.sort_unstable();
    pairs
}

fn digest(pairs: &[(i64, i64)]) -> String {
    let text: String = pairs.iter().map(|(left, right)| format!("{left},{right}\n")).collect();
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn separations(batches: &[RecordBatch]) -> f64 {
    let sum = |batch: &RecordBatch| batch.column(2).as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
    batches.iter().map(sum).sum()
}

async fn sql(service: &QueryService, text: &str) -> Vec<RecordBatch> {
    ask_as(service, text, Label::Sql, Rules::all()).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One crossmatch of the truth.
struct Case {
    right: String,
    id: &'static str,
    radius_deg: f64,
    truth: Value,
}

impl Case {
    fn read(truth: Value) -> Self {
        let right = truth["right"].as_str().expect("a name").to_owned();
        let id = if right == "tycho2_07" { "star_no" } else { "source_id" };
        let radius_deg = truth["radius_arcsec"].as_f64().expect("a radius") / 3600.0;
        Self { right, id, radius_deg, truth }
    }

    fn count(&self, key: &str) -> usize {
        usize::try_from(self.truth[key].as_u64().expect("a count")).expect("it fits")
    }

    /// Select list and tables, before what joins them.
    fn select(&self) -> String {
        let Self { right, id, .. } = self;
        format!("SELECT h.hip, t.{id}, DISTANCE(h.ra, h.dec, t.ra, t.dec) * 3600 AS sep FROM {right} AS t")
    }

    fn check_all(&self, batches: &[RecordBatch], how: &str) {
        let found = pairs(batches);
        let digest = digest(&found);
        assert_eq!(
            (found.len(), digest.as_str()),
            (self.count("n_all"), self.truth["pairs_sha256_16"].as_str().expect("a digest")),
            "{how}"
        );
        let sum = self.truth["sum_sep_all_arcsec"].as_f64().expect("a sum");
        assert!((separations(batches) - sum).abs() < 1e-3, "{how}: {}", separations(batches));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_finds_the_pairs_of_astropy() {
    let (Some(truth), Some(catalogs), Some(tycho)) =
        (shared("truth/dev/xmatch.json"), shared("data/hats_real"), shared("data/tycho2_07.parquet"))
    else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let imported = folder.path().join("tycho2_07");
    import_parquet(&tycho, &WriteOptions::new("tycho2_07"), &imported).expect("Tycho-2 is imported");
    let service = service(&[catalogs, imported]).await;
    let cases: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(truth).expect("the truth opens")).expect("JSON");
    assert_eq!(cases.len(), 6);
    let known = cases.into_iter().filter(|case| case["left"] == "hipparcos2").map(Case::read);
    for (number, case) in known.enumerate() {
        let (select, radius) = (case.select(), case.radius_deg);
        let odd = "h.hip % 2 = 1";
        let spellings = [
            format!("{select} JOIN hipparcos2 AS h ON DISTANCE(h.ra, h.dec, t.ra, t.dec) <= {radius:?} AND {odd}"),
            format!(
                "{select}, hipparcos2 AS h WHERE {radius:?} >= DISTANCE(POINT(t.ra, t.dec), POINT(h.ra, h.dec)) AND {odd}"
            ),
            format!("{select}, hipparcos2 AS h WHERE {odd} AND q3c_join(h.ra, h.dec, t.ra, t.dec, {radius:?})"),
            format!(
                "{select} JOIN hipparcos2 AS h ON 1 = CONTAINS(POINT(h.ra, h.dec), CIRCLE(t.ra, t.dec, {radius:?})) WHERE {odd}"
            ),
            format!(
                "{select} JOIN hipparcos2 AS h ON CONTAINS(POINT(t.ra, t.dec), CIRCLE(POINT(h.ra, h.dec), {radius:?})) = 1 WHERE {odd}"
            ),
            format!(
                "{select} JOIN hipparcos2 AS h ON 1 = INTERSECTS(CIRCLE(t.ra, t.dec, {radius:?}), POINT(h.ra, h.dec)) WHERE {odd}"
            ),
            format!(
                "{select}, (SELECT *, hip * 0 + {radius:?} AS r FROM hipparcos2) AS h WHERE DISTANCE(h.ra, h.dec, t.ra, t.dec) <= h.r AND {odd}"
            ),
            format!(
                "{select} JOIN hipparcos2 AS h ON DISTANCE(h.ra, h.dec, t.ra, t.dec) BETWEEN 0 AND {radius:?} WHERE {odd}"
            ),
            format!(
                "SELECT h.hip, t.{id}, t.sep FROM hipparcos2 AS h JOIN LATERAL (SELECT x.{id}, DISTANCE(h.ra, h.dec, x.ra, x.dec) * 3600 AS sep FROM {right} AS x WHERE q3c_join(h.ra, h.dec, x.ra, x.dec, {radius:?}) ORDER BY x.{id} LIMIT 1000) AS t ON true WHERE {odd}",
                id = case.id,
                right = case.right
            ),
        ];
        let (of_left, of_right) = ("(SELECT hip AS star, ra, dec FROM hipparcos2 WHERE hip % 2 = 1)", &case.right);
        let id = case.id;
        for (sides, how, wanted) in [
            (format!("{of_left}, {of_right}"), "all", true),
            (format!("{of_right}, {of_left}"), "all", true),
            (format!("{of_left}, {of_right}"), "best1", false),
            (format!("{of_right}, {of_left}"), "best2", false),
            (format!("{of_left}, {of_right}"), "each", false),
        ] {
            let text = format!("SELECT star, {id}, separation * 3600 AS sep FROM XMATCH({sides}, {radius:?}, '{how}')");
            let batches = sql(&service, &text).await;
            if wanted {
                case.check_all(&batches, &text);
            } else {
                let found: Vec<_> = pairs(&batches).into_iter().filter(|pair| pair.1 != -1).collect();
                let best = (case.count("n_best"), case.truth["best_sha256_16"].as_str().expect("a digest"));
                assert_eq!((found.len(), digest(&found).as_str()), best, "{text}");
            }
        }
        if (radius * 3600.0 - 5.0).abs() < 1e-9 {
            check_separations(&service, &case).await;
        }
        for spelling in spellings.iter().enumerate().filter(|(index, _)| number == 0 || index % 4 == number) {
            case.check_all(&sql(&service, spelling.1).await, spelling.1);
        }
        check_best(&service, &case).await;
    }
}

/// Every pair by itself, within 1e-9 degrees of astropy's separation, however it is asked for.
async fn check_separations(service: &QueryService, case: &Case) {
    let Case { right, id, radius_deg: radius, .. } = case;
    let name = if right == "tycho2_07" { "hip_tycho" } else { "hip_gaia" };
    let Some(truth) = shared(&format!("truth/dev/xmatch_{name}_5arcsec.parquet")) else { return };
    let file = std::fs::File::open(truth).expect("the truth opens");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let truth: Vec<RecordBatch> = reader.build().expect("Parquet").map(|batch| batch.expect("rows")).collect();
    let left = "(SELECT hip AS star, ra, dec FROM hipparcos2 WHERE hip % 2 = 1)";
    let rows = |batches: &[RecordBatch]| {
        let separations =
            batches.iter().flat_map(|batch| batch.column(2).as_primitive::<Float64Type>().values().to_vec());
        let pairs = integers(batches, 0).into_iter().zip(integers(batches, 1));
        let mut rows: Vec<((i64, i64), f64)> = pairs.zip(separations).collect();
        rows.sort_by_key(|row| row.0);
        rows
    };
    let wanted = rows(&truth);
    for text in [
        format!("SELECT star, {id}, separation * 3600 AS sep FROM XMATCH({left}, {right}, {radius:?})"),
        format!("SELECT star, {id}, separation * 3600 AS sep FROM XMATCH({right}, {left}, {radius:?})"),
        format!(
            "SELECT h.star, t.{id}, DISTANCE(t.ra, t.dec, h.ra, h.dec) * 3600 AS sep FROM {left} AS h JOIN {right} AS t \
             ON q3c_join(h.ra, h.dec, t.ra, t.dec, {radius:?})"
        ),
    ] {
        let found = rows(&sql(service, &text).await);
        assert_eq!(found.len(), wanted.len(), "{text}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found.0, wanted.0, "{text}");
            // The truth is written to a tenth of a microarcsecond.
            assert!((found.1 - wanted.1).abs() < 3.6e-6, "{text}: {found:?} {wanted:?}");
        }
    }
}

/// The nearest of each, and those without any.
async fn check_best(service: &QueryService, case: &Case) {
    let Case { right, id, radius_deg: radius, .. } = case;
    let lateral = format!(
        "LATERAL (SELECT g.*, q3c_dist(h.ra, h.dec, g.ra, g.dec) * 3600.0 AS sep FROM {right} AS g \
         WHERE q3c_join(h.ra, h.dec, g.ra, g.dec, {radius:?}) ORDER BY q3c_dist(h.ra, h.dec, g.ra, g.dec) ASC LIMIT 1) AS gg ON true"
    );
    let left = "FROM (SELECT hip, ra, dec FROM hipparcos2 WHERE hip % 2 = 1) AS h";
    let best = sql(service, &format!("SELECT h.hip, gg.{id}, gg.sep {left} JOIN {lateral}")).await;
    let found = pairs(&best);
    let wanted = (case.count("n_best"), case.truth["best_sha256_16"].as_str().expect("a digest"));
    assert_eq!((found.len(), digest(&found).as_str()), wanted);
    let sum = case.truth["sum_sep_best_arcsec"].as_f64().expect("a sum");
    assert!((separations(&best) - sum).abs() < 1e-3);
    let kept = sql(service, &format!("SELECT h.hip, gg.{id}, gg.sep {left} LEFT JOIN {lateral}")).await;
    let always = lateral.replace("ON true", "ON 1 = 1");
    let same = sql(service, &format!("SELECT h.hip, gg.{id}, gg.sep {left} LEFT JOIN {always}")).await;
    let kept = pairs(&kept);
    assert_eq!(pairs(&same), kept, "a condition that says nothing, in a language without TRUE");
    assert_eq!(kept.len(), case.count("n_left"));
    assert_eq!(kept.iter().filter(|(_, right)| *right == -1).count(), case.count("n_left") - case.count("n_best"));
    let near = format!("FROM {right} AS g WHERE DISTANCE(h.ra, h.dec, g.ra, g.dec) <= {radius:?}");
    for (verb, count) in [("EXISTS", case.count("n_best")), ("NOT EXISTS", case.count("n_left") - case.count("n_best"))]
    {
        let rows = sql(service, &format!("SELECT h.hip {left} WHERE {verb} (SELECT 1 {near})")).await;
        assert_eq!(integers(&rows, 0).len(), count, "{verb}");
    }
}

/// Joins of every kind and radius, with the rule and without: the nested loop of DataFusion is the judge.
#[tokio::test(flavor = "multi_thread")]
async fn zones_give_what_comparing_all_pairs_gives() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let tables = "(SELECT name, ra, dec, majax FROM openngc WHERE {a}) AS o {join} \
                  (SELECT hip, ra, dec, plx FROM hipparcos2 WHERE {b}) AS h ON {on}";
    let areas = [
        ("dec > 80", "dec > 78"),
        ("dec < -85", "dec < -80"),
        ("(ra < 3 OR ra > 357) AND dec BETWEEN -20 AND 5", "(ra < 2 OR ra > 358) AND dec BETWEEN -20 AND 5"),
        ("ra BETWEEN 100 AND 110", "hip % 400 = 7"),
    ];
    let conditions = [
        "DISTANCE(o.ra, o.dec, h.ra, h.dec) < 0.7",
        "DISTANCE(h.ra, h.dec, o.ra, o.dec) * 60 <= o.majax * 4",
        "1 = CONTAINS(POINT(h.ra, h.dec), CIRCLE(o.ra, o.dec, o.majax / 20)) AND h.plx > 3",
        "0.4 > DISTANCE(POINT(o.ra, o.dec), POINT(h.ra, h.dec)) / 2 AND o.majax IS NOT NULL",
        "DISTANCE(o.ra, o.dec, h.ra, h.dec) <= (h.plx - 4) / 3",
        "DISTANCE(o.ra, o.dec, h.ra, h.dec) < 100 AND h.plx > 40",
        "q3c_ellipse_join(h.ra, h.dec, o.ra, o.dec, o.majax / 20, 0.5, 30)",
        "1 = CONTAINS(CIRCLE(h.ra, h.dec, h.plx / 1000), CIRCLE(o.ra, o.dec, o.majax / 10))",
        "1 = INTERSECTS(ELLIPSE(o.ra, o.dec, o.majax / 20, o.majax / 40, o.majax), CIRCLE(h.ra, h.dec, h.plx / 100))",
    ];
    let joins = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"];
    let mut compared = 0;
    for (a, b) in areas {
        for on in conditions {
            for join in joins {
                let from = tables.replace("{a}", a).replace("{b}", b).replace("{join}", join).replace("{on}", on);
                compared += same(&service, &format!("SELECT o.name, h.hip, o.majax FROM {from}")).await;
            }
            for verb in ["EXISTS", "NOT EXISTS"] {
                let text = format!(
                    "SELECT o.name FROM openngc AS o WHERE {a} AND {verb} (SELECT 1 FROM hipparcos2 AS h WHERE {on} AND {b})",
                    a = a.replace("ra", "o.ra").replace("dec", "o.dec"),
                    b = b.replace("ra", "h.ra").replace("dec", "h.dec").replace("hip", "h.hip"),
                );
                compared += same(&service, &text).await;
            }
        }
    }
    assert!(compared > 10_000, "{compared} rows");
}

/// Rows of a query as sorted texts, the same with the rule on and off; how many.
async fn same(service: &QueryService, text: &str) -> usize {
    let mut answers = Vec::new();
    for rules in [Rules::all(), Rules { crossmatch: false, ..Rules::all() }] {
        let batches = ask_as(service, text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let table = arrow::util::pretty::pretty_format_batches(&batches).expect("a table").to_string();
        let mut rows: Vec<String> = table
            .lines()
            .filter(|line| line.starts_with('|'))
            .skip(1)
            .map(|line| line.split_whitespace().collect())
            .collect();
        rows.sort_unstable();
        answers.push(rows);
    }
    assert_eq!(answers[0], answers[1], "{text}");
    answers[0].len()
}

/// Pairs at the radius, and 0.1 and 1 milliarcseconds within and beyond it, in the middle of the sky and where it is odd.
#[tokio::test(flavor = "multi_thread")]
async fn the_radius_is_met_to_a_tenth_of_a_milliarcsecond() {
    const MAS: f64 = 1.0 / 3_600_000.0;
    let service = service(&[root().join("testdata/catalogs")]).await;
    for (lon, lat) in
        [(10.0, 20.0), (0.0, 0.0), (359.999_999, -45.0), (45.0, 41.810_314_9), (120.0, 90.0), (7.0, -89.999)]
    {
        for radius in [1.0 / 3600.0, 0.02, 3.0] {
            for by in [-1.0, -0.1, 0.1, 1.0] {
                // Along the meridian, over the pole where it is near: there a separation is a difference.
                let distance = radius + by * MAS;
                let other = if lat > 0.0 { lat - distance } else { lat + distance };
                let sides = format!(
                    "(SELECT TOP 1 hip, {lon:?} AS ra, {lat:?} AS dec FROM hipparcos2 WHERE hip = 1), \
                     (SELECT hip, {lon:?} AS ra, {other:?} AS dec FROM hipparcos2 WHERE hip = 2)"
                );
                for rules in [Rules::all(), Rules::all().without("crossmatch").expect("a rule")] {
                    let text = format!("SELECT hip_1 FROM XMATCH({sides}, {radius:?})");
                    let found = ask_as(&service, &text, Label::Adql, rules).await.expect("it runs");
                    assert_eq!(integers(&found, 0).len(), usize::from(by < 0.0), "{text}");
                }
            }
        }
    }
}

/// A table with itself in a dense field: each pair once, and what is in memory is the table, not the pairs.
#[tokio::test(flavor = "multi_thread")]
async fn a_dense_field_streams() {
    const ROWS: i64 = 3_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cluster.parquet");
    // A spiral within half an arcminute, so that no two are farther apart than one; at 30 degrees of declination.
    let at = |row: i64| {
        let (turn, out) = (row as f64 * 2.399_963, (row as f64 / ROWS as f64).sqrt() * 0.008_3);
        (200.0 + out * turn.cos() / 0.866_025_4, 30.0 + out * turn.sin())
    };
    let ids: arrow::array::ArrayRef = std::sync::Arc::new((0..ROWS).collect::<arrow::array::Int64Array>());
    let column = |index: usize| -> arrow::array::ArrayRef {
        let value = |row| if index == 0 { at(row).0 } else { at(row).1 };
        std::sync::Arc::new((0..ROWS).map(value).collect::<arrow::array::Float64Array>())
    };
    let batch = RecordBatch::try_from_iter([("id", ids), ("ra", column(0)), ("dec", column(1))]).expect("a batch");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("it is written");
    writer.close().expect("it is closed");
    // Nine million pairs of two integers would be 144 MB.
    let options = EngineOptions { memory_limit: 16 << 20, ..EngineOptions::default() };
    let service = service_with(&[path], options).await;
    let near = "DISTANCE(a.ra, a.dec, b.ra, b.dec)";
    for (condition, wanted) in [
        (format!("{near} < 1 / 60.0"), ROWS * ROWS),
        (format!("{near} < 1 / 60.0 AND a.id < b.id"), ROWS * (ROWS - 1) / 2),
        (format!("{near} < 1 / 60.0 AND a.id <> b.id"), ROWS * (ROWS - 1)),
    ] {
        let text =
            format!("SELECT COUNT(*) AS n, SUM(a.id + b.id) AS s FROM cluster AS a JOIN cluster AS b ON {condition}");
        assert_eq!(integers(&sql(&service, &text).await, 0), [wanted], "{text}");
    }
    // A ring: the pairs of the whole circle without those of the inner one.
    let count = async |condition: String| {
        let text = format!("SELECT COUNT(*) AS n FROM cluster AS a, cluster AS b WHERE {condition}");
        integers(&sql(&service, &text).await, 0)[0]
    };
    let within = async |radius: f64| count(format!("{near} <= {radius:?}")).await;
    let ring = count(format!("{near} > 0.002 AND {near} <= 0.01")).await;
    assert_eq!(ring, within(0.01).await - within(0.002).await);
    assert!(ring > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_say_what_they_do() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let plan = async |text: &str| {
        let batches = sql(&service, &format!("EXPLAIN {text}")).await;
        arrow::util::pretty::pretty_format_batches(&batches).expect("a table").to_string()
    };
    let from = "FROM openngc AS o, hipparcos2 AS h WHERE";
    let one = ["q3c_join(o.ra, o.dec, h.ra, h.dec, 0.1)", "DISTANCE(h.ra, h.dec, o.ra, o.dec) <= 0.1"];
    for condition in one {
        let text = plan(&format!("SELECT COUNT(*) AS n {from} {condition}")).await;
        assert!(text.contains("CrossmatchExec: Inner, radius=0.1") && !text.contains("NestedLoop"), "{text}");
        assert!(text.contains("in memory=left") && text.contains("columns=[ra, dec]"), "{text}");
    }
    for other in ["DISTANCE(h.ra, h.dec, o.ra, o.dec) > 0.1", "NOT DISTANCE(h.ra, h.dec, o.ra, o.dec) <= 0.1"] {
        let text = plan(&format!("SELECT COUNT(*) AS n {from} {other}")).await;
        assert!(text.contains("CrossmatchExec: Inner, all pairs"), "{text}");
    }
    let few = "SELECT g.source_id FROM (SELECT ra, dec FROM openngc WHERE messier = '031') AS o \
               JOIN gaia_dr3_bright AS g ON DISTANCE(g.ra, g.dec, o.ra, o.dec) < 0.1";
    let text = plan(&format!("ANALYZE {few}")).await;
    let skipped = text.split("partitions_skipped=").skip(1).filter_map(|rest| rest.split([',', ']']).next());
    let skipped: Vec<usize> = skipped.map(|skipped| skipped.parse().expect("a number")).collect();
    assert!(skipped.iter().any(|skipped| *skipped > 0), "{text}");
}
