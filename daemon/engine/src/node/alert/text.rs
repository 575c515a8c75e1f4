//! The texts of an event: id, message and details, by template, or by a fast path where the template
//! is the default or has no action.

use std::collections::BTreeMap;
use std::sync::Arc;

use alert::{Details, Level, ServerInfo};
use jiff::tz::TimeZone;
use model::{Duration, Fields, Str, Tags, Time};
use template::{Mode, Object, Template, Value};

use super::Alert;

/// What the templates are rendered over. Fields that are not known yet are not there.
pub(super) struct Facts<'a> {
    pub(super) name: &'a Str,
    pub(super) task: &'a Str,
    /// Group id; empty when ungrouped.
    pub(super) group: &'a Str,
    pub(super) tags: &'a Tags,
    pub(super) server: &'a Arc<ServerInfo>,
    /// Not known for the id.
    pub(super) event: Option<Happened<'a>>,
    /// Known for the details.
    pub(super) message: Option<&'a Str>,
}

/// The part of the facts that the message knows.
#[derive(Clone, Copy)]
pub(super) struct Happened<'a> {
    pub(super) id: &'a Str,
    pub(super) fields: &'a Fields,
    pub(super) level: Level,
    pub(super) time: Time,
    pub(super) duration: Duration,
}

/// The three templates of a node.
pub(super) struct Texts {
    id: Text,
    message: Text,
    details: Text,
}

enum Text {
    Default,
    Constant(Str),
    Template(Template),
}

/// Texts of a group that do not change: default ids and messages are made once.
#[derive(Default)]
pub(super) struct Known {
    /// The measurement and the id made of it.
    id: Option<(Str, Str)>,
    /// The id and the messages made of it, by level.
    messages: [Option<(Str, Str)>; 4],
}

impl Text {
    fn parse(
        name: &str,
        text: Option<&Str>,
        default: &str,
        mode: Mode,
        zone: &TimeZone,
    ) -> Result<Self, String> {
        match text {
            None => Ok(Self::Default),
            Some(text) if **text == *default => Ok(Self::Default),
            Some(text) if !text.contains("{{") => Ok(Self::Constant(text.clone())),
            Some(text) => {
                let template = Template::parse(name, text, mode)?;
                Ok(Self::Template(template.in_zone(zone.clone())))
            }
        }
    }
}

impl Texts {
    /// Parses the templates; the error is Go's text. `zone` is what `.Local` of times shows.
    pub(super) fn parse(alert: &Alert, zone: &TimeZone) -> Result<Self, String> {
        let (id, message) = ("{{ .Name }}:{{ .Group }}", "{{ .ID }} is {{ .Level }}");
        let details = "{{ json . }}";
        Ok(Self {
            id: Text::parse("id", alert.id.as_ref(), id, Mode::Text, zone)?,
            message: Text::parse("message", alert.message.as_ref(), message, Mode::Text, zone)?,
            details: Text::parse("details", alert.details.as_ref(), details, Mode::Html, zone)?,
        })
    }

    /// The id of a group's event.
    pub(super) fn id(&self, facts: &Facts<'_>, known: &mut Known) -> Result<Str, String> {
        match &self.id {
            Text::Constant(text) => Ok(text.clone()),
            Text::Template(template) => template.render(facts).map(Str::from),
            Text::Default => match &known.id {
                Some((name, id)) if same(name, facts.name) => Ok(id.clone()),
                _ => {
                    let id: Str = format!("{}:{}", facts.name, facts.group()).into();
                    known.id = Some((facts.name.clone(), id.clone()));
                    Ok(id)
                }
            },
        }
    }

    /// The message; `facts.event` must be there.
    pub(super) fn message(&self, facts: &Facts<'_>, known: &mut Known) -> Result<Str, String> {
        match (&self.message, &facts.event) {
            (Text::Constant(text), _) => Ok(text.clone()),
            (Text::Template(template), _) => template.render(facts).map(Str::from),
            (Text::Default, None) => Ok("".into()),
            (Text::Default, Some(event)) => match &mut known.messages[event.level as usize] {
                Some((id, message)) if same(id, event.id) => Ok(message.clone()),
                slot => {
                    let message: Str = format!("{} is {}", event.id, event.level).into();
                    *slot = Some((event.id.clone(), message.clone()));
                    Ok(message)
                }
            },
        }
    }

    /// The details; `facts.event` and `facts.message` must be there.
    pub(super) fn details(&self, facts: &Facts<'_>) -> Result<Details, String> {
        match &self.details {
            Text::Default => Ok(Details::default_of(Arc::clone(facts.server))),
            Text::Constant(text) => Ok(Details::of_text(text.clone())),
            Text::Template(template) => {
                template.render(facts).map(|text| Details::of_text(text.into()))
            }
        }
    }
}

fn same(a: &Str, b: &Str) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

impl Facts<'_> {
    fn group(&self) -> &str {
        if self.group.is_empty() { "nil" } else { self.group }
    }
}

impl Object for Facts<'_> {
    fn fields(&self) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "Name",
            "TaskName",
            "Group",
            "Tags",
            "ServerInfo",
            "ID",
            "Fields",
            "Level",
            "Time",
            "Duration",
            "Message",
        ];
        match (&self.event, self.message) {
            (None, _) => &ALL[..5],
            (Some(_), None) => &ALL[..10],
            (Some(_), Some(_)) => ALL,
        }
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Name" => Value::Str(self.name.clone()),
            "TaskName" => Value::Str(self.task.clone()),
            "Group" => Value::Str(self.group().into()),
            "Tags" => {
                let tags = self.tags.iter().map(|(k, v)| (k.to_string(), Value::Str(v.clone())));
                Value::Tags(tags.collect::<BTreeMap<_, _>>().into())
            }
            "ServerInfo" => Value::Object(Arc::new(Server(Arc::clone(self.server)))),
            "Message" => Value::Str(self.message?.clone()),
            _ => return self.event?.field(name),
        })
    }

    fn type_name(&self) -> &'static str {
        match (&self.event, self.message) {
            (None, _) => "kapacitor.idInfo",
            (Some(_), None) => "kapacitor.messageInfo",
            (Some(_), Some(_)) => "kapacitor.detailsInfo",
        }
    }
}

impl Happened<'_> {
    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "ID" => Value::Str(self.id.clone()),
            "Fields" => {
                let fields = self.fields.iter().map(|(n, v)| (n.to_string(), template_value(v)));
                Value::Map(fields.collect::<BTreeMap<_, _>>().into())
            }
            "Level" => Value::Str(self.level.name().into()),
            "Time" => Value::Time(self.time.0),
            "Duration" => Value::Duration(self.duration.0),
            _ => return None,
        })
    }
}

/// `.ServerInfo`
struct Server(Arc<ServerInfo>);

impl Object for Server {
    fn fields(&self) -> &'static [&'static str] {
        &["Hostname", "ClusterID", "ServerID"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::Str(match name {
            "Hostname" => self.0.hostname.clone(),
            "ClusterID" => self.0.cluster_id.clone(),
            "ServerID" => self.0.server_id.clone(),
            _ => return None,
        }))
    }

    fn type_name(&self) -> &'static str {
        "kapacitor.serverInfo"
    }
}

fn template_value(value: &model::Value) -> Value {
    match value {
        model::Value::Float(f) => Value::Float(*f),
        model::Value::Int(i) => Value::Int(*i),
        model::Value::Str(s) => Value::Str(s.clone()),
        model::Value::Bool(b) => Value::Bool(*b),
        model::Value::Nil => Value::Nil,
    }
}
