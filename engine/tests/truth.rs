//! Are the rows of every cone and polygon those that astropy finds, whatever is pruned?

mod support;

use std::path::PathBuf;

use serde_json::Value;
use sidereus_engine::{QueryService, Rules};
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

fn roots() -> Option<Vec<PathBuf>> {
    Some(vec![shared("data/hats_real")?, shared("data/tycho2_07.parquet")?])
}

async fn check_all(rules: Rules) {
    let Some(roots) = roots() else { return };
    let service = service(&roots).await;
    let (cones, polygons) = (cones(), polygons());
    assert_eq!((cones.len(), polygons.len()), (200, 50));
    for case in cones.iter().chain(&polygons) {
        case.check(&service, rules).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_hold_what_astropy_says_with_pruning() {
    check_all(Rules::all()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_hold_what_astropy_says_without_pruning() {
    check_all(Rules::none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_may_be_off_alone() {
    let Some(roots) = roots() else { return };
    let service = service(&roots).await;
    let switches: [fn(&mut Rules); 4] = [
        |rules| rules.partition_pruning = false,
        |rules| rules.row_group_pruning = false,
        |rules| rules.page_pruning = false,
        |rules| rules.late_materialization = false,
    ];
    let cases: Vec<Case> = cones().into_iter().chain(polygons()).filter(|case| case.catalog != "tycho2_07").collect();
    for (number, case) in cases.iter().enumerate() {
        let mut rules = Rules::all();
        switches[number % switches.len()](&mut rules);
        case.check(&service, rules).await;
    }
}
