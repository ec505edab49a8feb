//! Can a query name a version of a table, and does it give the same rows at every run?
//!
//! `SIDEREUS_REPEATS=50` repeats each query so often.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use futures::TryStreamExt;
use sidereus_engine::{
    CatalogOverrides, CatalogRegistry, EngineError, EngineOptions, ErrorKind, Label, Principal, Provenance,
    QueryRequest, QueryService, Rules, TableName, TableOverride,
};

use crate::sample::{answer, rows, write_stars, write_stars_in};
use crate::support::service_with;

const COUNT: &str = "SELECT COUNT(*), MIN(id) FROM ";

fn snapshot(root: &Path) -> String {
    let manifest = fs::read_to_string(root.join("sidereus.manifest")).unwrap();
    manifest.trim_end().rsplit_once("end ").unwrap().1.to_owned()
}

async fn open(root: &Path) -> CatalogRegistry {
    CatalogRegistry::open(&[root.display().to_string()]).await.unwrap()
}

fn serve(registry: CatalogRegistry) -> QueryService {
    QueryService::try_new(Arc::new(registry), EngineOptions { threads: 2, ..EngineOptions::default() }).unwrap()
}

async fn refused(service: &QueryService, query: &str) -> EngineError {
    answer(service, query).await.expect_err(query)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_beside_a_table_are_reached_by_their_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_stars(&root.join("stars"), &rows(600, 0));
    write_stars(&root.join("stars@2025"), &rows(500, 1_000));
    write_stars(&root.join("gone@2025"), &rows(10, 0));
    let (now, then) = (snapshot(&root.join("stars")), snapshot(&root.join("stars@2025")));
    let registry = open(root).await;
    assert_eq!(registry.tables().len(), 1, "versions are no tables");
    let problems: Vec<String> = registry.problems().iter().map(ToString::to_string).collect();
    assert!(problems[..] == [&problems[0][..]] && problems[0].contains("a version of public.gone"), "{problems:?}");
    let service = serve(registry);
    for (table, expected) in [
        ("stars".to_owned(), "600 0"),
        (format!("stars@{}", &now[..6]), "600 0"),
        (format!("Public.STARS@{}", now[..9].to_uppercase()), "600 0"),
        (format!("stars@{then}"), "500 1000"),
        (format!("\"stars@{}\" AS s", &then[..8]), "500 1000"),
        (format!("sidereus.public.\"stars\"@{}", &then[..8]), "500 1000"),
    ] {
        assert_eq!(answer(&service, &format!("{COUNT}{table}")).await.unwrap(), [expected], "{table}");
    }
    let both = format!("SELECT COUNT(*) FROM stars@{} AS a FULL JOIN stars@{} AS b USING (id)", &now[..7], &then[..7]);
    assert_eq!(answer(&service, &both).await.unwrap(), ["1100"]);
    let unknown = refused(&service, &format!("{COUNT}stars@000000")).await;
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    let unknown = unknown.to_string();
    assert!(unknown.contains("has no snapshot 000000 here"), "{unknown}");
    assert!(unknown.contains(&format!("stars@{}", &now[..12])) && unknown.contains(&then[..12]), "{unknown}");
    for (table, why) in [
        (format!("stars@{}", &now[..5]), "names no snapshot"),
        ("stars@2025".to_owned(), "names no snapshot"),
        ("gone@123456".to_owned(), "unknown table gone"),
        ("tap_schema.tables@123456".to_owned(), "has no snapshots"),
    ] {
        let error = refused(&service, &format!("{COUNT}{table}")).await.to_string();
        assert!(error.contains(why), "{table}: {error}");
    }
    assert_eq!(
        answer(&service, "SELECT COUNT(*) FROM TAP_SCHEMA.tables WHERE schema_name = 'public'").await.unwrap(),
        ["1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_a_table_sees_none_of_its_versions() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_stars(&root.join("stars"), &rows(60, 0));
    write_stars(&root.join("stars@2025"), &rows(50, 0));
    let name = |table: &str| TableName { schema: "public".to_owned(), table: table.to_owned() };
    let groups = Some(vec!["team".to_owned()]);
    let setting = TableOverride { name: Some(name("secret")), groups, ..TableOverride::default() };
    let overrides = CatalogOverrides::from([(name("stars"), setting)]);
    let registry = CatalogRegistry::open_with(&[root.display().to_string()], &overrides).await.unwrap();
    assert!(registry.problems().is_empty(), "{:?}", registry.problems());
    let service = serve(registry);
    for version in ["stars", "stars@2025"] {
        let table = format!("secret@{}", &snapshot(&root.join(version))[..10]);
        let error = refused(&service, &format!("{COUNT}{table}")).await.to_string();
        assert!(error.contains("unknown table") && !error.contains("there is"), "{error}");
        let exact = format!("{COUNT}\"secret@{}\"", snapshot(&root.join(version)));
        assert!(refused(&service, &exact).await.to_string().contains("unknown table"));
        let member = Principal::user("ada", ["team".to_owned()]);
        let request = QueryRequest::new(format!("{COUNT}{table}"), Label::Adql);
        let batches: Vec<RecordBatch> =
            service.run(&member, &request).await.unwrap().stream.try_collect().await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_a_link_led_to_stays_as_long_as_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let versions = ["v1", "v2", "v3"].map(|name| folder.path().join(name));
    for (number, version) in versions.iter().enumerate() {
        write_stars(version, &rows(100 + number as i64, 0));
    }
    let lead = |version: &Path| {
        symlink(version, root.join(".next")).unwrap();
        fs::rename(root.join(".next"), root.join("stars")).unwrap();
    };
    lead(&versions[0]);
    let service = serve(open(&root).await);
    let (id, before) = (snapshot(&versions[0]), service.registry());
    for version in &versions[1..] {
        lead(version);
        let registry = open(&root).await.with_versions_of(&service.registry()).await;
        service.replace_registry(Arc::new(registry));
    }
    assert_eq!(answer(&service, &format!("{COUNT}stars")).await.unwrap(), ["102 0"]);
    for (number, version) in versions.iter().enumerate() {
        let query = format!("{COUNT}stars@{}", &snapshot(version)[..8]);
        assert_eq!(answer(&service, &query).await.unwrap(), [format!("{} 0", 100 + number)]);
    }
    fs::remove_dir_all(&versions[0]).unwrap();
    write_stars(&versions[0], &rows(7, 0));
    service.replace_registry(Arc::new(open(&root).await.with_versions_of(&service.registry()).await));
    assert!(refused(&service, &format!("{COUNT}stars@{id}")).await.to_string().contains("has no snapshot"));
    fs::remove_file(root.join("stars")).unwrap();
    write_stars(&root.join("other"), &rows(7, 0));
    service.replace_registry(Arc::new(open(&root).await.with_versions_of(&before).await));
    assert!(refused(&service, &format!("{COUNT}stars@{id}")).await.to_string().contains("unknown table"));
}

/// Rows of an answer as one text, floating point numbers to the last bit.
async fn exactly(service: &QueryService, text: &str, label: Label, rules: Rules) -> Vec<String> {
    let request = QueryRequest { rules: Some(rules), ..QueryRequest::new(text, label) };
    let result = service.run(&Principal::anonymous(), &request).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let batches: Vec<RecordBatch> = result.stream.try_collect().await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let line = |batch: &RecordBatch, row| {
        batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap()).collect::<Vec<_>>().join(" ")
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row))).collect()
}

/// Queries whose rows, order or sums could depend on which thread is faster.
const DOUBTFUL: [&str; 11] = [
    "SELECT TOP 37 id, ra FROM {stars} WHERE mag > 3",
    "SELECT id FROM {stars} WHERE id < 90000",
    "SELECT class, COUNT(*) AS n, SUM(mag) AS s, AVG(ra) AS a FROM {stars} GROUP BY class",
    "SELECT SUM(mag), AVG(dec), STDDEV(ra) FROM {stars}",
    "SELECT DISTINCT class, ROUND(mag) AS m FROM {stars}",
    "SELECT IVO_HEALPIX_INDEX(4, ra, dec) AS cell, SUM(mag) AS s FROM {stars} GROUP BY 1",
    "SELECT TOP 50 id, class FROM {stars} ORDER BY class",
    "SELECT a.id, b.mag FROM {stars} AS a LEFT JOIN {stars} AS b ON a.id = b.id + 100000 WHERE a.id > 190000",
    "SELECT a.class, COUNT(*) AS n FROM {stars} AS a JOIN {stars} AS b ON a.id = b.id GROUP BY a.class",
    "SELECT TOP 99 a.id, b.id AS other FROM {stars} AS a JOIN {stars} AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.001 \
     WHERE a.id < 2000",
    "SELECT id, RANK() OVER (PARTITION BY class ORDER BY ROUND(mag)) AS place FROM {stars} WHERE id < 30000",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_query_of_a_snapshot_is_the_same_at_every_run_on_any_number_of_threads() {
    let repeats = std::env::var("SIDEREUS_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars");
    write_stars_in(&root, &rows(250_000, 0), 12_000);
    let table = format!("stars@{}", &snapshot(&root)[..12]);
    let mut services = Vec::new();
    for threads in [8, 3] {
        let options = EngineOptions { threads, ..EngineOptions::default() };
        services.push(service_with(std::slice::from_ref(&root), options).await);
    }
    for query in DOUBTFUL {
        for rules in [Rules::all(), Rules::none()] {
            let text = query.replace("{stars}", &table);
            if rules == Rules::none() && query.contains("DISTANCE") {
                continue; // compares all pairs
            }
            let expected = exactly(&services[0], &text, Label::Sql, rules).await;
            assert!(!expected.is_empty(), "{text}");
            for repeat in 0..repeats {
                let found = exactly(&services[repeat % 2], &text, Label::Sql, rules).await;
                let differs = expected.iter().zip(&found).position(|(expected, found)| expected != found);
                assert!(expected.len() == found.len() && differs.is_none(), "{text}: run {repeat}, row {differs:?}");
            }
            // Without a snapshot the rows are the same, but for those that are as good as others.
            let sums = ["SUM", "ORDER BY"].iter().any(|word| query.contains(word));
            if !sums {
                let found = exactly(&services[1], &query.replace("{stars}", "stars"), Label::Sql, rules).await;
                let set = |rows: Vec<String>| rows.into_iter().collect::<BTreeSet<_>>();
                assert!(set(expected) == set(found), "{query}");
            }
        }
    }
    // Scans alone are the same without a snapshot too, on the same number of threads.
    for text in ["SELECT TOP 37 id, ra FROM stars WHERE mag > 3", "SELECT id FROM stars", "SELECT SUM(mag) FROM stars"]
    {
        let expected = exactly(&services[0], text, Label::Adql, Rules::all()).await;
        for _ in 0..repeats {
            assert!(expected == exactly(&services[0], text, Label::Adql, Rules::all()).await, "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_what_it_was_made_of_and_the_query_that_gives_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_stars(&root.join("stars"), &rows(4_000, 0));
    write_stars(&root.join("stars@old"), &rows(300, 1_000));
    write_stars(&root.join("Other one"), &rows(2_000, 0));
    let (now, then) = (snapshot(&root.join("stars")), snapshot(&root.join("stars@old")));
    let other = snapshot(&root.join("Other one"));
    let service = serve(open(root).await);
    let asked =
        format!("SELECT TOP 5 stars.id FROM Stars -- FROM stars\nJOIN \"stars@{}\" AS s USING (id)", &then[..9]);
    for (label, text, snapshots) in [
        (Label::Adql, "SELECT id, ra FROM stars", vec![&now]),
        (Label::Adql, "SELECT TOP 7 id FROM public.STARS WHERE mag > 4", vec![&now]),
        (Label::Sql, "SELECT class, SUM(mag) FROM stars GROUP BY 1 ORDER BY 1 LIMIT 3", vec![&now]),
        (Label::Adql, asked.as_str(), vec![&now, &then]),
        (
            Label::Sql,
            "WITH c AS (SELECT id FROM \"Other one\") SELECT COUNT(*) FROM c WHERE id IN (SELECT s.id FROM stars s)",
            vec![&other, &now],
        ),
        (Label::Adql, "SELECT table_name FROM TAP_SCHEMA.tables ORDER BY table_name", vec![]),
    ] {
        let result = service.run(&Principal::anonymous(), &QueryRequest::new(text, label)).await.unwrap();
        let metadata = result.schema.metadata().clone();
        let named = metadata.get(Provenance::SNAPSHOTS).map_or("", String::as_str);
        let ids: BTreeSet<&str> = named.split(' ').filter_map(|one| one.rsplit_once('@')).map(|(_, id)| id).collect();
        assert_eq!(ids, snapshots.into_iter().map(String::as_str).collect(), "{text}: {named}");
        assert!(metadata[Provenance::SOFTWARE].starts_with("Sidereus/"));
        let expected_language = if label == Label::Adql { "ADQL" } else { "SQL" };
        assert_eq!(metadata[Provenance::LANGUAGE], expected_language);
        assert!(metadata.values().all(|value| !value.contains(&root.display().to_string())), "{metadata:?}");
        let again = &metadata[Provenance::QUERY];
        assert_eq!(
            exactly(&service, again, label, Rules::all()).await,
            exactly(&service, text, label, Rules::all()).await,
            "{again}"
        );
        let twice = service.run(&Principal::anonymous(), &QueryRequest::new(again, label)).await.unwrap();
        assert_eq!(twice.schema.metadata(), &metadata, "the query that is named names itself");
    }
    let long = format!("SELECT id FROM stars WHERE id IN ({})", vec!["12345"; 20_000].join(", "));
    let result = service.run(&Principal::anonymous(), &QueryRequest::new(long, Label::Adql)).await.unwrap();
    assert!(!result.schema.metadata().contains_key(Provenance::QUERY));
    assert!(result.schema.metadata()[Provenance::SNAPSHOTS].contains(&now));
}
