//! `kapacitor delete KIND PATTERN…`: what does not exist is deleted already.

use client::{Client, Level};

use super::{matching, unbuilt};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "delete",
    arguments: "(tasks|templates|topics|topic-handlers) [topic] <ID or pattern>...",
    about: "Deletes what matches; topic-handlers take their topic first.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Text, Failure> {
    let few = || Failure::Usage("Must pass at least one ID".to_owned());
    let (kind, patterns) = call.given.arguments.split_first().ok_or_else(few)?;
    if patterns.is_empty() {
        return Err(few());
    }
    match kind.as_str() {
        "tasks" => tasks(&call.client()?, patterns).await?,
        "templates" => templates(&call.client()?, patterns).await?,
        "topics" => topics(&call.client()?, patterns).await?,
        "topic-handlers" => {
            let (topic, patterns) = patterns.split_first().ok_or_else(few)?;
            if patterns.is_empty() {
                return Err(few());
            }
            handlers(&call.client()?, topic, patterns).await?;
        }
        "recordings" | "replays" => return Err(unbuilt::failure(kind)),
        _ => {
            return Err(Failure::Failed(format!(
                "cannot delete '{kind}' did you mean 'tasks', 'templates', 'recordings', \
                 'replays', 'topics' or 'topic-handlers'?"
            )));
        }
    }
    Ok(Text::NONE)
}

async fn tasks(client: &Client, patterns: &[String]) -> Result<(), client::Error> {
    for id in matching::tasks(client, patterns).await? {
        client.delete_task(&id).await?;
    }
    Ok(())
}

async fn templates(client: &Client, patterns: &[String]) -> Result<(), client::Error> {
    for pattern in patterns {
        for template in client.templates(pattern, &["link"]).await? {
            client.delete_template(&template.id).await?;
        }
    }
    Ok(())
}

async fn topics(client: &Client, patterns: &[String]) -> Result<(), client::Error> {
    for pattern in patterns {
        for topic in client.topics(pattern, Level::Ok).await? {
            client.delete_topic(&topic.id).await?;
        }
    }
    Ok(())
}

async fn handlers(client: &Client, topic: &str, patterns: &[String]) -> Result<(), client::Error> {
    for pattern in patterns {
        for handler in client.handlers(topic, pattern).await? {
            client.delete_handler(topic, &handler.id).await?;
        }
    }
    Ok(())
}
