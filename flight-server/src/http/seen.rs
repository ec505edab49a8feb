//! How does the client see the service, and the service the client?
//!
//! Behind a proxy that the operator trusts, what it says of the client counts: its address, and the scheme, host and prefix
//! that it asked for (`Forwarded`, RFC 7239, else `X-Forwarded-For`, `-Proto`, `-Host`, `-Prefix`). From anybody else these
//! headers are ignored.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::Response;

use crate::config::Config;
use crate::listener::Peer;
use crate::services::Services;

/// Longest host that is repeated in links.
const MAX_HOST: usize = 255;

/// What is known of a request before anybody reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The client's address.
    pub(crate) client: Option<IpAddr>,
    /// URL of this service as the client knows it, without a slash at its end.
    pub(crate) base: String,
    /// Whether nobody on the way can read what is sent.
    pub(crate) keeps_secrets: bool,
}

/// Middleware that leaves a [`Seen`] in the request's extensions.
pub(super) async fn see(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let seen = Seen::of(&services.config, request.extensions().get::<Peer>().copied(), request.headers());
    request.extensions_mut().insert(seen);
    next.run(request).await
}

impl Seen {
    fn of(config: &Config, peer: Option<Peer>, headers: &HeaderMap) -> Self {
        let trusted = config.networks();
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
        let address = peer.map(|peer| peer.address.ip().to_canonical());
        let told = match address {
            Some(address) if is_trusted(address) => Told::of(headers, is_trusted),
            _ => Told::default(),
        };
        let is_encrypted = peer.is_some_and(|peer| peer.encrypted);
        let scheme = match told.scheme.as_deref() {
            Some("https") => "https",
            Some("http") => "http",
            _ if is_encrypted => "https",
            _ => "http",
        };
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        let host = told.host.or(asked).filter(|host| is_host(host)).unwrap_or_else(|| config.http.clone());
        let base = match config.public_url.trim_end_matches('/') {
            "" => format!("{scheme}://{host}{}", told.prefix.unwrap_or_default()),
            url => url.to_owned(),
        };
        let keeps_secrets = match told.scheme {
            Some(scheme) => scheme == "https",
            None => peer.is_none_or(|peer| peer.keeps_secrets()),
        };
        Self { client: told.client.or(address), base, keeps_secrets }
    }
}

/// What a proxy says of a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    client: Option<IpAddr>,
    scheme: Option<String>,
    host: Option<String>,
    prefix: Option<String>,
}

impl Told {
    /// Of several proxies, each adds to the end: the client is the last address that is none of theirs.
    fn of(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Self {
        let all = |name: &str| -> Vec<String> {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect()
        };
        let steps = all("forwarded");
        let client = |addresses: Vec<String>| {
            let known: Vec<IpAddr> = addresses.iter().rev().map_while(|text| address(text)).collect();
            known.iter().find(|address| !is_trusted(**address)).or_else(|| known.last()).copied()
        };
        let prefix = all("x-forwarded-prefix").pop().filter(|prefix| is_prefix(prefix));
        let prefix = prefix.map(|prefix| prefix.trim_end_matches('/').to_owned());
        if let Some(last) = steps.last() {
            let each = steps.iter().filter_map(|step| pair(step, "for")).collect();
            return Self { client: client(each), scheme: pair(last, "proto"), host: pair(last, "host"), prefix };
        }
        let scheme = all("x-forwarded-proto").pop().map(|scheme| scheme.to_ascii_lowercase());
        Self { client: client(all("x-forwarded-for")), scheme, host: all("x-forwarded-host").pop(), prefix }
    }
}

/// A value of one step of `Forwarded`.
fn pair(step: &str, name: &str) -> Option<String> {
    let pairs = step.split(';').filter_map(|pair| pair.split_once('='));
    let found = pairs.filter(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value).next()?;
    Some(found.trim().trim_matches('"').to_ascii_lowercase())
}

/// An address with or without brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.trim().trim_matches('"');
    let socket = plain.parse::<std::net::SocketAddr>().map(|socket| socket.ip());
    let found = socket.ok().or_else(|| plain.trim_start_matches('[').trim_end_matches(']').parse().ok());
    found.map(|address: IpAddr| address.to_canonical())
}

/// Whether a text can stand for a host in a URL, and for nothing else.
fn is_host(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !text.is_empty() && text.len() <= MAX_HOST && text.chars().all(is_plain)
}

fn is_prefix(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~');
    text.starts_with('/') && !text.starts_with("//") && text.len() <= MAX_HOST && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn seen(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> Seen {
        let config = Config {
            trusted_proxies: trusted.iter().map(|network| (*network).to_owned()).collect(),
            ..Config::default()
        };
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap()));
        let peer = Peer { address: peer.parse().unwrap(), encrypted: false, number: 0 };
        Seen::of(&config, Some(peer), &pairs.collect())
    }

    #[test]
    fn what_strangers_say_of_themselves_is_ignored() {
        let found = seen(
            "203.0.113.9:1",
            &["10.0.0.0/8"],
            &[
                ("host", "sky:1"),
                ("x-forwarded-for", "10.1.1.1"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "for=10.1.1.1"),
            ],
        );
        assert_eq!((found.base.as_str(), found.client), ("http://sky:1", "203.0.113.9".parse().ok()));
        assert!(!found.keeps_secrets);
    }

    #[test]
    fn what_a_trusted_proxy_says_counts() {
        let headers = [
            ("host", "inside:8080"),
            ("x-forwarded-for", "198.51.100.7, 203.0.113.9, 10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "sky.example.org"),
            ("x-forwarded-prefix", "/archive/"),
        ];
        let found = seen("10.0.0.1:1", &["10.0.0.0/8"], &headers);
        assert_eq!(found.base, "https://sky.example.org/archive");
        // The first address is what the client itself claims.
        assert_eq!(found.client, "203.0.113.9".parse().ok());
        assert!(found.keeps_secrets);
        let standard = [("forwarded", "for=\"[2001:db8::7]:4711\";proto=https;host=sky.example.org")];
        let found = seen("10.0.0.1:1", &["10.0.0.1"], &standard);
        assert_eq!((found.base.as_str(), found.client), ("https://sky.example.org", "2001:db8::7".parse().ok()));
    }

    #[test]
    fn hosts_that_are_none_are_not_repeated() {
        for host in ["a/b", "a b", "<x>", "a@b", "a?b", "a\\b"] {
            assert_eq!(seen("127.0.0.1:1", &[], &[("host", host)]).base, "http://127.0.0.1:8080", "{host}");
        }
        let headers = [("host", "h"), ("x-forwarded-prefix", "//evil.example/")];
        assert_eq!(seen("127.0.0.1:1", &["127.0.0.1"], &headers).base, "http://h");
    }
}
