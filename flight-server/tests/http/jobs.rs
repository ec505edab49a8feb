//! Jobs: what they tell, how they end, and that no crash loses one.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::{Answer, send};
use crate::server::Server;

const COUNT: &str = "SELECT COUNT(*) AS n FROM openngc";
/// All pairs of a table: minutes of work.
const LONG: &str =
    "SELECT COUNT(*) AS n FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.plx * b.plx > 3 + SIN(a.ra * b.dec)";

/// The path of a new job.
pub(crate) fn create(server: &Server, pairs: &[(&str, &str)]) -> String {
    path(&server.post_to("/tap/async", pairs))
}

fn path(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.header("location").expect("a location");
    location[location.find("/tap/async").expect("of a job")..].to_owned()
}

fn get(server: &Server, path: &str) -> String {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text().to_owned()
}

/// Waits until a job is in one of the phases; its phase then.
pub(crate) fn wait(server: &Server, job: &str, phases: &[&str]) -> String {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let phase = get(server, &format!("{job}/phase"));
        if phases.contains(&phase.as_str()) {
            return phase;
        }
        assert!(Instant::now() < end, "{job} is {phase}");
        let _changed = get(server, &format!("{job}?WAIT=5&PHASE={phase}"));
    }
}

fn run(query: &str) -> Vec<(&'static str, &str)> {
    vec![("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", query), ("PHASE", "RUN")]
}

#[test]
fn a_job_goes_from_pending_to_its_result() {
    let server = Server::start();
    let job =
        create(&server, &[("LANG", "ADQL"), ("QUERY", "nonsense"), ("RUNID", "my run"), ("EXECUTIONDURATION", "99")]);
    assert_eq!(get(&server, &format!("{job}/phase")), "PENDING");
    assert_eq!(get(&server, &format!("{job}/executionduration")), "99");
    assert_eq!(get(&server, &format!("{job}/owner")), "");
    assert!(get(&server, &format!("{job}/destruction")).ends_with('Z'));
    assert_eq!(server.get(&format!("{job}/error")).status, 404);
    assert_eq!(server.get(&format!("{job}/results/result")).status, 404);
    assert_eq!(path(&server.post_to(&format!("{job}/parameters"), &[("QUERY", COUNT), ("FORMAT", "csv")])), job);
    let parameters = get(&server, &format!("{job}/parameters"));
    assert!(parameters.contains("COUNT(*)") && !parameters.contains("nonsense"), "{parameters}");
    assert!(get(&server, &format!("{job}/quote")).ends_with('Z'), "a quote is told before it runs");
    server.post_to(&format!("{job}/phase"), &[("PHASE", "run")]);
    assert_eq!(wait(&server, &job, &["COMPLETED", "ERROR"]), "COMPLETED");
    let shown = get(&server, &job);
    for part in [
        "<uws:runId>my run<",
        "results/result\"",
        "mime-type=\"text/csv;header=present\"",
        "<progress>1.000<",
        "<rows>1<",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let result = server.get(&format!("{job}/results/result"));
    assert_eq!((result.text(), result.header("x-overflow")), ("n\r\n14026\r\n", Some("false")));
    let part = send(&server.http, "GET", &format!("{job}/results/result"), &[("Range", "bytes=3-5")], b"");
    assert_eq!((part.status, part.text(), part.header("content-range")), (206, "140", Some("bytes 3-5/10")));
    assert!(get(&server, &format!("{job}/results")).contains("size=\"10\""));
    let changed = server.post_to(&job, &[("QUERY", "SELECT 1")]);
    assert!(changed.status == 400 && changed.text().contains("COMPLETED"), "{}", changed.text());
    assert_eq!(send(&server.http, "DELETE", &job, &[], b"").status, 303);
    assert_eq!(server.get(&job).status, 404);
    assert_eq!(server.get(&format!("{job}/results/result")).status, 404);
}

#[test]
fn what_is_wrong_is_told_when_the_job_runs() {
    let server = Server::start();
    for (pairs, part) in [
        (vec![("LANG", "ADQL")], "QUERY"),
        (vec![("LANG", "OOBLECK"), ("QUERY", COUNT)], "unknown query language"),
        (vec![("LANG", "ADQL"), ("QUERY", "SELECT names FROM openngc")], "did you mean"),
        (vec![("LANG", "ADQL"), ("QUERY", "SELECT * FROM TAP_UPLOAD.t"), ("UPLOAD", "t,param:x")], "no part \"x\""),
        (vec![("LANG", "ADQL"), ("QUERY", COUNT), ("UPLOAD", "t,http://127.0.0.1/")], "does not fetch from 127.0.0.1"),
    ] {
        let job = create(&server, &[&pairs[..], &[("PHASE", "RUN")]].concat());
        assert_eq!(wait(&server, &job, &["COMPLETED", "ERROR"]), "ERROR", "{part}");
        let shown = get(&server, &job);
        assert!(
            shown.contains("<uws:errorSummary type=\"fatal\"") && shown.contains(&part.replace('"', "&quot;")),
            "{shown}"
        );
        assert!(get(&server, &format!("{job}/error")).contains("QUERY_STATUS\" value=\"ERROR\""));
    }
    let again = server.post_to("/tap/async", &[("RUNID", "a"), ("runid", "b")]);
    assert!(again.status == 400 && again.text().contains("more than once"), "{}", again.text());
}

#[test]
fn a_job_that_is_stopped_works_no_more() {
    let server = Server::start();
    let job = create(&server, &run(LONG));
    wait(&server, &job, &["EXECUTING"]);
    let begun = Instant::now();
    let waited = get(&server, &format!("{job}?WAIT=1"));
    assert!(begun.elapsed() >= Duration::from_millis(900) && waited.contains("EXECUTING"));
    server.post_to(&format!("{job}/phase"), &[("PHASE", "ABORT")]);
    assert_eq!(wait(&server, &job, &["ABORTED"]), "ABORTED");
    let deleted = create(&server, &run(LONG));
    wait(&server, &deleted, &["EXECUTING"]);
    server.post_to(&deleted, &[("ACTION", "DELETE")]);
    assert_eq!(server.get(&deleted).status, 404);
    let late = create(&server, &[&run(LONG)[..], &[("EXECUTIONDURATION", "1")]].concat());
    assert_eq!(wait(&server, &late, &["ABORTED", "ERROR", "COMPLETED"]), "ABORTED");
    assert!(get(&server, &late).contains("did not end within 1 s"));
    if let Some(before) = server.processor_ticks() {
        std::thread::sleep(Duration::from_secs(1));
        let used = server.processor_ticks().unwrap() - before;
        assert!(used < 30, "the server still works: {used} ticks in a second");
    }
}

#[test]
fn jobs_are_listed_with_filters_to_those_who_may_see_them() {
    let server = Server::start();
    let done = create(&server, &run(COUNT));
    wait(&server, &done, &["COMPLETED"]);
    let pending = create(&server, &[("QUERY", COUNT)]);
    let id = |job: &str| job.rsplit('/').next().unwrap().to_owned();
    let list = |filter: &str| get(&server, &format!("/tap/async{filter}"));
    assert!(list("").contains(&id(&done)) && list("").contains(&id(&pending)));
    assert!(list("?PHASE=COMPLETED").contains(&id(&done)) && !list("?PHASE=COMPLETED").contains(&id(&pending)));
    assert!(list("?LAST=1").contains(&id(&pending)) && !list("?LAST=1").contains(&id(&done)));
    assert!(!list("?AFTER=2100-01-01T00:00:00Z").contains("jobref"));
    assert_eq!(server.get("/tap/async?LAST=x").status, 400);
    assert_eq!(server.get("/tap/async/0123").status, 404);
}

#[test]
fn a_crash_anywhere_loses_no_job() {
    for place in ["result-written", "result-published", "job-completed"] {
        let state = tempfile::tempdir().unwrap();
        let mut server = Server::start_in(state.path(), &[("SIDEREUS_FAILPOINT", place)]);
        let job = create(&server, &run(COUNT));
        server.ended();
        let server = Server::start_in(state.path(), &[]);
        assert_eq!(wait(&server, &job, &["COMPLETED", "ERROR"]), "COMPLETED", "{place}");
        assert_eq!(get(&server, &format!("{job}/results/result")), "n\r\n14026\r\n", "{place}");
        assert_eq!(files(state.path(), "results"), 1, "{place}");
        assert_eq!(files(state.path(), "spool"), 0, "{place}");
    }
    let state = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(state.path(), &[]);
    let (running, pending) = (create(&server, &run(LONG)), create(&server, &[("QUERY", COUNT)]));
    wait(&server, &running, &["EXECUTING"]);
    server.kill();
    let server = Server::start_in(state.path(), &[]);
    wait(&server, &running, &["EXECUTING", "QUEUED"]);
    assert_eq!(get(&server, &format!("{pending}/phase")), "PENDING");
}

fn files(state: &Path, shelf: &str) -> usize {
    std::fs::read_dir(state.join(shelf)).unwrap().count()
}

#[test]
fn tables_come_along_with_queries_at_once_and_queued() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start_in(state.path(), &[]);
    let table = "name,x\nNGC0224,1\nNGC5128,2\nnowhere,3\n";
    let query = "SELECT u.x, o.name FROM TAP_UPLOAD.mine AS u JOIN openngc AS o ON o.name = u.name ORDER BY u.x";
    let body = |pairs: &[(&str, &str)]| {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = "--b\r\nContent-Disposition: form-data; name=\"part\"; filename=\"t.csv\"\r\n\r\n";
        let pairs: String = pairs.iter().map(part).collect();
        format!("{pairs}{file}{table}\r\n--b--\r\n")
    };
    let post = |path: &str, pairs: &[(&str, &str)]| {
        let headers = [("Content-Type", "multipart/form-data; boundary=b")];
        send(&server.http, "POST", path, &headers, body(pairs).as_bytes())
    };
    let pairs = [("LANG", "ADQL"), ("FORMAT", "csv"), ("UPLOAD", "mine,param:part"), ("QUERY", query)];
    assert_eq!(post("/tap/sync", &pairs).rows(), ["1,NGC0224", "2,NGC5128"]);
    let job = path(&post("/tap/async", &[&pairs[..], &[("PHASE", "RUN")]].concat()));
    assert_eq!(wait(&server, &job, &["COMPLETED", "ERROR"]), "COMPLETED");
    assert!(get(&server, &format!("{job}/results/result")).ends_with("1,NGC0224\r\n2,NGC5128\r\n"));
    let kept = || -> Vec<u64> {
        let files = std::fs::read_dir(state.path().join("uploads")).unwrap();
        files.map(|file| std::os::unix::fs::MetadataExt::ino(&file.unwrap().metadata().unwrap())).collect()
    };
    let before = kept();
    assert_eq!(post(&job, &pairs[2..3]).status, 400, "it has been asked to run");
    assert_eq!(kept(), before, "what it reads stays what it was");
    let later = path(&post("/tap/async", &pairs[..2]));
    server.post_to(&format!("{later}/parameters"), &pairs[2..]);
    server.post_to(&format!("{later}/phase"), &[("PHASE", "RUN")]);
    assert_eq!(wait(&server, &later, &["COMPLETED", "ERROR"]), "COMPLETED");
    let unnamed = post("/tap/sync", &[("LANG", "ADQL"), ("QUERY", "SELECT * FROM TAP_UPLOAD.mine")]);
    assert_eq!(unnamed.status, 400, "{}", unnamed.text());
}
