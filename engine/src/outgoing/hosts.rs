//! Which hosts does an operator name?
//!
//! ```text
//!  archive.example          that host, any port
//!  archive.example:8080     that host and port
//!  192.0.2.7  [2001:db8::1]:8080
//!  *                        any host of the public internet
//! ```

use url::{Host, Url};

use super::error::OutgoingError;

/// What names a host, or hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostRule {
    /// One host; `None` is any port.
    Exact(Host, Option<u16>),
    /// All hosts below a domain, given with its leading dot.
    Below(&'static str),
}

impl HostRule {
    /// Understands `HOST` or `HOST:PORT`.
    pub(super) fn parse(text: &str) -> Result<Self, OutgoingError> {
        let with_port = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let bad = || OutgoingError::Url(format!("expected HOST or HOST:PORT, found {text:?}"));
        let (host, port) = match with_port {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?)),
            None => (text, None),
        };
        let host = Host::parse(host).map_err(|_| bad())?;
        Ok(Self::Exact(plain(host), port))
    }

    /// The host and port of a URL, and where it is plain HTTP on its usual port, also the port of HTTPS.
    pub(super) fn of(url: &Url) -> Vec<Self> {
        let Some(host) = host(url) else { return Vec::new() };
        let port = url.port_or_known_default();
        let secure = (url.scheme() == "http" && port == Some(80)).then_some(443);
        [port, secure].into_iter().flatten().map(|port| Self::Exact(host.clone(), Some(port))).collect()
    }

    /// Whether it names the host of a URL.
    pub(super) fn names(&self, url: &Url) -> bool {
        let Some(host) = host(url) else { return false };
        match (self, host) {
            (Self::Exact(named, port), host) => {
                *named == host && port.is_none_or(|port| url.port_or_known_default() == Some(port))
            }
            (Self::Below(domain), Host::Domain(host)) => host.ends_with(domain),
            (Self::Below(_), _) => false,
        }
    }
}

fn host(url: &Url) -> Option<Host> {
    url.host().map(|host| plain(host.to_owned()))
}

/// A name without the dot that may end it; the parser has made it lower case and ASCII.
fn plain(host: Host) -> Host {
    match host {
        Host::Domain(name) => Host::Domain(name.strip_suffix('.').map_or_else(|| name.clone(), str::to_owned)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_named_with_or_without_a_port() {
        for (rule, url, expected) in [
            ("archive.example", "https://archive.example/x", true),
            ("archive.example", "http://ARCHIVE.example.:8080/x", true),
            ("archive.example", "http://archive.example.org/x", false),
            ("archive.example", "http://sub.archive.example/x", false),
            ("archive.example:80", "http://archive.example/x", true),
            ("archive.example:80", "https://archive.example/x", false),
            ("127.0.0.1:9000", "http://2130706433:9000/", true),
            ("127.0.0.1:9000", "http://127.0.0.1:9001/", false),
            ("[::1]:9000", "http://[0:0::1]:9000/", true),
            ("[::1]", "http://[::2]/", false),
        ] {
            assert_eq!(HostRule::parse(rule).unwrap().names(&Url::parse(url).unwrap()), expected, "{rule} {url}");
        }
        for text in ["", "a b", "http://x/", "x:0", "x:99999", "x:", "::1", "x/y"] {
            assert!(HostRule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_root_on_the_usual_port_may_become_secure() {
        let rules = HostRule::of(&Url::parse("http://a.example/x").unwrap());
        let is_named = |url: &str| rules.iter().any(|rule| rule.names(&Url::parse(url).unwrap()));
        assert!(is_named("https://a.example/y") && !is_named("http://a.example:8080/"));
    }
}
