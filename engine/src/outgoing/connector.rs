//! How do object stores send their requests?
//!
//! In place of the library's own client: the same settings (HTTP/1.1 unless told otherwise, so that many requests go side by
//! side; time-outs; headers), each request and each redirect judged.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::ClientBuilder;
use reqwest::header::{
    ACCEPT, HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE,
};
use url::Url;

use super::client::{Clients, location};
use super::error::OutgoingError;
use super::names::{Names, SystemNames};
use super::policy::{Policy, Route};

/// Headers that go with a redirect to another host: nothing that tells who asks.
const PLAIN: [HeaderName; 6] = [ACCEPT, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE];

/// Makes the clients of one store.
#[derive(Debug)]
pub(super) struct Connector {
    policy: Policy,
    names: Arc<dyn Names>,
}

impl Connector {
    /// A connector to where the policy allows.
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, names: Arc::new(SystemNames) }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic {
            store: "outgoing connections",
            source,
        };
        if options.get_config_value(&ClientConfigKey::ProxyUrl).is_some() {
            return Err(failed("a proxy is configured, and connections are made to the hosts themselves".into()));
        }
        let options = options.clone();
        let clients = Clients::new(move || builder(&options), Arc::clone(&self.names), self.policy.is_public);
        clients.get(Route::Named).map_err(|error| failed(error.into()))?;
        Ok(HttpClient::new(Judged { policy: self.policy.clone(), clients }))
    }
}

/// The client that the options ask for.
fn builder(options: &ClientOptions) -> ClientBuilder {
    let text = |key| options.get_config_value(&key);
    let is_set = |key| text(key).is_some_and(|value| value == "true");
    let time = |key| text(key).and_then(|value| duration(&value));
    let agent = text(ClientConfigKey::UserAgent);
    let agent = agent.unwrap_or_else(|| concat!("sidereus/", env!("CARGO_PKG_VERSION")).to_owned());
    let mut builder = ClientBuilder::new()
        .user_agent(agent)
        .https_only(!is_set(ClientConfigKey::AllowHttp))
        .danger_accept_invalid_certs(is_set(ClientConfigKey::AllowInvalidCertificates));
    if let Some(headers) = options.get_default_headers() {
        builder = builder.default_headers(headers.clone());
    }
    if let Some(time) = time(ClientConfigKey::Timeout) {
        builder = builder.timeout(time);
    }
    if let Some(time) = time(ClientConfigKey::ConnectTimeout) {
        builder = builder.connect_timeout(time);
    }
    if let Some(time) = time(ClientConfigKey::PoolIdleTimeout) {
        builder = builder.pool_idle_timeout(time);
    }
    if let Some(most) = text(ClientConfigKey::PoolMaxIdlePerHost).and_then(|value| value.parse().ok()) {
        builder = builder.pool_max_idle_per_host(most);
    }
    if is_set(ClientConfigKey::Http1Only) {
        builder = builder.http1_only();
    }
    if is_set(ClientConfigKey::Http2Only) {
        builder = builder.http2_prior_knowledge();
    }
    http2(builder, time(ClientConfigKey::Http2KeepAliveInterval), options)
}

fn http2(mut builder: ClientBuilder, interval: Option<Duration>, options: &ClientOptions) -> ClientBuilder {
    let text = |key| options.get_config_value(&key);
    if interval.is_some() {
        builder = builder.http2_keep_alive_interval(interval);
    }
    if let Some(time) = text(ClientConfigKey::Http2KeepAliveTimeout).and_then(|value| duration(&value)) {
        builder = builder.http2_keep_alive_timeout(time);
    }
    if text(ClientConfigKey::Http2KeepAliveWhileIdle).is_some_and(|value| value == "true") {
        builder = builder.http2_keep_alive_while_idle(true);
    }
    if let Some(size) = text(ClientConfigKey::Http2MaxFrameSize).and_then(|value| value.parse::<u32>().ok()) {
        builder = builder.http2_max_frame_size(size);
    }
    builder
}

/// A time as the options tell it: `1m 30s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    text.split_whitespace().try_fold(Duration::ZERO, |sum, part| {
        let unit = part.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = (part[..unit].parse::<u32>().ok()?, &part[unit..]);
        let one = match unit {
            "ns" => Duration::from_nanos(1),
            "us" | "µs" => Duration::from_micros(1),
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "day" | "days" => Duration::from_secs(86_400),
            _ => return None,
        };
        sum.checked_add(one.checked_mul(number)?)
    })
}

/// Sends requests where they may go.
#[derive(Debug)]
struct Judged {
    policy: Policy,
    clients: Clients,
}

#[async_trait]
impl HttpService for Judged {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut url =
            Url::parse(&request.uri().to_string()).map_err(|error| refused(OutgoingError::Url(error.to_string())))?;
        let mut route = self.policy.first(&url).map_err(refused)?;
        let is_reading = matches!(request.method().as_str(), "GET" | "HEAD" | "PROPFIND") && request.body().is_empty();
        let (method, mut headers) = (request.method().clone(), request.headers().clone());
        let mut hops = 0;
        loop {
            let client = self.clients.get(route).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
            let response = client.call(request).await.map_err(own)?;
            let location = location(response.status(), response.headers()).filter(|_| is_reading);
            let Some(location) = location else { return Ok(response) };
            let from = url;
            (url, route) = self.policy.redirect(&from, location, hops).map_err(refused)?;
            hops += 1;
            if url.origin() != from.origin() {
                headers = without_secrets(&headers);
            }
            request = HttpRequest::new(HttpRequestBody::empty());
            *request.method_mut() = method.clone();
            *request.headers_mut() = headers.clone();
            *request.uri_mut() =
                url.as_str().parse().map_err(|_| refused(OutgoingError::Url("the redirect is no URI".to_owned())))?;
        }
    }
}

fn without_secrets(headers: &HeaderMap) -> HeaderMap {
    let is_plain = |name: &HeaderName| PLAIN.contains(name) || name.as_str() == "depth";
    headers.iter().filter(|(name, _)| is_plain(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A refusal is final: trying again does not help.
fn refused(error: OutgoingError) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

fn own(error: HttpError) -> HttpError {
    match OutgoingError::below(&error) {
        // A name service that fails may be asked again.
        Some(own @ OutgoingError::UnknownName { .. }) => HttpError::new(HttpErrorKind::Connect, own),
        Some(own) => refused(own),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_options_tell_them() {
        let key = |time| {
            let options = ClientOptions::new().with_timeout(time);
            options.get_config_value(&ClientConfigKey::Timeout).unwrap()
        };
        for millis in [0, 1, 500, 30_000, 90_500, 7_200_000, 90_000_000] {
            let time = Duration::from_millis(millis);
            assert_eq!(duration(&key(time)), Some(time), "{}", key(time));
        }
        assert_eq!(duration("soon"), None);
    }

    #[test]
    fn a_store_that_wants_a_proxy_is_refused() {
        let connector = Connector::new(Policy::new(Vec::new(), true));
        assert!(connector.connect(&ClientOptions::new()).is_ok());
        assert!(connector.connect(&ClientOptions::new().with_proxy_url("http://proxy.example")).is_err());
    }
}
