//! Where does the service go for tables that are named by URL, and where not?

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::Server;

const TABLE: &str = "id,name\n1,Vega\n2,Deneb\n";

/// What is said of a URL that is not asked; no other answer will do.
const REFUSALS: [&str; 6] = [
    "not a URL that can be fetched",
    "holds a user name or a password",
    "is no host of the public internet",
    "which is not followed",
    "expected param:PART, or an http or https URL",
    "does not fetch from",
];

/// Counts who comes.
fn count(listener: TcpListener) -> Arc<AtomicUsize> {
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    std::thread::spawn(move || {
        for _stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    counted
}

/// The server that the operator names: `/to/URL` redirects, `/hop/N` N times to itself, everything else is a table.
fn named_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let location = match (path.strip_prefix("/to/"), path.strip_prefix("/hop/")) {
        (Some(url), _) => Some(url.replace('!', "\\")),
        (None, Some(left)) => left.parse::<usize>().ok().filter(|left| *left > 0).map(|n| format!("/hop/{}", n - 1)),
        _ => None,
    };
    let head = match location {
        Some(location) => format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0"),
        None => format!("HTTP/1.1 200 OK\r\nContent-Length: {}", TABLE.len()),
    };
    let _ = stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{TABLE}").as_bytes());
}

fn unescaped(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        let escaped = if c == '\\' { rest.next() } else { None };
        text.push(match escaped {
            Some('t') => '\t',
            Some('r') => '\r',
            Some('n') => '\n',
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
            }
            Some(other) => other,
            None => c,
        });
    }
    text
}

fn ask(server: &Server, url: &str) -> crate::client::Answer {
    let upload = format!("t,{url}");
    let query = "SELECT name FROM TAP_UPLOAD.t ORDER BY id";
    server.post(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", query), ("UPLOAD", &upload)])
}

#[test]
fn no_url_leads_inside() {
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = inside.local_addr().unwrap().port();
    let mut counts = vec![count(inside)];
    // Where the machine has no IPv6, nobody can come that way either.
    counts.extend(TcpListener::bind(("::1", port)).ok().map(count));
    let named = named_server();
    let hosts = format!("*,{named}");
    let server = Server::start_with(&[], &[("SIDEREUS_OUTGOING_HOSTS", &hosts), ("SIDEREUS_OUTGOING_SECONDS", "20")]);
    let table = ask(&server, &format!("http://{named}/table.csv"));
    assert_eq!((table.status, table.text()), (200, "name\r\nVega\r\nDeneb\r\n"));
    let table = ask(&server, &format!("http://{named}/to/http://{named}/table.csv"));
    assert_eq!(table.status, 200, "{}", table.text());

    let lines = include_str!("hostile_urls.txt").lines().filter(|line| !line.starts_with('#'));
    let urls: Vec<String> =
        lines.map(|line| unescaped(line).replace("{inside}", &port.to_string()).replace("{named}", &named)).collect();
    assert!(urls.len() >= 200, "{}", urls.len());
    for url in &urls {
        let answer = ask(&server, url);
        assert!((400..500).contains(&answer.status), "{url:?}: {} {}", answer.status, answer.text());
        assert!(REFUSALS.iter().any(|text| answer.text().contains(text)), "{url:?}: {}", answer.text());
    }
    assert!(counts.iter().all(|count| count.load(Ordering::SeqCst) == 0), "somebody came: {counts:?}");

    let open = Server::start_with(&[], &[("SIDEREUS_OUTGOING_HOSTS", "127.0.0.1")]);
    let answer = ask(&open, &format!("http://2130706433:{port}/"));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(counts[0].load(Ordering::SeqCst) > 0, "the listener counts whoever comes");
}

#[test]
fn a_job_fetches_its_table_when_it_runs_and_nothing_is_fetched_unasked() {
    let named = named_server();
    let url = format!("http://{named}/table.csv");
    let closed = Server::start();
    let refused = ask(&closed, &url);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains(&format!("does not fetch from {named}")), "{}", refused.text());

    let server = Server::start_with(&[], &[("SIDEREUS_OUTGOING_HOSTS", &named)]);
    assert!(server.get("/tap/capabilities").text().contains("#upload-http"));
    let upload = format!("t,{url}");
    let query = "SELECT COUNT(*) AS n FROM TAP_UPLOAD.t";
    let job = crate::jobs::create(
        &server,
        &[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", query), ("UPLOAD", &upload), ("PHASE", "RUN")],
    );
    assert_eq!(crate::jobs::wait(&server, &job, &["COMPLETED", "ERROR"]), "COMPLETED");
    assert_eq!(server.get(&format!("{job}/results/result")).text(), "n\r\n2\r\n");
}
