//! Do connections lead where they may, and nowhere else? Servers that count, and a name server that changes its mind.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStoreExt, RetryConfig};
use url::Url;

use super::hosts::HostRule;
use super::names::Names;
use super::policy::Policy;
use super::{FetchLimits, Outgoing, OutgoingError, stores};
use crate::error::ErrorKind;

const LIMITS: FetchLimits = FetchLimits { bytes: 1000, time: Duration::from_secs(20) };

/// A web server that counts its connections: `/to/URL` redirects there (`!` is a backslash),
/// `/port/N` to another port, `/hop/N` N times to itself, `/slow` never ends.
struct Stub {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Stub {
    fn at(address: impl Into<SocketAddr>) -> Self {
        let listener = TcpListener::bind(address.into()).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address, connections }
    }

    fn new() -> Self {
        Self::at(([127, 0, 0, 1], 0))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: std::net::TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let redirect = |to: &str| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let text = match path.split('/').collect::<Vec<_>>()[..] {
        [_, "to", ..] => redirect(&path["/to/".len()..].replace('!', "\\")),
        [_, "port", port] => redirect(&format!("http://127.0.0.1:{port}/x")),
        [_, "hop", left] if left != "0" => redirect(&format!("/hop/{}", left.parse::<usize>().unwrap() - 1)),
        [_, "slow"] => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        [_, "endless"] => format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5000)),
        [_, "long"] => "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n".to_owned(),
        [_, "gone"] => "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstars".to_owned(),
    };
    let _ = stream.write_all(text.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes());
    if path == "/slow" {
        std::thread::sleep(Duration::from_secs(5));
    }
}

async fn fetch(outgoing: &Outgoing, url: &str, limits: FetchLimits) -> Result<String, OutgoingError> {
    let mut fetched = outgoing.fetch(url, limits).await?;
    let mut text = Vec::new();
    while let Some(bytes) = fetched.next().await? {
        text.extend_from_slice(&bytes);
    }
    Ok(String::from_utf8(text).unwrap())
}

fn to(hosts: &[&str]) -> Outgoing {
    Outgoing::to_hosts(&hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn only_named_hosts_are_asked_and_star_names_public_ones() {
    let stub = Stub::new();
    let host = stub.address.to_string();
    assert_eq!(fetch(&to(&[&host]), &stub.url("/x"), LIMITS).await.unwrap(), "stars");
    assert_eq!(fetch(&to(&["127.0.0.1"]), &stub.url("/x"), LIMITS).await.unwrap(), "stars");
    let none = fetch(&to(&[]), &stub.url("/x"), LIMITS).await.unwrap_err();
    assert_eq!(none, OutgoingError::NotNamed { host: host.clone() });
    assert!(none.to_string().contains(&host), "{none}");
    let inside = fetch(&to(&["*"]), &stub.url("/x"), LIMITS).await.unwrap_err();
    assert_eq!(inside, OutgoingError::Inside { host: "127.0.0.1".to_owned() });
    assert_eq!(inside.kind(), ErrorKind::BadQuery);
    assert!(!to(&[]).is_open() && to(&["*"]).is_open());
    assert_eq!(stub.count(), 2);
}

/// Knows no name.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Names for Nobody {
    async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::Error::other("no such name"))
    }
}

#[tokio::test]
async fn names_of_nobody_are_told_like_names_inside() {
    let outgoing = |policy| Outgoing::new(policy, Arc::new(Nobody));
    let url = "http://nobody.example/x";
    let error = fetch(&outgoing(Policy::new(Vec::new(), true)), url, LIMITS).await.unwrap_err();
    assert_eq!(error, OutgoingError::Inside { host: "nobody.example".to_owned() });
    let named = vec![HostRule::parse("nobody.example").unwrap()];
    let error = fetch(&outgoing(Policy::new(named, true)), url, LIMITS).await.unwrap_err();
    assert_eq!(error, OutgoingError::UnknownName { host: "nobody.example".to_owned() });
}

#[tokio::test]
async fn redirects_lead_to_no_other_host_inside() {
    let (good, secret) = (Stub::new(), Stub::new());
    let port = secret.address.port();
    let outgoing = to(&["*", &good.address.to_string()]);
    for target in [
        format!("http://127.0.0.1:{port}/x"),
        format!("//127.0.0.1:{port}/x"),
        format!("http://0x7f.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://017700000001:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[64:ff9b::7f00:1]:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://localhost.:{port}/"),
        format!("http://{}@127.0.0.1:{port}/", good.address.ip()),
        format!("http:!!127.0.0.1:{port}!"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://0/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
    ] {
        let error = fetch(&outgoing, &good.url(&format!("/to/{target}")), LIMITS).await.unwrap_err();
        assert!(matches!(error, OutgoingError::Redirect { .. }), "{target}: {error}");
        assert!(!error.to_string().contains("169.254"), "{error}");
    }
    assert_eq!(secret.count(), 0);
    let inner = good.url("/x");
    assert_eq!(fetch(&outgoing, &good.url(&format!("/to/{inner}")), LIMITS).await.unwrap(), "stars");
    assert_eq!(fetch(&outgoing, &good.url("/hop/5"), LIMITS).await.unwrap(), "stars");
    let error = fetch(&outgoing, &good.url("/hop/6"), LIMITS).await.unwrap_err();
    assert!(error.to_string().contains("one place after another"), "{error}");
}

#[test]
fn a_redirect_never_leaves_https() {
    let policy = Policy::new(vec![HostRule::parse("a.example").unwrap()], true);
    let from = Url::parse("https://a.example/x").unwrap();
    assert!(policy.redirect(&from, "https://a.example/y", 0).is_ok());
    assert!(policy.redirect(&from, "http://a.example/y", 0).is_err());
}

#[tokio::test]
async fn bytes_and_time_are_limited_whatever_the_server_says() {
    let stub = Stub::new();
    let outgoing = to(&["127.0.0.1"]);
    for path in ["/long", "/endless"] {
        let error = fetch(&outgoing, &stub.url(path), LIMITS).await.unwrap_err();
        assert_eq!(error, OutgoingError::TooLarge { host: "127.0.0.1".to_owned(), most: 1000 }, "{path}");
    }
    let brief = FetchLimits { time: Duration::from_millis(300), ..LIMITS };
    let error = fetch(&outgoing, &stub.url("/slow"), brief).await.unwrap_err();
    assert_eq!(error, OutgoingError::Timeout { host: "127.0.0.1".to_owned() });
    let error = fetch(&outgoing, &stub.url("/gone"), LIMITS).await.unwrap_err();
    assert_eq!(error, OutgoingError::Status { host: "127.0.0.1".to_owned(), status: 410 });
}

#[tokio::test]
async fn a_store_goes_to_its_own_server_and_to_no_other_inside() {
    let (good, secret) = (Stub::new(), Stub::new());
    let root = Url::parse(&good.url("/")).unwrap();
    let store = stores::web(&root, RetryConfig { max_retries: 0, ..RetryConfig::default() }).unwrap();
    let read = async |path: String| store.get(&Path::from_url_path(path).unwrap()).await?.bytes().await;
    assert_eq!(read("x".to_owned()).await.unwrap(), "stars");
    assert_eq!(read("hop/5".to_owned()).await.unwrap(), "stars");
    assert_eq!(read(format!("port/{}", good.address.port())).await.unwrap(), "stars");
    let error = read(format!("port/{}", secret.address.port())).await.unwrap_err();
    assert!(OutgoingError::below(&error).is_some(), "{error:?}");
    assert_eq!(secret.count(), 0);
}

#[test]
fn credentials_of_a_cloud_are_asked_for_and_never_redirected_to() {
    let builder = AmazonS3Builder::new().with_url("s3://bucket/x").with_endpoint("http://10.1.2.3:9000");
    let policy = stores::bucket_policy(&builder);
    let url = |text: &str| Url::parse(text).unwrap();
    let metadata = url("http://169.254.169.254/latest/api/token");
    assert!(policy.first(&metadata).is_ok());
    assert!(policy.first(&url("http://169.254.169.254:8080/")).is_err());
    assert!(policy.first(&url("http://10.1.2.3:9000/bucket/x")).is_ok());
    assert!(policy.first(&url("http://10.1.2.3:9001/")).is_err());
    let endpoint = url("http://10.1.2.3:9000/bucket/x");
    assert!(policy.redirect(&endpoint, metadata.as_str(), 0).is_err());
    assert!(policy.redirect(&endpoint, "/bucket/y", 0).is_ok());
    assert!(policy.redirect(&endpoint, "http://93.184.215.14/y", 0).is_ok());
}

/// Asks a name server over UDP (RFC 1035), each time anew.
#[derive(Debug)]
struct Wire(SocketAddr);

#[async_trait]
impl Names for Wire {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, 1, 0, 1]);
        socket.send_to(&query, self.0).await?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).await?;
        // One record follows the question: name, type, class, time to live, length, address.
        let record = &answer[query.len()..length];
        Ok(vec![IpAddr::from(<[u8; 4]>::try_from(&record[12..16]).unwrap())])
    }
}

/// A name server that gives one address after another for every name, each good for no time at all.
fn name_server(addresses: &'static [Ipv4Addr]) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut query) {
            let turn = counted.fetch_add(1, Ordering::SeqCst);
            let mut answer = query[..length].to_vec();
            (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
            answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
            answer.extend_from_slice(&addresses[turn.min(addresses.len() - 1)].octets());
            socket.send_to(&answer, client).unwrap();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_connected_to() {
    const GOOD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
    const SECRET: Ipv4Addr = Ipv4Addr::LOCALHOST;
    let good = Stub::at((GOOD, 0));
    let secret = Stub::at((SECRET, good.address.port()));
    let (server, asked) = name_server(&[GOOD, SECRET, GOOD, SECRET]);
    // The one address of the test's own machine that stands for the public internet.
    let policy = Policy { is_public: |address| address == IpAddr::V4(GOOD), ..Policy::new(Vec::new(), true) };
    let outgoing = Outgoing::new(policy, Arc::new(Wire(server)));
    let url = format!("http://rebinding.example:{}/x", good.address.port());
    for turn in 0..4 {
        let fetched = fetch(&outgoing, &url, LIMITS).await;
        match turn % 2 {
            0 => assert_eq!(fetched.unwrap(), "stars"),
            _ => {
                assert_eq!(fetched.unwrap_err(), OutgoingError::Inside { host: "rebinding.example".to_owned() });
            }
        }
        assert_eq!(asked.load(Ordering::SeqCst), turn + 1, "a name is looked up once for a connection");
    }
    assert_eq!((good.count(), secret.count()), (2, 0));
}

#[test]
fn texts_that_programs_read_in_different_ways_are_no_urls() {
    for text in [
        "http://good.example\\@127.0.0.1/",
        "http://good.example/\t",
        "http://127.0.0.1\n/",
        " http://a.example/",
        "http://a.example/\u{a0}",
        "http://[fe80::1%25eth0]/",
        "gopher://a.example/",
        "a.example/x",
    ] {
        let error = super::policy::parse(text).unwrap_err();
        assert!(matches!(error, OutgoingError::Url(_)), "{text:?}: {error}");
    }
    let error = super::policy::parse("http://good.example@127.0.0.1/").unwrap_err();
    assert_eq!(error, OutgoingError::Credentials { host: "127.0.0.1".to_owned() });
}
