//! `/alerts/topics`: topics, their events, their handlers.

use alert::{HandlerSpec, Level};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::error::Error;
use crate::request::{Client, Path};

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Topic {
    /// Its name.
    pub id: String,
    /// The highest level of its events.
    pub level: Level,
    /// Events since the member started.
    #[serde(default)]
    pub collected: u64,
}

/// The last state of an event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Which event.
    pub id: String,
    /// How it is.
    pub state: EventState,
}

/// How an event is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EventState {
    /// For people.
    #[serde(default)]
    pub message: String,
    /// For people who want more, HTML.
    #[serde(default)]
    pub details: String,
    /// Of the data that raised it, RFC 3339.
    pub time: String,
    /// How long it has not been OK, as Go prints it: `5m0s`.
    #[serde(default)]
    pub duration: String,
    /// How bad it is.
    pub level: Level,
}

#[derive(Deserialize)]
struct Topics {
    topics: Option<Vec<Topic>>,
}

#[derive(Deserialize)]
struct Events {
    events: Option<Vec<Event>>,
}

#[derive(Deserialize)]
struct Handlers {
    handlers: Option<Vec<HandlerSpec>>,
}

impl Client {
    /// Topics whose id matches the glob (empty: all) and whose level is at least `min`, by id.
    pub async fn topics(&self, pattern: &str, min: Level) -> Result<Vec<Topic>, Error> {
        let query = [("pattern", pattern), ("min-level", min.name())];
        let list: Topics =
            self.get(Path { segments: &["alerts", "topics"], query: &query }).await?;
        Ok(list.topics.unwrap_or_default())
    }

    /// A topic.
    pub async fn topic(&self, id: &str) -> Result<Topic, Error> {
        self.get(Path::of(&["alerts", "topics", id])).await
    }

    /// Deletes a topic with the states of its events; its handlers stay defined.
    pub async fn delete_topic(&self, id: &str) -> Result<(), Error> {
        self.call(Method::DELETE, Path::of(&["alerts", "topics", id]), None).await.map(drop)
    }

    /// Events of a topic whose level is at least `min`.
    pub async fn events(&self, topic: &str, min: Level) -> Result<Vec<Event>, Error> {
        let query = [("min-level", min.name())];
        let segments = ["alerts", "topics", topic, "events"];
        let list: Events = self.get(Path { segments: &segments, query: &query }).await?;
        Ok(list.events.unwrap_or_default())
    }

    /// One event of a topic.
    pub async fn event(&self, topic: &str, id: &str) -> Result<Event, Error> {
        self.get(Path::of(&["alerts", "topics", topic, "events", id])).await
    }

    /// Handlers of a topic whose id matches the glob (empty: all), by id. An unknown topic has none.
    pub async fn handlers(&self, topic: &str, pattern: &str) -> Result<Vec<HandlerSpec>, Error> {
        let query = [("pattern", pattern)];
        let segments = ["alerts", "topics", topic, "handlers"];
        let list: Handlers = self.get(Path { segments: &segments, query: &query }).await?;
        let named = |mut spec: HandlerSpec| {
            topic.clone_into(&mut spec.topic);
            spec
        };
        Ok(list.handlers.unwrap_or_default().into_iter().map(named).collect())
    }

    /// One handler of a topic.
    pub async fn handler(&self, topic: &str, id: &str) -> Result<HandlerSpec, Error> {
        let segments = ["alerts", "topics", topic, "handlers", id];
        let mut spec: HandlerSpec = self.get(Path::of(&segments)).await?;
        topic.clone_into(&mut spec.topic);
        Ok(spec)
    }

    /// Defines a handler of the topic that the spec names.
    pub async fn create_handler(&self, spec: &HandlerSpec) -> Result<(), Error> {
        let segments = ["alerts", "topics", &spec.topic, "handlers"];
        self.call(Method::POST, Path::of(&segments), Some(&json!(spec))).await.map(drop)
    }

    /// Replaces the handler `id` of the topic that the spec names.
    pub async fn replace_handler(&self, id: &str, spec: &HandlerSpec) -> Result<(), Error> {
        let segments = ["alerts", "topics", &spec.topic, "handlers", id];
        self.call(Method::PUT, Path::of(&segments), Some(&json!(spec))).await.map(drop)
    }

    /// Deletes a handler; one that does not exist is deleted already.
    pub async fn delete_handler(&self, topic: &str, id: &str) -> Result<(), Error> {
        let segments = ["alerts", "topics", topic, "handlers", id];
        self.call(Method::DELETE, Path::of(&segments), None).await.map(drop)
    }
}
