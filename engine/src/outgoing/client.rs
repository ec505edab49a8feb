//! How are the two ways to a host kept apart?
//!
//! Each way has a client of its own, and with it connections of its own: one that was opened to a named host is never used
//! for a host that must be public.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, ClientBuilder, redirect};

use super::names::{JudgedNames, Names};
use super::policy::Route;

type Settings = Box<dyn Fn() -> ClientBuilder + Send + Sync>;

/// A client for each way, made when it is first gone.
pub(super) struct Clients {
    settings: Settings,
    names: Arc<dyn Names>,
    is_public: fn(IpAddr) -> bool,
    named: OnceLock<Client>,
    public: OnceLock<Client>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Clients {
    /// Clients with the given settings.
    pub(super) fn new(
        settings: impl Fn() -> ClientBuilder + Send + Sync + 'static,
        names: Arc<dyn Names>,
        is_public: fn(IpAddr) -> bool,
    ) -> Self {
        let settings = Box::new(settings);
        Self { settings, names, is_public, named: OnceLock::new(), public: OnceLock::new() }
    }

    /// The client of a way.
    pub(super) fn get(&self, route: Route) -> reqwest::Result<&Client> {
        let (cell, passes): (_, fn(IpAddr) -> bool) = match route {
            Route::Named => (&self.named, |_| true),
            Route::Public => (&self.public, self.is_public),
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let names = JudgedNames { names: Arc::clone(&self.names), route, passes, turn: AtomicUsize::new(0) };
        // Redirects are judged here, and bytes are counted as they are on the server.
        let builder = (self.settings)().no_proxy().redirect(redirect::Policy::none()).dns_resolver(Arc::new(names));
        let client = builder.no_gzip().no_brotli().no_zstd().no_deflate().build()?;
        Ok(cell.get_or_init(|| client))
    }
}

/// Where a status sends a client on to.
pub(super) fn location(status: reqwest::StatusCode, headers: &reqwest::header::HeaderMap) -> Option<&str> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    headers.get(reqwest::header::LOCATION).filter(|_| is_redirect).and_then(|location| location.to_str().ok())
}
