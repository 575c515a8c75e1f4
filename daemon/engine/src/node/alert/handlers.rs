//! Handlers written in a script. Each becomes a handler spec of the node's anonymous topic.

use std::collections::BTreeMap;

use alert::HandlerSpec;
use alert::kind::Action;
use model::{Duration, Str};
use serde_json::{Map, Value, json};
use tick::{ArgType, Signature, Value as Arg};

use super::PROPERTIES;
use crate::node::{Args, QUIET};
use crate::task::Settings;

const S: ArgType = ArgType::String;

/// The handler methods of an alert node.
pub(super) const METHODS: &[Signature] = &[
    Signature::method("log", &[S]),
    Signature::variadic("post", &[], S),
    Signature::method("tcp", &[S]),
    Signature::variadic("exec", &[S], S),
    Signature::method("alerta", &[]),
    Signature::method("bigPanda", &[]),
    Signature::method("discord", &[]),
    Signature::variadic("email", &[], S),
    Signature::method("hipChat", &[]),
    Signature::method("kafka", &[]),
    Signature::method("mqtt", &[S]),
    Signature::method("opsGenie", &[]),
    Signature::method("opsGenie2", &[]),
    Signature::method("pagerDuty", &[]),
    Signature::method("pagerDuty2", &[]),
    Signature::method("pushover", &[]),
    Signature::method("sensu", &[]),
    Signature::method("serviceNow", &[]),
    Signature::method("slack", &[]),
    Signature::method("snmpTrap", &[S]),
    Signature::method("talk", &[]),
    Signature::method("teams", &[]),
    Signature::method("telegram", &[]),
    Signature::method("victorOps", &[]),
    Signature::method("zenoss", &[]),
];

/// What a script may call on a handler: its own properties, then the node's.
macro_rules! described {
    ($go_type:literal, $own:expr) => {{
        static ALL: &[&[Signature]] = &[$own, PROPERTIES, METHODS, QUIET];
        ($go_type, ALL)
    }};
}

/// One handler of a script.
#[derive(Clone, Debug)]
pub(super) enum Inline {
    /// `.log('path').mode(0644)`
    Log { path: Str, mode: i64 },
    /// `.post('url').endpoint('x').header('k', 'v')…`
    Post(Post),
    /// `.tcp('host:port')`
    Tcp { address: Str },
    /// `.exec('prog', 'arg'…)`
    Exec { command: Vec<Str> },
    /// One that this version cannot run; its properties are checked and forgotten.
    NotBuilt { method: &'static str },
}

/// Properties of `.post`.
#[derive(Clone, Debug, Default)]
pub(super) struct Post {
    url: Str,
    endpoint: Str,
    headers: BTreeMap<Str, Str>,
    capture_response: bool,
    skip_ssl_verification: bool,
    timeout: Duration,
}

impl Inline {
    /// The handler that `.name(args)` adds.
    pub(super) fn new(name: &str, args: &Args<'_>) -> Self {
        match name {
            "log" => Self::Log { path: args.str(0), mode: 0 },
            "post" => Self::Post(Post { url: args.str(0), ..Post::default() }),
            "tcp" => Self::Tcp { address: args.str(0) },
            "exec" => Self::Exec { command: args.strs(0) },
            _ => {
                let method = METHODS.iter().find(|method| method.name == name);
                Self::NotBuilt { method: method.map_or("", |method| method.name) }
            }
        }
    }

    /// Whether the property is the handler's, not the node's.
    pub(super) fn owns(&self, name: &str) -> bool {
        self.describe().1[0].iter().any(|property| property.name == name)
    }

    /// Sets a property of the handler.
    pub(super) fn set(&mut self, name: &str, args: &Args<'_>) -> Result<(), String> {
        match (self, name) {
            (Self::Log { path, .. }, "filePath") => *path = args.str(0),
            (Self::Log { mode, .. }, "mode") => *mode = args.int(0),
            (Self::Tcp { address }, "address") => *address = args.str(0),
            (Self::Exec { command }, "command") => {
                let [Arg::List(list)] = args.all() else {
                    return Err("command must be a list of strings".to_owned());
                };
                *command = Args(list).strs(0);
            }
            (Self::Post(post), name) => match name {
                "uRL" => post.url = args.str(0),
                "endpoint" => post.endpoint = args.str(0),
                "timeout" => post.timeout = args.duration(0),
                "header" => {
                    post.headers.insert(args.str(0), args.str(1));
                }
                "captureResponse" => post.capture_response = true,
                _ => post.skip_ssl_verification = true,
            },
            _ => {}
        }
        Ok(())
    }

    /// Go type and properties.
    pub(super) fn describe(&self) -> (&'static str, &'static [&'static [Signature]]) {
        match self {
            Self::Log { .. } => described!("LogHandler", LOG),
            Self::Post(_) => described!("AlertHTTPPostHandler", POST),
            Self::Tcp { .. } => described!("TcpHandler", TCP),
            Self::Exec { .. } => described!("ExecHandler", EXEC),
            Self::NotBuilt { method } => describe_not_built(method),
        }
    }

    /// The method, when this version cannot run it.
    pub(super) fn not_built(&self) -> Option<&'static str> {
        match self {
            Self::NotBuilt { method } => Some(method),
            _ => None,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Log { .. } => "log",
            Self::Post(_) => "post",
            Self::Tcp { .. } => "tcp",
            Self::Exec { .. } => "exec",
            Self::NotBuilt { method } => method,
        }
    }

    fn options(&self) -> Value {
        match self {
            Self::Log { path, mode: 0 } => json!({ "path": &**path }),
            Self::Log { path, mode } => json!({ "path": &**path, "mode": mode }),
            Self::Tcp { address } => json!({ "address": &**address }),
            Self::Exec { command } => {
                let (prog, args) = command.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
                let args: Vec<&str> = args.iter().map(|arg| &**arg).collect();
                json!({ "prog": prog, "args": args })
            }
            Self::Post(post) => post.options(),
            Self::NotBuilt { .. } => json!({}),
        }
    }
}

impl Post {
    fn options(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), Value::from(&**value)))
            .collect();
        json!({
            "url": &*self.url,
            "endpoint": &*self.endpoint,
            "headers": headers,
            "capture-response": self.capture_response,
            "timeout": self.timeout.0,
            "skip-ssl-verification": self.skip_ssl_verification,
        })
    }
}

/// The specs of a script's handlers under the anonymous topic, checked. Ids are kind and number, so
/// that members that run the same script agree. Kinds that are switched off are left out.
pub(super) fn specs(
    handlers: &[Inline],
    topic: &Str,
    settings: &Settings,
) -> Result<Vec<HandlerSpec>, String> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut specs = Vec::with_capacity(handlers.len());
    for handler in handlers {
        let kind = handler.kind();
        let number = numbers.entry(kind).or_default();
        let id = format!("{kind}{number}");
        *number += 1;
        if settings.disabled_handlers.contains(kind) {
            continue;
        }
        let Value::Object(options) = handler.options() else { continue };
        let action = Action::parse(kind, &options).map_err(|e| e.to_string())?;
        if let Action::Post(post) = action
            && post.url.is_empty()
            && !settings.endpoints.contains_key(post.endpoint.as_str())
        {
            return Err(
                "failed to create HTTPPostService.Handler: An appropriately formatted url \
                        must be specified if an endpoint is not specified"
                    .to_owned(),
            );
        }
        let topic = topic.to_string();
        let matching = String::new();
        specs.push(HandlerSpec { id, topic, kind: kind.to_owned(), options, matching });
    }
    Ok(specs)
}

const LOG: &[Signature] =
    &[Signature::field("filePath", S), Signature::field("mode", ArgType::Int)];
const TCP: &[Signature] = &[Signature::field("address", S)];
const EXEC: &[Signature] = &[Signature::field("command", ArgType::Any)];
const POST: &[Signature] = &[
    Signature::field("uRL", S),
    Signature::field("endpoint", S),
    Signature::field("timeout", ArgType::Duration),
    Signature::method("header", &[S, S]),
    Signature::method("captureResponse", &[]),
    Signature::method("skipSSLVerification", &[]),
];

/// A table of properties that take one string each, then others.
macro_rules! texts {
    ($($name:literal)* $(; $more:expr)*) => {
        &[$(Signature::field($name, S),)* $($more,)*]
    };
}

fn describe_not_built(method: &str) -> (&'static str, &'static [&'static [Signature]]) {
    const ANY: ArgType = ArgType::Any;
    match method {
        "alerta" => described!(
            "AlertaHandler",
            texts!(
                "token" "resource" "event" "environment" "group" "value" "origin";
                Signature::field("timeout", ArgType::Duration);
                Signature::variadic("services", &[], S);
                Signature::variadic("correlated", &[], S);
                Signature::method("attribute", &[S, ANY])
            )
        ),
        "bigPanda" => described!(
            "BigPandaHandler",
            texts!(
                "appKey" "host" "primaryProperty" "secondaryProperty";
                Signature::method("attribute", &[S, ANY])
            )
        ),
        "discord" => {
            described!("DiscordHandler", texts!("workspace" "username" "avatarURL" "embedTitle"))
        }
        "email" => described!(
            "EmailHandler",
            texts!(;
                Signature::variadic("to", &[], S);
                Signature::variadic("toTemplates", &[], S)
            )
        ),
        "hipChat" => described!("HipChatHandler", texts!("room" "token")),
        "kafka" => described!(
            "KafkaHandler",
            texts!(
                "cluster" "kafkaTopic" "template" "partitionHashAlgorithm";
                Signature::method("disablePartitionById", &[])
            )
        ),
        "mqtt" => described!(
            "MQTTHandler",
            texts!(
                "brokerName";
                Signature::field("qos", ArgType::Int);
                Signature::field("retained", ArgType::Bool)
            )
        ),
        "opsGenie" => described!(
            "OpsGenieHandler",
            texts!(;
                Signature::variadic("teams", &[], S);
                Signature::variadic("recipients", &[], S)
            )
        ),
        "opsGenie2" => described!(
            "OpsGenie2Handler",
            texts!(;
                Signature::variadic("teams", &[], S);
                Signature::variadic("recipients", &[], S);
                Signature::method("recoveryAction", &[S]);
                Signature::method("details", &[])
            )
        ),
        "pagerDuty" => described!("PagerDutyHandler", texts!("serviceKey")),
        "pagerDuty2" => described!(
            "PagerDuty2Handler",
            texts!(
                "routingKey";
                Signature::method("serviceKey", &[S]);
                Signature::variadic("link", &[S], S)
            )
        ),
        "pushover" => described!(
            "PushoverHandler",
            texts!(
                "userKey" "device" "title" "uRL" "uRLTitle" "sound"
            )
        ),
        "sensu" => described!(
            "SensuHandler",
            texts!(
                "source";
                Signature::variadic("handlers", &[], S);
                Signature::method("metadata", &[S, ANY])
            )
        ),
        "serviceNow" => described!(
            "ServiceNowHandler",
            texts!(
                "uRL" "username" "password" "source" "node" "type" "resource" "metricName" "messageKey";
                Signature::method("additionalInfo", &[S, ANY])
            )
        ),
        "slack" => described!("SlackHandler", texts!("workspace" "channel" "username" "iconEmoji")),
        "snmpTrap" => described!(
            "SNMPTrapHandler",
            texts!(
                "trapOid";
                Signature::method("data", &[S, S, S])
            )
        ),
        "teams" => described!("TeamsHandler", texts!("channelURL")),
        "telegram" => described!(
            "TelegramHandler",
            texts!(
                "chatId" "parseMode";
                Signature::method("disableWebPagePreview", &[]);
                Signature::method("disableNotification", &[])
            )
        ),
        "victorOps" => described!("VictorOpsHandler", texts!("routingKey")),
        "zenoss" => described!(
            "ZenossHandler",
            texts!(
                "uRL" "username" "password" "action" "method" "type" "summary" "device" "component"
                "eventClassKey" "eventClass" "collector" "message";
                Signature::field("tid", ArgType::Int);
                Signature::method("customField", &[S, ANY])
            )
        ),
        _ => described!("TalkHandler", texts!()),
    }
}
