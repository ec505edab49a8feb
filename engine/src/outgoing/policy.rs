//! May a URL be asked, and by which of the two ways?

use std::net::IpAddr;

use url::{Host, Url};

use super::address::is_global;
use super::error::OutgoingError;
use super::hosts::HostRule;

/// Redirects that are followed.
pub(super) const MAX_REDIRECTS: usize = 5;

/// The way to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// The operator named the host: it may be anywhere.
    Named,
    /// Only to addresses that are public.
    Public,
}

/// Where connections may lead.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// Hosts that the operator named.
    pub(super) named: Vec<HostRule>,
    /// Hosts that a request of ours may name, and a redirect may not: where a cloud gives credentials.
    pub(super) first: Vec<HostRule>,
    /// Whether hosts that nobody named may be reached where they are public.
    pub(super) public: bool,
    /// Which addresses are public.
    pub(super) is_public: fn(IpAddr) -> bool,
}

impl Policy {
    /// The named hosts, and public ones too if asked.
    pub(super) fn new(named: Vec<HostRule>, public: bool) -> Self {
        Self { named, first: Vec::new(), public, is_public: is_global }
    }

    /// The way to a URL that a request of ours names.
    pub(super) fn first(&self, url: &Url) -> Result<Route, OutgoingError> {
        check_form(url)?;
        if self.first.iter().any(|rule| rule.names(url)) { Ok(Route::Named) } else { self.route(url) }
    }

    /// The URL that an answer redirects to, and the way to it.
    pub(super) fn redirect(&self, from: &Url, location: &str, hops: usize) -> Result<(Url, Route), OutgoingError> {
        let refused = |what| OutgoingError::Redirect { host: host_of(from), what };
        if hops >= MAX_REDIRECTS {
            return Err(refused("one place after another"));
        }
        let url = from.join(location).map_err(|_| refused("what is no URL"))?;
        if from.scheme() == "https" && url.scheme() == "http" {
            return Err(refused("plain http"));
        }
        check_form(&url).map_err(|_| refused("what is no plain http or https URL"))?;
        let route = self.route(&url).map_err(|_| refused("a host that this service does not connect to"))?;
        Ok((url, route))
    }

    fn route(&self, url: &Url) -> Result<Route, OutgoingError> {
        if self.named.iter().any(|rule| rule.names(url)) {
            return Ok(Route::Named);
        }
        if !self.public {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            return Err(OutgoingError::NotNamed { host: host_of(url) + &port });
        }
        let is_inside = match url.host() {
            Some(Host::Ipv4(address)) => !(self.is_public)(address.into()),
            Some(Host::Ipv6(address)) => !(self.is_public)(address.into()),
            // Whatever the name service says of it (RFC 6761, section 6.3).
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            None => true,
        };
        if is_inside { Err(OutgoingError::Inside { host: host_of(url) }) } else { Ok(Route::Public) }
    }
}

/// The URL of a text that somebody else wrote; what other programs might read another way is refused.
pub(super) fn parse(text: &str) -> Result<Url, OutgoingError> {
    let bad = |why: &str| OutgoingError::Url(why.to_owned());
    if text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control()) {
        return Err(bad("it holds a backslash, a space or a control character"));
    }
    let url = Url::parse(text).map_err(|error| OutgoingError::Url(error.to_string()))?;
    check_form(&url)?;
    Ok(url)
}

/// What people call the host of a URL.
pub(super) fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn check_form(url: &Url) -> Result<(), OutgoingError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(OutgoingError::Url(format!("expected http or https, found {:?}", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(OutgoingError::Url("expected a host".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OutgoingError::Credentials { host: host_of(url) });
    }
    Ok(())
}
