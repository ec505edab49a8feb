//! Which addresses does a name have, and which of them may be connected to?

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::error::OutgoingError;
use super::policy::Route;

/// A source of addresses.
#[async_trait]
pub(super) trait Names: Debug + Send + Sync {
    /// All addresses of a name, asked for now.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's name service.
#[derive(Debug)]
pub(super) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Looks a name up and hands on the addresses that pass; the connector knows no others.
#[derive(Debug)]
pub(super) struct JudgedNames {
    /// Asked once for each connection.
    pub(super) names: Arc<dyn Names>,
    /// Whose client asks.
    pub(super) route: Route,
    /// Judges each address.
    pub(super) passes: fn(IpAddr) -> bool,
    /// Connections so far: each begins with another address, as stores of many servers like it.
    pub(super) turn: AtomicUsize,
}

impl Resolve for JudgedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, passes, route) = (Arc::clone(&self.names), self.passes, self.route);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = names.addresses(&host).await.unwrap_or_default();
            if found.is_empty() && route == Route::Named {
                return Err(OutgoingError::UnknownName { host }.into());
            }
            let mut passed: Vec<SocketAddr> =
                found.into_iter().filter(|address| passes(*address)).map(|address| (address, 0).into()).collect();
            if passed.is_empty() {
                return Err(OutgoingError::Inside { host }.into());
            }
            let first = turn % passed.len();
            passed.rotate_left(first);
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}
