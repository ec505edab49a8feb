//! Do joins of an upload with a catalog by place go the fast way, in every spelling, with the same answer?

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;
use sidereus_engine::{Label, Principal, QueryRequest, QueryService, Rules, UploadedTable};

use crate::support::{ids, root, service};
use crate::upload;

async fn ask(service: &QueryService, text: &str, uploads: &[Arc<UploadedTable>], rules: Rules) -> Vec<RecordBatch> {
    let request =
        QueryRequest { uploads: uploads.to_vec(), rules: Some(rules), ..QueryRequest::new(text, Label::Adql) };
    let result = service.run(&Principal::anonymous(), &request).await;
    result.unwrap_or_else(|error| panic!("{text}: {error}")).stream.try_collect().await.expect("it is answered")
}

/// The query that STILTS's tapskymatch sends, and what people write instead.
const SPELLINGS: [&str; 7] = [
    "FROM hipparcos2 AS c JOIN TAP_UPLOAD.t1 AS u \
        ON 1 = CONTAINS(POINT('ICRS', c.ra, c.dec), CIRCLE('ICRS', u.lon, u.lat, 0.5))",
    "FROM TAP_UPLOAD.t1 AS u JOIN hipparcos2 AS c \
        ON 1 = CONTAINS(POINT('ICRS', c.ra, c.dec), CIRCLE('ICRS', u.lon, u.lat, 0.5))",
    "FROM TAP_UPLOAD.t1 AS u, hipparcos2 AS c \
        WHERE 1 = CONTAINS(POINT('', u.lon, u.lat), CIRCLE('', c.ra, c.dec, 0.5))",
    "FROM hipparcos2 AS c JOIN TAP_UPLOAD.t1 AS u ON DISTANCE(POINT(u.lon, u.lat), POINT(c.ra, c.dec)) <= 0.5",
    "FROM hipparcos2 AS c CROSS JOIN TAP_UPLOAD.t1 AS u WHERE DISTANCE(c.ra, c.dec, u.lon, u.lat) <= 0.5",
    "FROM hipparcos2 AS c JOIN TAP_UPLOAD.t1 AS u ON INTERSECTS(POINT(c.ra, c.dec), CIRCLE(u.lon, u.lat, 0.5)) = 1",
    "FROM hipparcos2 AS c JOIN TAP_UPLOAD.t1 AS u ON CONTAINS(POINT(c.ra, c.dec), CIRCLE(u.lon, u.lat, u.r)) = 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_is_a_crossmatch_with_the_same_pairs() {
    let (service, folder) = (service(&[root().join("testdata/catalogs")]).await, tempfile::tempdir().unwrap());
    let mut text = "id,lon,lat,r\n".to_owned();
    for id in 0..300 {
        let _ = writeln!(text, "{id},{},{},0.5", f64::from(id) * 1.2, f64::from(id) * 0.6 - 90.0);
    }
    let uploads = [upload("t1", "t1.csv", text, folder.path()).unwrap()];
    let mut expected: Option<Vec<i64>> = None;
    for spelling in SPELLINGS {
        let query = format!("SELECT u.id * 1000000 + c.hip {spelling}");
        let fast = ids(&ask(&service, &query, &uploads, Rules::all()).await);
        assert!(fast.len() > 100, "{spelling}: {} pairs", fast.len());
        assert_eq!(*expected.get_or_insert_with(|| fast.clone()), fast, "{spelling}");
        let plan = ask(&service, &format!("EXPLAIN {query}"), &uploads, Rules::all()).await;
        let plan: String = plan.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten()).collect();
        assert!(plan.contains("CrossmatchExec"), "{spelling}: {plan}");
    }
    let slow = Rules { crossmatch: false, ..Rules::all() };
    let all_pairs =
        ids(&ask(&service, &format!("SELECT u.id * 1000000 + c.hip {}", SPELLINGS[0]), &uploads, slow).await);
    assert_eq!(expected, Some(all_pairs));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_upload_reads_little_of_a_catalog() {
    let (service, folder) = (service(&[root().join("testdata/catalogs")]).await, tempfile::tempdir().unwrap());
    let near = upload("t1", "t1.csv", "id,lon,lat,r\n1,56.75,24.12,0.5\n2,57,24,0.5\n", folder.path()).unwrap();
    let query =
        format!("EXPLAIN ANALYZE SELECT u.id, c.source_id {}", SPELLINGS[0].replace("hipparcos2", "gaia_dr3_bright"));
    let plan = ask(&service, &query, &[near], Rules::all()).await;
    let plan: String = plan.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten()).collect();
    let scan = plan.lines().find(|line| line.contains("HatsScanExec") && line.contains("gaia_dr3_bright"));
    let scan = scan.unwrap_or_else(|| panic!("no scan in {plan}"));
    let figure = |key: &str| -> Option<u64> {
        let (_, rest) = scan.split_once(&format!("{key}="))?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let skipped = [
        "row_groups_pruned",
        "partitions_pruned",
        "pages_pruned",
        "partitions_skipped",
        "pages_skipped",
        "rows_skipped",
    ];
    assert!(skipped.iter().filter_map(|key| figure(key)).sum::<u64>() > 0, "nothing was skipped: {scan}");
}
