//! `/tasks`: list, show, create, change, delete.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Error;
use crate::request::{Answer, Client, Path};
use crate::vars::Vars;

/// Tasks or templates asked for at once.
pub(crate) const PAGE: usize = 100;

/// A task as the API shows it. Fields that were not asked for are empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Task {
    /// Its name.
    pub id: String,
    /// The template it was made from, or empty.
    pub template_id: String,
    /// `stream` or `batch`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Databases and retention policies whose points it gets.
    pub dbrps: Vec<DbRp>,
    /// Its TICKscript, formatted.
    pub script: String,
    /// Its variables.
    pub vars: Vars,
    /// Its graph in the DOT language.
    pub dot: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// It runs.
    pub executing: bool,
    /// Why it stopped, or empty.
    pub error: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339.
    pub modified: String,
    /// RFC 3339; the year 1 for never.
    pub last_enabled: String,
}

/// A database and one of its retention policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DbRp {
    /// Database.
    pub db: String,
    /// Retention policy.
    pub rp: String,
}

/// What to make of a task; what is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskChange {
    /// Name, for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Template to make it from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// `stream` or `batch`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Databases and retention policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dbrps: Vec<DbRp>,
    /// TICKscript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// `enabled` or `disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Variables, all of them.
    #[serde(skip_serializing_if = "Vars::is_empty")]
    pub vars: Vars,
}

/// A task that was created or changed, and what the member did with it beside.
#[derive(Clone, Debug)]
pub struct Saved {
    /// As it is now.
    pub task: Task,
    /// Remarks, such as windows that a cluster aligned.
    pub note: Option<String>,
}

#[derive(Deserialize)]
struct List {
    tasks: Option<Vec<Task>>,
}

impl Client {
    /// All tasks whose id matches the glob (empty: all), with the given fields only, by id.
    pub async fn tasks(&self, pattern: &str, fields: &[&str]) -> Result<Vec<Task>, Error> {
        let mut all = Vec::new();
        loop {
            let (offset, limit) = (all.len().to_string(), PAGE.to_string());
            let mut query = vec![("pattern", pattern), ("offset", &offset), ("limit", &limit)];
            query.extend(fields.iter().map(|field| ("fields", *field)));
            let page: List = self.get(Path { segments: &["tasks"], query: &query }).await?;
            let page = page.tasks.unwrap_or_default();
            let last = page.len() < PAGE;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// A task; inside the running replay `replay` if one is named.
    pub async fn task(&self, id: &str, replay: Option<&str>) -> Result<Task, Error> {
        let query: Vec<_> = replay.iter().map(|replay| ("replay-id", *replay)).collect();
        self.get(Path { segments: &["tasks", id], query: &query }).await
    }

    /// Creates a task.
    pub async fn create_task(&self, change: &TaskChange) -> Result<Saved, Error> {
        Self::saved(&self.call(Method::POST, Path::of(&["tasks"]), Some(&json!(change))).await?)
    }

    /// Changes a task. A running one goes on as it was until it is disabled and enabled.
    pub async fn change_task(&self, id: &str, change: &TaskChange) -> Result<Saved, Error> {
        let body = json!(change);
        Self::saved(&self.call(Method::PATCH, Path::of(&["tasks", id]), Some(&body)).await?)
    }

    /// Starts or stops a task.
    pub async fn set_task_enabled(&self, id: &str, enabled: bool) -> Result<Saved, Error> {
        let status = if enabled { "enabled" } else { "disabled" };
        let change = TaskChange { status: Some(status.to_owned()), ..TaskChange::default() };
        self.change_task(id, &change).await
    }

    /// Deletes a task; one that does not exist is deleted already.
    pub async fn delete_task(&self, id: &str) -> Result<(), Error> {
        self.call(Method::DELETE, Path::of(&["tasks", id]), None).await.map(drop)
    }

    fn saved(answer: &Answer) -> Result<Saved, Error> {
        let note = answer.headers.get("x-kapacitor-note");
        let note = note.map(|n| String::from_utf8_lossy(n.as_bytes()).into_owned());
        Ok(Saved { task: answer.decode()?, note })
    }
}
