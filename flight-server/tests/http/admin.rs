//! What operators see and do.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::client::{self, Answer, form};
use crate::server::{Server, sidereus};

const TOKEN: (&str, &str) = ("Authorization", "Bearer comet");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
/// A query that gives no row for hours.
const ENDLESS: &str = "SELECT COUNT(*) AS n FROM hipparcos2 a, hipparcos2 b WHERE a.plx * b.plx < -1e9";

fn server() -> Server {
    Server::start_with(&[], &[("SIDEREUS_ADMIN_LISTEN", "127.0.0.1:0"), ("SIDEREUS_ADMIN_TOKEN", "comet")])
}

fn ask(server: &Server, method: &str, path: &str, body: &[(&str, &str)]) -> Answer {
    let address = server.admin.as_ref().expect("an admin listener");
    client::send(address, method, path, &[TOKEN, FORM], form(body).as_bytes())
}

#[test]
fn everything_but_health_wants_the_token() {
    let server = server();
    let address = server.admin.as_ref().unwrap();
    for (method, path) in [("GET", "/metrics"), ("GET", "/queries"), ("DELETE", "/queries/x"), ("POST", "/maintenance")]
    {
        assert_eq!(client::send(address, method, path, &[], b"").status, 401, "{path}");
        let wrong = [("Authorization", "Bearer comets")];
        assert_eq!(client::send(address, method, path, &wrong, b"").status, 401, "{path}");
    }
    // It is ready once its listeners answer, which is told after their addresses are.
    let ready = || client::send(address, "GET", "/health/ready", &[], b"").status == 200;
    let end = Instant::now() + Duration::from_secs(10);
    while !ready() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(client::send(address, "GET", path, &[], b"").status, 200, "{path}");
    }
    assert_eq!(server.get("/metrics").status, 404, "clients do not reach it");
    assert_eq!(server.get("/queries").status, 404);
}

#[test]
fn a_query_is_listed_and_stopped_and_counted() {
    let server = server();
    let body = form(&[("LANG", "ADQL"), ("QUERY", ENDLESS)]);
    let mut stream = client::open(&server.http, "POST", "/tap/sync", &[FORM], body.as_bytes());
    let began = Instant::now();
    let id = loop {
        assert!(began.elapsed() < Duration::from_secs(20), "it is not listed");
        let listed = ask(&server, "GET", "/queries", &[]);
        let queries: serde_json::Value = serde_json::from_str(listed.text()).unwrap();
        if queries[0]["phase"] == "running" {
            assert_eq!((&queries[0]["class"], &queries[0]["text"]), (&"scan".into(), &ENDLESS.into()));
            assert_eq!((&queries[0]["address"], &queries[0]["protocol"]), (&"127.0.0.1".into(), &"tap".into()));
            break queries[0]["id"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let address = server.admin.as_ref().unwrap();
    let command = |arguments: &[&str]| {
        let mut program = sidereus();
        program.arg("admin").args(arguments).args(["--server", address]).env("SIDEREUS_ADMIN_TOKEN", "comet");
        let done = program.output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let (code, list) = command(&["queries"]);
    assert!(code == Some(0) && list.contains(&id) && list.contains("scan"), "{list}");
    let killed = Instant::now();
    assert_eq!(command(&["kill", &id]), (Some(0), "stopped\n".to_owned()));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("stopped by the operator"), "{answer}");
    assert_eq!(command(&["kill", &id]).0, Some(1));
    assert_eq!(server.csv("SELECT TOP 3 name FROM openngc").rows().len(), 3);
    assert_eq!(server.csv("SELECT nothing FROM openngc").status, 400);
    let metrics = ask(&server, "GET", "/metrics", &[]);
    for line in [
        "sidereus_queries_total{class=\"scan\",outcome=\"killed\"} 1\n",
        "sidereus_queries_total{class=\"interactive\",outcome=\"ok\"} 1\n",
        "sidereus_queries_total{class=\"none\",outcome=\"not_found\"} 1\n",
        "sidereus_rows_total 3\n",
        "sidereus_queries_working 0",
        "sidereus_memory_limit_bytes 4294967296",
        "sidereus_cache_misses_total{cache=\"footers\"}",
    ] {
        assert!(metrics.text().contains(line), "{line} is not in\n{}", metrics.text());
    }
}

#[test]
fn maintenance_is_told_everywhere() {
    let server = server();
    assert_eq!(ask(&server, "POST", "/maintenance", &[("state", "perhaps")]).status, 400);
    assert!(server.get("/tap/availability").text().contains("<vosi:upSince>"));
    assert_eq!(ask(&server, "POST", "/maintenance", &[("state", "on"), ("note", "new <disks>")]).status, 200);
    let refused = server.csv("SELECT TOP 3 name FROM openngc");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("60")));
    assert!(refused.text().contains("in maintenance: new &lt;disks&gt;"), "{}", refused.text());
    let shown = server.get("/tap/availability");
    assert!(shown.text().contains("<vosi:available>false</vosi:available>"), "{}", shown.text());
    assert!(shown.text().contains("<vosi:note>new &lt;disks&gt;</vosi:note>"), "{}", shown.text());
    let ready = ask(&server, "GET", "/health/ready", &[]);
    assert_eq!((ready.status, ready.text()), (503, "in maintenance: new <disks>\n"));
    assert_eq!(ask(&server, "GET", "/health/live", &[]).status, 200);
    assert_eq!(ask(&server, "POST", "/maintenance", &[("state", "off")]).status, 200);
    assert_eq!(server.csv("SELECT TOP 3 name FROM openngc").rows().len(), 3);
}
