//! Many small regions, and a join with few rows, over a partition of many rows: where keys are read before positions.

use arrow::array::AsArray;
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::conditions::{Row, write};
use crate::draw::Draw;
use crate::sky::{BLURRED_DEG, offset, separation};
use crate::support::{ask, ask_as, ids, service};

/// Rows, and degrees of the patch that holds them: one HEALPix cell of order 0.
const ROWS: usize = 60_000;
const CENTER: (f64, f64) = (45.0, 41.8);
const PATCH_DEG: f64 = 3.0;

struct Cone {
    at: (f64, f64),
    radius: f64,
}

fn somewhere(draw: &mut Draw) -> (f64, f64) {
    offset(CENTER, 360.0 * draw.unit(), PATCH_DEG * draw.unit().sqrt())
}

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let row = |id| Row { id, at: Some(somewhere(&mut draw)), mag: None };
    let rows: Vec<Row> = (0..).take(ROWS).map(row).collect();
    let (source, catalog, few) =
        (folder.path().join("source.parquet"), folder.path().join("dense"), folder.path().join("few.parquet"));
    write(&rows, &source);
    write(&rows[..50], &few);
    import_parquet(&source, &WriteOptions::new("dense"), &catalog).expect("it is imported");
    let service = service(&[catalog, few]).await;
    for _ in 0..queries {
        let cone = |draw: &mut Draw| {
            let at = if draw.chance(0.5) { rows[draw.below(ROWS)].at.unwrap_or(CENTER) } else { somewhere(draw) };
            Cone { at, radius: 10_f64.powf(draw.unit() * 4.0 - 6.0) }
        };
        let cones: Vec<Cone> = (0..1 + draw.below(60)).map(|_| cone(&mut draw)).collect();
        check_union(&service, &rows, &cones, &mut draw).await;
    }
    check_join(&service, &rows).await;
    check_that_keys_decide(&service).await;
}

async fn check_union(service: &QueryService, rows: &[Row], cones: &[Cone], draw: &mut Draw) {
    let one = |cone: &Cone| format!("DISTANCE(ra, dec, {:?}, {:?}) <= {:?}", cone.at.0, cone.at.1, cone.radius);
    let any = cones.iter().map(one).collect::<Vec<_>>().join(" OR ");
    let comparison = if draw.chance(0.5) { " AND id > 20000" } else { "" };
    let text = format!("SELECT id FROM dense WHERE ({any}){comparison}");
    for off in ["", "key_pruning", "page_pruning"] {
        let rules = Rules::all().without(off).expect("rules");
        let found = ids(&ask(service, &text, rules).await.unwrap_or_else(|error| panic!("{text}: {error}")));
        for row in rows.iter().filter(|row| comparison.is_empty() || row.id > 20_000) {
            let beyond = |cone: &Cone| row.at.map_or(f64::INFINITY, |at| separation(at, cone.at)) - cone.radius;
            let nearest = cones.iter().map(beyond).fold(f64::INFINITY, f64::min);
            let is_found = found.binary_search(&row.id).is_ok();
            assert!(nearest.abs() < BLURRED_DEG || is_found == (nearest <= 0.0), "{text}\n{row:?} without {off}");
        }
        assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{text}: a row came twice");
        assert!(comparison.is_empty() || found.iter().all(|id| *id > 20_000), "{text}");
    }
}

/// Fifty rows of the table itself, each with all within 36 arcseconds of it.
async fn check_join(service: &QueryService, rows: &[Row]) {
    let text = "SELECT d.id FROM few AS f JOIN dense AS d ON DISTANCE(f.ra, f.dec, d.ra, d.dec) < 0.01";
    let near = |row: &&Row| {
        let at = row.at.unwrap_or_default();
        rows[..50].iter().any(|few| few.at.is_some_and(|few| separation(few, at) < 0.01))
    };
    let expected: Vec<i64> = rows.iter().filter(near).map(|row| row.id).collect();
    for off in ["", "key_pruning", "crossmatch"] {
        let rules = Rules::all().without(off).expect("rules");
        let batches = ask_as(service, text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut found = ids(&batches);
        found.dedup();
        assert_eq!(found, expected, "without {off}");
    }
}

/// Else the queries above would have shown nothing of it.
async fn check_that_keys_decide(service: &QueryService) {
    let text = "EXPLAIN ANALYZE SELECT id FROM dense WHERE DISTANCE(ra, dec, 45, 41.8) < 0.01 OR DISTANCE(ra, dec, 44, 42) < 0.01 \
        OR DISTANCE(ra, dec, 46, 42) < 0.01 OR DISTANCE(ra, dec, 44, 41) < 0.01 OR DISTANCE(ra, dec, 46, 41) < 0.01 \
        OR DISTANCE(ra, dec, 45, 40) < 0.01 OR DISTANCE(ra, dec, 45, 43) < 0.01 OR DISTANCE(ra, dec, 45, 44) < 0.01";
    let rules = Rules::all().without("page_pruning").expect("rules");
    let plan = ask(service, text, rules).await.expect("it runs");
    let lines: Vec<String> = plan
        .iter()
        .flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let ruled_out = lines.iter().any(|line| line.contains("rows_ruled_out=") && !line.contains("rows_ruled_out=0"));
    assert!(ruled_out, "{}", lines.join("\n"));
}
