//! `/tasks`: define, list, show, change, delete; and what `httpOut` nodes serve.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::App;
use super::answer::{Refusal, Reply, no_content, ok};
use super::lists::{ListParameters, query_of};
use crate::tasks::Refused;
use crate::tasks::definition::TaskRequest;
use crate::tasks::view::{Look, TASK_FIELDS};

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Request(text) => Self::bad(text),
            Refused::Missing(text) => Self::missing(text),
            Refused::Failed(text) => Self::failed(text),
        }
    }
}

/// `GET /tasks`
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Reply {
    let query = query_of(&uri);
    let parameters = ListParameters::parse(&query)?;
    let look = look(&query)?;
    let all = parameters.select(app.tasks.tasks(), |(d, _)| &d.id);
    if all.is_empty() {
        return Ok(ok(&json!({"tasks": []})));
    }
    let fields = parameters.fields(&TASK_FIELDS, &["id", "link"], &TASK_FIELDS)?;
    let mut tasks = Vec::with_capacity(all.len());
    for (definition, life) in &all {
        tasks.push(app.tasks.view(definition, life, look, &fields, true).await);
    }
    Ok(ok(&json!({"tasks": tasks})))
}

/// `POST /tasks`
pub(crate) async fn create(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let request: TaskRequest = read(&body)?;
    let id = app.tasks.create(request).await?;
    shown(&app, &id).await
}

/// `GET /tasks/ID` and `GET /tasks/ID/ENDPOINT`
pub(crate) async fn get(State(app): State<Arc<App>>, Path(path): Path<String>, uri: Uri) -> Reply {
    let none = || Refusal::missing("no task exists");
    let Some((id, endpoint)) = path.split_once('/') else {
        let look = look(&query_of(&uri))?;
        let task = app.tasks.show(&path, look).await.ok_or_else(none)?;
        return Ok(ok(&task));
    };
    let series = app.tasks.runner.http_out(id, endpoint).await.ok_or_else(none)?;
    Ok((StatusCode::OK, series).into_response())
}

/// `PATCH /tasks/ID`
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Reply {
    let request: TaskRequest = read(&body)?;
    let id = app.tasks.patch(&id, request).await?;
    shown(&app, &id).await
}

/// `DELETE /tasks/ID`
pub(crate) async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    app.tasks.delete(&id).await?;
    Ok(no_content())
}

/// A path that ends where an id is due.
pub(crate) async fn without_id() -> Response {
    Refusal::bad("must specify task id on path").into_response()
}

async fn shown(app: &App, id: &str) -> Reply {
    let none = || Refusal::missing("no task exists");
    let task = app.tasks.show(id, Look::default()).await.ok_or_else(none)?;
    let mut answer = ok(&task);
    if let Some(note) = app.tasks.note(id).and_then(|n| HeaderValue::try_from(n).ok()) {
        answer.headers_mut().insert("x-kapacitor-note", note);
    }
    Ok(answer)
}

/// Decodes a body; whatever is wrong with it has one text.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let invalid = || Refusal::bad("invalid JSON");
    // A struct could be read from a list, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(invalid());
    }
    serde_json::from_slice(body).map_err(|_| invalid())
}

/// `script-format` and `dot-view`.
pub(crate) fn look(query: &[(String, String)]) -> Result<Look, Refusal> {
    let last =
        |name: &str| query.iter().rev().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str());
    let raw = match last("script-format") {
        "" | "formatted" => false,
        "raw" => true,
        other => return Err(Refusal::bad(format!("invalid script-format parameter {other:?}"))),
    };
    let labels = match last("dot-view") {
        "" | "attributes" => false,
        "labels" => true,
        other => return Err(Refusal::bad(format!("invalid dot-view parameter {other:?}"))),
    };
    let replay = last("replay-id");
    if !replay.is_empty() {
        return Err(Refusal::bad(format!("no running replay with ID: {replay}")));
    }
    Ok(Look { raw, labels })
}
