//! `/cluster`: who is in it, add a member, remove one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use member::{Command, CommandError};
use model::{Duration, MemberId};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::App;
use super::answer::{Refusal, Reply, no_content, ok};
use crate::brain::Gone;
use crate::clock;

impl From<Gone> for Refusal {
    fn from(_: Gone) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "this member is going down")
    }
}

/// Topics and tasks that are shown at most, those with pending events first.
const SHOWN: usize = 1000;

/// `GET /cluster`
pub(crate) async fn get(State(app): State<Arc<App>>) -> Reply {
    let look = |m: &member::Member| {
        (m.cluster_view(), m.topics_view(SHOWN), m.tasks_view(SHOWN), m.replication_view())
    };
    let (view, topics, tasks, replication) = app.brain.look(look).await?;
    let now = clock::now();
    let ago = |d: std::time::Duration| now.minus(Duration(d.as_nanos() as i64)).to_string();
    let members: Vec<Json> = view
        .members
        .iter()
        .map(|m| {
            json!({
                "id": m.id.to_string(),
                "gossip-address": &*m.addresses.gossip,
                "rpc-address": &*m.addresses.rpc,
                "api-address": &*m.addresses.api,
                "roles": m.roles.iter().map(|r| &**r).collect::<Vec<_>>(),
                "status": m.status.as_str(),
                "since": ago(m.since),
                "version": m.release.as_deref(),
                "ready": m.ready,
                "boot": m.boot.map(|b| b.0),
                "last-sync": m.sync.map(|s| ago(s.ago)),
                "digest-equal": m.sync.map(|s| s.equal),
            })
        })
        .collect();
    let conflicts: Vec<Json> = view.conflicts.iter().map(conflict_json).collect();
    Ok(ok(&json!({
        "state": view.state.to_string(),
        "cluster-id": view.cluster.to_string(),
        "member-id": view.member.to_string(),
        "version": &*view.release,
        "ready": view.ready,
        "members": members,
        "conflicts": conflicts,
        "replication": {
            "specs": replication.specs,
            "states": replication.states,
            "done": replication.done,
            "pending": replication.pending,
            "syncs": replication.syncs,
            "syncs-failed": replication.syncs_failed,
            "conflicts": replication.conflicts,
        },
        "topics": topics.shown.iter().map(topic_json).collect::<Vec<_>>(),
        "topics-total": topics.total,
        "tasks": tasks.shown.iter().map(task_json).collect::<Vec<_>>(),
        "tasks-total": tasks.total,
    })))
}

fn topic_json(view: &member::TopicView) -> Json {
    let owners: Vec<String> = view.owners.iter().map(ToString::to_string).collect();
    json!({"topic": &*view.topic, "owners": owners, "pending": view.pending})
}

fn task_json(view: &member::TaskView) -> Json {
    let run = |run: &member::TaskRun| json!({"member": run.member.to_string(), "warm": run.warm});
    json!({"id": &*view.id, "runs": view.runs.iter().map(run).collect::<Vec<_>>()})
}

fn conflict_json(conflict: &member::specs::Conflict) -> Json {
    let (kind, topic, id) = match &conflict.key {
        rpc::SpecKey::Handler { topic, id } => ("handler", topic, Some(&**id)),
        rpc::SpecKey::Deletion { topic } => ("topic-deletion", topic, None),
    };
    let writer = |stamp: &rpc::Stamp| stamp.member.to_string();
    json!({
        "kind": kind,
        "topic": &**topic,
        "handler": id,
        "winner": writer(&conflict.winner),
        "loser": writer(&conflict.loser),
        "lost": conflict.lost.value(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct AddRequest {
    rpc_address: String,
}

/// `POST /cluster/members {"rpc-address": "host:port"}`
pub(crate) async fn add(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Reply {
    check(&app, &headers).await?;
    let request: AddRequest = serde_json::from_slice(&body).map_err(|e| {
        let want = r#"{"rpc-address": "host:port"}"#;
        Refusal::bad(format!("invalid JSON, want {want}: {e}"))
    })?;
    let rpc_address = request.rpc_address.as_str().into();
    app.brain.command(Command::AddMember { rpc_address }).await.map_err(refused)?;
    Ok(no_content())
}

/// `DELETE /cluster/members/ID`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Reply {
    check(&app, &headers).await?;
    let id: MemberId = id.parse().map_err(|_| {
        let text =
            format!("{id:?} is no member ID: give the ID as `kapacitorctl member list` shows it");
        Refusal::bad(text)
    })?;
    app.brain.command(Command::RemoveMember { id }).await.map_err(refused)?;
    Ok(no_content())
}

async fn check(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let cluster = app.brain.look(member::Member::cluster).await?;
    app.permission.check(headers, cluster, clock::now())
}

/// The status of a command's failure.
pub(crate) fn refused(error: CommandError) -> Refusal {
    let status = match &error {
        CommandError::Unreachable { .. } => StatusCode::BAD_GATEWAY,
        CommandError::NotRpc { .. }
        | CommandError::Unauthenticated { .. }
        | CommandError::CannotAdd { .. }
        | CommandError::InvalidSpec(_) => StatusCode::BAD_REQUEST,
        CommandError::CannotRemove(gossip::RemoveError::UnknownId(_)) => StatusCode::NOT_FOUND,
        CommandError::CannotRemove(_) | CommandError::NoSurvivor | CommandError::ChangeUnderWay => {
            StatusCode::CONFLICT
        }
        CommandError::Leaving(_) | CommandError::Disk(_) | CommandError::Unsaved(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        CommandError::JoinFailed { .. }
        | CommandError::HandlerExists { .. }
        | CommandError::Spec(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refusal::new(status, error.to_string())
}
