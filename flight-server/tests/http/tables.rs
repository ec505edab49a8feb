//! What the operator says of tables: frames, epochs, citations, views, aliases.

use std::io::Write;

use crate::server::{Server, catalogs, sidereus};

/// A server with the bundled catalogs and a configuration file.
fn start(configuration: &str) -> (Server, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(configuration.as_bytes()).unwrap();
    let server = Server::start_with(&["--config", &file.path().display().to_string()], &[]);
    (server, file)
}

/// The FIELD elements of an answer whose columns are in a frame, as `name ref`, behind the COOSYS elements.
fn frames(document: &str) -> Vec<String> {
    let attribute = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let said = |line: &str| match line.split(' ').next() {
        Some("<COOSYS") => Some(format!(
            "{} {} {}",
            attribute(line, "ID")?,
            attribute(line, "system")?,
            attribute(line, "epoch").unwrap_or_default()
        )),
        Some("<FIELD") => Some(format!("{} {}", attribute(line, "name")?, attribute(line, "ref")?)),
        _ => None,
    };
    document.lines().filter_map(said).collect()
}

const SAID: &str = "[table.\"public.hipparcos2\"]\nepoch = \"J1991.25\"\ncitation = \"van Leeuwen 2007\"\ndoi = \"doi:10.1051/0004-6361:20078357\"\n";

#[test]
fn positions_tell_their_frame_and_catalogs_whom_to_cite() {
    let (server, _file) = start(SAID);
    let ask = |query: &str| server.post(&[("LANG", "ADQL"), ("QUERY", query)]).text().to_owned();
    let one = ask("SELECT TOP 3 hip, ra AS alpha, \"dec\", plx, ra + 0 AS moved FROM hipparcos2");
    assert_eq!(frames(&one), ["system1 ICRS J1991.25", "alpha system1", "dec system1"], "{one}");
    for part in [
        "<INFO name=\"citation\" value=\"van Leeuwen 2007 https://doi.org/10.1051/0004-6361:20078357\">public.hipparcos2</INFO>",
        "<INFO name=\"article\" value=\"2007A&amp;A...474..653V\">public.hipparcos2</INFO>",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    let joined = ask("SELECT TOP 3 h.ra, n.ra AS nra, q.d FROM hipparcos2 AS h, openngc AS n, \
                      (SELECT \"dec\" AS d FROM openngc) AS q");
    let both = ["system1 ICRS J1991.25", "system2 ICRS ", "ra system1", "nra system2", "d system2"];
    assert_eq!(frames(&joined), both, "{joined}");
    let mixed = ask("SELECT ra, \"dec\" FROM hipparcos2 UNION ALL SELECT ra, \"dec\" FROM openngc");
    assert!(frames(&mixed).is_empty() && mixed.contains("name=\"citation\""), "no frame holds for both");
    let merged = ask("SELECT TOP 3 ra FROM hipparcos2 FULL JOIN openngc USING (ra)");
    assert!(frames(&merged).is_empty(), "{merged}");
    let cone = server.get("/scs/hipparcos2?RA=10&DEC=10&SR=1");
    assert_eq!(frames(cone.text()).len(), 3, "{}", cone.text());
    let none = ask("SELECT COUNT(*) AS n FROM tap_schema.tables");
    assert!(frames(&none).is_empty() && !none.contains("citation"), "{none}");
}

const VIEWS: &str = r#"
[table."public.openngc"]
groups = ["observers"]

[view."survey.near"]
query = "SELECT hip, ra AS s_ra, \"dec\" AS s_dec, plx, hpmag + 1 AS fainter FROM hipparcos2 WHERE plx > 5"
description = "Stars within 200 pc"
columns.s_ra.ucd = "pos.eq.ra;meta.main"
columns.s_ra.description = "Where it is"
columns.fainter.unit = "mag"

[view."survey.nearest"]
query = "SELECT * FROM survey.near WHERE plx > 50"

[view."survey.nebulae"]
query = "SELECT name, ra, \"dec\" FROM openngc"

[view."survey.wrong"]
query = "SELECT nothing FROM hipparcos2"

[view."survey.itself"]
query = "SELECT * FROM survey.itself"

[view."survey.meta"]
query = "SELECT * FROM tap_schema.tables"

[alias]
"hip.main" = "public.hipparcos2"
"hip.near" = "survey.near"
"hip.nowhere" = "public.nowhere"
"#;

#[test]
fn views_are_the_queries_that_they_stand_for() {
    let (server, _file) = start(VIEWS);
    let count = |query: &str| server.csv(query).rows().join(" ");
    let below = "FROM hipparcos2 WHERE plx > 5";
    assert_eq!(count("SELECT COUNT(*) FROM survey.near"), count(&format!("SELECT COUNT(*) {below}")));
    assert_eq!(count("SELECT COUNT(*) FROM survey.nearest"), count("SELECT COUNT(*) FROM hipparcos2 WHERE plx > 50"));
    let (of_view, of_table) = (
        count("SELECT hip, fainter FROM hip.near WHERE DISTANCE(s_ra, s_dec, 10, 20) < 5 ORDER BY hip"),
        count(&format!("SELECT hip, hpmag + 1 AS f {below} AND DISTANCE(ra, \"dec\", 10, 20) < 5 ORDER BY hip")),
    );
    assert!(of_view == of_table && !of_view.is_empty(), "{of_view}");
    assert_eq!(
        count("SELECT COUNT(*) FROM survey.near AS a JOIN survey.near AS b ON a.hip = b.hip"),
        count("SELECT COUNT(*) FROM hip.near")
    );
    assert_eq!(count("SELECT hip.main.hip FROM hip.main WHERE hip = 71683"), "71683");
    let document = server.post(&[("LANG", "ADQL"), ("QUERY", "SELECT TOP 2 s_ra, s_dec, fainter FROM survey.nearest")]);
    let text = document.text();
    assert_eq!(frames(text), ["system1 ICRS ", "s_ra system1", "s_dec system1"], "{text}");
    for part in ["Where it is", "unit=\"mag\"", ">public.hipparcos2</INFO>", "public.hipparcos2@"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn regions_on_a_view_prune_what_is_below() {
    let (server, _file) = start(VIEWS);
    let scan = |query: &str| {
        let answer = server.post(&[("LANG", "ADQL"), ("FORMAT", "text"), ("QUERY", &format!("EXPLAIN {query}"))]);
        let text = answer.text().to_owned();
        let part = |line: &str| {
            line.split_once("partitions=").map(|(_, rest)| rest.split([',', ' ']).next().map(str::to_owned))
        };
        text.lines().find_map(part).unwrap_or_else(|| panic!("{text}"))
    };
    let whole = scan("SELECT hip FROM hipparcos2 WHERE plx > 5");
    for view in ["survey.near", "survey.nearest", "hip.near"] {
        let of_view = scan(&format!("SELECT hip FROM {view} WHERE DISTANCE(s_ra, s_dec, 10, 20) < 1"));
        let of_table = scan("SELECT hip FROM hipparcos2 WHERE plx > 5 AND DISTANCE(ra, \"dec\", 10, 20) < 1");
        assert_eq!(of_view, of_table);
        assert_ne!(of_view, whole, "the catalog is pruned at all");
    }
    let cone = server.get("/scs/survey.near?RA=10&DEC=20&SR=5");
    assert!(cone.text().contains("<TR>"), "{}", cone.text());
}

#[test]
fn views_are_listed_for_whoever_sees_what_is_below() {
    let (server, file) = start(VIEWS);
    let mut owner = sidereus();
    owner.args(["query", "SELECT COUNT(*) AS n FROM survey.nebulae", "--format", "csv", "--config"]).arg(file.path());
    let output = owner.arg("--catalogs").arg(catalogs()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert_eq!(text.trim(), "n\n14026", "a member of every group");
    let listed =
        "SELECT table_name, table_type FROM tap_schema.tables WHERE schema_name IN ('survey', 'hip') ORDER BY 1";
    let expected = ["hip.main,view", "hip.near,view", "survey.near,view", "survey.nearest,view"];
    assert_eq!(server.csv(listed).rows(), expected);
    let columns = "SELECT column_name, ucd FROM tap_schema.columns WHERE table_name = 'survey.near' AND indexed = 1";
    assert_eq!(server.csv(columns).rows(), ["s_ra,pos.eq.ra;meta.main", "s_dec,pos.eq.dec;meta.main"]);
    assert!(server.get("/tap/tables").text().contains("<table type=\"view\"><name>survey.near</name>"));
    for hidden in ["survey.nebulae", "survey.wrong", "survey.itself", "survey.meta", "hip.nowhere"] {
        let answer = server.csv(&format!("SELECT * FROM {hidden}"));
        assert!(answer.status != 200 && answer.text().contains("unknown table"), "{hidden}: {}", answer.text());
    }
}
