//! Does any text stop the process or reach a file? Each refusal stands beside a neighbour that is answered rightly.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use sidereus_engine::{CatalogRegistry, EngineError, EngineOptions, ErrorKind, Label, QueryService, Rules};
use support::{ask_as, ids, root, service};

async fn bundled() -> QueryService {
    service(&[root().join("testdata/catalogs")]).await
}

async fn rows(service: &QueryService, text: &str, label: Label) -> Result<Vec<i64>, EngineError> {
    Ok(ids(&ask_as(service, text, label, Rules::all()).await?))
}

fn is_clear(error: &EngineError) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::BadQuery | ErrorKind::LimitExceeded | ErrorKind::Forbidden | ErrorKind::NotFound)
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_and_wide_texts_end_in_an_answer_or_a_clear_error() {
    let service = bundled().await;
    let terms =
        |count: usize, term: &dyn Fn(usize) -> String, glue: &str| (0..count).map(term).collect::<Vec<_>>().join(glue);
    let select = "SELECT hip FROM hipparcos2 WHERE";
    let hostile = [
        format!("{select} {}", terms(5_000, &|i| format!("(ra > {i} AND dec < {i})"), " OR ")),
        format!("{select} {}", terms(20_000, &|i| format!("hip = {i} OR dec > 80"), " OR ")),
        format!("{select} hip = {}", terms(10_000, &|_| "1".to_owned(), "+")),
        format!("{select} {}hip = 1{}", "(".repeat(1_000), ")".repeat(1_000)),
        format!("{select} hip = {}1{}", "ABS(".repeat(1_000), ")".repeat(1_000)),
        format!("{select} {} hip = 1", "NOT ".repeat(5_000)),
        format!("{select} hip = {} 1", "-".to_owned() + &" - ".repeat(5_000)),
        terms(5_000, &|_| "SELECT hip FROM hipparcos2".to_owned(), " UNION ALL "),
        format!(
            "{select} hip IN {}",
            "(SELECT hip FROM hipparcos2 WHERE hip IN ".repeat(500) + "(1)" + &")".repeat(500)
        ),
    ];
    for text in &hostile {
        for label in [Label::Adql, Label::Sql] {
            if let Err(error) = ask_as(&service, text, label, Rules::all()).await {
                assert!(is_clear(&error), "{:?}: {error}", error.kind());
            }
        }
    }
    // The service is as well as before.
    assert_eq!(
        rows(&service, "SELECT hip FROM hipparcos2 WHERE hip = 11767", Label::Adql).await.expect("Polaris"),
        [11767]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_common_tables_do_not_multiply_planning() {
    let service = bundled().await;
    let mut text = "WITH t0 AS (SELECT hip FROM hipparcos2)".to_owned();
    for i in 1..=16 {
        text += &format!(", t{i} AS (SELECT a.hip FROM t{p} AS a JOIN t{p} AS b ON a.hip = b.hip)", p = i - 1);
    }
    let started = std::time::Instant::now();
    let outcome = ask_as(&service, &format!("{text} SELECT hip FROM t16"), Label::Adql, Rules::all()).await;
    let error = outcome.expect_err("65,536 scans are too many");
    assert!(is_clear(&error), "{error}");
    assert!(started.elapsed().as_secs() < 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_of_hostile_texts_are_answered() {
    let service = bundled().await;
    let select = "SELECT hip FROM hipparcos2 WHERE";
    let long_comment = format!("{select} hip = 11767 -- {}", "x".repeat(60_000));
    let many_ids = (1..=50_000).map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
    let many_ids = format!("{select} hip IN ({many_ids}) AND hip > 49990");
    let parentheses = format!("{select} {}hip = 11767{}", "(".repeat(40), ")".repeat(40));
    let cones =
        (0..300).map(|i| format!("1 = CONTAINS(POINT(ra, dec), CIRCLE({i}, {}, 0.5))", i % 90)).collect::<Vec<_>>();
    let cones = format!("{select} {}", cones.join(" OR "));
    let sixty_kilobytes = (0..300).map(|i| format!("hip <> {}", 200_000 + i * 1_000_000_000_i64)).collect::<Vec<_>>();
    let sixty_kilobytes = format!("{select} hip = 11767 AND {}{}", sixty_kilobytes.join(" AND "), " ".repeat(60_000));
    assert_eq!(rows(&service, &long_comment, Label::Adql).await.expect("a comment"), [11767]);
    assert_eq!(rows(&service, &parentheses, Label::Adql).await.expect("parentheses"), [11767]);
    assert_eq!(rows(&service, &sixty_kilobytes, Label::Adql).await.expect("60 kB"), [11767]);
    let found = rows(&service, &many_ids, Label::Adql).await.expect("50,000 ids");
    assert!(!found.is_empty() && found.iter().all(|hip| (49_991..=50_000).contains(hip)), "{found:?}");
    let inside = rows(&service, &cones, Label::Adql).await.expect("300 cones");
    let brute = ask_as(&service, &cones, Label::Adql, Rules::none()).await.expect("300 cones");
    assert!(!inside.is_empty());
    assert_eq!(inside, ids(&brute));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_select_is_allowed() {
    let service = bundled().await;
    let target = std::env::temp_dir().join("sidereus_must_not_exist");
    let target: PathBuf = target.join("x.parquet");
    let path = target.display();
    let statements = [
        format!("COPY (SELECT hip FROM hipparcos2) TO '{path}'"),
        format!("COPY hipparcos2 TO '{path}' STORED AS PARQUET"),
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'".to_owned(),
        "CREATE TABLE t AS SELECT hip FROM hipparcos2".to_owned(),
        "CREATE VIEW v AS SELECT hip FROM hipparcos2".to_owned(),
        "INSERT INTO hipparcos2 SELECT hip FROM hipparcos2".to_owned(),
        "DELETE FROM hipparcos2".to_owned(),
        "UPDATE hipparcos2 SET hip = 1".to_owned(),
        "DROP TABLE hipparcos2".to_owned(),
        "SET datafusion.execution.target_partitions = 1".to_owned(),
        "SHOW TABLES".to_owned(),
        "PREPARE p AS SELECT hip FROM hipparcos2".to_owned(),
        "SELECT hip FROM hipparcos2; DROP TABLE hipparcos2".to_owned(),
        "SELECT * FROM '/etc/hostname'".to_owned(),
        "SELECT * FROM \"/etc/hostname\"".to_owned(),
        "SELECT * FROM \"file:///etc/hostname\"".to_owned(),
        "SELECT * FROM read_csv('/etc/hostname')".to_owned(),
        "SELECT * FROM generate_series(1, 1000000000)".to_owned(),
        "SELECT pg_read_file('/etc/hostname') FROM hipparcos2".to_owned(),
        "SELECT hip INTO t FROM hipparcos2".to_owned(),
    ];
    for statement in &statements {
        for prefix in ["", "EXPLAIN ", "EXPLAIN ANALYZE "] {
            for label in [Label::Adql, Label::Sql] {
                let text = format!("{prefix}{statement}");
                let error = ask_as(&service, &text, label, Rules::all()).await.expect_err(&text);
                assert!(is_clear(&error), "{text}: {:?} {error}", error.kind());
            }
        }
    }
    assert!(!target.exists());
    let harmless = "SELECT hip FROM hipparcos2 WHERE hip = 11767 AND 'COPY (SELECT 1) TO ''/tmp/x''' <> 'SET x = 1'";
    assert_eq!(rows(&service, harmless, Label::Adql).await.expect("a literal"), [11767]);
    let named_copy = "SELECT c.\"copy\" FROM (SELECT hip AS \"copy\" FROM hipparcos2) AS c WHERE c.\"copy\" = 11767";
    assert_eq!(rows(&service, named_copy, Label::Adql).await.expect("a column named copy"), [11767]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_percentiles_are_bounded_by_the_memory() {
    let roots = [root().join("testdata/catalogs").display().to_string()];
    let registry = CatalogRegistry::open(&roots).await.expect("the catalogs open");
    let options = EngineOptions { memory_limit: 1 << 20, ..EngineOptions::default() };
    let service = QueryService::try_new(Arc::new(registry), options).expect("the service starts");
    // 177,496 doubles are 1.4 MiB.
    for text in [
        "SELECT PERCENTILE(ra, 0.5) AS p FROM gaia_dr3_bright",
        "SELECT MEDIAN(ra) AS p FROM gaia_dr3_bright GROUP BY ROUND(dec / 200)",
    ] {
        let error = ask_as(&service, text, Label::Adql, Rules::all()).await.expect_err(text);
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{text}: {error}");
    }
    let few = "SELECT CAST(PERCENTILE(hip, 0.5) AS BIGINT) AS p FROM hipparcos2 WHERE hip < 12";
    assert_eq!(rows(&service, few, Label::Adql).await.expect("few values fit"), [6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn written_arrays_and_sampled_tables_do_not_multiply() {
    let service = bundled().await;
    let items = vec!["ra"; 1001].join(", ");
    let wide = format!("SELECT ARRAY[{items}] AS a FROM hipparcos2");
    let nested = "SELECT ARRAY[ARRAY[ra, dec], ARRAY[dec, ra]] AS a FROM hipparcos2";
    let fine = "SELECT MOC_AGG(29, CIRCLE(ra, dec, 1)) AS m FROM hipparcos2";
    for text in [&wide, nested, fine] {
        let error = ask_as(&service, text, Label::Adql, Rules::all()).await.expect_err(text);
        assert!(is_clear(&error), "{:?}: {error}", error.kind());
    }
    let one = "SELECT CAST(ARRAY[hip, 1][1] AS BIGINT) AS h FROM hipparcos2 TABLESAMPLE (100) WHERE hip = 11767";
    assert_eq!(rows(&service, one, Label::Adql).await.expect("Polaris"), [11767]);
}
