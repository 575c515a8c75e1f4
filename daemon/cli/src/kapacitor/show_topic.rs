//! `kapacitor show-topic TOPIC`

use client::Level;
use client::topic::{Event, Topic};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dates::rfc822;
use crate::table::{self, Column};
use crate::tool::{Call, Command, Failure, Text};

pub(crate) const COMMAND: Command = Command {
    name: "show-topic",
    arguments: "<topic ID>",
    about: "Shows a topic, its handlers and its events.",
    flags: &[],
    run: |call| Box::pin(run(call)),
};

const EVENTS: [Column; 4] = [
    Column::new("Event", 6),
    Column::new("Level", 9),
    Column::new("Message", 8),
    Column::new("Date", 23),
];

async fn run(call: Call) -> Result<Text, Failure> {
    let [id] = call.exactly("Must specify one topic ID")?;
    let client = call.client()?;
    let topic = client.topic(id).await?;
    let handlers = client.handlers(id, "").await?.into_iter().map(|h| h.id).collect::<Vec<_>>();
    let events = client.events(id, Level::Ok).await?;
    Ok(render(&topic, &handlers, events, &call.environment.zone).into())
}

/// Lines, then events, oldest first.
pub(crate) fn render(
    topic: &Topic,
    handlers: &[String],
    mut events: Vec<Event>,
    zone: &TimeZone,
) -> String {
    events.sort_by_cached_key(|e| (e.state.time.parse::<Timestamp>().ok(), e.id.clone()));
    let row = |event: Event| {
        let state = event.state;
        vec![event.id, state.level.to_string(), state.message, rfc822(&state.time, zone)]
    };
    let rows: Vec<Vec<String>> = events.into_iter().map(row).collect();
    format!(
        "ID: {}\nLevel: {}\nCollected: {}\nHandlers: [{}]\nEvents:\n{}",
        topic.id,
        topic.level,
        topic.collected,
        handlers.join(", "),
        table::render(&EVENTS, &rows),
    )
}
