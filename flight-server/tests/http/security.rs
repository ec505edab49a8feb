//! What must not happen, each beside a neighbour that must.

use std::io::Write;

use crate::client;
use crate::server::{Server, sidereus};

const REFUSED: [&str; 12] = [
    "COPY openngc TO '/tmp/stolen.csv'",
    "COPY (SELECT * FROM openngc) TO '/tmp/stolen.csv'",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE TABLE t AS SELECT * FROM openngc",
    "SET datafusion.execution.batch_size = 1",
    "SELECT * FROM '/etc/hostname'",
    "SELECT * FROM \"/etc/hostname\"",
    "INSERT INTO openngc SELECT * FROM openngc",
    "DROP TABLE openngc",
    "SELECT name FROM openngc; DROP TABLE openngc",
    "SELECT read_csv('/etc/passwd') FROM openngc",
    "SHOW TABLES",
];

#[test]
fn only_select_is_answered_over_tap() {
    let server = Server::start();
    for label in ["ADQL", "SQL"] {
        for query in REFUSED {
            for text in [query.to_owned(), format!("EXPLAIN {query}"), format!("EXPLAIN ANALYZE {query}")] {
                let answer = server.post(&[("LANG", label), ("QUERY", &text)]);
                assert_eq!(answer.status, 400, "{label}: {text}: {}", answer.text());
                assert!(answer.text().contains("value=\"ERROR\""), "{label}: {text}: {}", answer.text());
            }
        }
    }
    let harmless = server.csv("SELECT 'COPY (x) TO y' AS \"copy\", COUNT(*) AS n FROM openngc");
    assert_eq!(harmless.rows(), ["COPY (x) TO y,14026"]);
}

#[test]
fn only_select_is_answered_on_the_command_line() {
    for query in REFUSED {
        for command in ["query", "explain"] {
            let output =
                sidereus().args([command, query, "--catalogs"]).arg(crate::server::catalogs()).output().unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{query}: {text}");
            assert!(text.starts_with("error: ") && !text.contains("panicked"), "{query}: {text}");
        }
    }
}

#[test]
fn users_and_groups_decide_what_is_seen() {
    let mut hashing = sidereus()
        .arg("hash-password")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    hashing.stdin.take().unwrap().write_all(b"moons!\n").unwrap();
    let hash = String::from_utf8(hashing.wait_with_output().unwrap().stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidereus.toml");
    let text = format!(
        "anonymous = false\n[[user]]\nname = \"galileo\"\npassword_hash = \"{hash}\"\ngroups = [\"clusters\"]\n\
         [[user]]\nname = \"simon\"\npassword_hash = \"{hash}\"\n[table.\"public.openngc\"]\ngroups = [\"clusters\"]\n",
        hash = hash.trim()
    );
    std::fs::write(&file, text).unwrap();
    let server = Server::start_with(&["--config", file.to_str().unwrap()], &[]);
    let ask = |credentials: Option<&str>| {
        let headers: Vec<(&str, &str)> = credentials.iter().map(|value| ("Authorization", *value)).collect();
        client::send(
            &server.http,
            "GET",
            "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+COUNT(*)+FROM+openngc",
            &headers,
            b"",
        )
    };
    let nobody = ask(None);
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
    // galileo:moons! and galileo:moons, simon:moons!
    assert_eq!(ask(Some("Basic Z2FsaWxlbzptb29ucyE=")).rows(), ["14026"]);
    assert_eq!(ask(Some("Basic Z2FsaWxlbzptb29ucyE")).rows(), ["14026"]);
    assert_eq!(ask(Some("Basic Z2FsaWxlbzptb29ucw==")).status, 401);
    assert_eq!(ask(Some("Bearer nonsense")).status, 401);
    let outsider = ask(Some("Basic c2ltb246bW9vbnMh"));
    assert!(outsider.status == 400 && outsider.text().contains("openngc"), "{}", outsider.text());
    let tables = client::send(&server.http, "GET", "/tap/tables", &[("Authorization", "Basic c2ltb246bW9vbnMh")], b"");
    assert!(tables.text().contains("hipparcos2") && !tables.text().contains("openngc"));
    assert_eq!(server.get("/tap/availability").status, 200);
    assert_eq!(server.get("/tap/capabilities").status, 200);
}
