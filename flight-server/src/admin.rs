//! What does an operator see and do? A listener of its own, never the one that clients reach.
//!
//! ```text
//! GET /metrics   GET /health/live   GET /health/ready
//! GET /queries   DELETE /queries/ID   POST /maintenance  state=on|off, note=...
//! ```
//! Where a token is configured, everything but health wants it.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Form, Json, Router};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::metrics::Sample;
use crate::queries::QueryInfo;
use crate::services::Services;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that the listener answers.
pub(crate) fn router(services: Services) -> Router {
    watch(&services);
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/queries", get(queries))
        .route("/queries/{id}", delete(kill))
        .route("/maintenance", post(maintenance))
        .layer(from_fn_with_state(services.clone(), authorized));
    let open = Router::new().route("/health/live", get(live)).route("/health/ready", get(ready));
    guarded.merge(open).with_state(services)
}

/// Has the engine and the queue asked for figures.
fn watch(services: &Services) {
    let (query, queries) = (services.query.clone(), services.queries.clone());
    services.metrics.watch(move || {
        let (working, waiting) = queries.load();
        let held = query.resources();
        let mut samples = vec![
            Sample::gauge("queries_working", "Queries that have a place", working as f64),
            Sample::gauge("queries_waiting", "Queries that wait for their turn", waiting as f64),
            Sample::gauge(
                "maintenance",
                "1 where no queries are taken",
                f64::from(u8::from(queries.maintenance().is_some())),
            ),
            Sample::gauge("memory_reserved_bytes", "Bytes that sorts, joins and groupings hold", held.memory as f64),
            Sample::gauge("memory_limit_bytes", "Bytes that they may hold", held.memory_limit as f64),
        ];
        let caches =
            || [Some(("footers", held.footers)), held.blocks.map(|blocks| ("blocks", blocks))].into_iter().flatten();
        let (size, capacity) = ("Bytes that a cache holds", "Bytes that a cache may hold");
        samples.extend(
            caches().map(|(name, cache)| Sample::gauge("cache_bytes", size, cache.bytes as f64).with("cache", name)),
        );
        samples.extend(caches().map(|(name, cache)| {
            Sample::gauge("cache_limit_bytes", capacity, cache.capacity as f64).with("cache", name)
        }));
        let (hits, misses) = ("What a cache had", "What a cache did not have");
        samples.extend(
            caches().map(|(name, cache)| Sample::counter("cache_hits", hits, cache.hits as f64).with("cache", name)),
        );
        samples.extend(
            caches()
                .map(|(name, cache)| Sample::counter("cache_misses", misses, cache.misses as f64).with("cache", name)),
        );
        samples
    });
}

/// Middleware that wants the token.
async fn authorized(State(services): State<Services>, request: Request, next: Next) -> Response {
    let wanted = &services.config.admin.token;
    let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = given
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    // Digests take the same time to compare, however much of a guess is right.
    if !wanted.is_empty() && Sha256::digest(token.as_bytes()) != Sha256::digest(wanted.as_bytes()) {
        let challenge = [(WWW_AUTHENTICATE, "Bearer realm=\"sidereus admin\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "this listener wants its token, as a bearer token\n")
            .into_response();
    }
    next.run(request).await
}

async fn metrics(State(services): State<Services>) -> Response {
    ([(CONTENT_TYPE, OPENMETRICS)], services.metrics.text()).into_response()
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(services): State<Services>) -> Response {
    let note = services.queries.maintenance().map(|note| format!("in maintenance: {note}"));
    match services.health.why_not().map(str::to_owned).or(note) {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn queries(State(services): State<Services>) -> Json<Value> {
    Json(services.queries.list().iter().map(described).collect())
}

fn described(query: &QueryInfo) -> Value {
    json!({
        "id": query.id,
        "principal": query.principal,
        "protocol": query.origin.protocol.name(),
        "address": query.origin.address.map(|address| address.to_string()),
        "request": query.origin.request,
        "sha256": query.digest,
        "text": query.text.as_ref(),
        "started": DateTime::<Utc>::from(query.started).to_rfc3339_opts(SecondsFormat::Millis, true),
        "seconds": query.elapsed.as_secs_f64(),
        "class": query.class.map(sidereus_engine::QueryClass::name),
        "phase": query.phase.name(),
        "rows": query.rows,
        "bytes": query.bytes,
        "queued_seconds": query.waited.as_secs_f64(),
        "cpu_seconds": query.work.cpu.as_secs_f64(),
        "memory": query.work.most_memory,
        "spilled": query.work.spilled,
    })
}

async fn kill(State(services): State<Services>, Path(id): Path<String>) -> Response {
    if services.queries.kill(&id) {
        tracing::info!(target: "audit", query = id, "stopped by an operator");
        return (StatusCode::OK, "stopped\n").into_response();
    }
    (StatusCode::NOT_FOUND, format!("no query {id} runs\n")).into_response()
}

/// What `/maintenance` is told.
#[derive(Debug, Deserialize)]
struct Maintenance {
    state: String,
    #[serde(default)]
    note: String,
}

async fn maintenance(State(services): State<Services>, Form(asked): Form<Maintenance>) -> Response {
    let note = match (asked.state.as_str(), asked.note.trim()) {
        ("on", "") => Some("come back later".to_owned()),
        ("on", note) => Some(note.to_owned()),
        ("off", _) => None,
        (other, _) => {
            return (StatusCode::BAD_REQUEST, format!("state: expected on or off, found {other:?}\n")).into_response();
        }
    };
    tracing::info!(target: "audit", state = asked.state, note, "maintenance");
    services.queries.set_maintenance(note);
    (StatusCode::OK, format!("maintenance is {}\n", asked.state)).into_response()
}
