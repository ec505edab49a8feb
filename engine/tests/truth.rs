//! Are the rows of every cone and polygon those that astropy finds, whatever is pruned?

mod support;

use std::collections::HashSet;

use serde_json::Value;
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};
use support::{ask_as, digest, ids, root, service, shared};

/// One region, and what is inside it.
struct Case {
    name: String,
    catalog: String,
    id: String,
    region: String,
    /// Its numbers in degrees: centre and radius, or the corners.
    numbers: Vec<String>,
    rows: usize,
    digest: String,
}

impl Case {
    async fn check(&self, service: &QueryService, rules: Rules) {
        let condition = format!("1 = CONTAINS(POINT('ICRS', ra, dec), {})", self.region);
        self.check_spelling(service, &condition, rules).await;
    }

    async fn check_spelling(&self, service: &QueryService, condition: &str, rules: Rules) {
        let ids = self.selected(service, condition, rules).await;
        let found = (ids.len(), digest(&ids));
        assert_eq!(found, (self.rows, self.digest.clone()), "{}: {condition} with {rules:?}", self.name);
    }

    /// A condition that is to be true of all other rows.
    async fn check_negation(&self, service: &QueryService, condition: &str) {
        let outside: HashSet<i64> = self.selected(service, condition, Rules::all()).await.into_iter().collect();
        let every = self.selected(service, "1 = 1", Rules::all()).await;
        let inside: Vec<i64> = every.into_iter().filter(|id| !outside.contains(id)).collect();
        let found = (inside.len(), digest(&inside));
        assert_eq!(found, (self.rows, self.digest.clone()), "{}: {condition}", self.name);
    }

    async fn selected(&self, service: &QueryService, condition: &str, rules: Rules) -> Vec<i64> {
        let text = format!("SELECT {} FROM {} WHERE {condition}", self.id, self.catalog);
        let batches = ask_as(service, &text, Label::Sql, rules).await;
        ids(&batches.unwrap_or_else(|error| panic!("{}: {text}: {error}", self.name)))
    }

    /// Conditions that say the same of a row; no row of the truth lies on a border.
    fn spellings(&self) -> Vec<String> {
        let Self { region, numbers, .. } = self;
        let listed = numbers.join(", ");
        if let [ra, dec, radius] = numbers.as_slice() {
            return vec![
                format!("DISTANCE(ra, dec, {ra}, {dec}) <= {radius}"),
                format!("DISTANCE(ra, dec, {ra}, {dec}) < {radius}"),
                format!("DISTANCE(POINT(ra, dec), POINT({ra}, {dec})) <= {radius}"),
                format!("{radius} >= DISTANCE(POINT('ICRS', {ra}, {dec}), POINT('ICRS', ra, dec))"),
                format!("DISTANCE({ra}, {dec}, ra, dec) BETWEEN 0 AND {radius}"),
                format!("NOT DISTANCE(ra, dec, {ra}, {dec}) > {radius}"),
                format!("DISTANCE(ra, dec, {ra}, {dec}) * 60 < {radius} * 60"),
                format!("CONTAINS(POINT(ra, dec), CIRCLE(POINT({ra}, {dec}), {radius})) = 1"),
                format!("CONTAINS(POINT(ra, dec), CIRCLE({listed})) <> 0"),
                format!("1 = CONTAINS(POINT({ra}, {dec}), CIRCLE(ra, dec, {radius}))"),
                format!("1 = CONTAINS(POINT(ra, dec), REGION('CIRCLE ICRS {ra} {dec} {radius}'))"),
                format!("1 = INTERSECTS(POINT(ra, dec), CIRCLE({listed}))"),
                format!("INTERSECTS({region}, POINT('ICRS', ra, dec)) = 1"),
                format!("NOT 0 = CONTAINS(POINT(ra, dec), CIRCLE({listed}))"),
                format!("q3c_radial_query(ra, dec, {listed})"),
                format!("q3c_join({ra}, {dec}, ra, dec, {radius})"),
                format!("q3c_dist(ra, dec, {ra}, {dec}) <= {radius}"),
            ];
        }
        let corners: Vec<String> =
            numbers.chunks(2).map(|corner| format!("POINT({}, {})", corner[0], corner[1])).collect();
        vec![
            format!("CONTAINS(POINT(ra, dec), POLYGON({listed})) = 1"),
            format!("1 = CONTAINS(POINT(ra, dec), POLYGON({}))", corners.join(", ")),
            format!("1 = INTERSECTS(POLYGON({listed}), POINT(ra, dec))"),
            format!("1 = CONTAINS(POINT(ra, dec), REGION('POLYGON ICRS {}'))", numbers.join(" ")),
            format!("NOT 0 = INTERSECTS(POINT(ra, dec), {region})"),
            format!("q3c_poly_query(ra, dec, ARRAY[{listed}])"),
        ]
    }

    /// Conditions that say the contrary.
    fn negations(&self) -> Vec<String> {
        let Self { region, numbers, .. } = self;
        let mut negations = vec![
            format!("0 = CONTAINS(POINT(ra, dec), {region})"),
            format!("NOT 1 = INTERSECTS(POINT(ra, dec), {region})"),
        ];
        if let [ra, dec, radius] = numbers.as_slice() {
            negations.push(format!("DISTANCE(ra, dec, {ra}, {dec}) > {radius}"));
            negations.push(format!("NOT q3c_radial_query(ra, dec, {ra}, {dec}, {radius})"));
        }
        negations
    }
}

/// The coordinates of a list of vertices.
fn corners(vertices: &Value) -> Vec<String> {
    let vertices = vertices.as_array().expect("vertices");
    vertices.iter().flat_map(|vertex| [vertex[0].to_string(), vertex[1].to_string()]).collect()
}

fn cones() -> Vec<Case> {
    let Some(path) = shared("truth/dev/cone.csv") else { return Vec::new() };
    let mut reader = csv::Reader::from_path(path).expect("the truth opens");
    let case = |row: csv::StringRecord| Case {
        name: format!("cone {} ({})", &row[0], &row[1]),
        catalog: row[2].to_owned(),
        id: row[3].to_owned(),
        region: format!("CIRCLE('ICRS', {}, {}, {})", &row[4], &row[5], &row[6]),
        numbers: [4, 5, 6].map(|column| row[column].to_owned()).to_vec(),
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
        let numbers = corners(&row["vertices_deg"]);
        Case {
            name: format!("polygon {} ({})", row["qid"], row["kind"]),
            catalog: text("catalog"),
            id: text("id_column"),
            region: format!("POLYGON('ICRS', {})", numbers.join(", ")),
            numbers,
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
        numbers: [2, 3, 4].map(|column| row[column].to_owned()).to_vec(),
        rows: row[5].parse().expect("a count"),
        digest: row[9].to_owned(),
    };
    let polygon = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a JSON line");
        let text = |key: &str| row[key].as_str().expect("a string").to_owned();
        let numbers = corners(&row["vertices"]);
        Case {
            name: format!("polygon on {} ({})", text("table"), text("kind")),
            catalog: text("table"),
            id: id(&text("table")).to_owned(),
            region: format!("POLYGON({})", numbers.join(", ")),
            numbers,
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

/// Every spelling of a condition, pruned and not in turn; the contrary of each region in one spelling.
#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_region_selects_what_astropy_says() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    for (number, case) in bundled().iter().enumerate() {
        for (spelling, condition) in case.spellings().iter().enumerate() {
            let rules = if (number + spelling) % 3 == 0 { Rules::none() } else { Rules::all() };
            case.check_spelling(&service, condition, rules).await;
        }
        let negations = case.negations();
        case.check_negation(&service, &negations[number % negations.len()]).await;
    }
}

/// Every cone and polygon of the truth in every third spelling, in all with `SIDEREUS_EVERY_SPELLING`.
#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_on_hats_catalogs_selects_what_astropy_says() {
    let (Some(gaia), Some(tycho)) = (shared("data/hats_real"), shared("data/tycho2_07.parquet")) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let imported = folder.path().join("tycho2_07");
    import_parquet(&tycho, &WriteOptions::new("tycho2_07"), &imported).expect("Tycho-2 is imported");
    let service = service(&[gaia, imported]).await;
    let step = if std::env::var_os("SIDEREUS_EVERY_SPELLING").is_some() { 1 } else { 3 };
    for (number, case) in cones().iter().chain(&polygons()).enumerate() {
        for condition in case.spellings().iter().skip(number % step).step_by(step) {
            case.check_spelling(&service, condition, Rules::all()).await;
        }
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
        let numbers = Vec::new();
        let case =
            Case { name: region.into(), catalog, id, region: region.into(), numbers, rows, digest: digest.into() };
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
