//! Tasks and templates as the API shows them.

use engine::TaskStats;
use model::Time;
use serde_json::{Map, Value as Json, json};

use super::definition::{Definition, Status, Template};
use super::{Life, Tasks, script, vars};
use crate::http::answer::Link;

/// How scripts and graphs are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// `script-format=raw`
    pub(crate) raw: bool,
    /// `dot-view=labels`
    pub(crate) labels: bool,
}

/// Fields of a task in a list, in the order of the handbook.
pub(crate) const TASK_FIELDS: [&str; 15] = [
    "link",
    "id",
    "template-id",
    "type",
    "dbrps",
    "script",
    "vars",
    "dot",
    "status",
    "executing",
    "error",
    "stats",
    "created",
    "modified",
    "last-enabled",
];

/// Fields of a template.
pub(crate) const TEMPLATE_FIELDS: [&str; 9] =
    ["link", "id", "type", "script", "vars", "dot", "error", "created", "modified"];

impl Tasks {
    /// A task with all fields, in the order of the original.
    pub(crate) async fn show(&self, id: &str, look: Look) -> Option<Map<String, Json>> {
        let (definition, life) = self.task(id)?;
        Some(self.view(&definition, &life, look, &TASK_FIELDS, false).await)
    }

    /// A task with the given fields. In lists a task that does not run has stats `null`, and no
    /// `template-id` unless it has one.
    pub(crate) async fn view(
        &self,
        definition: &Definition,
        life: &Life,
        look: Look,
        fields: &[&str],
        in_list: bool,
    ) -> Map<String, Json> {
        let mut shown = Map::new();
        for field in fields {
            if in_list && *field == "template-id" && definition.template_id.is_empty() {
                continue;
            }
            let value = self.field(definition, life, look, field, in_list).await;
            shown.insert((*field).to_owned(), value);
        }
        shown
    }

    async fn field(
        &self,
        task: &Definition,
        life: &Life,
        look: Look,
        field: &str,
        in_list: bool,
    ) -> Json {
        match field {
            "link" => json!(Link::to(format_args!("/tasks/{}", task.id))),
            "id" => json!(task.id),
            "template-id" => json!(task.template_id),
            "type" => json!(task.kind),
            "dbrps" => json!(task.dbrps),
            "script" => json!(shown_script(&task.script, look)),
            "vars" => json!(task.vars),
            "dot" => json!(self.graph(task, life, look).await),
            "status" => json!(task.status),
            "executing" => json!(life.executing),
            "error" => json!(life.error),
            "stats" => match self.runner.glimpse(&task.id).await {
                Some(glimpse) if life.executing => stats(&glimpse.stats),
                _ if in_list => Json::Null,
                _ => json!({}),
            },
            "created" => json!(task.created.to_string()),
            "modified" => json!(task.modified.to_string()),
            "last-enabled" => json!(time_or_never(task.last_enabled)),
            _ => Json::Null,
        }
    }

    async fn graph(&self, task: &Definition, life: &Life, look: Look) -> String {
        if life.executing
            && task.status == Status::Enabled
            && let Some(dot) = self.runner.dot(&task.id, look.labels).await
        {
            return dot;
        }
        let vars = vars::from_json(&task.vars).unwrap_or_default();
        script::check(&task.script, &vars).map(|c| c.plan.dot(&task.id)).unwrap_or_default()
    }
}

/// A template with the given fields.
pub(crate) fn template(template: &Template, look: Look, fields: &[&str]) -> Map<String, Json> {
    let value = |field: &str| match field {
        "link" => json!(Link::to(format_args!("/templates/{}", template.id))),
        "id" => json!(template.id),
        "type" => json!(template.kind),
        "script" => json!(shown_script(&template.script, look)),
        "vars" => json!(template.vars),
        "dot" => {
            let checked = script::check_template(&template.script);
            json!(checked.map(|c| c.plan.dot(&template.id)).unwrap_or_default())
        }
        "error" => json!(""),
        "created" => json!(template.created.to_string()),
        "modified" => json!(template.modified.to_string()),
        _ => Json::Null,
    };
    fields.iter().map(|field| ((*field).to_owned(), value(field))).collect()
}

/// The `stats` member of a running task.
fn stats(stats: &TaskStats) -> Json {
    let nodes: Map<String, Json> = stats
        .nodes
        .iter()
        .map(|node| {
            let mut shown = Map::new();
            shown.insert("avg_exec_time_ns".to_owned(), json!(node.avg_exec_time_ns));
            shown.insert("collected".to_owned(), json!(node.collected));
            shown.insert("emitted".to_owned(), json!(node.emitted));
            shown.insert("errors".to_owned(), json!(node.errors));
            shown.insert("working_cardinality".to_owned(), json!(node.working_cardinality));
            for (name, value) in &node.extra {
                shown.insert((*name).to_owned(), json!(value));
            }
            (node.name.to_string(), Json::Object(shown))
        })
        .collect();
    json!({"task-stats": {"throughput": stats.throughput}, "node-stats": nodes})
}

/// The script as it was sent, or formatted; one that no longer parses is shown as it was sent.
fn shown_script(stored: &str, look: Look) -> String {
    if look.raw {
        return stored.to_owned();
    }
    tick::format(stored).unwrap_or_else(|_| stored.to_owned())
}

/// A time as Go prints it; one that never was is the year 1.
pub(crate) fn time_or_never(time: Option<Time>) -> String {
    time.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |t| t.to_string())
}
