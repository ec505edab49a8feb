//! Overflow, division, sums and long texts, as a session meets them.

use datafusion::common::ScalarValue;

use super::tester::{query, session, value};
use arrow::array::Array;

async fn error(sql: &str) -> String {
    match query(sql).await {
        Ok(batches) => panic!("{sql} gave {batches:?}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn integer_overflow_is_an_error() {
    for sql in [
        "SELECT 9223372036854775807 + 1",
        "SELECT a + 1 FROM (VALUES (9223372036854775807)) t(a)",
        "SELECT -2 - a FROM (VALUES (9223372036854775807)) t(a)",
        "SELECT a * a FROM (VALUES (9223372036854775807)) t(a)",
        "SELECT -(a - 1) FROM (VALUES (-9223372036854775807)) t(a)",
        "SELECT 1 FROM (VALUES (9223372036854775807)) t(a) WHERE a + 1 > 0",
        "SELECT max(a + 1) FROM (VALUES (9223372036854775807)) t(a) GROUP BY a",
        "SELECT a FROM (VALUES (9223372036854775807)) t(a) ORDER BY a + 1, a",
        "SELECT t.a FROM (VALUES (9223372036854775807)) t(a) JOIN (VALUES (1)) u(b) ON t.a + u.b > 0",
        "SELECT a FROM (VALUES (9223372036854775807)) t(a) WHERE EXISTS (SELECT 1 WHERE a + 1 > 0)",
        "SELECT row_number() OVER (ORDER BY a + 1) FROM (VALUES (9223372036854775807)) t(a)",
    ] {
        let message = error(sql).await;
        assert!(message.contains("integer overflow in"), "{sql}: {message}");
    }
    assert!(error("SELECT 9223372036854775807 + 1").await.contains("9223372036854775807 + 1"));
}

#[tokio::test]
async fn arithmetic_that_fits_is_as_before() {
    for (sql, expected) in [
        ("SELECT 9223372036854775806 + 1", 9_223_372_036_854_775_807),
        ("SELECT -(a) FROM (VALUES (5)) t(a)", -5),
        ("SELECT 7 / 2", 3),
        ("SELECT -7 / 2", -3),
        ("SELECT -7 % 3", -1),
        ("SELECT a + NULL FROM (VALUES (5)) t(a) UNION ALL SELECT 4 WHERE 1 = 0", i64::MIN),
    ] {
        let found = value(sql).await.unwrap();
        let expected = if expected == i64::MIN { ScalarValue::Int64(None) } else { ScalarValue::Int64(Some(expected)) };
        assert_eq!(found, expected, "{sql}");
    }
    assert_eq!(value("SELECT a + 0.5 FROM (VALUES (1)) t(a)").await.unwrap(), ScalarValue::Float64(Some(1.5)));
    let batches = query("SELECT a + 1, sum(a * 2) FROM (VALUES (1), (2)) t(a) GROUP BY a + 1").await.unwrap();
    let schema = batches[0].schema();
    assert_eq!(schema.field(0).name(), "t.a + Int64(1)");
    assert_eq!(schema.field(1).name(), "sum(t.a * Int64(2))");
}

#[tokio::test]
async fn long_sums_are_planned() {
    let sum = format!("SELECT a{} FROM (VALUES (1)) t(a)", " + 1".repeat(150));
    assert_eq!(value(&sum).await.unwrap(), ScalarValue::Int64(Some(151)));
}

#[tokio::test]
async fn division_by_zero_and_its_overflow_are_errors() {
    assert!(error("SELECT 1 / a FROM (VALUES (0)) t(a)").await.to_lowercase().contains("divide by zero"));
    assert!(error("SELECT 1 % a FROM (VALUES (0)) t(a)").await.to_lowercase().contains("divide by zero"));
    error("SELECT (-a - 1) / -1 FROM (VALUES (9223372036854775807)) t(a)").await;
    let floating = value("SELECT 1.0 / a FROM (VALUES (0.0)) t(a)").await.unwrap();
    assert_eq!(floating, ScalarValue::Float64(Some(f64::INFINITY)));
}

#[tokio::test]
async fn remainders_take_the_sign_of_the_first() {
    assert_eq!(value("SELECT adql_mod(-7, 3)").await.unwrap(), ScalarValue::Int64(Some(-1)));
    assert_eq!(value("SELECT adql_mod(7, -3)").await.unwrap(), ScalarValue::Int64(Some(1)));
    assert_eq!(value("SELECT adql_mod(-7.5, 2)").await.unwrap(), ScalarValue::Float64(Some(-1.5)));
    assert_eq!(value("SELECT adql_mod(NULL, 2)").await.unwrap(), ScalarValue::Int64(None));
    assert!(error("SELECT adql_mod(a, 0) FROM (VALUES (1)) t(a)").await.to_lowercase().contains("zero"));
}

#[tokio::test]
async fn sums_that_do_not_fit_are_errors() {
    let two = "(VALUES (1, 9223372036854775807), (1, 1)) t(g, a)";
    for sql in [
        format!("SELECT sum(a) FROM {two}"),
        format!("SELECT g, sum(a) FROM {two} GROUP BY g"),
        format!("SELECT sum(DISTINCT a) FROM {two}"),
        format!("SELECT g, sum(DISTINCT a), count(DISTINCT g) FROM {two} GROUP BY g"),
        format!("SELECT sum(a) OVER (PARTITION BY g) FROM {two}"),
        format!("SELECT sum(a) OVER (ORDER BY a ROWS 1 PRECEDING) FROM {two}"),
    ] {
        let message = error(&sql).await;
        assert!(message.contains("integer overflow in sum"), "{sql}: {message}");
    }
}

#[tokio::test]
async fn sums_may_leave_the_range_on_the_way() {
    let up_and_down = "(VALUES (9223372036854775807), (1), (-5)) t(a)";
    let expected = ScalarValue::Int64(Some(9_223_372_036_854_775_803));
    assert_eq!(value(&format!("SELECT sum(a) FROM {up_and_down}")).await.unwrap(), expected);
    let grouped = format!("SELECT sum(a) FROM (SELECT 1 AS g, a FROM {up_and_down}) GROUP BY g");
    assert_eq!(value(&grouped).await.unwrap(), expected);
    let distinct = format!("SELECT sum(DISTINCT a) FROM {up_and_down}");
    assert_eq!(value(&distinct).await.unwrap(), expected);
}

#[tokio::test]
async fn sums_agree_with_plain_addition() {
    let context = session();
    context
        .sql("CREATE TABLE n AS SELECT a, a % 7 AS g, CASE WHEN a % 3 = 0 THEN NULL ELSE (a - 500) * 4000000000 END AS v
              FROM (SELECT CAST(row_number() OVER () AS BIGINT) AS a FROM (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) x(i),
              (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) y(i), (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) z(i))")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let plain: i64 = (1..=1000_i64).filter(|a| a % 3 != 0).map(|a| (a - 500) * 4_000_000_000).sum();
    for sql in [
        "SELECT sum(v) FROM n",
        "SELECT sum(s) FROM (SELECT g, sum(v) AS s FROM n GROUP BY g)",
        "SELECT CAST(sum(s) AS BIGINT) FROM (SELECT g, sum(v) FILTER (WHERE a > 0) AS s FROM n GROUP BY g)",
        "SELECT max(s) FROM (SELECT sum(v) OVER (ORDER BY a) AS s, a FROM n) WHERE a = 1000",
        "SELECT sum(v) FROM (SELECT DISTINCT v FROM n)",
    ] {
        let rows = context.sql(sql).await.unwrap().collect().await.unwrap();
        let batch = rows.iter().find(|batch| batch.num_rows() > 0).unwrap();
        assert_eq!(ScalarValue::try_from_array(batch.column(0), 0).unwrap(), ScalarValue::Int64(Some(plain)), "{sql}");
    }
    let none = context.sql("SELECT sum(v) FROM n WHERE a > 5000").await.unwrap().collect().await.unwrap();
    assert!(none[0].column(0).is_null(0));
}

#[tokio::test]
async fn negative_zero_equals_zero() {
    for sql in [
        "SELECT a = 0.0 FROM (VALUES (-0.0)) t(a)",
        "SELECT a >= 0.0 FROM (VALUES (-0.0)) t(a)",
        "SELECT NOT (a < 0.0) FROM (VALUES (-0.0)) t(a)",
        "SELECT a IN (0.0, 5.0) FROM (VALUES (-0.0)) t(a)",
        "SELECT a BETWEEN 0.0 AND 1.0 FROM (VALUES (-0.0)) t(a)",
        "SELECT count(DISTINCT a) = 1 FROM (VALUES (-0.0), (0.0)) t(a)",
    ] {
        assert_eq!(value(sql).await.unwrap(), ScalarValue::Boolean(Some(true)), "{sql}");
    }
}

#[tokio::test]
async fn texts_that_would_be_too_long_are_refused() {
    let long = "x".repeat(40_000);
    let nested = format!("SELECT length(replace(replace(a, 'x', '{long}'), 'x', '{long}')) FROM (VALUES ('xx')) t(a)");
    assert!(error(&nested.replace("length", "character_length")).await.contains("replace would make a text"));
    let message = error(&doubled("a || a")).await;
    assert!(message.contains("text_concat would make"), "{message}");
    let message = error(&doubled("concat(a, a)")).await;
    assert!(message.contains("concat would make"), "{message}");
}

/// A text that a chain of sub-queries makes twice as long each time.
fn doubled(twice: &str) -> String {
    let steps: Vec<String> =
        (1..30).map(|step| format!("t{step} AS (SELECT {twice} AS a FROM t{})", step - 1)).collect();
    format!("WITH t0 AS (SELECT a FROM (VALUES ('abcdefgh')) v(a)), {} SELECT a FROM t29", steps.join(", "))
}

#[tokio::test]
async fn texts_that_fit_are_as_before() {
    for (sql, expected) in [
        ("SELECT replace(a, 'b', 'XYZ') FROM (VALUES ('abc')) t(a)", "aXYZc"),
        ("SELECT a || '-' || a FROM (VALUES ('abc')) t(a)", "abc-abc"),
        ("SELECT concat(a, 1) FROM (VALUES ('abc')) t(a)", "abc1"),
        ("SELECT concat_ws('/', a, a) FROM (VALUES ('abc')) t(a)", "abc/abc"),
        ("SELECT regexp_replace(a, 'b+', '<&>') FROM (VALUES ('abbc')) t(a)", "a<&>c"),
    ] {
        let found = value(sql).await.unwrap();
        assert_eq!(found.try_as_str().flatten(), Some(expected), "{sql}: {found:?}");
    }
    // The bound of a pattern is loose: a batch that might not fit is evaluated in parts.
    let context = session();
    let wide = "w".repeat(900);
    let values: Vec<String> = (0..40).map(|row| format!("('{row}{wide}')")).collect();
    context.sql(&format!("CREATE TABLE t AS VALUES {}", values.join(","))).await.unwrap().collect().await.unwrap();
    let rows = format!("SELECT regexp_replace(x.column1, 'q', '{wide}') AS r FROM t x, t y");
    let batches = context.sql(&rows).await.unwrap().collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1600);
    assert!(batches.iter().all(|batch| batch.column(0).null_count() == 0));
}
