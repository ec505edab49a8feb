//! How is a store opened that the operator names: a bucket, a web server?
//!
//! Its own host and those that the `AWS_*` variables name may be anywhere. A redirect may lead to the same host and port, or to
//! the public internet: not to where a cloud gives credentials, nor elsewhere inside.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use super::connector::Connector;
use super::hosts::HostRule;
use super::policy::Policy;

/// Hosts that give credentials to programs of a cloud, as the store's library asks them.
const METADATA: [&str; 2] = ["http://169.254.169.254", "http://169.254.170.2"];

/// The bucket of an S3 URL, with the settings of the `AWS_*` variables.
///
/// *Errors*: settings that do not fit together.
pub(crate) fn bucket(url: &Url, retry: RetryConfig, allow_http: bool) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
    if allow_http {
        builder = builder.with_allow_http(true);
    }
    let policy = bucket_policy(&builder);
    Ok(Arc::new(builder.with_http_connector(Connector::new(policy)).build()?))
}

/// Where the requests of a bucket may go: its endpoint, and once where credentials are given.
pub(super) fn bucket_policy(builder: &AmazonS3Builder) -> Policy {
    let rules = |keys: &[AmazonS3ConfigKey]| -> Vec<HostRule> {
        let urls = keys.iter().filter_map(|key| builder.get_config_value(key));
        urls.filter_map(|url| Url::parse(&url).ok()).flat_map(|url| HostRule::of(&url)).collect()
    };
    let mut policy = Policy::new(rules(&[AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint]), true);
    policy.first = rules(&[
        AmazonS3ConfigKey::MetadataEndpoint,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
        AmazonS3ConfigKey::StsEndpoint,
    ]);
    policy.first.extend(METADATA.iter().filter_map(|url| Url::parse(url).ok()).flat_map(|url| HostRule::of(&url)));
    // Buckets without an endpoint of their own; inside Amazon's network these names may have private addresses.
    policy.first.push(HostRule::Below(".amazonaws.com"));
    policy
}

/// The web server of an http or https URL.
///
/// *Errors*: a URL that cannot be asked.
pub(crate) fn web(url: &Url, retry: RetryConfig) -> object_store::Result<Arc<dyn ObjectStore>> {
    let base = &url[..url::Position::BeforePath];
    let options = ClientOptions::new().with_allow_http(true).with_connect_timeout(Duration::from_secs(10));
    let connector = Connector::new(Policy::new(HostRule::of(url), true));
    let builder = HttpBuilder::new().with_url(base).with_client_options(options).with_retry(retry);
    Ok(Arc::new(builder.with_http_connector(connector).build()?))
}
