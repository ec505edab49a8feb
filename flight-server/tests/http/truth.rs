//! Are the answers right? Cones and polygons of `testdata/truth`, asked over TAP.

use std::path::Path;

use crate::server::Server;

/// The lines of a truth file, without its header.
fn lines(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/truth").join(name);
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn cones_hold_the_stars_they_should() {
    let server = Server::start();
    let mut asked = 0;
    for line in lines("cones.csv").iter().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [table, kind, ra, dec, radius, n, id_min, id_max, ..] = fields.as_slice() else { panic!("{line}") };
        let Some(id) = id_column(table) else { continue };
        let query = format!(
            "SELECT COUNT(*) AS n, MIN({id}) AS first, MAX({id}) AS last FROM {table} \
             WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, {radius}))"
        );
        assert_eq!(server.csv(&query).rows(), [format!("{n},{id_min},{id_max}")], "{kind}: {query}");
        asked += 1;
    }
    assert!(asked > 10);
}

#[test]
fn polygons_hold_the_stars_they_should() {
    let server = Server::start();
    let mut asked = 0;
    for line in lines("polygons.jsonl") {
        let truth: serde_json::Value = serde_json::from_str(&line).unwrap();
        let table = truth["table"].as_str().unwrap();
        let Some(id) = id_column(table) else { continue };
        let vertices: Vec<String> =
            truth["vertices"].as_array().unwrap().iter().map(|pair| format!("{}, {}", pair[0], pair[1])).collect();
        let query = format!(
            "SELECT COUNT(*) AS n, MIN({id}) AS first, MAX({id}) AS last FROM {table} \
             WHERE 1 = CONTAINS(POINT(ra, dec), POLYGON({}))",
            vertices.join(", ")
        );
        let text = |key: &str| if truth[key].is_null() { String::new() } else { truth[key].to_string() };
        assert_eq!(
            server.csv(&query).rows(),
            [format!("{},{},{}", text("n"), text("id_min"), text("id_max"))],
            "{query}"
        );
        asked += 1;
    }
    assert!(asked > 3);
}

/// Tables whose identifiers are numbers.
fn id_column(table: &str) -> Option<&'static str> {
    match table {
        "gaia_dr3_bright" => Some("source_id"),
        "hipparcos2" => Some("hip"),
        _ => None,
    }
}
