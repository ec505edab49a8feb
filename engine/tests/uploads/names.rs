//! Is an upload found by its request alone, and joined with everything?

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use sidereus_engine::{
    EngineError, ErrorKind, Label, Principal, QueryRequest, QueryService, UploadLimits, UploadedTable,
};

use crate::support::{self, root, service};
use crate::{upload, upload_within};

const STARS: &str = "id,ra,Dec,\"a name\",SELECT\n1,56.75,24.12,Alcyone,a\n2,266.4,-29,Sgr A,b\n3,37.95,89.26,,c\n";

async fn batches(
    service: &QueryService,
    text: &str,
    label: Label,
    uploads: &[Arc<UploadedTable>],
) -> Result<Vec<RecordBatch>, EngineError> {
    let request = QueryRequest { uploads: uploads.to_vec(), ..QueryRequest::new(text, label) };
    service.run(&Principal::anonymous(), &request).await?.stream.try_collect().await
}

/// Rows as words, cells with a space between them.
async fn rows(service: &QueryService, text: &str, uploads: &[Arc<UploadedTable>]) -> Result<Vec<String>, EngineError> {
    let batches = batches(service, text, Label::Adql, uploads).await?;
    let table = pretty_format_batches(&batches).expect("batches are printed").to_string();
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" ");
    Ok(table.lines().filter(|line| line.starts_with('|')).skip(1).map(cells).collect())
}

async fn bundled() -> QueryService {
    service(&[root().join("testdata/catalogs")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_found_in_any_case_by_its_request_alone() {
    let (service, folder) = (bundled().await, tempfile::tempdir().unwrap());
    let stars = [upload("Stars", "stars.csv", STARS, folder.path()).unwrap()];
    assert_eq!((stars[0].rows(), stars[0].name()), (3, "Stars"));
    for table in ["TAP_UPLOAD.Stars", "tap_upload.STARS", "\"TAP_UPLOAD\".\"stars\"", "sidereus.TAP_UPLOAD.stars"] {
        let text = format!("SELECT COUNT(*) FROM {table}");
        for label in [Label::Adql, Label::Sql] {
            let found = batches(&service, &text, label, &stars).await.unwrap();
            assert_eq!(support::ids(&found), [3], "{text}");
        }
        let alone = batches(&service, &text, Label::Adql, &[]).await.unwrap_err();
        assert_eq!(alone.kind(), ErrorKind::NotFound, "{alone}");
    }
    let columns = "SELECT u.\"a name\", \"SELECT\", u.DEC FROM TAP_UPLOAD.stars AS u WHERE id = 2";
    assert_eq!(rows(&service, columns, &stars).await.unwrap(), ["Sgr A b -29.0"]);
    for table in ["TAP_SCHEMA.tables", "TAP_SCHEMA.columns", "information_schema.tables", "information_schema.columns"]
    {
        let text = format!("SELECT COUNT(*) FROM {table} WHERE LOWER(table_name) LIKE '%stars%'");
        assert_eq!(rows(&service, &text, &stars).await.unwrap(), ["0"], "{table}");
    }
    assert!(service.tables(&Principal::anonymous()).iter().all(|table| !table.name.to_string().contains("tars")));
    let missing = rows(&service, "SELECT * FROM TAP_UPLOAD.star", &stars).await.unwrap_err().to_string();
    assert!(missing.contains("TAP_UPLOAD.Stars"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_joined_with_catalogs_by_anything() {
    let (service, folder) = (bundled().await, tempfile::tempdir().unwrap());
    let stars = [upload("t", "t.csv", "hip,w\n11767,2\n17702,3\n,4\n", folder.path()).unwrap()];
    for (text, expected) in [
        (
            "SELECT h.hip, t.w FROM hipparcos2 AS h JOIN TAP_UPLOAD.t AS t ON h.hip = t.hip ORDER BY 1",
            &["11767 2", "17702 3"][..],
        ),
        ("SELECT COUNT(*) FROM hipparcos2 WHERE hip IN (SELECT hip FROM TAP_UPLOAD.t)", &["2"]),
        (
            "SELECT t.w, h.hip FROM TAP_UPLOAD.t AS t LEFT JOIN hipparcos2 AS h USING (hip) ORDER BY w",
            &["2 11767", "3 17702", "4 "],
        ),
        ("SELECT SUM(w) FROM TAP_UPLOAD.t", &["9"]),
        ("SELECT a.w FROM TAP_UPLOAD.t AS a, TAP_UPLOAD.T AS b WHERE a.w = b.w + 1 ORDER BY 1", &["3", "4"]),
    ] {
        assert_eq!(rows(&service, text, &stars).await.unwrap(), expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_no_row_and_of_one_work() {
    let (service, folder) = (bundled().await, tempfile::tempdir().unwrap());
    let empty = "<VOTABLE><RESOURCE><TABLE><FIELD name=\"ra\" datatype=\"double\"/><FIELD name=\"dec\" datatype=\"double\"/>\
                 <DATA><TABLEDATA></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>";
    let uploads = [
        upload("none", "none.vot", empty, folder.path()).unwrap(),
        upload("one", "one.csv", "ra,dec\n56.75,24.12\n", folder.path()).unwrap(),
    ];
    let join = |table: &str| {
        format!(
            "SELECT COUNT(*) FROM hipparcos2 AS h JOIN TAP_UPLOAD.{table} AS u ON DISTANCE(h.ra, h.dec, u.ra, u.dec) < 1"
        )
    };
    assert_eq!(rows(&service, "SELECT COUNT(*) FROM TAP_UPLOAD.none", &uploads).await.unwrap(), ["0"]);
    assert_eq!(rows(&service, &join("none"), &uploads).await.unwrap(), ["0"]);
    let cone = "SELECT COUNT(*) FROM hipparcos2 WHERE DISTANCE(ra, dec, 56.75, 24.12) < 1";
    let expected = rows(&service, cone, &[]).await.unwrap();
    assert_ne!(expected, ["0"]);
    assert_eq!(rows(&service, &join("one"), &uploads).await.unwrap(), expected);
    let reopened = UploadedTable::open("again", uploads[1].path().unwrap()).unwrap();
    assert_eq!((reopened.rows(), reopened.schema()), (1, uploads[1].schema()));
    assert_eq!(rows(&service, &join("again"), &[Arc::new(reopened)]).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_none_are_refused() {
    let (service, folder) = (bundled().await, tempfile::tempdir().unwrap());
    for name in ["", "a.b", "1a", "\"a\"", "select", "a b", "../a", "\u{e9}", &"x".repeat(200)] {
        let error = upload(name, "t.csv", STARS, folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadQuery, "{error}");
    }
    let twice =
        [upload("t", "t.csv", STARS, folder.path()).unwrap(), upload("T", "t.csv", STARS, folder.path()).unwrap()];
    let error = rows(&service, "SELECT * FROM TAP_UPLOAD.t", &twice).await.unwrap_err();
    assert!(error.to_string().contains("TAP_UPLOAD.t") && error.kind() == ErrorKind::BadQuery, "{error}");
}

#[test]
fn limits_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let limits = UploadLimits::default();
    for (limits, said) in [
        (UploadLimits { rows: 2, ..limits }, "more than 2 rows"),
        (UploadLimits { columns: 4, ..limits }, "more than 4 columns"),
        (UploadLimits { bytes: 20, ..limits }, "more than 20 bytes"),
    ] {
        let error = upload_within("t", ("t.csv", STARS.into()), folder.path(), limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.to_string().starts_with("TAP_UPLOAD.t: ") && error.to_string().contains(said), "{error}");
    }
    let damaged = upload("t", "t.csv", "a,b\n1,2\n3\n", folder.path()).unwrap_err();
    assert_eq!((damaged.kind(), damaged.to_string().contains("place")), (ErrorKind::BadQuery, false));
    assert!(damaged.to_string().contains("row 3") && damaged.to_string().contains("1 cells, expected 2"), "{damaged}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "what failed leaves nothing: {left:?}");
}
