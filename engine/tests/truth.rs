//! Are the rows of every cone and polygon those that astropy finds, whatever is pruned?

mod support;

use serde_json::Value;
use sidereus_engine::{QueryService, Rules, WriteOptions, import_parquet};
use support::{ask, digest, ids, root, service, shared};

/// One region, and what is inside it.
struct Case {
    name: String,
    catalog: String,
    id: String,
    region: String,
    rows: usize,
    digest: String,
}

impl Case {
    fn adql(&self) -> String {
        let Self { catalog, id, region, .. } = self;
        format!("SELECT {id} FROM {catalog} WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), {region})")
    }

    async fn check(&self, service: &QueryService, rules: Rules) {
        let batches = ask(service, &self.adql(), rules).await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let ids = ids(&batches);
        assert_eq!((ids.len(), digest(&ids)), (self.rows, self.digest.clone()), "{} with {rules:?}", self.name);
    }
}

fn cones() -> Vec<Case> {
    let Some(path) = shared("truth/dev/cone.csv") else { return Vec::new() };
    let mut reader = csv::Reader::from_path(path).expect("the truth opens");
    let case = |row: csv::StringRecord| Case {
        name: format!("cone {} ({})", &row[0], &row[1]),
        catalog: row[2].to_owned(),
        id: row[3].to_owned(),
        region: format!("CIRCLE('ICRS', {}, {}, {})", &row[4], &row[5], &row[6]),
        rows: row[7].parse().expect("a count"),
        digest: row[11].to_owned(),
    };
    reader.records().map(|row| case(row.expect("a row"))).collect()
}

fn polygons() -> Vec<Case> {
    let Some(path) = shared("truth/dev/polygon.jsonl") else { return Vec::new() };
    let text = std::fs::read_to_string(path).expect("the truth opens");
    let case = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a JSON line");
        let text = |key: &str| row[key].as_str().expect("a string").to_owned();
        let vertices = row["vertices_deg"].as_array().expect("vertices");
        let vertices: Vec<String> = vertices.iter().map(|vertex| format!("{}, {}", vertex[0], vertex[1])).collect();
        Case {
            name: format!("polygon {} ({})", row["qid"], row["kind"]),
            catalog: text("catalog"),
            id: text("id_column"),
            region: format!("POLYGON('ICRS', {})", vertices.join(", ")),
            rows: usize::try_from(row["n"].as_u64().expect("a count")).expect("it fits"),
            digest: text("sha256_16"),
        }
    };
    text.lines().map(case).collect()
}

/// The cones and polygons of `testdata/truth`, on the bundled catalogs.
fn bundled() -> Vec<Case> {
    let folder = root().join("testdata/truth");
    let id = |table: &str| if table == "hipparcos2" { "hip" } else { "source_id" };
    let mut reader = csv::Reader::from_path(folder.join("cones.csv")).expect("the truth opens");
    let cone = |row: csv::StringRecord| Case {
        name: format!("cone on {} ({})", &row[0], &row[1]),
        catalog: row[0].to_owned(),
        id: id(&row[0]).to_owned(),
        region: format!("CIRCLE({}, {}, {})", &row[2], &row[3], &row[4]),
        rows: row[5].parse().expect("a count"),
        digest: row[9].to_owned(),
    };
    let polygon = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a JSON line");
        let text = |key: &str| row[key].as_str().expect("a string").to_owned();
        let vertices = row["vertices"].as_array().expect("vertices");
        let vertices: Vec<String> = vertices.iter().map(|vertex| format!("{}, {}", vertex[0], vertex[1])).collect();
        Case {
            name: format!("polygon on {} ({})", text("table"), text("kind")),
            catalog: text("table"),
            id: id(&text("table")).to_owned(),
            region: format!("POLYGON({})", vertices.join(", ")),
            rows: usize::try_from(row["n"].as_u64().expect("a count")).expect("it fits"),
            digest: text("sha256_16"),
        }
    };
    let polygons = std::fs::read_to_string(folder.join("polygons.jsonl")).expect("the truth opens");
    let cones: Vec<Case> = reader.records().map(|row| cone(row.expect("a row"))).collect();
    cones.into_iter().chain(polygons.lines().map(polygon)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_on_the_bundled_catalogs_hold_what_astropy_says() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let cases = bundled();
    assert_eq!(cases.len(), 60);
    for case in &cases {
        case.check(&service, Rules::all()).await;
        case.check(&service, Rules::none()).await;
    }
}

/// Rows within sets of cells, as mocpy 0.21 finds them; a MOC prunes as any region.
#[tokio::test(flavor = "multi_thread")]
async fn mocs_on_the_bundled_catalogs_hold_what_mocpy_says() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    for (region, rows, digest) in [
        ("MOC('1/5 2/9 4/13 17-18 8/3002')", 3280, "caa706d2acd7e1c2"),
        ("MOC('0/3 7-9 6/20000-20100')", 70881, "52ea1ca067c96f12"),
        ("MOC_UNION(MOC('1/5 2/9 4/13 17-18 8/3002'), MOC('1/5 7 2/9 3/40-77'))", 15926, "3fc8aee4a5715512"),
        ("MOC_INTERSECTION(MOC('1/5 2/9 4/13 17-18 8/3002'), MOC('1/5 7 2/9 3/40-77'))", 3165, "ffd46703a370d18b"),
        ("MOC(6, CIRCLE(56.75, 24.12, 2))", 167, "883d91fb9f04c9c6"),
    ] {
        let (catalog, id) = ("gaia_dr3_bright".to_owned(), "source_id".to_owned());
        let case = Case { name: region.into(), catalog, id, region: region.into(), rows, digest: digest.into() };
        case.check(&service, Rules::all()).await;
        case.check(&service, Rules::none()).await;
    }
}

/// Every cone and polygon of the truth, on the real catalogs; Tycho-2 in the form that `import` gives it.
#[tokio::test(flavor = "multi_thread")]
async fn regions_on_hats_catalogs_hold_what_astropy_says_whatever_is_pruned() {
    let (Some(gaia), Some(tycho)) = (shared("data/hats_real"), shared("data/tycho2_07.parquet")) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let imported = folder.path().join("tycho2_07");
    import_parquet(&tycho, &WriteOptions::new("tycho2_07"), &imported).expect("Tycho-2 is imported");
    let service = service(&[gaia, imported]).await;
    let (cones, polygons) = (cones(), polygons());
    assert_eq!((cones.len(), polygons.len()), (200, 50));
    // Each rule is off alone in every seventh case, all of them in another seventh.
    let names = Rules::none().switched_off();
    let alone: Vec<Rules> = names.split(',').map(|name| Rules::all().without(name).expect("a rule")).collect();
    for (number, case) in cones.iter().chain(&polygons).enumerate() {
        case.check(&service, Rules::all()).await;
        case.check(&service, if number % 7 == 0 { Rules::none() } else { alone[number % 7 - 1] }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_on_a_plain_file_hold_what_astropy_says() {
    let Some(tycho) = shared("data/tycho2_07.parquet") else { return };
    let service = service(&[tycho]).await;
    for (number, case) in cones().iter().chain(&polygons()).filter(|case| case.catalog == "tycho2_07").enumerate() {
        case.check(&service, if number % 2 == 0 { Rules::all() } else { Rules::none() }).await;
    }
}
