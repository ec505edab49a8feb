//! TAP's resources and parameters.

use crate::client::{self, form};
use crate::server::Server;

#[test]
fn the_service_describes_itself() {
    let server = Server::start();
    let up = server.get("/tap/availability");
    assert!(up.status == 200 && up.text().contains("<vosi:available>true<"), "{}", up.text());
    assert_eq!(server.get("/health").text(), "ok\n");
    let capabilities = server.get("/tap/capabilities");
    assert!(capabilities.text().contains(&format!("http://{}/tap</accessURL>", server.http)));
    assert!(capabilities.text().contains("<form>CONTAINS</form>"));
    let tables = server.get("/tap/tables");
    for part in ["<name>public.openngc</name>", "<name>public.hipparcos2</name>", "pos.eq.ra;meta.main", "TAP_SCHEMA"] {
        assert!(tables.text().to_lowercase().contains(&part.to_lowercase()), "{part}");
    }
    let names = server.get("/tap/tables?detail=min");
    assert!(names.text().contains("public.openngc") && !names.text().contains("<column>"));
    let one = server.get("/tap/tables/public.openngc");
    assert!(one.text().contains("<column>") && !one.text().contains("hipparcos2"));
    assert_eq!(server.get("/tap/tables/public.nowhere").status, 404);
    assert_eq!(server.get("/tap/nowhere").status, 404);
    assert_eq!(server.get("/nowhere").status, 404);
}

#[test]
fn every_way_to_send_parameters_gives_the_same_answer() {
    let server = Server::start();
    let query = "SELECT COUNT(*) AS n FROM openngc";
    let pairs =
        [("rEqUeSt", "doQuery"), ("Lang", "adql-2.1"), ("query", query), ("responseFormat", "text/csv"), ("x", "y")];
    let by_get = server.get(&format!("/tap/sync?{}", form(&pairs)));
    assert_eq!(by_get.rows(), ["14026"]);
    assert_eq!(by_get.header("content-type"), Some("text/csv"));
    assert_eq!(server.post(&pairs).rows(), ["14026"]);
    let boundary = "<<<--MULTIPART-->>>";
    let parts: String = pairs
        .iter()
        .map(|(name, value)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        })
        .collect();
    let headers = [("Content-Type", format!("multipart/form-data; boundary=\"{boundary}\""))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let body = format!("{parts}--{boundary}--\r\n");
    assert_eq!(client::send(&server.http, "POST", "/tap/sync", &headers, body.as_bytes()).rows(), ["14026"]);
}

#[test]
fn wrong_parameters_are_errors_that_name_them() {
    let server = Server::start();
    let query = ("QUERY", "SELECT TOP 1 name FROM openngc");
    for (pairs, part) in [
        (vec![query], "LANG"),
        (vec![("LANG", "ADQL")], "QUERY"),
        (vec![query, ("LANG", "OOBLECK")], "unknown query language"),
        (vec![query, ("LANG", "ADQL"), ("lang", "SQL")], "more than once"),
        (vec![query, ("LANG", "ADQL"), ("MAXREC", "-1")], "MAXREC"),
        (vec![query, ("LANG", "ADQL"), ("FORMAT", "docx")], "docx"),
        (vec![query, ("LANG", "ADQL"), ("FORMAT", "table")], "unknown format"),
        (vec![query, ("LANG", "ADQL"), ("FORMAT", "votable/b3")], "votable_gzip"),
        (vec![query, ("LANG", "ADQL"), ("REQUEST", "getCapabilities")], "doQuery"),
        (vec![query, ("LANG", "ADQL"), ("UPLOAD", "t,param:x")], "UPLOAD"),
    ] {
        let answer = server.post(&pairs);
        assert_eq!(answer.status, 400, "{pairs:?}");
        assert!(answer.text().contains("value=\"ERROR\"") && answer.text().contains(part), "{part}: {}", answer.text());
    }
}

#[test]
fn the_language_is_that_of_the_version_asked_for() {
    let server = Server::start();
    let ask = |language: &str, query: &str| server.post(&[("LANG", language), ("FORMAT", "csv"), ("QUERY", query)]);
    let case = "SELECT TOP 1 CASE WHEN dec > 91 THEN 1 ELSE 2 END AS c FROM openngc";
    for language in ["ADQL", "adql-2.1", "SQL"] {
        assert_eq!(ask(language, case).rows(), ["2"], "{language}");
    }
    let refused = ask("ADQL-2.0", case);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("line 1, column 14: CASE: not part of ADQL"), "{}", refused.text());
    for query in ["SELECT LOWER(name) AS n FROM openngc", "SELECT name FROM openngc OFFSET 5"] {
        assert_eq!((ask("ADQL-2.0", query).status, ask("ADQL-2.1", query).status), (400, 200), "{query}");
    }
    let standard =
        "SELECT COUNT(*) AS n FROM openngc WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 0, 90, 180))";
    assert_eq!(ask("ADQL-2.0", standard).rows(), ask("ADQL", standard).rows());
    let functions = "SELECT TOP 1 ivo_hasword('big galaxy', 'galaxy') AS w FROM openngc WHERE q3c_radial_query(ra, dec, 0, 90, 180)";
    assert_eq!(ask("ADQL-2.0", functions).rows(), ["1"]);
    let columns = server.post(&[("LANG", "ADQL-2.0"), ("MAXREC", "0"), ("QUERY", case)]);
    assert_eq!(columns.status, 400);
}

#[test]
fn arrays_and_mocs_keep_their_kinds() {
    let server = Server::start();
    let query = "SELECT ARRAY[MIN(ra), 1] * 2 AS pair, MOC_AGG(1, POINT(ra, dec)) AS moc FROM openngc";
    let answer = server.post(&[("LANG", "ADQL"), ("QUERY", query)]);
    assert!(answer.text().contains("name=\"pair\" datatype=\"double\" arraysize=\"2\""), "{}", answer.text());
    assert!(answer.text().contains("xtype=\"moc\""), "{}", answer.text());
}

#[test]
fn the_operator_switches_extensions_off() {
    let server = Server::start_with(&[], &[("SIDEREUS_LANGUAGE_EXTENSIONS_OFF", "case, tablesample,udf-q3c")]);
    let refused = server.csv("SELECT TOP 1\n  CASE WHEN dec > 0 THEN 1 END AS c FROM openngc");
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("line 2, column 3: the extension `case` is switched off here"),
        "{}",
        refused.text()
    );
    assert_eq!(server.csv("SELECT name FROM openngc WHERE q3c_radial_query(ra, dec, 10, 20, 1)").status, 400);
    assert_eq!(server.csv("SELECT name FROM openngc TABLESAMPLE (1)").status, 400);
    assert_eq!(server.csv("SELECT name FROM openngc ORDER BY name LIMIT 1").status, 200);
}

#[test]
fn errors_point_at_the_text() {
    let server = Server::start();
    let answer = server.csv("SELECT ra\nFROM hipparcos2\nWHERE DISTANCES(ra, dec, 10, 20) < 1");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), Some("application/x-votable+xml"));
    assert!(answer.text().contains("line 3, column 7: unknown function DISTANCES"), "{}", answer.text());
    assert!(answer.text().contains("^^^^^^^^^ did you mean DISTANCE?"), "{}", answer.text());
    let unknown = server.csv("SELECT nothing FROM nowhere");
    assert!(unknown.status == 400 && unknown.text().contains("nowhere"), "{}", unknown.text());
}

#[test]
fn a_cut_is_always_told() {
    let server = Server::start();
    let ask = |query: &str, format: &str, rows: &str| {
        server.post(&[("LANG", "ADQL"), ("QUERY", query), ("FORMAT", format), ("MAXREC", rows)])
    };
    let cut = ask("SELECT name FROM openngc", "votable", "9");
    assert_eq!(cut.text().matches("<TR>").count(), 9);
    assert!(cut.text().rfind("\"OVERFLOW\"") > cut.text().find("</TABLE>"));
    let whole = ask("SELECT TOP 9 name FROM openngc", "votable", "9");
    assert!(whole.text().matches("<TR>").count() == 9 && !whole.text().contains("OVERFLOW"));
    assert_eq!(whole.header("x-overflow"), Some("false"));
    let columns = ask("SELECT name FROM openngc", "votable", "0");
    assert!(columns.text().contains("<FIELD name=\"name\"") && columns.text().contains("OVERFLOW"));
    assert!(!columns.text().contains("<TR>"));
    let lines = ask("SELECT name FROM openngc", "csv", "5");
    assert_eq!((lines.rows().len(), lines.header("x-overflow")), (6, Some("true")));
    assert_eq!(lines.rows()[5], "# overflow: rows were left out after 5 rows");
    assert_eq!(lines.header("x-sidereus-max-rows"), Some("5"));
}

#[test]
fn a_long_answer_streams_and_tells_its_end_in_a_trailer() {
    let server = Server::start();
    let pairs = [("LANG", "ADQL"), ("FORMAT", "csv"), ("MAXREC", "100000"), ("QUERY", "SELECT * FROM hipparcos2")];
    let answer = server.post(&pairs);
    assert_eq!(answer.rows().len(), 100_001);
    assert!(answer.body.len() > 8 << 20, "{}", answer.body.len());
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.trailer("x-overflow"), Some("true"));
}

#[test]
fn what_is_held_has_exact_headers_and_leaves_packed_where_asked() {
    let server = Server::start();
    let query = "SELECT TOP 2000 name, ra, dec FROM openngc ORDER BY name";
    let body = form(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", query)]);
    let ask = |encoding: &str| {
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept-Encoding", encoding)];
        client::send(&server.http, "POST", "/tap/sync", &headers, body.as_bytes())
    };
    let plain = ask("identity");
    assert_eq!(plain.header("content-length").map(str::to_owned), Some(plain.body.len().to_string()));
    for (encoding, start) in [("gzip", [0x1f, 0x8b]), ("zstd", [0x28, 0xb5])] {
        let packed = ask(encoding);
        assert_eq!((packed.header("content-encoding"), packed.header("x-overflow")), (Some(encoding), Some("false")));
        assert!(packed.body.starts_with(&start) && packed.body.len() < plain.body.len() / 2, "{}", packed.body.len());
    }
}

#[test]
fn a_client_that_names_no_format_gets_what_it_reads_best() {
    let server = Server::start();
    let path = format!("/tap/sync?{}", form(&[("LANG", "ADQL"), ("QUERY", "SELECT TOP 1 name FROM openngc")]));
    for (header, value, expected) in [
        ("User-Agent", "python-requests/2.32", "application/x-votable+xml;serialization=binary2"),
        ("User-Agent", "Mozilla/5.0", "application/x-votable+xml"),
        ("Accept", "text/csv", "text/csv;header=present"),
    ] {
        let answer = client::send(&server.http, "GET", &path, &[(header, value)], b"");
        assert_eq!(answer.header("content-type"), Some(expected), "{value}");
    }
}
