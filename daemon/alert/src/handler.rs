//! A handler: a spec that was checked and compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kind::{Action, KindError};
use crate::{Event, HandlerSpec, Match};

/// A handler that can be asked whether it wants an event, and that says what to do with it.
#[derive(Clone, Debug)]
pub struct Handler {
    spec: Arc<HandlerSpec>,
    action: Action,
    matching: Option<Match>,
}

/// Why a spec cannot become a handler (HTTP: 500 `failed to create handler: …`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Unknown kind or wrong options.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// The match does not compile.
    #[error("{0}")]
    Match(String),
    /// It would collect events under the topic it listens to.
    #[error("handler {handler:?} would publish events of topic {topic:?} to the same topic")]
    Cycle {
        /// Handler id.
        handler: String,
        /// Its topic.
        topic: String,
    },
}

impl Handler {
    /// Checks kind and options and compiles the match. Shape (ids) is
    /// [`HandlerSpec::validate`]'s matter.
    pub fn compile(spec: Arc<HandlerSpec>) -> Result<Self, HandlerError> {
        let action = Action::parse(&spec.kind, &spec.options)?;
        if action.targets().contains(&spec.topic) {
            let (handler, topic) = (spec.id.clone(), spec.topic.clone());
            return Err(HandlerError::Cycle { handler, topic });
        }
        let matching = match spec.matching.trim() {
            "" => None,
            text => Some(Match::compile(text).map_err(HandlerError::Match)?),
        };
        Ok(Self { spec, action, matching })
    }

    /// The definition.
    pub fn spec(&self) -> &Arc<HandlerSpec> {
        &self.spec
    }

    /// What it does.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Whether it gets the event: events that are not for the outside go only to `publish` and
    /// `aggregate`; then the match decides. An error means no and is for the log.
    pub fn wants(&self, event: &Event) -> Result<bool, String> {
        if event.body.no_external && !self.action.is_internal() {
            return Ok(false);
        }
        self.matching.as_ref().map_or(Ok(true), |matching| matching.matches(event))
    }

    /// A cycle of topics that publish to each other among `handlers`, for a warning: such events
    /// end at the hop limit.
    pub fn find_cycle<'a>(handlers: impl Iterator<Item = &'a Self>) -> Option<Vec<&'a str>> {
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for handler in handlers {
            let targets = handler.action.targets().iter().map(String::as_str);
            edges.entry(&handler.spec.topic).or_default().extend(targets);
        }
        // Topics from which no cycle is reached fall away, sinks first; what stays is on or before one.
        loop {
            let sources: BTreeSet<&str> = edges.keys().copied().collect();
            let before = edges.len();
            edges.retain(|_, targets| {
                targets.retain(|target| sources.contains(target));
                !targets.is_empty()
            });
            if edges.len() == before {
                break;
            }
        }
        let mut path = vec![*edges.keys().next()?];
        loop {
            let next = *edges[path[path.len() - 1]].first()?;
            if let Some(start) = path.iter().position(|topic| *topic == next) {
                return Some(path.split_off(start));
            }
            path.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::data::tests::event;

    fn handler(json: &str) -> Result<Handler, String> {
        let spec = HandlerSpec::from_json(json.as_bytes()).expect("json");
        Handler::compile(Arc::new(spec)).map_err(|e| e.to_string())
    }

    fn publish(id: &str, topic: &str, to: &[&str]) -> Handler {
        let json = serde_json::json!({"id": id, "topic": topic, "kind": "publish", "options": {"topics": to}});
        handler(&json.to_string()).expect("valid")
    }

    #[test]
    fn publishing_to_its_own_topic_is_refused() {
        let got =
            handler(r#"{"id":"p","topic":"a","kind":"publish","options":{"topics":["b","a"]}}"#);
        let text = "handler \"p\" would publish events of topic \"a\" to the same topic";
        assert_eq!(got.err().as_deref(), Some(text));
    }

    #[test]
    fn longer_cycles_are_found() {
        let all = [
            publish("1", "start", &["a"]),
            publish("2", "a", &["b", "end"]),
            publish("3", "b", &["c"]),
            publish("4", "c", &["a"]),
        ];
        assert_eq!(Handler::find_cycle(all.iter()), Some(vec!["a", "b", "c"]));
        assert_eq!(Handler::find_cycle(all[..3].iter()), None);
    }

    #[test]
    fn events_kept_inside_reach_only_publish_and_aggregate() {
        let mut event = event("a", "x", Level::Info, 1);
        let post = handler(r#"{"id":"p","topic":"a","kind":"post","options":{"url":"http://x"}}"#);
        let post = post.expect("valid");
        assert_eq!(post.wants(&event), Ok(true));
        Arc::get_mut(&mut event.body).expect("alone").no_external = true;
        assert_eq!(post.wants(&event), Ok(false));
        assert_eq!(publish("1", "a", &["b"]).wants(&event), Ok(true));
    }
}
