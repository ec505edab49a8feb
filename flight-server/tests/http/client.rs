//! A small HTTP client that shows everything: status, headers, body, trailers, and whether the transfer was whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        find(&self.trailers, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Lines of a CSV answer without its header.
    pub(crate) fn rows(&self) -> Vec<&str> {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text().lines().skip(1).collect()
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Sends a request and reads the whole answer.
pub(crate) fn send(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = open(address, method, path, headers, body);
    let mut reader = BufReader::new(&mut stream);
    let status_line = line(&mut reader);
    let status = status_line.split(' ').nth(1).unwrap_or_default().parse().unwrap();
    let headers = header_lines(&mut reader);
    let mut answer = Answer { status, headers, body: Vec::new(), trailers: Vec::new() };
    if find(&answer.headers, "transfer-encoding") == Some("chunked") {
        loop {
            let size = usize::from_str_radix(line(&mut reader).trim(), 16).expect("the transfer broke off");
            let start = answer.body.len();
            answer.body.resize(start + size, 0);
            reader.read_exact(&mut answer.body[start..]).unwrap();
            if size == 0 {
                break;
            }
            line(&mut reader);
        }
        answer.trailers = header_lines(&mut reader);
    } else {
        reader.read_to_end(&mut answer.body).unwrap();
    }
    answer
}

/// Sends a request and leaves the answer to the caller.
pub(crate) fn open(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close, TE\r\nTE: trailers\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // A server that refuses a long body may close before it has read all of it.
    let _ = stream.write_all(body);
    stream
}

/// A form as browsers send it.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn header_lines(reader: &mut impl BufRead) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    loop {
        let text = line(reader);
        let Some((name, value)) = text.trim_end().split_once(':') else { return headers };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn line(reader: &mut impl BufRead) -> String {
    let mut text = String::new();
    reader.read_line(&mut text).unwrap();
    text
}
