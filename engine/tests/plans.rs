//! Do all spellings of one search have one plan?
//!
//! The part of a plan that decides what is read and how pairs are found is compared: scans with their regions, crossmatches
//! with their radii. How the exact condition is written out, and how many cores there are, is left away.

#[path = "support/mod.rs"]
mod support;

use arrow::array::AsArray;
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use support::{ask_as, root, service};

/// Scans and crossmatches of the plan of a query.
async fn plan(service: &QueryService, text: &str) -> String {
    let batches = ask_as(service, &format!("EXPLAIN {text}"), Label::Sql, Rules::all())
        .await
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let of = |batch: &arrow::array::RecordBatch| {
        batch.column(1).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    let plans: Vec<String> = batches.iter().flat_map(|batch| -> Vec<String> { of(batch) }).collect();
    let lines = plans.iter().flat_map(|plan| plan.lines()).filter_map(|line| {
        let line = line.trim_start();
        let operator = [
            "HatsScanExec",
            "CrossmatchExec",
            "NestedLoopJoinExec",
            "HashJoinExec",
            "FilterExec",
            "RunGroupsExec",
            "AggregateExec",
        ];
        let kept = operator.iter().any(|name| line.starts_with(name));
        let shown =
            [", filter=", ", streams=", ": sky_"].iter().fold(line, |line, end| line.split(end).next().unwrap_or(line));
        kept.then(|| shown.to_owned())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every condition with its plan; those of equal plans together.
async fn plans(service: &QueryService, query: &str, conditions: &[&str]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for condition in conditions {
        let plan = plan(service, &query.replace("{}", condition)).await;
        match groups.iter_mut().find(|(known, _)| *known == plan) {
            Some((_, spellings)) => spellings.push(condition),
            None => groups.push((plan, vec![condition])),
        }
    }
    let shown = groups.iter().map(|(plan, spellings)| format!("{}\n{plan}\n", spellings.join("\n")));
    shown.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_a_cone_are_one_plan() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let conditions = [
        "DISTANCE(ra, dec, 83.8, -5.4) <= 1",
        "DISTANCE(POINT(ra, dec), POINT(83.8, -5.4)) <= 1",
        "DISTANCE(POINT('ICRS', 83.8, -5.4), POINT('ICRS', ra, dec)) <= 1.0",
        "1 >= DISTANCE(83.8, -5.4, ra, dec)",
        "DISTANCE(ra, dec, 83.8, -5.4) BETWEEN 0 AND 1",
        "NOT DISTANCE(ra, dec, 83.8, -5.4) > 1",
        "1 = CONTAINS(POINT(ra, dec), CIRCLE(83.8, -5.4, 1))",
        "CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 83.8, -5.4, 1.0)) = 1",
        "CONTAINS(POINT(ra, dec), CIRCLE(POINT(83.8, -5.4), 1)) <> 0",
        "1 = CONTAINS(POINT(83.8, -5.4), CIRCLE(ra, dec, 1))",
        "1 = CONTAINS(POINT(ra, dec), REGION('CIRCLE ICRS 83.8 -5.4 1'))",
        "1 = INTERSECTS(POINT(ra, dec), CIRCLE(83.8, -5.4, 1))",
        "1 = INTERSECTS(CIRCLE(83.8, -5.4, 1), POINT(ra, dec))",
        "q3c_radial_query(ra, dec, 83.8, -5.4, 1)",
        "q3c_join(83.8, -5.4, ra, dec, 1)",
        "q3c_dist(ra, dec, 83.8, -5.4) <= 1",
        "DISTANCE(ra, dec, 83.8, -5.4) < 1",
        "q3c_dist(ra, dec, 83.8, -5.4) < 1",
        "DISTANCE(ra, dec, 83.8, -5.4) * 60 <= 60",
        "0 = CONTAINS(POINT(ra, dec), CIRCLE(83.8, -5.4, 1))",
        "NOT 1 = CONTAINS(POINT(ra, dec), CIRCLE(83.8, -5.4, 1))",
        "NOT q3c_radial_query(ra, dec, 83.8, -5.4, 1)",
        "DISTANCE(ra, dec, 83.8, -5.4) > 1",
    ];
    insta::assert_snapshot!(plans(&service, "SELECT source_id FROM gaia_dr3_bright WHERE {}", &conditions).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_a_polygon_are_one_plan() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let conditions = [
        "1 = CONTAINS(POINT(ra, dec), POLYGON(80, -8, 86, -8, 86, -2, 80, -2))",
        "CONTAINS(POINT('ICRS', ra, dec), POLYGON('ICRS', 80, -8, 86, -8, 86, -2, 80, -2)) = 1",
        "1 = CONTAINS(POINT(ra, dec), POLYGON(POINT(80, -8), POINT(86, -8), POINT(86, -2), POINT(80, -2)))",
        "1 = INTERSECTS(POLYGON(80, -8, 86, -8, 86, -2, 80, -2), POINT(ra, dec))",
        "1 = CONTAINS(POINT(ra, dec), REGION('POLYGON ICRS 80 -8 86 -8 86 -2 80 -2'))",
        "q3c_poly_query(ra, dec, ARRAY[80, -8, 86, -8, 86, -2, 80, -2])",
    ];
    insta::assert_snapshot!(plans(&service, "SELECT source_id FROM gaia_dr3_bright WHERE {}", &conditions).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_a_union_are_one_plan() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let conditions = [
        "1 = CONTAINS(POINT(ra, dec), CIRCLE(83.8, -5.4, 1)) OR 1 = CONTAINS(POINT(ra, dec), CIRCLE(10, 41, 2))",
        "DISTANCE(ra, dec, 83.8, -5.4) <= 1 OR 2 >= DISTANCE(ra, dec, 10, 41)",
        "q3c_radial_query(ra, dec, 83.8, -5.4, 1) OR q3c_radial_query(ra, dec, 10, 41, 2)",
        "1 = CONTAINS(POINT(ra, dec), REGION('UNION ICRS (CIRCLE 83.8 -5.4 1 CIRCLE 10 41 2)'))",
        "NOT (0 = CONTAINS(POINT(ra, dec), CIRCLE(83.8, -5.4, 1)) AND 0 = CONTAINS(POINT(ra, dec), CIRCLE(10, 41, 2)))",
    ];
    insta::assert_snapshot!(plans(&service, "SELECT source_id FROM gaia_dr3_bright WHERE {}", &conditions).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_a_crossmatch_are_one_plan() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let near = [
        "DISTANCE(h.ra, h.dec, g.ra, g.dec) <= 0.001",
        "DISTANCE(POINT(g.ra, g.dec), POINT(h.ra, h.dec)) <= 0.001",
        "0.001 >= DISTANCE(g.ra, g.dec, h.ra, h.dec)",
        "DISTANCE(h.ra, h.dec, g.ra, g.dec) BETWEEN 0 AND 0.001",
        "1 = CONTAINS(POINT(g.ra, g.dec), CIRCLE(h.ra, h.dec, 0.001))",
        "CONTAINS(POINT('ICRS', h.ra, h.dec), CIRCLE('ICRS', g.ra, g.dec, 0.001)) = 1",
        "1 = INTERSECTS(CIRCLE(POINT(h.ra, h.dec), 0.001), POINT(g.ra, g.dec))",
        "q3c_join(h.ra, h.dec, g.ra, g.dec, 0.001)",
        "q3c_join(g.ra, g.dec, h.ra, h.dec, 0.001)",
        "q3c_radial_query(g.ra, g.dec, h.ra, h.dec, 0.001)",
        "q3c_dist(h.ra, h.dec, g.ra, g.dec) <= 0.001",
    ];
    let comma = "SELECT h.hip, g.source_id FROM hipparcos2 AS h, gaia_dr3_bright AS g WHERE {}";
    let on = "SELECT h.hip, g.source_id FROM hipparcos2 AS h JOIN gaia_dr3_bright AS g ON {}";
    let shown = plans(&service, comma, &near).await;
    assert_eq!(shown, plans(&service, on, &near).await, "after ON as in WHERE");
    insta::assert_snapshot!(shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_a_radius_for_each_row_are_one_plan() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let near = [
        "DISTANCE(o.ra, o.dec, g.ra, g.dec) <= o.majax / 120",
        "o.majax / 120 >= DISTANCE(POINT(g.ra, g.dec), POINT(o.ra, o.dec))",
        "1 = CONTAINS(POINT(g.ra, g.dec), CIRCLE(o.ra, o.dec, o.majax / 120))",
        "INTERSECTS(CIRCLE(o.ra, o.dec, o.majax / 120), POINT(g.ra, g.dec)) = 1",
        "q3c_radial_query(g.ra, g.dec, o.ra, o.dec, o.majax / 120)",
        "q3c_join(o.ra, o.dec, g.ra, g.dec, o.majax / 120)",
    ];
    let query = "SELECT o.name, g.source_id FROM openngc AS o, gaia_dr3_bright AS g WHERE {}";
    insta::assert_snapshot!(plans(&service, query, &near).await);
}

/// Rows with a partner and without, all kinds of XMATCH, radii of both sides, sources that move: all by zones.
#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_matches_have_their_plans() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let near = "DISTANCE(o.ra, o.dec, h.ra, h.dec) < 0.1";
    let exists = format!("EXISTS (SELECT 1 FROM hipparcos2 AS h WHERE {near})");
    let conditions = [
        exists.as_str(),
        &format!("NOT {exists}"),
        &format!("({exists} OR o.majax > 30)"),
        "o.name IN (SELECT p.name FROM openngc AS p WHERE DISTANCE(o.ra, o.dec, p.ra, p.dec) < 0.1)",
    ];
    let mut shown = plans(&service, "SELECT o.name FROM openngc AS o WHERE {}", &conditions).await;
    let outer = format!("SELECT o.name FROM openngc AS o LEFT JOIN hipparcos2 AS h ON {near} WHERE h.{{}} IS NULL");
    shown.push_str(&format!("\n{outer}\n{}", plans(&service, &outer, &["hip"]).await));
    let kinds = ["all", "left", "right", "full", "best1", "best2", "each", "mutual", "semi", "anti"];
    let match_ = "SELECT COUNT(*) AS n FROM XMATCH(openngc, hipparcos2, 0.1, '{}')";
    shown.push_str(&format!("\n{match_}\n{}", plans(&service, match_, &kinds).await));
    let conditions = [
        "DISTANCE(o.ra, o.dec, h.ra, h.dec) < 3 * SQRT(POWER(o.majax / 60, 2) + h.e_ra * h.e_ra / 1e12)",
        "1 = INTERSECTS(CIRCLE(o.ra, o.dec, o.majax / 120), CIRCLE(h.ra, h.dec, h.e_ra / 3600000))",
        "q3c_ellipse_join(h.ra, h.dec, o.ra, o.dec, o.majax / 120, o.minax / o.majax, o.pa)",
        "q3c_join_pm(h.ra, h.dec, h.pmra, h.pmdec, 1, 1991.25, o.ra, o.dec, 2000, 100, 0.1)",
        "q3c_join_pm(h.ra, h.dec, h.pmra, h.pmdec, 1, 1991.25, o.ra, o.dec, o.bmag + 2000, 100, 0.1)",
        "DISTANCE(IVO_EPOCH_PROP_POS(h.ra, h.dec, h.plx, h.pmra, h.pmdec, 0, 1991.25, 2000), POINT(o.ra, o.dec)) < 0.1",
        "DISTANCE(IVO_EPOCH_PROP_POS(h.ra, h.dec, h.plx, h.pmra, h.pmdec, 0, 1991.25, o.bmag + 2000), POINT(o.ra, o.dec)) < 0.1",
        "DISTANCE(o.ra, o.dec, h.ra, h.dec) BETWEEN 0.01 AND 0.1",
        "DISTANCE(o.ra, o.dec, h.ra, h.dec) < LN(o.majax + h.plx)",
        "DISTANCE(o.ra + h.plx, o.dec, h.ra, h.dec) < 1",
        "o.majax > h.plx",
    ];
    let query = "SELECT o.name, h.hip FROM openngc AS o, hipparcos2 AS h WHERE {}";
    shown.push_str(&format!("\n{query}\n{}", plans(&service, query, &conditions).await));
    insta::assert_snapshot!(shown);
}

/// Where rows come in order of what they are grouped by, where they nearly do, and where they do not.
#[tokio::test(flavor = "multi_thread")]
async fn groups_that_follow_the_key_need_no_hash_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, ours) = (
        root().join("testdata/catalogs/hipparcos2/dataset/Norder=0/Dir=0/Npix=8/Npix=8.parquet"),
        folder.path().join("ours"),
    );
    import_parquet(&source, &WriteOptions::new("ours"), &ours).expect("it is imported");
    let service = service(&[root().join("testdata/catalogs"), ours]).await;
    let cells = [
        "_healpix_29 / 70368744177664",
        "_healpix_29 >> 46",
        "IVO_HEALPIX_INDEX(6, ra, dec)",
        "FLOOR(_healpix_29 / POWER(4, 23))",
        "_healpix_29",
        "-_healpix_29",
        "_healpix_29 % 4",
        "IVO_HEALPIX_INDEX(6, dec, ra)",
        "hip / 1000",
    ];
    let mut shown = plans(&service, "SELECT {} AS cell, AVG(hpmag) FROM ours GROUP BY {}", &cells).await;
    for (place, condition) in [("ours", "DISTANCE(ra, dec, 10, 20) < 5"), ("gaia_dr3_bright", "1 = 1")] {
        let query = format!("SELECT {{}} AS cell, COUNT(*) FROM {place} WHERE {condition} GROUP BY {{}}");
        shown.push_str(&format!("\n{query}\n{}", plans(&service, &query, &cells[..3]).await));
    }
    insta::assert_snapshot!(shown);
}
