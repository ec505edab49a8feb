//! Which tables are imported, and how are they opened, again and again if need be?
//!
//! A source is a local file, a pattern of such (`*`, `?`, `[..]`, `**`), the URL of an object, or a pattern of objects of a
//! bucket (`*`, `[..]`, `**`). Patterns stand for their files in order of their names.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::UNIX_EPOCH;

use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, ObjectStoreScheme, RetryConfig};
use url::Url;

use super::failure::bad_input;
use crate::error::{EngineError, ErrorKind};
use crate::outgoing;
use crate::tables::TableInput;

/// One table file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A local file.
    File(PathBuf),
    /// An object of a store.
    Object(Url),
}

/// The tables that the given words stand for.
///
/// *Errors*: none is given, or a pattern has no file.
pub(super) fn expand(words: &[String]) -> Result<Vec<Source>, EngineError> {
    let mut sources = Vec::new();
    for word in words {
        if let Some(url) = Url::parse(word).ok().filter(|_| word.contains("://")) {
            match url.to_file_path() {
                Ok(path) if url.scheme() == "file" => sources.push(Source::File(path)),
                _ if url.scheme() == "s3" && url.path().contains(['*', '[']) => sources.extend(objects(&url)?),
                _ => sources.push(Source::Object(url)),
            }
            continue;
        }
        if PathBuf::from(word).exists() || !word.contains(['*', '?', '[']) {
            sources.push(Source::File(PathBuf::from(word)));
            continue;
        }
        let paths = glob::glob(word).map_err(|error| bad_input(format!("{word}: no pattern of files: {error}")))?;
        let files: Vec<PathBuf> = paths.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        if files.is_empty() {
            return Err(bad_input(format!("{word}: no file has such a name")));
        }
        sources.extend(files.into_iter().map(Source::File));
    }
    if sources.is_empty() {
        return Err(bad_input("there is no source to import"));
    }
    Ok(sources)
}

/// The objects of a bucket that a pattern stands for.
fn objects(pattern: &Url) -> Result<Vec<Source>, EngineError> {
    let bad = |why: &dyn std::fmt::Display| bad_input(format!("{pattern}: {why}"));
    let path = pattern.path().trim_start_matches('/');
    let names = glob::Pattern::new(path).map_err(|error| bad(&format!("no pattern of objects: {error}")))?;
    let literal = path.split(['*', '[']).next().unwrap_or_default();
    let folder = literal.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let mut root = pattern.clone();
    root.set_path(&folder);
    let listed =
        ask(&root, |store, folder| async move { store.list(Some(&folder)).try_collect::<Vec<_>>().await }.boxed());
    let how = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    let listed = listed?.into_iter().map(|object| object.location.to_string());
    let mut found: Vec<String> = listed.filter(|path| names.matches_with(path, how)).collect();
    found.sort_unstable();
    if found.is_empty() {
        return Err(bad(&"no object has such a name"));
    }
    let url = |path: String| {
        let mut url = pattern.clone();
        url.set_path(&path);
        Source::Object(url)
    };
    Ok(found.into_iter().map(url).collect())
}

/// The store that a URL names, with the settings of the `AWS_*` variables, and the path in it.
fn store_of(url: &Url) -> Result<(Arc<dyn ObjectStore>, ObjectPath), object_store::Error> {
    let (scheme, path) = ObjectStoreScheme::parse(url)?;
    let store = match scheme {
        ObjectStoreScheme::AmazonS3 => outgoing::bucket(url, RetryConfig::default(), true)?,
        ObjectStoreScheme::Http => outgoing::web(url, RetryConfig::default())?,
        _ => {
            let source = format!("unknown scheme {:?}, expected a path, file, s3, http or https", url.scheme()).into();
            return Err(object_store::Error::Generic { store: "import", source });
        }
    };
    Ok((store, path))
}

/// Waits, on a thread of its own, for what a store answers about the object or folder of a URL.
fn ask<T: Send + 'static>(
    url: &Url,
    question: impl FnOnce(Arc<dyn ObjectStore>, ObjectPath) -> BoxFuture<'static, object_store::Result<T>> + Send + 'static,
) -> Result<T, EngineError> {
    let (store, path) = store_of(url).map_err(|error| unavailable(url, &error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unavailable(url, &error))?;
    let asked = std::thread::spawn(move || runtime.block_on(question(store, path)));
    let answer = asked.join().map_err(|_| bad_input(format!("{url}: asking its store failed")))?;
    answer.map_err(|error| unavailable(url, &error))
}

fn unavailable(url: &Url, error: &dyn std::error::Error) -> EngineError {
    EngineError::request(ErrorKind::Unavailable, format!("{url}: cannot fetch it: {error}"))
}

impl Source {
    /// What people call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Object(url) => url.to_string(),
        }
    }

    /// Bytes, where they are known beforehand.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::File(path) => fs::metadata(path).ok().map(|metadata| metadata.len()),
            Self::Object(_) => None,
        }
    }

    /// What must stay the same for a begun import to go on: name, size and time of a file; of an object also its ETag.
    pub(super) fn state(&self) -> String {
        if let Self::Object(url) = self {
            // An object that does not tell is read all the same, and says why where it cannot be.
            let found = ask(url, |store, path| async move { store.head(&path).await }.boxed()).ok();
            return format!("{url} {:?}", found.map(|found| (found.size, found.e_tag, found.last_modified)));
        }
        let metadata = match self {
            Self::File(path) => fs::metadata(path).ok(),
            Self::Object(_) => None,
        };
        let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_nanos());
        format!("{} {:?} {changed:?}", self.name(), metadata.map(|metadata| metadata.len()))
    }

    /// Opens it from the start.
    pub(super) fn open(&self) -> Result<TableInput, EngineError> {
        match self {
            Self::File(path) if path.is_dir() => {
                Err(bad_input(format!("{} is a folder, expected a file; give its files as a pattern", path.display())))
            }
            Self::File(path) => Ok(TableInput::File(path.clone())),
            Self::Object(url) => {
                Ok(TableInput::Stream { name: url.to_string(), bytes: Box::new(ObjectBytes::open(url)?) })
            }
        }
    }
}

/// The bytes of an object, fetched ahead by a thread.
struct ObjectBytes {
    parts: Receiver<Result<Bytes, object_store::Error>>,
    part: Bytes,
}

/// Parts that are fetched ahead.
const AHEAD: usize = 16;

impl ObjectBytes {
    fn open(url: &Url) -> Result<Self, EngineError> {
        let unavailable = |error: &dyn std::error::Error| unavailable(url, error);
        let (store, path) = store_of(url).map_err(|error| unavailable(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unavailable(&error))?;
        let (sender, parts) = sync_channel(AHEAD);
        let fetch = async move {
            let mut stream = match store.get(&path).await {
                Ok(found) => found.into_stream(),
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            while let Some(part) = stream.next().await {
                // Nobody reads on: nothing more is fetched.
                if sender.send(part).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("import fetch".to_owned())
            .spawn(move || runtime.block_on(fetch))
            .map_err(|error| unavailable(&error))?;
        Ok(Self { parts, part: Bytes::new() })
    }
}

impl Read for ObjectBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.recv() {
                Ok(Ok(part)) => self.part = part,
                Ok(Err(error)) => return Err(io::Error::other(error)),
                Err(_) => return Ok(0),
            }
        }
        let length = buffer.len().min(self.part.len());
        self.part.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_their_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c.txt"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let words = [folder.path().join("*.csv").display().to_string(), "https://x.org/d.csv".to_owned()];
        let names: Vec<String> = expand(&words).unwrap().iter().map(Source::name).collect();
        let expected = ["a.csv", "b.csv"].map(|name| folder.path().join(name).display().to_string());
        assert_eq!(names, [&expected[..], &["https://x.org/d.csv".to_owned()]].concat());
        assert!(expand(&[folder.path().join("*.fits").display().to_string()]).is_err());
        assert!(expand(&[]).is_err());
    }
}
