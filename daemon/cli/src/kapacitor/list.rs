//! `kapacitor list KIND [PATTERN…]`: one table per kind.

use std::collections::BTreeMap;

use client::{Client, Level};

use super::{dbrp, unbuilt};
use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "list",
    arguments: "(tasks|templates|topics|topic-handlers) [ID or pattern]...",
    about: "Lists what matches; topic-handlers take a topic's pattern first.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let Some((kind, patterns)) = call.given.arguments.split_first() else {
        let text = "Must specify 'tasks', 'templates', 'topics' or 'topic-handlers'";
        return Err(Failure::Usage(text.to_owned()));
    };
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let all: &[&str] = if patterns.is_empty() { &[""] } else { &patterns };
    let text = match kind.as_str() {
        "tasks" => tasks(&call.client()?, all).await?,
        "templates" => templates(&call.client()?, all).await?,
        "topics" => topics(&call.client()?, all).await?,
        "topic-handlers" => handlers(&call.client()?, all).await?,
        "recordings" | "replays" | "service-tests" => return Err(unbuilt::failure(kind)),
        _ => {
            return Err(Failure::Failed(format!(
                "cannot list '{kind}' did you mean 'tasks', 'recordings', 'replays', 'topics', \
                 'topic-handlers' or 'service-tests'?"
            )));
        }
    };
    Ok(text.into())
}

async fn tasks(client: &Client, patterns: &[&str]) -> Result<String, client::Error> {
    const COLUMNS: [Column; 5] = [
        Column::new("ID", 3),
        Column::new("Type", 10),
        Column::new("Status", 10),
        Column::new("Executing", 10),
        Column::new("Databases and Retention Policies", 0),
    ];
    const FIELDS: [&str; 5] = ["type", "status", "executing", "dbrps", "link"];
    let mut rows = BTreeMap::new();
    for pattern in patterns {
        for task in client.tasks(pattern, &FIELDS).await? {
            let dbrps = format!("[{}]", dbrp::show(&task.dbrps));
            let row =
                vec![task.id.clone(), task.kind, task.status, task.executing.to_string(), dbrps];
            rows.insert(task.id, row);
        }
    }
    Ok(table::render(&COLUMNS, &rows.into_values().collect::<Vec<_>>()))
}

async fn templates(client: &Client, patterns: &[&str]) -> Result<String, client::Error> {
    const COLUMNS: [Column; 3] =
        [Column::new("ID", 3), Column::new("Type", 10), Column::new("Vars", 40)];
    let mut rows = BTreeMap::new();
    for pattern in patterns {
        for template in client.templates(pattern, &["type", "vars", "link"]).await? {
            let vars: Vec<&str> = template.vars.keys().map(String::as_str).collect();
            let row = vec![template.id.clone(), template.kind, vars.join(",")];
            rows.insert(template.id, row);
        }
    }
    Ok(table::render(&COLUMNS, &rows.into_values().collect::<Vec<_>>()))
}

async fn topics(client: &Client, patterns: &[&str]) -> Result<String, client::Error> {
    const COLUMNS: [Column; 3] =
        [Column::new("ID", 3), Column::new("Level", 9), Column::new("Collected", 10).right()];
    let mut rows = Vec::new();
    for pattern in patterns {
        for topic in client.topics(pattern, Level::Ok).await? {
            rows.push(vec![topic.id, topic.level.to_string(), topic.collected.to_string()]);
        }
    }
    Ok(table::render(&COLUMNS, &rows))
}

async fn handlers(client: &Client, patterns: &[&str]) -> Result<String, client::Error> {
    const COLUMNS: [Column; 3] =
        [Column::new("Topic", 11), Column::new("ID", 11), Column::new("Kind", 11)];
    let (topic, patterns) = patterns.split_first().unwrap_or((&"", &[]));
    let patterns = if patterns.is_empty() { &[""][..] } else { patterns };
    let mut rows = Vec::new();
    for topic in client.topics(topic, Level::Ok).await? {
        for pattern in patterns {
            for handler in client.handlers(&topic.id, pattern).await? {
                rows.push(vec![topic.id.clone(), handler.id, handler.kind]);
            }
        }
    }
    Ok(table::render(&COLUMNS, &rows))
}
