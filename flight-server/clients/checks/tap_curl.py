"""Does plain HTTP behave: status codes, media types, documents that parse, bounds on what is asked?

Arguments: FLIGHT_URI TAP_URL. Every request is made by the program `curl`.
"""

import csv
import io
import subprocess
import sys
import xml.etree.ElementTree as xml

TAP = sys.argv[2].rstrip("/")


def curl(path, *options, **parameters):
    """Status, media type and body of one request; parameters are sent as a form."""
    form = [option for name, value in parameters.items() for option in ("--data-urlencode", f"{name}={value}")]
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "120", "--write-out", "\n%{http_code} %{content_type}",
                           *options, *form, path if path.startswith("http") else f"{TAP}{path}"],
                          capture_output=True, text=True, check=True)
    body, _, last = done.stdout.rpartition("\n")
    status, _, media_type = last.partition(" ")
    return int(status), media_type, body


def ask(query, *options, **parameters):
    return curl("/sync", *options, LANG="ADQL", QUERY=query, **parameters)


def rows(body):
    return list(csv.DictReader(io.StringIO(body)))


def answers_as_csv():
    for options in ([], ["--get"]):
        status, media_type, body = ask("SELECT TOP 3 hip, ra, plx FROM hipparcos2 ORDER BY hip", *options, RESPONSEFORMAT="csv")
        assert status == 200 and media_type.startswith("text/csv"), (status, media_type, body)
        assert [row["hip"] for row in rows(body)] == ["1", "2", "3"], body
    _, _, body = ask("SELECT name, commonnames FROM openngc WHERE name = 'NGC0001' OR name = 'NGC0224' ORDER BY name", FORMAT="text/csv")
    assert rows(body)[0]["commonnames"] == "" and "Andromeda" in rows(body)[1]["commonnames"], body


def answers_as_votable():
    status, media_type, body = ask("SELECT TOP 2 ra, plx FROM hipparcos2")
    assert status == 200 and "votable" in media_type, (status, media_type)
    document = xml.fromstring(body)
    fields = {field.get("name"): field for field in document.iter() if field.tag.endswith("}FIELD")}
    assert fields["plx"].get("unit") == "mas" and fields["ra"].get("ucd") == "pos.eq.ra;meta.main"
    statuses = [info.get("value") for info in document.iter() if info.tag.endswith("}INFO") and info.get("name") == "QUERY_STATUS"]
    assert statuses[0] == "OK", statuses


def respects_maxrec():
    _, _, body = ask("SELECT ra FROM hipparcos2", MAXREC="0")
    assert "<TR>" not in body and "FIELD" in body
    _, _, body = ask("SELECT ra FROM hipparcos2", MAXREC="4")
    assert "OVERFLOW" in body
    _, _, body = ask("SELECT TOP 4 ra FROM hipparcos2", MAXREC="4")
    assert "OVERFLOW" not in body


def errors_are_documents():
    for query, expected in [("SELECT FROM", "line 1"), ("SELECT x FROM nowhere", "nowhere"), ("SELECT * FROM '/etc/hostname'", "line 1"),
                            ("COPY openngc TO 'x'", "SELECT"), ("EXPLAIN ANALYZE COPY openngc TO 'x'", "SELECT")]:
        status, media_type, body = ask(query)
        assert status == 400 and "votable" in media_type, (query, status, media_type, body)
        text = "".join(xml.fromstring(body).itertext())
        assert expected in text and 'value="ERROR"' in body, (query, body)
    assert curl("/sync", LANG="ADQL")[0] == 400
    assert curl("/sync", QUERY="SELECT 1", LANG="COBOL")[0] == 400
    assert ask("SELECT ra FROM hipparcos2", MAXREC="many")[0] == 400


def large_queries_are_answered_or_refused():
    wanted = ", ".join(str(number) for number in range(1, 20001))
    status, _, body = ask(f"SELECT COUNT(*) AS n FROM hipparcos2 WHERE hip IN ({wanted})", RESPONSEFORMAT="csv")
    assert status == 200 and 19000 < int(rows(body)[0]["n"]) <= 20000, (status, body[:200])
    deep = "(" * 2000 + "1" + ")" * 2000
    status, _, body = ask(f"SELECT ra FROM hipparcos2 WHERE hip = {deep}")
    assert status == 400, (status, body[:300])


def describes_itself():
    for path in ("/availability", "/capabilities", "/tables"):
        status, media_type, body = curl(path)
        assert status == 200 and "xml" in media_type, (path, status, media_type)
        xml.fromstring(body)
    assert curl("/nothing")[0] == 404
    root = TAP.removesuffix("/tap")
    assert curl(f"{root}/health")[0] == 200


def main():
    for check in (answers_as_csv, answers_as_votable, respects_maxrec, errors_are_documents, large_queries_are_answered_or_refused,
                  describes_itself):
        check()
        print(f"{check.__name__} ok")


if __name__ == "__main__":
    main()
