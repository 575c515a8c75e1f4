//! Events: what an alert node raises, what topics remember and handlers get.

use std::fmt;
use std::sync::Arc;

use model::{Duration, Fields, Str, Tags, Time};
use serde::{Deserialize, Serialize};

use crate::{Details, Level, Row, Series, State};

/// How often an event may be published on before it is taken for a loop and dropped.
pub const MAX_HOPS: u8 = 16;

/// Bytes of memory that a byte of an event's wire form may cost: a cell of a row without a value is one
/// byte there and a [`model::Value`] here, in a list that may have grown to twice its length.
pub const MEMORY_FACTOR: usize = 96;

/// An event of one topic. Immutable and cheap to clone: what does not depend on the topic is shared.
///
/// Its serde form (for postcard) is the wire form between members and the journal's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The topic it was collected under.
    pub topic: Str,
    /// The level this *topic* had for the event's id before; OK if unknown. Set by
    /// [`Topics::collect`](crate::Topics::collect).
    pub previous: Level,
    /// How often it was published on.
    pub hops: u8,
    /// What happened.
    pub body: Arc<Body>,
}

/// What happened, whatever the topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// The event's id: which thing is good or bad.
    pub id: Str,
    /// Rendered message.
    pub message: Str,
    /// Rendered details, or how to make them; read with [`Body::details`].
    pub details: Details,
    /// Event time.
    pub time: Time,
    /// How long the thing is or was not OK, in event time; late data can make it negative.
    pub duration: Duration,
    /// How bad it is now.
    pub level: Level,
    /// Where it came from and the data behind it.
    pub data: Data,
    /// Only `publish` and `aggregate` handle it: it keeps state warm.
    pub no_external: bool,
    /// Who raised it.
    pub source: Source,
    /// Counts repeats of the same id, time and level from one source: 0, 1, …
    pub occurrence: u32,
    /// Set for an aggregate's summary: the end of its (aligned) window. Members that got other
    /// levels or times into the same window still agree on it.
    pub summary: Option<Time>,
}

/// The data behind an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Measurement.
    pub name: Str,
    /// Task id.
    pub task: Str,
    /// Category for inhibition; may be empty.
    pub category: Str,
    /// Group id; empty when ungrouped.
    pub group: Str,
    /// Stream: all tags of the point. Batch: the group's tags.
    pub tags: Tags,
    /// Fields of the point that decided the level.
    pub fields: Fields,
    /// False when the node sends no recoveries.
    pub recoverable: bool,
    /// Rows as the handlers see them.
    pub series: Series,
}

/// Who raised an event: task and alert node, and the replay if it is one. The text is the node's
/// anonymous topic, `main:TASK:NODE` or `REPLAY:TASK:NODE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source(pub Str);

impl Source {
    /// The source of a node of a task, in a replay or (`None`) live.
    pub fn of_node(replay: Option<&str>, task: &str, node: &str) -> Self {
        Self(format!("{}:{task}:{node}", replay.unwrap_or("main")).into())
    }

    /// The source of an aggregate handler's summaries.
    pub fn of_handler(topic: &str, handler: &str) -> Self {
        Self(format!("aggregate:{topic}:{handler}").into())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes two events the same for members of a cluster (DESIGN 5). Never message, details or
/// duration: they differ between members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Event id.
    pub id: &'a str,
    /// Event time; of a summary the end of its window.
    pub time: Time,
    /// Level; none for a summary.
    pub level: Option<Level>,
    /// Who raised it.
    pub source: &'a str,
    /// Repeat.
    pub occurrence: u32,
}

impl Event {
    /// A new event of `topic`, not collected yet.
    pub fn new(topic: Str, body: Arc<Body>) -> Self {
        Self { topic, previous: Level::Ok, hops: 0, body }
    }

    /// Reads the wire form; none if it is damaged.
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        let (event, rest) = model::wire::take_for(MEMORY_FACTOR, bytes).ok()?;
        rest.is_empty().then_some(event)
    }

    /// What identifies the event in a cluster.
    pub fn key(&self) -> EventKey<'_> {
        let body = &*self.body;
        EventKey {
            topic: &self.topic,
            id: &body.id,
            time: body.summary.unwrap_or(body.time),
            level: body.summary.is_none().then_some(body.level),
            source: &body.source.0,
            occurrence: body.occurrence,
        }
    }

    /// The same event for another topic; `None` when it has made [`MAX_HOPS`] hops.
    pub fn published_to(&self, topic: Str) -> Option<Self> {
        let hops = self.hops + 1;
        (hops <= MAX_HOPS).then(|| Self {
            topic,
            previous: Level::Ok,
            hops,
            body: Arc::clone(&self.body),
        })
    }

    /// True when the level differs from the one the topic had: `changed()` in a match.
    pub fn changed(&self) -> bool {
        self.previous != self.body.level
    }

    /// Rough size in bytes, for the limits of queues.
    pub fn weight(&self) -> usize {
        let body = &*self.body;
        let rows = match &body.series() {
            Series::Point => 0,
            Series::Rows(rows) => rows.iter().map(Row::weight).sum(),
        };
        512 + body.message.len()
            + body.details.weight()
            + body.data.fields.len() * 48
            + body.data.tags.len() * 48
            + rows
    }
}

impl Body {
    /// The details' text; default details are rendered on first use and kept.
    pub fn details(&self) -> &Str {
        self.details.text(self)
    }

    /// What a topic shows and stores of the event.
    pub fn state(&self) -> State {
        State {
            message: self.message.clone(),
            details: self.details().clone(),
            time: self.time,
            duration: self.duration,
            level: self.level,
        }
    }

    /// The rows' form.
    pub fn series(&self) -> &Series {
        &self.data.series
    }

    /// The rows as tables; the row of a point is made up here.
    pub fn rows(&self) -> Arc<[Row]> {
        match &self.data.series {
            Series::Rows(rows) => Arc::clone(rows),
            Series::Point => {
                let data = &self.data;
                Arc::new([Row::of_parts(&data.name, &data.tags, &data.fields, self.time)])
            }
        }
    }
}
