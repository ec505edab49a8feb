//! Who runs a query, and from where?

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use sidereus_engine::Principal;

/// A front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// TAP over HTTP.
    Tap,
    /// Flight SQL over gRPC.
    Flight,
    /// Catalogs as trees of files over HTTP.
    Hats,
}

impl Protocol {
    /// The name in logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Flight => "flight",
            Self::Hats => "hats",
        }
    }
}

/// Where a query comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The front end.
    pub(crate) protocol: Protocol,
    /// The client's address, where there is one.
    pub(crate) address: Option<IpAddr>,
    /// The id under which the front end logs the request, if it gives one.
    pub(crate) request: Option<String>,
}

/// On whose behalf a query runs, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Whose rights it has.
    pub(crate) principal: Principal,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Time that it waits for its turn, for callers that keep a queue of their own: its length is not limited then. `None` takes
    /// what is configured.
    pub(crate) patience: Option<Duration>,
}

/// Whose queries share a turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum User {
    /// One with a name.
    Named(String),
    /// Whoever is at an address, or in the network that one customer has.
    At(IpAddr),
    /// Nobody knows who.
    Unknown,
}

impl Caller {
    /// A caller who waits as long as is configured.
    pub(crate) const fn new(principal: Principal, origin: Origin) -> Self {
        Self { principal, origin, patience: None }
    }

    /// The address as text; where there is none, a word for that.
    pub(crate) fn address(&self) -> String {
        self.origin.address.map_or_else(|| "unknown".to_owned(), |address| address.to_canonical().to_string())
    }

    /// Whether it comes from this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.origin.address.is_some_and(|address| address.to_canonical().is_loopback())
    }

    /// The name for logs.
    pub(super) fn name(&self) -> &str {
        self.principal.name().unwrap_or("anonymous")
    }

    /// Whose turn it is.
    pub(super) fn user(&self) -> User {
        match (self.principal.name(), self.origin.address) {
            (Some(name), _) => User::Named(name.to_owned()),
            (None, Some(address)) => User::At(network(address)),
            (None, None) => User::Unknown,
        }
    }
}

/// An address of version 4 as it is, of version 6 its first 64 bits: one customer has all the rest.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_network_are_one_user() {
        let at = |text: &str| network(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8:0:0:ffff::2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }
}
