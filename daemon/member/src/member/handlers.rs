//! The handlers that hold here, compiled: those of topics (replicated) and those of scripts (local).

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::kind::Action;
use alert::{Aggregate, Handler, HandlerName, HandlerSpec};
use model::{Str, Time};

/// All handlers by topic.
#[derive(Default)]
pub(crate) struct Handlers {
    topics: BTreeMap<Str, Topic>,
    /// Specs that do not compile here, with the reason; they came from a newer release.
    broken: BTreeMap<HandlerName, String>,
}

/// The handlers of one topic.
#[derive(Default)]
pub(crate) struct Topic {
    /// Those that send something out, in order of id.
    pub(crate) external: Vec<Arc<Handler>>,
    /// `publish` and `aggregate`, in order of id.
    pub(crate) internal: Vec<Internal>,
    /// They stand in a script: the topic is anonymous.
    pub(crate) inline: bool,
}

/// A handler that only moves events between topics.
pub(crate) struct Internal {
    pub(crate) handler: Arc<Handler>,
    /// The targets of a `publish`.
    pub(crate) targets: Vec<Str>,
    /// The window of an `aggregate`.
    pub(crate) aggregate: Option<Aggregate>,
}

impl Handlers {
    /// The handlers of a topic, when it has any.
    pub(crate) fn topic(&self, topic: &str) -> Option<&Topic> {
        self.topics.get(topic)
    }

    pub(crate) fn topic_mut(&mut self, topic: &str) -> Option<&mut Topic> {
        self.topics.get_mut(topic)
    }

    pub(crate) fn get(&self, name: &HandlerName) -> Option<&Arc<Handler>> {
        let topic = self.topics.get(&name.topic)?;
        let is = |h: &&Arc<Handler>| h.spec().id == *name.handler;
        topic
            .external
            .iter()
            .find(is)
            .or_else(|| topic.internal.iter().map(|i| &i.handler).find(is))
    }

    pub(crate) fn has(&self, name: &HandlerName) -> bool {
        self.get(name).is_some()
    }

    /// Puts or replaces a handler. `Err` when it does not compile; then the old one is gone all the same.
    pub(crate) fn put(&mut self, spec: Arc<HandlerSpec>, inline: bool) -> Result<(), String> {
        let name =
            HandlerName { topic: spec.topic.as_str().into(), handler: spec.id.as_str().into() };
        self.remove(&name);
        let handler = match Handler::compile(spec) {
            Ok(handler) => Arc::new(handler),
            Err(why) => {
                self.broken.insert(name, why.to_string());
                return Err(why.to_string());
            }
        };
        let topic = self.topics.entry(name.topic.clone()).or_default();
        topic.inline = inline;
        let id = |h: &Handler| h.spec().id.clone();
        if handler.action().is_internal() {
            let at = topic.internal.partition_point(|i| id(&i.handler) < id(&handler));
            topic.internal.insert(at, Internal::new(&name, handler));
        } else {
            let at = topic.external.partition_point(|h| id(h) < id(&handler));
            topic.external.insert(at, handler);
        }
        Ok(())
    }

    /// Removes a handler; true when it was there.
    pub(crate) fn remove(&mut self, name: &HandlerName) -> bool {
        let broken = self.broken.remove(name).is_some();
        let Some(topic) = self.topics.get_mut(&name.topic) else { return broken };
        let before = topic.external.len() + topic.internal.len();
        topic.external.retain(|h| h.spec().id != *name.handler);
        topic.internal.retain(|i| i.handler.spec().id != *name.handler);
        let after = topic.external.len() + topic.internal.len();
        if after == 0 {
            self.topics.remove(&name.topic);
        }
        before != after || broken
    }

    /// Ids of the handlers of a topic.
    pub(crate) fn ids(&self, topic: &str) -> Vec<HandlerName> {
        let Some((name, topic)) = self.topics.get_key_value(topic) else { return Vec::new() };
        let internal = topic.internal.iter().map(|i| &i.handler);
        let of = |h: &Arc<Handler>| HandlerName {
            topic: name.clone(),
            handler: h.spec().id.as_str().into(),
        };
        topic.external.iter().chain(internal).map(of).collect()
    }

    /// When the first window of an aggregate closes.
    pub(crate) fn next_window(&self) -> Option<Time> {
        self.topics
            .values()
            .flat_map(|t| &t.internal)
            .filter_map(|i| i.aggregate.as_ref()?.poll_timeout())
            .min()
    }

    /// Closes the windows that are over; their summaries.
    pub(crate) fn close_windows(&mut self, now: Time) -> Vec<alert::Event> {
        self.topics
            .values_mut()
            .flat_map(|t| &mut t.internal)
            .filter_map(|i| i.aggregate.as_mut()?.handle_timeout(now))
            .collect()
    }

    /// Why specs do not work here.
    pub(crate) fn broken(&self) -> &BTreeMap<HandlerName, String> {
        &self.broken
    }

    /// All compiled handlers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Handler>> {
        self.topics
            .values()
            .flat_map(|t| t.external.iter().chain(t.internal.iter().map(|i| &i.handler)))
    }
}

impl Internal {
    fn new(name: &HandlerName, handler: Arc<Handler>) -> Self {
        let (targets, aggregate) = match handler.action() {
            Action::Publish(publish) => {
                (publish.topics.iter().map(|t| t.as_str().into()).collect(), None)
            }
            Action::Aggregate(options) => {
                let aggregate = Aggregate::new(&name.topic, &name.handler, options.clone());
                (Vec::new(), Some(aggregate))
            }
            _ => (Vec::new(), None),
        };
        Self { handler, targets, aggregate }
    }
}
