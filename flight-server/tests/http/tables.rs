//! What the operator says of tables: frames, epochs, citations.

use std::io::Write;

use crate::server::Server;

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
