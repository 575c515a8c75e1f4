//! `/config`: the options the original lets the API override, as they are in effect. Reading only.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value as Json, json};

use super::App;
use super::answer::{Link, Refusal, Reply, compact};
use crate::config::schema::{SECTIONS, Section, Shape};
use crate::config::{Element, Value};

/// `GET /config`
pub(crate) async fn sections(State(app): State<Arc<App>>) -> Reply {
    check_enabled(&app)?;
    let sections: Map<String, Json> = overridable()
        .map(|section| {
            let shown = json!({
                "link": Link::to(format_args!("/config/{}", section.name)),
                "elements": elements(&app, section),
            });
            (section.name.to_owned(), shown)
        })
        .collect();
    Ok(compact(&json!({"link": Link::to("/config"), "sections": sections})))
}

/// `GET /config/SECTION` and `GET /config/SECTION/ELEMENT`
pub(crate) async fn section(State(app): State<Arc<App>>, Path(path): Path<String>) -> Reply {
    check_enabled(&app)?;
    let (name, element) = match path.split_once('/') {
        None => (path.as_str(), None),
        Some((name, element)) => (name, Some(element)),
    };
    let section = overridable().find(|s| s.name == name);
    let Some(element) = element else {
        let section =
            section.ok_or_else(|| Refusal::missing(format!("unknown section: {name}")))?;
        let link = Link::to(format_args!("/config/{name}"));
        return Ok(compact(&json!({"link": link, "elements": elements(&app, section)})));
    };
    let all = section.map(|s| elements_by_key(&app, s)).unwrap_or_default();
    let found = all.into_iter().find(|(key, _)| key == element);
    let unknown = || Refusal::missing(format!("unknown section/element: {name}/{element}"));
    Ok(compact(&found.ok_or_else(unknown)?.1))
}

/// `GET /config/`
pub(crate) async fn without_section() -> Response {
    Refusal::bad("section not specified, do you have an extra trailing '/'?").into_response()
}

/// `POST /config/…`
pub(crate) async fn update() -> Response {
    let text = "changing the configuration over the API is not built yet: change the file or the \
                environment and restart";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, text).into_response()
}

fn check_enabled(app: &App) -> Result<(), Refusal> {
    let enabled = app.config.settings.table("config-override").get("enabled");
    if enabled == Some(&Value::Bool(false)) {
        let text = "config override service is not enabled";
        return Err(Refusal::new(StatusCode::FORBIDDEN, text));
    }
    Ok(())
}

fn overridable() -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().copied().filter(|s| s.overridable)
}

fn elements(app: &App, section: &'static Section) -> Vec<Json> {
    elements_by_key(app, section).into_iter().map(|(_, shown)| shown).collect()
}

/// Elements with their keys, sorted by them.
fn elements_by_key(app: &App, section: &'static Section) -> Vec<(String, Json)> {
    let mut all: Vec<(String, Json)> = app
        .config
        .settings
        .elements(section.name)
        .iter()
        .map(|element| {
            let key = match section.shape {
                Shape::List { key, .. } => text_of(element.get(key)),
                Shape::Table => String::new(),
            };
            let shown = shown(section, &key, element);
            (key, shown)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn shown(section: &Section, key: &str, element: &Element) -> Json {
    let mut options = Map::new();
    let mut redacted = Vec::new();
    for (name, value) in element {
        let secret = section.keys.iter().any(|k| k.name == *name && k.kind.is_secret());
        let shown = if secret { json!(is_set(value)) } else { json_of(value) };
        options.insert(shown_name(section.name, name).to_owned(), shown);
    }
    redacted.extend(section.keys.iter().filter(|k| k.kind.is_secret()).map(|k| k.name));
    let redacted = if redacted.is_empty() { Json::Null } else { json!(redacted) };
    json!({
        "link": Link::to(format_args!("/config/{}/{key}", section.name)),
        "options": options,
        "redacted": redacted,
    })
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Table(element) => element.iter().any(|(_, value)| is_set(value)),
        value => !text_of(Some(value)).is_empty(),
    }
}

/// The API spells one option of the file differently, as the original does.
fn shown_name(section: &str, name: &'static str) -> &'static str {
    match (section, name) {
        ("smtp", "toTemplates") => "to-templates",
        _ => name,
    }
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::List(items)) => items.join(","),
        _ => String::new(),
    }
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(text),
        Value::Int(n) => json!(n),
        Value::Float(x) => json!(x),
        Value::Bool(b) => json!(b),
        Value::Duration(d) => json!(d.to_go_string()),
        Value::List(items) if items.is_empty() => Json::Null,
        Value::List(items) => json!(items),
        Value::Map(map) if map.is_empty() => Json::Null,
        Value::Map(map) => json!(map),
        Value::Lists(lists) if lists.is_empty() => Json::Null,
        Value::Lists(lists) => json!(lists),
        Value::Table(element) => {
            element.iter().map(|(k, v)| ((*k).to_owned(), json_of(v))).collect::<Map<_, _>>().into()
        }
        Value::Tables(_) | Value::Unset => Json::Null,
    }
}
