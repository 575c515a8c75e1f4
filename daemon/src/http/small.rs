//! The small routes: ping, loglevel, subscriptions, ready, and what is not built.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use member::Readiness;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::answer::{Refusal, Reply, no_content, with_status};

/// `GET` and `HEAD /ping`
pub(crate) async fn ping() -> Response {
    no_content()
}

#[derive(Deserialize)]
struct LogLevel {
    level: String,
}

/// `POST /loglevel {"level": L}`
pub(crate) async fn loglevel(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let wanted: LogLevel =
        serde_json::from_slice(&body).map_err(|e| Refusal::bad(format!("invalid json: {e}")))?;
    let level = wanted.level.parse().map_err(|_| Refusal::bad("invalid log level"))?;
    app.log.set_level(level);
    Ok(no_content())
}

/// `POST /subscriptions`: link again now.
pub(crate) async fn subscriptions(State(app): State<Arc<App>>) -> Reply {
    app.subscriptions
        .sync_now()
        .await
        .map_err(|e| Refusal::failed(format!("failed to link subscriptions: {e}")))?;
    Ok(no_content())
}

/// `GET /ready`: 200 when the member takes its full part, else 503; what is wrong beside it in
/// `warnings`.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Reply {
    let readiness = app.brain.look(member::Member::readiness).await?;
    let (ready, state) = match readiness {
        Readiness::Ready => (true, "ready"),
        Readiness::Unsynced => (true, "ready, but not synced with any peer"),
        Readiness::Syncing => (false, "waiting for the first sync with a peer"),
        Readiness::Leaving => (false, "leaving"),
    };
    let mut warnings = app.subscriptions.warnings();
    warnings.extend(app.disk_trouble().map(|why| format!("the disk does not take writes: {why}")));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(with_status(status, &json!({"ready": ready, "state": state, "warnings": warnings})))
}

/// A part of the original's API that is not built.
pub(crate) async fn not_built(OriginalUri(uri): OriginalUri) -> Response {
    let text = format!("{} is not built yet in this version", uri.path());
    Refusal::new(StatusCode::NOT_IMPLEMENTED, text).into_response()
}
