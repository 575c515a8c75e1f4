//! `/alerts/topics`: topics, their events, their handlers. Shared by the cluster: any member answers.

use std::sync::Arc;

use alert::{Glob, HandlerSpec, Level, State as EventState, TopicStatus};
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::Uri;
use member::{Command, CommandError};
use serde_json::{Value as Json, json};

use super::App;
use super::answer::{Link, Refusal, Reply, no_content, ok};
use super::cluster::refused;
use super::lists::query_of;

/// What a path below `/alerts/topics/` names.
enum Place<'a> {
    Topic(&'a str),
    Events(&'a str),
    Event(&'a str, &'a str),
    Handlers(&'a str),
    Handler(&'a str, &'a str),
}

fn place(path: &str) -> Result<Place<'_>, Refusal> {
    let mut parts = path.splitn(3, '/');
    let topic = parts.next().unwrap_or_default();
    if topic.is_empty() {
        return Err(Refusal::bad("must specify topic id on path"));
    }
    match (parts.next(), parts.next()) {
        (None | Some(""), None) => Ok(Place::Topic(topic)),
        (Some("events"), None | Some("")) => Ok(Place::Events(topic)),
        (Some("events"), Some(event)) => Ok(Place::Event(topic, event)),
        (Some("handlers"), None | Some("")) => Ok(Place::Handlers(topic)),
        (Some("handlers"), Some(handler)) => Ok(Place::Handler(topic, handler)),
        _ => Err(Refusal::missing("Not Found")),
    }
}

/// `GET /alerts/topics`
pub(crate) async fn list(State(app): State<Arc<App>>, OriginalUri(uri): OriginalUri) -> Reply {
    let query = query_of(&uri);
    let pattern = pattern(&query)?;
    let min = min_level(&query)?;
    let look = move |m: &member::Member| m.topics().list(&pattern, min).collect::<Vec<_>>();
    let topics = app.brain.look_durable(look).await.map_err(refused)?;
    let topics: Vec<Json> = topics.iter().map(topic_json).collect();
    Ok(ok(&json!({"link": Link::verbatim(uri.to_string()), "topics": topics})))
}

/// `GET` below `/alerts/topics/`
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Reply {
    match place(&path)? {
        Place::Topic(id) => {
            let topic: String = id.to_owned();
            let look = move |m: &member::Member| m.topics().topic(&topic);
            let found = app.brain.look_durable(look).await.map_err(refused)?;
            let unknown = || Refusal::missing(format!("unknown topic: {id:?}"));
            Ok(ok(&topic_json(&found.ok_or_else(unknown)?)))
        }
        Place::Events(id) => events(&app, id, &uri).await,
        Place::Event(id, event) => {
            let (topic, wanted) = (id.to_owned(), event.to_owned());
            let look = move |m: &member::Member| m.topics().event(&topic, &wanted);
            let found = app.brain.look_durable(look).await.map_err(refused)?;
            let unknown = || Refusal::missing(format!("unknown event {event:?} in topic {id:?}"));
            Ok(ok(&event_json(id, event, &found.ok_or_else(unknown)?)))
        }
        Place::Handlers(id) => handlers(&app, id, &uri).await,
        Place::Handler(topic, id) => Ok(ok(&handler_json(&*handler(&app, topic, id).await?))),
    }
}

async fn events(app: &App, id: &str, uri: &Uri) -> Reply {
    let min = min_level(&query_of(uri))?;
    let topic = id.to_owned();
    let look = move |m: &member::Member| m.topics().events(&topic, min);
    let events = app.brain.look_durable(look).await.map_err(refused)?;
    let unknown = || Refusal::failed(format!("failed to get topic events: unknown topic {id:?}"));
    let events = events.ok_or_else(unknown)?;
    let events: Vec<Json> =
        events.iter().map(|(event, state)| event_json(id, event, state)).collect();
    Ok(ok(&json!({"link": Link::verbatim(uri.to_string()), "topic": id, "events": events})))
}

async fn handlers(app: &App, id: &str, uri: &Uri) -> Reply {
    let pattern = pattern(&query_of(uri))?;
    let topic = id.to_owned();
    let specs = app.brain.look(move |m| specs_of(m, &topic)).await?;
    let shown: Vec<Json> =
        specs.iter().filter(|s| pattern.matches(&s.id)).map(|s| handler_json(s)).collect();
    Ok(ok(&json!({"link": Link::verbatim(uri.to_string()), "topic": id, "handlers": shown})))
}

async fn handler(app: &App, topic: &str, id: &str) -> Result<Arc<HandlerSpec>, Refusal> {
    let wanted = topic.to_owned();
    let specs = app.brain.look(move |m| specs_of(m, &wanted)).await?;
    let found = specs.into_iter().find(|s| s.id == id);
    found.ok_or_else(|| Refusal::missing(format!("unknown handler: {id:?}")))
}

/// The handlers of a topic as they were defined, by id; those in scripts are not among them.
fn specs_of(member: &member::Member, topic: &str) -> Vec<Arc<HandlerSpec>> {
    let of_topic =
        |key: &rpc::SpecKey| matches!(key, rpc::SpecKey::Handler { topic: t, .. } if &**t == topic);
    member
        .specs()
        .iter()
        .filter(|(key, _)| of_topic(key))
        .filter_map(|(_, state)| state.value.as_ref())
        .filter_map(|json| HandlerSpec::from_json(json.as_bytes()).ok())
        .map(Arc::new)
        .collect()
}

/// `POST /alerts/topics/T/handlers`
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    body: Bytes,
) -> Reply {
    let Place::Handlers(topic) = place(&path)? else {
        return Err(Refusal::missing("Not Found"));
    };
    let spec = spec(&body, topic)?;
    save(&app, spec, true, "failed to create handler").await
}

/// `PUT /alerts/topics/T/handlers/H`
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    body: Bytes,
) -> Reply {
    let Place::Handler(topic, id) = place(&path)? else {
        return Err(Refusal::missing("Not Found"));
    };
    handler(&app, topic, id).await?;
    replace(&app, id, spec(&body, topic)?).await
}

/// `PATCH /alerts/topics/T/handlers/H`: RFC 6902 on `{id, topic, kind, options, match}`.
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    body: Bytes,
) -> Reply {
    let Place::Handler(topic, id) = place(&path)? else {
        return Err(Refusal::missing("Not Found"));
    };
    let old = handler(&app, topic, id).await?;
    let invalid = |e: &dyn std::fmt::Display| Refusal::bad(format!("invalid handler json: {e}"));
    let patch: Json = serde_json::from_slice(&body).map_err(|e| invalid(&e))?;
    let old = json!(&*old);
    let new = alert::apply_patch(&old, &patch).map_err(|e| invalid(&e))?;
    let spec = HandlerSpec::from_json(new.to_string().as_bytes()).map_err(|e| invalid(&e))?;
    if spec.topic != topic {
        let text = "failed to update handler: cannot change topic in update";
        return Err(Refusal::failed(text));
    }
    replace(&app, id, spec).await
}

/// `DELETE` of a topic or a handler; what does not exist is deleted already.
pub(crate) async fn delete(State(app): State<Arc<App>>, Path(path): Path<String>) -> Reply {
    let command = match place(&path)? {
        Place::Topic(topic) => Command::DeleteTopic { topic: topic.into() },
        Place::Handler(topic, id) => Command::DeleteHandler { topic: topic.into(), id: id.into() },
        _ => return Err(Refusal::missing("Not Found")),
    };
    app.brain.command(command).await.map_err(refused)?;
    Ok(no_content())
}

fn spec(body: &[u8], topic: &str) -> Result<HandlerSpec, Refusal> {
    let mut spec = HandlerSpec::from_json(body)
        .map_err(|e| Refusal::bad(format!("invalid handler json: {e}")))?;
    // The path says which topic it is, whatever the body says.
    topic.clone_into(&mut spec.topic);
    Ok(spec)
}

async fn replace(app: &App, old_id: &str, spec: HandlerSpec) -> Reply {
    let (topic, renamed) = (spec.topic.clone(), spec.id != old_id);
    let reply = save(app, spec, renamed, "failed to update handler").await?;
    if renamed {
        let command = Command::DeleteHandler { topic: topic.as_str().into(), id: old_id.into() };
        app.brain.command(command).await.map_err(refused)?;
    }
    Ok(reply)
}

async fn save(app: &App, spec: HandlerSpec, create: bool, doing: &str) -> Reply {
    spec.validate().map_err(|e| Refusal::bad(format!("invalid handler spec: {e}")))?;
    let spec = Arc::new(spec);
    // Checked before it is offered to the cluster: the text says what is wrong with it.
    alert::Handler::compile(spec.clone()).map_err(|e| Refusal::failed(format!("{doing}: {e}")))?;
    let command = Command::PutHandler { spec: spec.clone(), create, file: None };
    match app.brain.command(command).await {
        Ok(_) => Ok(ok(&handler_json(&spec))),
        Err(CommandError::HandlerExists { id, .. }) => Err(Refusal::failed(format!(
            "{doing}: cannot register handler, handler with ID {:?} already exists",
            &*id
        ))),
        Err(error) => Err(refused(error)),
    }
}

fn pattern(query: &[(String, String)]) -> Result<Glob, Refusal> {
    let pattern = query.iter().find(|(k, _)| k == "pattern").map_or("", |(_, v)| v);
    Glob::parse(pattern).map_err(|e| Refusal::bad(format!("invalid pattern: {e}")))
}

fn min_level(query: &[(String, String)]) -> Result<Level, Refusal> {
    let text = query.iter().find(|(k, _)| k == "min-level").map_or("", |(_, v)| v);
    Level::parse_min(text).map_err(|e| Refusal::bad(e.to_string()))
}

fn topic_json(topic: &TopicStatus) -> Json {
    let path = format!("/alerts/topics/{}", topic.id);
    json!({
        "link": Link::to(&path),
        "id": &*topic.id,
        "level": topic.level.to_string(),
        "collected": topic.collected,
        "events-link": Link::with_rel("events", format_args!("{path}/events")),
        "handlers-link": Link::with_rel("handlers", format_args!("{path}/handlers")),
    })
}

fn event_json(topic: &str, id: &str, state: &EventState) -> Json {
    json!({
        "link": Link::to(format_args!("/alerts/topics/{topic}/events/{id}")),
        "id": id,
        "state": {
            "message": &*state.message,
            "details": &*state.details,
            "time": state.time.to_string(),
            "duration": state.duration.to_go_string(),
            "level": state.level.to_string(),
        },
    })
}

fn handler_json(spec: &HandlerSpec) -> Json {
    json!({
        "link": Link::to(format_args!("/alerts/topics/{}/handlers/{}", spec.topic, spec.id)),
        "id": spec.id,
        "kind": spec.kind,
        "options": spec.options,
        "match": spec.matching,
    })
}
