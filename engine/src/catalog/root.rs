//! What does a root, as a person writes it, mean?
//!
//! ```text
//!  /data/catalogs  ../stars.parquet  file:///data     local, confined to the folder
//!  s3://bucket/prefix                                  a bucket; options from the AWS_* environment
//!  https://host/gaia_dr3                               a plain web server, which need not list
//! ```

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use super::place::{Listing, Place};
use super::problem::{broken, broken_by};
use super::{plain, safe_path};
use crate::error::EngineError;
use crate::outgoing;

/// Where a root points: a folder, or one Parquet file in it.
#[derive(Debug)]
pub(super) struct Root {
    /// The folder, or the one that holds the file.
    pub(super) place: Place,
    /// The last name of the root, where it has one.
    pub(super) name: Option<String>,
    /// The file, where the root is one.
    pub(super) file: Option<Path>,
}

impl Root {
    /// Understands a root; a local one must exist.
    ///
    /// *Errors*: a local path that does not exist, an unknown scheme, a URL with a query.
    pub(super) fn open(text: &str) -> Result<Self, EngineError> {
        match Url::parse(text) {
            Ok(url) if text.contains("://") && url.scheme() == "file" => {
                let path = url.to_file_path().map_err(|()| broken(text, "the file URL names no local path"))?;
                Self::local(&path, text)
            }
            Ok(url) if text.contains("://") => Self::remote(&url),
            _ => Self::local(std::path::Path::new(text), text),
        }
    }

    fn local(path: &std::path::Path, text: &str) -> Result<Self, EngineError> {
        let real = path.canonicalize().map_err(|error| broken_by(text, "cannot open the catalogs root", error))?;
        // The name that the operator gave counts, wherever a link leads; `.` and `..` have none of their own.
        let last = |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = last(path).or_else(|| last(&real));
        if real.is_dir() {
            return Ok(Self { place: Place::local(&real, text.to_owned())?, name, file: None });
        }
        let (Some(folder), Some(file)) = (real.parent(), last(&real)) else {
            return Err(broken(text, "expected a folder or a Parquet file"));
        };
        let place = Place::local(folder, text.to_owned())?;
        Ok(Self { file: Some(place.path(&file)), place, name })
    }

    fn remote(url: &Url) -> Result<Self, EngineError> {
        let display = without_credentials(url);
        if url.query().is_some() || url.fragment().is_some() {
            return Err(broken(display, "a root with a query or fragment cannot be read, expected a plain URL"));
        }
        let path = Path::from_url_path(url.path()).map_err(|error| broken_by(&display, "not a path", error))?;
        let store = store(url, &display)?;
        let listing = if url.scheme() == "s3" { Listing::Costly } else { Listing::Doubtful };
        let name = path.filename().and_then(safe_path::decode);
        if name.as_deref().is_some_and(|name| plain::stem(name).is_some()) {
            let parts: Vec<_> = path.parts().collect();
            let folder = parts[..parts.len() - 1].iter().cloned().collect();
            return Ok(Self { place: Place::remote(store, folder, display, listing), name, file: Some(path) });
        }
        Ok(Self { place: Place::remote(store, path, display, listing), name, file: None })
    }
}

fn store(url: &Url, display: &str) -> Result<Arc<dyn ObjectStore>, EngineError> {
    let failed = |error| broken_by(display, "cannot reach the store", error);
    let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(30), ..RetryConfig::default() };
    match url.scheme() {
        "s3" => outgoing::bucket(url, retry, false).map_err(failed),
        "http" | "https" => outgoing::web(url, retry).map_err(failed),
        other => Err(broken(display, format!("unknown scheme {other:?}, expected a path, file, s3, http or https"))),
    }
}

fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}
