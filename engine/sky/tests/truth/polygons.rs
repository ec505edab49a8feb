//! The polygons of the table are accepted; both windings mean the same.
//!
//! Which stars are inside is compared where the catalogs can be read.

use crate::files::shared;
use serde_json::Value;
use sidereus_sky::{Degrees, Polygon, Radians, Region, SkyPoint, coverage, hash29};

#[test]
fn both_windings_of_every_polygon_agree() {
    let Some(path) = shared("truth/dev/polygon.jsonl") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let pairs = row["vertices_deg"].as_array().unwrap();
        let mut vertices: Vec<(f64, f64)> =
            pairs.iter().map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap())).collect();
        let polygon = Polygon::from_degrees(&vertices).unwrap();
        vertices.reverse();
        let reversed = Polygon::from_degrees(&vertices).unwrap();
        assert!((polygon.area_sq_deg() / reversed.area_sq_deg() - 1.0).abs() < 1e-6, "{}", row["qid"]);
        let cover = coverage(&Region::Polygon(polygon.clone()), 64);
        let mut inside = 0;
        for (lon, lat) in around(&vertices) {
            let point = SkyPoint::from_degrees(lon, lat).unwrap();
            assert_eq!(polygon.contains(&point), reversed.contains(&point), "{} {lon} {lat}", row["qid"]);
            if polygon.contains(&point) {
                let key = hash29(lon, lat).unwrap();
                assert!(cover.intersects(key, key + 1), "{} {lon} {lat}", row["qid"]);
                inside += 1;
            }
        }
        assert!(inside > 0, "{}", row["qid"]);
    }
}

/// A grid of positions that spans the vertices.
fn around(vertices: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let (lon0, lat0) = vertices[0];
    let span = vertices.iter().map(|(_, lat)| (lat - lat0).abs()).fold(0.01, f64::max);
    let steps =
        (-20..=20).flat_map(|row| (-20..=20).map(move |column| (f64::from(row) / 20.0, f64::from(column) / 20.0)));
    let grid = steps.map(move |(row, column)| {
        let lat = (lat0 + row * span).clamp(-90.0, 90.0);
        (lon0 + column * 2.0 * span / Radians::from(Degrees(lat)).0.cos().max(0.02), lat)
    });
    let first = vertices[0];
    grid.chain([first])
}
