//! Hostile and merely large requests, slow ends, and clients that go away.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::client::{self, form};
use crate::server::Server;

#[test]
fn hostile_queries_end_in_an_answer_or_an_error() {
    let server = Server::start();
    let ors: Vec<String> = (0..5000).map(|i| format!("(ra > {i} AND dec < {i})")).collect();
    let hostile = [
        format!("SELECT COUNT(*) AS n FROM openngc WHERE {}", ors.join(" OR ")),
        format!("SELECT 1{} AS n FROM openngc", "+1".repeat(10_000)),
        format!("SELECT {}1{} AS n FROM openngc", "(".repeat(1000), ")".repeat(1000)),
    ];
    for query in hostile {
        let answer = server.csv(&query);
        assert!(matches!(answer.status, 200 | 400), "{}", answer.text());
    }
    assert_eq!(server.csv("SELECT COUNT(*) AS n FROM openngc").rows(), ["14026"], "the server is still there");
}

#[test]
fn large_queries_are_answered() {
    let server = Server::start();
    let ids: Vec<String> = (1..=50_000).map(|id| id.to_string()).collect();
    let cones: Vec<String> = (0..300)
        .map(|i| format!("1 = CONTAINS(POINT(ra, dec), CIRCLE({}, {}, 0.0001))", i, f64::from(i) / 10.0))
        .collect();
    for (query, rows) in [
        (format!("SELECT COUNT(*) AS n FROM hipparcos2 WHERE hip IN ({})", ids.join(",")), None),
        (format!("SELECT COUNT(*) AS n FROM hipparcos2 WHERE {}", cones.join(" OR ")), None),
        (format!("SELECT COUNT(*) AS n FROM openngc WHERE {}1 = 1{}", "(".repeat(40), ")".repeat(40)), Some("14026")),
        (format!("SELECT COUNT(*) AS n FROM openngc -- {}\n", "x".repeat(60_000)), Some("14026")),
    ] {
        let answer = server.csv(&query);
        assert_eq!(answer.rows().len(), 1);
        assert!(rows.is_none_or(|rows| answer.rows() == [rows]), "{}", answer.text());
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start_with(&[], &[("SIDEREUS_LIMITS_BODY_MIB", "1")]);
    let query = format!("SELECT name FROM openngc -- {}", "x".repeat(1 << 21));
    let answer = server.csv(&query);
    assert_eq!(answer.status, 413, "{}", answer.text());
}

#[test]
fn the_operator_bounds_rows_and_time() {
    let server = Server::start_with(&[], &[("SIDEREUS_LIMITS_MAX_ROWS", "7"), ("SIDEREUS_LIMITS_QUERY_SECONDS", "1")]);
    let answer =
        server.post(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("MAXREC", "100"), ("QUERY", "SELECT name FROM openngc")]);
    assert_eq!((answer.rows().len(), answer.header("x-overflow")), (8, Some("true")));
    let started = Instant::now();
    let slow = server.csv(ENDLESS);
    assert_eq!(slow.status, 408, "{}", slow.text());
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// A query that runs for hours and gives no row.
const ENDLESS: &str =
    "SELECT COUNT(*) AS n FROM hipparcos2 a, hipparcos2 b, openngc c WHERE a.plx * b.plx * c.ra < -1e9";

/// A query whose rows never end.
const FLOOD: &str = "SELECT a.*, b.* FROM hipparcos2 a JOIN hipparcos2 b ON a.sn = b.sn";

/// A query that fails in the last of its partitions, many megabytes after its first row.
const LATE_ERROR: &str = "SELECT h.*, 1 / (hip - 103561) AS late FROM hipparcos2 AS h";

/// A transfer in chunks that ends without the last one is broken off, whatever it says.
#[test]
fn an_answer_that_fails_late_is_broken_off() {
    let server = Server::start();
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let told: Vec<(&str, bool)> = std::thread::scope(|scope| {
        let ask = |format: &'static str| {
            let body = form(&[("LANG", "ADQL"), ("FORMAT", format), ("QUERY", LATE_ERROR)]);
            let mut stream = client::open(&server.http, "POST", "/tap/sync", &headers, body.as_bytes());
            let mut answer = Vec::new();
            // The end may come as a reset.
            let _ = stream.read_to_end(&mut answer);
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{format}");
            assert!(!answer.ends_with(b"\r\n0\r\n\r\n"), "{format} looks whole");
            let end = String::from_utf8_lossy(&answer[answer.len().saturating_sub(500)..]).into_owned();
            (format, end.contains("ERROR") || end.contains("not whole"))
        };
        let formats = ["csv", "arrow", "votable", "json", "html"];
        let running: Vec<_> = formats.into_iter().map(|format| scope.spawn(move || ask(format))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(told, [("csv", false), ("arrow", false), ("votable", true), ("json", true), ("html", true)]);
}

#[test]
fn a_client_that_goes_away_stops_its_query() {
    let mut server = Server::start_with(&[], &[("SIDEREUS_LIMITS_DEFAULT_ROWS", "0")]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = form(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", FLOOD)]);
    let mut stream = client::open(&server.http, "POST", "/tap/sync", &headers, body.as_bytes());
    let mut first = vec![0; 1 << 20];
    stream.read_exact(&mut first).unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_secs(2));
    if let (Some(before), Some(after)) = (server.processor_ticks(), {
        std::thread::sleep(Duration::from_secs(1));
        server.processor_ticks()
    }) {
        assert!(after - before < 20, "{} ticks of work for nobody", after - before);
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn the_log_tells_who_left_from_who_read_everything() {
    let server = Server::start_logged();
    assert_eq!(server.csv("SELECT TOP 3 name FROM openngc").rows().len(), 3);
    assert_eq!(server.csv("SELECT * FROM hipparcos2").rows().len(), 117_955);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = form(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", "SELECT * FROM hipparcos2")]);
    let mut stream = client::open(&server.http, "POST", "/tap/sync", &headers, body.as_bytes());
    stream.read_exact(&mut [0; 1024]).unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_secs(1));
    let log = server.into_log();
    assert_eq!((log.matches("result sent").count(), log.matches("went away").count()), (2, 1), "{log}");
}

/// Joins of all pairs, one that gives no pair and one that gives every pair, leave no thread busy when their time is over.
#[test]
fn a_time_out_stops_the_work() {
    let server = Server::start_with(&[], &[("SIDEREUS_LIMITS_QUERY_SECONDS", "1"), ("SIDEREUS_ENGINE_THREADS", "2")]);
    let every = "SELECT COUNT(*) AS n FROM hipparcos2 a, hipparcos2 b, openngc c";
    let none = "SELECT COUNT(*) AS n FROM hipparcos2 a, hipparcos2 b WHERE a.plx * b.plx < -1e9";
    for endless in [every, none, every, none] {
        let started = Instant::now();
        let answer = server.csv(endless);
        assert_eq!(answer.status, 408, "{}", answer.text());
        assert!(started.elapsed() < Duration::from_secs(10), "{endless}: {:?}", started.elapsed());
    }
    std::thread::sleep(Duration::from_secs(1));
    let before = server.processor_ticks();
    std::thread::sleep(Duration::from_secs(1));
    if let Some((before, after)) = before.zip(server.processor_ticks()) {
        assert!(after - before < 20, "{} ticks of work for nobody", after - before);
    }
    assert_eq!(server.csv("SELECT TOP 3 name FROM openngc").rows().len(), 3);
}

#[test]
fn the_server_answers_and_stops_beside_a_query_that_does_not_yield() {
    let mut server = Server::start_with(&[], &[("SIDEREUS_LIMITS_GRACE_SECONDS", "1")]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = form(&[("LANG", "ADQL"), ("QUERY", ENDLESS)]);
    let _stream = client::open(&server.http, "POST", "/tap/sync", &headers, body.as_bytes());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(server.get("/tap/availability").status, 200);
    let started = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_stop_lets_running_answers_finish() {
    let mut server = Server::start();
    let body = form(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", "SELECT * FROM hipparcos2")]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let mut stream = client::open(&server.http, "POST", "/tap/sync", &headers, body.as_bytes());
    let mut first = [0; 1024];
    stream.read_exact(&mut first).unwrap();
    let reading = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).map(|_| rest)
    });
    assert_eq!(server.terminate(), Some(0));
    let rest = reading.join().unwrap().unwrap();
    assert!(rest.ends_with(b"\r\n\r\n") && rest.len() > 10_000_000, "{} bytes", rest.len());
}
