//! Plans of every shape leave no thread busy once nobody waits for them.

use std::time::{Duration, Instant};

use crate::client::{self, form};
use crate::server::Server;

/// All pairs of two tables, in several spellings of what is done with them: hours of work each.
const PAIRS: &str = "hipparcos2 AS a, gaia_dr3_bright AS b";

/// A table that is long enough for seconds of work: the union of one with itself.
fn long(query: &str) -> String {
    vec![query; 150].join(" UNION ALL ")
}

fn shapes() -> Vec<(&'static str, String)> {
    vec![
        ("scan", format!("SELECT SUM(n) AS n FROM ({}) AS t", long("SELECT SUM(ra * dec * phot_g_mean_mag) AS n FROM gaia_dr3_bright"))),
        (
            "filter",
            format!(
                "SELECT SUM(n) AS n FROM ({}) AS t",
                long("SELECT COUNT(*) AS n FROM gaia_dr3_bright WHERE DISTANCE(ra, dec, dec + 180, dec) + DISTANCE(ra, dec, 90 - dec, dec) + SIN(ra * dec) < -9")
            ),
        ),
        ("sort", format!("SELECT TOP 5 a.hip, b.source_id FROM {PAIRS} ORDER BY a.plx * b.phot_g_mean_mag")),
        ("group", format!("SELECT a.hip, COUNT(*) AS n FROM {PAIRS} WHERE a.plx > b.phot_g_mean_mag GROUP BY a.hip")),
        ("hash join", "SELECT COUNT(*) AS n FROM hipparcos2 AS a JOIN hipparcos2 AS b ON a.sn = b.sn JOIN hipparcos2 AS c ON b.sn = c.sn".to_owned()),
        ("filtered hash join", "SELECT COUNT(*) AS n FROM hipparcos2 AS a JOIN hipparcos2 AS b ON a.sn = b.sn JOIN hipparcos2 AS c ON b.sn = c.sn WHERE a.plx + b.plx + c.plx < -1e9".to_owned()),
        ("nested loop", format!("SELECT COUNT(*) AS n FROM {PAIRS} WHERE a.plx * b.phot_g_mean_mag < -1e9")),
        (
            "crossmatch",
            "SELECT COUNT(*) AS n FROM gaia_dr3_bright AS a JOIN gaia_dr3_bright AS b \
             ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 20 WHERE a.phot_g_mean_mag * b.phot_g_mean_mag < -1e9".to_owned(),
        ),
        (
            "window",
            format!("SELECT COUNT(*) AS n FROM (SELECT RANK() OVER (PARTITION BY a.sn ORDER BY b.phot_g_mean_mag) AS r FROM {PAIRS}) AS t WHERE r = 3"),
        ),
        (
            "union",
            format!("SELECT a.hip AS x FROM {PAIRS} WHERE a.plx * b.phot_g_mean_mag < -1e9 UNION SELECT b.source_id AS x FROM {PAIRS} WHERE a.plx * b.phot_g_mean_mag < -2e9"),
        ),
        ("distinct", format!("SELECT COUNT(*) AS n FROM (SELECT DISTINCT ROUND(a.plx * b.phot_g_mean_mag, 3) AS x FROM {PAIRS}) AS t")),
        (
            "lateral nearest",
            "SELECT COUNT(*) AS n FROM gaia_dr3_bright AS a, LATERAL (SELECT b.source_id FROM gaia_dr3_bright AS b \
             WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) < 5 ORDER BY DISTANCE(a.ra, a.dec, b.ra, b.dec) LIMIT 20) AS n".to_owned(),
        ),
        (
            "common table",
            format!("WITH t AS (SELECT a.plx * b.phot_g_mean_mag AS x FROM {PAIRS}) SELECT COUNT(*) AS n FROM t AS u WHERE x < -1e9"),
        ),
    ]
}

#[test]
#[ignore = "seconds late in builds without optimization: run it with SIDEREUS_TEST_BINARY=target/release/sidereus"]
fn whatever_a_plan_does_it_ends_with_its_client() {
    let server = Server::start_with(&[], &[("SIDEREUS_LIMITS_DEFAULT_ROWS", "0"), ("SIDEREUS_ENGINE_THREADS", "2")]);
    if server.processor_ticks().is_none() {
        return;
    }
    let busy = |time: Duration| {
        let before = server.processor_ticks().unwrap();
        std::thread::sleep(time);
        server.processor_ticks().unwrap() - before
    };
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let mut slow = Vec::new();
    for (shape, query) in shapes() {
        let body = form(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", &query)]);
        let stream = client::open(&server.http, "POST", "/tap/sync", &headers, body.as_bytes());
        std::thread::sleep(Duration::from_millis(500));
        let works = busy(Duration::from_millis(200));
        if works < 5 {
            drop(stream);
            let answer = server.csv(&query);
            panic!("{shape} does no work after half a second: {} {}", answer.status, answer.text());
        }
        drop(stream);
        let began = Instant::now();
        while busy(Duration::from_millis(200)) > 2 && began.elapsed() < Duration::from_secs(10) {}
        if began.elapsed() > Duration::from_millis(1400) {
            slow.push((shape, began.elapsed()));
        }
    }
    assert_eq!(slow, [], "worked on for nobody");
    assert_eq!(server.csv("SELECT COUNT(*) AS n FROM openngc").rows(), ["14026"]);
}
