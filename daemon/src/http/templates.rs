//! `/templates`: define, list, show, change, delete.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::App;
use super::answer::{Refusal, Reply, no_content, ok};
use super::lists::{ListParameters, query_of};
use super::tasks::{look, read};
use crate::tasks::definition::TemplateRequest;
use crate::tasks::view::{Look, TEMPLATE_FIELDS, template};

/// Fields of a list when none are asked for: all but `vars`.
const DEFAULT_FIELDS: [&str; 8] =
    ["link", "id", "type", "script", "dot", "error", "created", "modified"];

/// `GET /templates`
pub(crate) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Reply {
    let query = query_of(&uri);
    let parameters = ListParameters::parse(&query)?;
    let look = look(&query)?;
    let all = parameters.select(app.tasks.templates(), |t| &t.id);
    if all.is_empty() {
        return Ok(ok(&json!({"templates": []})));
    }
    let fields = parameters.fields(&TEMPLATE_FIELDS, &["id", "link"], &DEFAULT_FIELDS)?;
    let templates: Vec<_> = all.iter().map(|t| template(t, look, &fields)).collect();
    Ok(ok(&json!({"templates": templates})))
}

/// `POST /templates`
pub(crate) async fn create(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let request: TemplateRequest = read(&body)?;
    let id = app.tasks.create_template(request).await?;
    shown(&app, &id, Look::default())
}

/// `GET /templates/ID`
pub(crate) async fn get(State(app): State<Arc<App>>, Path(id): Path<String>, uri: Uri) -> Reply {
    let look = look(&query_of(&uri))?;
    shown(&app, &id, look)
}

/// `PATCH /templates/ID`
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Reply {
    let request: TemplateRequest = read(&body)?;
    let id = app.tasks.patch_template(&id, request).await?;
    shown(&app, &id, Look::default())
}

/// `DELETE /templates/ID`
pub(crate) async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    app.tasks.delete_template(&id).await?;
    Ok(no_content())
}

/// A path that ends where an id is due.
pub(crate) async fn without_id() -> Response {
    Refusal::bad("must specify template id on path").into_response()
}

fn shown(app: &App, id: &str, look: Look) -> Reply {
    let found = app.tasks.template(id).ok_or_else(|| Refusal::missing("no template exists"))?;
    Ok(ok(&template(&found, look, &TEMPLATE_FIELDS)))
}
