//! How is a URL fetched that somebody else names?

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::{Clients, location};
use super::error::OutgoingError;
use super::hosts::HostRule;
use super::names::{Names, SystemNames};
use super::policy::{self, Policy, host_of};

/// Time for a connection, and time without a byte.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches from the hosts that an operator allows. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outgoing {
    policy: Policy,
    clients: Arc<Clients>,
}

/// How much is fetched at most.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Bytes as they are sent.
    pub bytes: u64,
    /// Time from the first look at the URL to the last byte.
    pub time: Duration,
}

/// A body on its way.
#[derive(Debug)]
pub struct Fetched {
    response: Response,
    host: String,
    limits: FetchLimits,
    deadline: Instant,
    bytes: u64,
}

impl Outgoing {
    /// Fetches from the named hosts alone: `HOST` or `HOST:PORT`, wherever they are; `*` adds all that are public. Without any,
    /// nothing is fetched.
    ///
    /// *Errors*: a text that names no host.
    pub fn to_hosts(hosts: &[String]) -> Result<Self, OutgoingError> {
        let public = hosts.iter().any(|host| host == "*");
        let named = hosts.iter().filter(|host| *host != "*").map(|host| HostRule::parse(host));
        Ok(Self::new(Policy::new(named.collect::<Result<_, _>>()?, public), Arc::new(SystemNames)))
    }

    pub(super) fn new(policy: Policy, names: Arc<dyn Names>) -> Self {
        let agent = concat!("sidereus/", env!("CARGO_PKG_VERSION"));
        let settings = move || Client::builder().user_agent(agent).connect_timeout(CONNECT).read_timeout(SILENCE);
        let clients = Arc::new(Clients::new(settings, names, policy.is_public));
        Self { policy, clients }
    }

    /// Whether there is any host to fetch from.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.policy.public || !self.policy.named.is_empty()
    }

    /// Begins to fetch what a URL names.
    ///
    /// *Errors*: the host is not allowed, cannot be reached, or has an error to tell.
    pub async fn fetch(&self, text: &str, limits: FetchLimits) -> Result<Fetched, OutgoingError> {
        let deadline = Instant::now() + limits.time;
        let mut url = policy::parse(text)?;
        let mut route = self.policy.first(&url)?;
        let mut hops = 0;
        loop {
            let host = host_of(&url);
            let failed = |cause| OutgoingError::Failed { host: host.clone(), cause };
            let client = self.clients.get(route).map_err(|_| failed("the client cannot be set up"))?;
            let response = in_time(deadline, &host, client.get(url.clone()).send()).await?;
            if let Some(location) = location(response.status(), response.headers()) {
                (url, route) = self.policy.redirect(&url, location, hops)?;
                hops += 1;
                continue;
            }
            if !response.status().is_success() {
                return Err(OutgoingError::Status { host, status: response.status().as_u16() });
            }
            if response.content_length().is_some_and(|length| length > limits.bytes) {
                return Err(OutgoingError::TooLarge { host, most: limits.bytes });
            }
            return Ok(Fetched { response, host, limits, deadline, bytes: 0 });
        }
    }

    /// The host of a text that is a URL, for people.
    #[must_use]
    pub fn host(text: &str) -> String {
        Url::parse(text).map(|url| host_of(&url)).unwrap_or_default()
    }
}

impl Fetched {
    /// The next bytes; `None` at the end.
    ///
    /// *Errors*: a limit was passed, or the connection failed; what came before is not whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OutgoingError> {
        let bytes = in_time(self.deadline, &self.host, self.response.chunk()).await?;
        self.bytes += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if self.bytes > self.limits.bytes {
            return Err(OutgoingError::TooLarge { host: self.host.clone(), most: self.limits.bytes });
        }
        Ok(bytes)
    }
}

async fn in_time<T>(
    deadline: Instant,
    host: &str,
    work: impl Future<Output = reqwest::Result<T>> + Send,
) -> Result<T, OutgoingError> {
    match timeout_at(deadline, work).await {
        Err(_) => Err(OutgoingError::Timeout { host: host.to_owned() }),
        Ok(done) => done.map_err(|error| {
            let host = host.to_owned();
            match OutgoingError::below(&error) {
                Some(own) => own,
                None if error.is_timeout() => OutgoingError::Timeout { host },
                None if error.is_connect() => OutgoingError::Failed { host, cause: "no connection" },
                None => OutgoingError::Failed { host, cause: "the connection broke off" },
            }
        }),
    }
}
