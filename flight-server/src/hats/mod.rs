//! Catalogs as HATS trees over HTTP: `/hats/SCHEMA.TABLE/...`, for lsdb, hats and whatever reads files by URL.
//!
//! ```text
//! path, query string
//!   |  path.rs        what is named; nothing that is not on a list
//!   |  tree.rs        the catalog, its collection, its margins
//!   |  selection.rs   columns and rows of a leaf           (filters.rs, python.rs)
//!   |
//!   |  without a query string    the file as it is, by ranges
//!   |  columns                   copy.rs      column chunks as they are
//!   |  rows                      made.rs      a query through `queries`, as Parquet
//!   |                            answers.rs   kept, since clients come back for ranges
//!   |  respond.rs     ranges, tags, lengths
//! ```
//! Only catalogs are served. What else could be a tree, such as a job's result, would be one more kind of [`tree::Tree`].

mod answers;
mod copy;
mod error;
mod filters;
mod made;
mod path;
mod python;
mod respond;
mod selection;
mod tree;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::json;

use self::answers::Answers;
use self::error::HatsError;
use self::path::Asked;
use self::selection::Parameters;
use self::tree::Tree;
use crate::error::RequestId;
use crate::http::{self, Seen};
use crate::jobs::Jobs;
use crate::queries::{Caller, Protocol};
use crate::services::Services;
use crate::storage::Storage;

const PLAIN: &str = "text/plain; charset=utf-8";

/// What every request needs.
#[derive(Debug, Clone)]
struct Desk {
    services: Services,
    storage: Arc<Storage>,
    answers: Answers,
}

/// The place of all trees.
const ROOT: &str = "/hats";

/// Routes of `/hats` and below; the list has the slash that folders have.
pub(crate) fn router(services: &Services, jobs: &Jobs) -> Router<Services> {
    let desk = Desk { services: services.clone(), storage: Arc::clone(jobs.storage()), answers: Answers::default() };
    let files = Router::new()
        .route(ROOT, get(list))
        .route("/hats/", get(list))
        .route("/hats/{*path}", get(file))
        .layer(Extension(desk));
    http::identified(files, services, refused)
}

/// Says no in words.
fn refused(status: StatusCode, message: &str) -> Response {
    (status, [(CONTENT_TYPE, PLAIN)], format!("{message}\n")).into_response()
}

/// Lists the catalogs.
async fn list(
    State(services): State<Services>,
    Extension(caller): Extension<Caller>,
    Extension(seen): Extension<Seen>,
) -> Response {
    let registry = services.query.registry();
    let catalogs = registry.visible(&caller.principal).filter(|catalog| catalog.is_hats());
    let entry = |name: String, rows: Option<u64>, description: Option<&str>| {
        let url = format!("{}{ROOT}/{}", seen.base, path::encoded(&name));
        json!({ "name": name, "url": url, "rows": rows, "description": description })
    };
    let entries: Vec<_> =
        catalogs.map(|catalog| entry(catalog.name.to_string(), catalog.rows, catalog.description.as_deref())).collect();
    let text = serde_json::to_string_pretty(&json!({ "catalogs": entries })).unwrap_or_default();
    ([(CONTENT_TYPE, "application/json")], text + "\n").into_response()
}

/// Sends a file.
async fn file(
    Extension(desk): Extension<Desk>,
    Extension(mut caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    caller.origin.protocol = Protocol::Hats;
    match desk.answer(&caller, &uri, &headers).await {
        Ok(response) => response,
        Err(error) => error.into_response(&id),
    }
}

impl Desk {
    async fn answer(&self, caller: &Caller, uri: &Uri, headers: &HeaderMap) -> Result<Response, HatsError> {
        let (path, query) = (uri.path().strip_prefix(ROOT).unwrap_or_default(), uri.query().unwrap_or_default());
        let parts = path::parts(path).ok_or_else(|| HatsError::absent("this path names no file of a catalog"))?;
        let [name, rest @ ..] = &parts[..] else { return Err(HatsError::absent("no catalog is named")) };
        let tree = Tree::find(&self.services.query.registry(), &caller.principal, name)?;
        let (catalog, rest) = match tree.member(rest).await? {
            tree::Member::Collection(file) => {
                return respond::stored(&file, "collection.properties", headers);
            }
            tree::Member::Catalog(catalog, rest) => (catalog, rest),
        };
        let asked = Asked::of(rest).ok_or_else(|| tree.absent(rest))?;
        let parameters = Parameters::of(query)?;
        match asked {
            Asked::Known(_) if !parameters.is_empty() => {
                Err(HatsError::wrong("columns and filters select from leaf files alone"))
            }
            Asked::Known(name) => {
                let file = catalog.metadata.known_file(&name).await?.ok_or_else(|| tree.absent(rest))?;
                match catalog.rewritten(&name, &file).await? {
                    Some(text) => Ok(respond::text(text, &name, headers)),
                    None => respond::stored(&file, &name, headers),
                }
            }
            Asked::Leaf(leaf) => {
                let rows = catalog.leaf(&leaf).await?.ok_or_else(|| tree.absent(rest))?;
                match &rows.files[..] {
                    [file] if parameters.is_empty() => respond::stored(file, "leaf.parquet", headers),
                    _ => {
                        let made = self.made(caller, &catalog, rows, &parameters).await?;
                        respond::made(&made, headers).await
                    }
                }
            }
        }
    }
}
