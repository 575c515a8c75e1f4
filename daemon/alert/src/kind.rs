//! What handlers do. One kind, one file: its options, how they are read, what is refused.

use serde_json::{Map, Value};

pub mod aggregate;
pub mod exec;
pub mod log;
mod options;
pub mod post;
pub mod publish;
pub mod tcp;

pub use options::Options;

/// A handler's kind with its options, checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Appends alert data to a file.
    Log(log::Log),
    /// Sends alert data by HTTP.
    Post(post::Post),
    /// Sends alert data to a socket.
    Tcp(tcp::Tcp),
    /// Gives alert data to a program.
    Exec(exec::Exec),
    /// Collects the event under other topics.
    Publish(publish::Publish),
    /// Collects a summary under another topic.
    Aggregate(aggregate::Aggregate),
}

/// Why a kind or its options were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// No handler has that name.
    #[error("unsupported action kind {0:?}")]
    Unknown(String),
    /// Kapacitor has it, this daemon does not yet.
    #[error("handler kind {0:?} is known, but not built yet in this version")]
    NotBuilt(String),
    /// An unknown option or one of the wrong type.
    #[error("failed to decode options into *{kind}.HandlerConfig: {text}")]
    Options {
        /// The kind.
        kind: String,
        /// What is wrong.
        text: String,
    },
    /// An option that has the right type, but not a value that can work.
    #[error("{0}")]
    Value(String),
}

/// Kinds of the original that are not built yet.
pub const NOT_BUILT: [&str; 21] = [
    "alerta",
    "bigpanda",
    "discord",
    "hipchat",
    "kafka",
    "mqtt",
    "opsgenie",
    "opsgenie2",
    "pagerduty",
    "pagerduty2",
    "pushover",
    "sensu",
    "servicenow",
    "slack",
    "smtp",
    "snmptrap",
    "talk",
    "teams",
    "telegram",
    "victorops",
    "zenoss",
];

impl Action {
    /// Checks a kind and its options. The one list of kinds that are built.
    pub fn parse(kind: &str, options: &Map<String, Value>) -> Result<Self, KindError> {
        let mut options = Options::new(kind, options);
        let action = match kind {
            "log" => Self::Log(log::Log::parse(&mut options)?),
            "post" => Self::Post(post::Post::parse(&mut options)?),
            "tcp" => Self::Tcp(tcp::Tcp::parse(&mut options)?),
            "exec" => Self::Exec(exec::Exec::parse(&mut options)?),
            "publish" => Self::Publish(publish::Publish::parse(&mut options)?),
            "aggregate" => Self::Aggregate(aggregate::Aggregate::parse(&mut options)?),
            _ if NOT_BUILT.contains(&kind) => return Err(KindError::NotBuilt(kind.to_owned())),
            _ => return Err(KindError::Unknown(kind.to_owned())),
        };
        options.finish()?;
        Ok(action)
    }

    /// True for what only moves events between topics: it runs on every owner of a cluster, also for
    /// events that are not for the outside, and is no part of delivery.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Publish(_) | Self::Aggregate(_))
    }

    /// How many first attempts may run at a time. A file keeps the order of the topic.
    pub fn parallel(&self) -> usize {
        if matches!(self, Self::Log(_)) { 1 } else { crate::DeliveryLimits::PARALLEL }
    }

    /// The topics it collects events under.
    pub fn targets(&self) -> &[String] {
        match self {
            Self::Publish(publish) => &publish.topics,
            Self::Aggregate(aggregate) => std::slice::from_ref(&aggregate.topic),
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(kind: &str, options: Value) -> Result<Action, String> {
        let options = options.as_object().expect("object");
        Action::parse(kind, options).map_err(|e| e.to_string())
    }

    #[test]
    fn known_and_unknown_kinds_are_told_apart() {
        assert_eq!(parse("pigeon", json!({})), Err("unsupported action kind \"pigeon\"".into()));
        for kind in NOT_BUILT {
            let text = parse(kind, json!({})).expect_err("not built");
            assert_eq!(
                text,
                format!("handler kind {kind:?} is known, but not built yet in this version")
            );
        }
    }

    #[test]
    fn options_are_strict() {
        for (kind, options, error) in [
            (
                "log",
                json!({"path": "/x", "mod": 1}),
                "failed to decode options into *log.HandlerConfig: unknown option \"mod\" (known: path, mode)",
            ),
            (
                "log",
                json!({"path": 5}),
                "failed to decode options into *log.HandlerConfig: \"path\" expected type string, got number",
            ),
            ("log", json!({"path": "x"}), "log path must be absolute: x is not absolute"),
            (
                "log",
                json!({"path": "/x", "mode": 0o444}),
                "invalid file mode -r--r--r--, must be user writable",
            ),
            ("post", json!({}), "Either URL or endpoint must be non-empty"),
            (
                "post",
                json!({"url": "http://{{ .ID"}),
                "invalid URL template: template: url:1: unclosed action",
            ),
            (
                "post",
                json!({"url": "http://x", "headers": {"Authenticate": "x"}}),
                "cannot set 'authenticate' header",
            ),
            (
                "post",
                json!({"url": "http://x", "timeout": "5s"}),
                "failed to decode options into *post.HandlerConfig: \"timeout\" expected type integer (nanoseconds), got string",
            ),
            (
                "post",
                json!({"url": "http://x", "headers": {"a": 1}}),
                "failed to decode options into *post.HandlerConfig: \"headers\" expected type map of strings, got object",
            ),
            ("tcp", json!({}), "tcp address must not be empty"),
            ("exec", json!({"args": ["x"]}), "exec prog must not be empty"),
            (
                "exec",
                json!({"prog": "x", "args": "y"}),
                "failed to decode options into *exec.HandlerConfig: \"args\" expected type list of strings, got string",
            ),
            ("publish", json!({"topics": [""]}), "publish topic must not be empty"),
            ("publish", json!({}), "publish needs at least one topic"),
            (
                "aggregate",
                json!({"id": "x", "topic": "t", "interval": 0}),
                "aggregate interval must be positive",
            ),
            ("aggregate", json!({"id": "x", "interval": 5}), "aggregate topic must not be empty"),
        ] {
            assert_eq!(parse(kind, options), Err(error.to_owned()));
        }
    }

    #[test]
    fn option_names_are_found_in_any_case() {
        let action = parse("log", json!({"Path": "/x", "mode": 420.0})).expect("valid");
        assert_eq!(action, Action::Log(log::Log { path: "/x".into(), mode: 0o644 }));
    }
}
