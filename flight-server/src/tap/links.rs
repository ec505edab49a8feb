//! Under which URLs do clients find what they are told of?

use axum::http::HeaderMap;
use axum::http::header::HOST;

use crate::config::Config;

/// The URL of `/tap` as the client knows it.
pub(super) fn base(config: &Config, headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let root = match (config.public_url.as_str(), host) {
        ("", Some(host)) => format!("http://{host}"),
        ("", None) => format!("http://{}", config.http),
        (url, _) => url.trim_end_matches('/').to_owned(),
    };
    format!("{root}/tap")
}

/// The URL of the list of jobs.
pub(super) fn jobs(config: &Config, headers: &HeaderMap) -> String {
    format!("{}/async", base(config, headers))
}

/// The URL of a job.
pub(super) fn job(config: &Config, headers: &HeaderMap, id: &str) -> String {
    format!("{}/{}", jobs(config, headers), url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_base_is_the_clients_own_or_the_configured_one() {
        let mut config = Config::default();
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("sky:1"))]);
        assert_eq!(base(&config, &headers), "http://sky:1/tap");
        assert_eq!(base(&config, &HeaderMap::new()), "http://127.0.0.1:8080/tap");
        config.public_url = "https://sky.example.org/a/".to_owned();
        assert_eq!(job(&config, &headers, "x/y"), "https://sky.example.org/a/tap/async/x%2Fy");
    }
}
