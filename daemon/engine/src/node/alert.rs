//! `alert`: judges the level of each group and raises events for its topics.
//!
//! What the script says stands here; how levels are decided is in `ladder`, when an event fires in
//! `history`, its texts in `text`, handlers written in the script in `handlers`, what is
//! forwarded in `forward`, the machine in `run`. Behaviour: handbook page "alert".

mod forward;
mod handlers;
mod history;
mod ladder;
mod run;
mod text;

use alert::Level;
use model::{Duration, Str};
use tick::{ArgType, Lambda, Shape, Signature};

use super::{Args, Define, Gives, Kind, Place, QUIET, Returned, Run, Start};
use forward::Adds;
use handlers::Inline;

/// `|alert()`
pub(crate) static KIND: Kind = Kind {
    signature: Signature::method("alert", &[]),
    label: "alert",
    go_type: "AlertNode",
    place: Place::Anywhere,
    wants: None,
    gives: Gives::Same,
    properties: &[PROPERTIES, handlers::METHODS, QUIET],
    define: |_, _| Ok(Box::new(Alert::default())),
};

/// Properties of the node itself; each handler offers them too.
const PROPERTIES: &[Signature] = &[
    Signature::field("info", ArgType::Lambda),
    Signature::field("warn", ArgType::Lambda),
    Signature::field("crit", ArgType::Lambda),
    Signature::field("infoReset", ArgType::Lambda),
    Signature::field("warnReset", ArgType::Lambda),
    Signature::field("critReset", ArgType::Lambda),
    Signature::field("id", ArgType::String),
    Signature::field("message", ArgType::String),
    Signature::field("details", ArgType::String),
    Signature::field("topic", ArgType::String),
    Signature::field("category", ArgType::String),
    Signature::variadic("inhibit", &[ArgType::String], ArgType::String),
    Signature::field("history", ArgType::Int),
    Signature::method("flapping", &[ArgType::Float, ArgType::Float]),
    Signature::field("flapLow", ArgType::Float),
    Signature::field("flapHigh", ArgType::Float),
    Signature::variadic("stateChangesOnly", &[], ArgType::Duration),
    Signature::field("stateChangesOnlyDuration", ArgType::Duration),
    Signature::method("noRecoveries", &[]),
    Signature::method("all", &[]),
    Signature::field("levelTag", ArgType::String),
    Signature::field("idTag", ArgType::String),
    Signature::field("levelField", ArgType::String),
    Signature::field("messageField", ArgType::String),
    Signature::field("idField", ArgType::String),
    Signature::field("durationField", ArgType::String),
];

/// The part that methods of the node give back: the node under another Go type, as in the original.
const DATA: usize = usize::MAX;

/// How many levels `history` holds without being told.
const DEFAULT_HISTORY: i64 = 21;

/// An alert node as the script defines it.
#[derive(Clone, Debug)]
struct Alert {
    /// Conditions and reset conditions of INFO, WARNING, CRITICAL.
    conditions: [Option<Lambda>; 3],
    resets: [Option<Lambda>; 3],
    /// Templates; `None` is the default.
    id: Option<Str>,
    message: Option<Str>,
    details: Option<Str>,
    /// The named topic; empty for none.
    topic: Str,
    category: Str,
    inhibits: Vec<Inhibit>,
    history: i64,
    flapping: bool,
    flap_low: f64,
    flap_high: f64,
    state_changes_only: bool,
    /// With `state_changes_only`: fire again after this long; zero never.
    interval: Duration,
    no_recoveries: bool,
    all: bool,
    adds: Adds,
    handlers: Vec<Inline>,
}

/// One `.inhibit(category, tags…)`.
#[derive(Clone, Debug)]
struct Inhibit {
    category: Str,
    tags: Vec<Str>,
}

impl Default for Alert {
    fn default() -> Self {
        Self {
            conditions: [None, None, None],
            resets: [None, None, None],
            id: None,
            message: None,
            details: None,
            topic: "".into(),
            category: "".into(),
            inhibits: Vec::new(),
            history: DEFAULT_HISTORY,
            flapping: false,
            flap_low: 0.0,
            flap_high: 0.0,
            state_changes_only: false,
            interval: Duration(0),
            no_recoveries: false,
            all: false,
            adds: Adds::default(),
            handlers: Vec::new(),
        }
    }
}

/// The index of a level's condition.
fn rung(level: Level) -> usize {
    (level as usize).saturating_sub(1)
}

impl Define for Alert {
    fn set(
        &mut self,
        part: Option<usize>,
        name: &str,
        args: &Args<'_>,
    ) -> Result<Returned, String> {
        if let Some(handler) = part.and_then(|part| self.handlers.get_mut(part))
            && handler.owns(name)
        {
            return handler.set(name, args).map(|()| Returned::Same);
        }
        match name {
            "info" => self.conditions[rung(Level::Info)] = args.lambda(0),
            "warn" => self.conditions[rung(Level::Warning)] = args.lambda(0),
            "crit" => self.conditions[rung(Level::Critical)] = args.lambda(0),
            "infoReset" => self.resets[rung(Level::Info)] = args.lambda(0),
            "warnReset" => self.resets[rung(Level::Warning)] = args.lambda(0),
            "critReset" => self.resets[rung(Level::Critical)] = args.lambda(0),
            "id" => self.id = Some(args.str(0)),
            "message" => self.message = Some(args.str(0)),
            "details" => self.details = Some(args.str(0)),
            "topic" => self.topic = args.str(0),
            "category" => self.category = args.str(0),
            "inhibit" => {
                self.inhibits.push(Inhibit { category: args.str(0), tags: args.strs(1) });
            }
            "history" => self.history = args.int(0),
            "flapping" => {
                self.flapping = true;
                (self.flap_low, self.flap_high) = (args.float(0), args.float(1));
            }
            "flapLow" => self.flap_low = args.float(0),
            "flapHigh" => self.flap_high = args.float(0),
            "stateChangesOnly" => {
                self.state_changes_only = true;
                // More than one interval is taken for none, as the original does.
                if args.len() == 1 {
                    self.interval = args.duration(0);
                }
            }
            "stateChangesOnlyDuration" => self.interval = args.duration(0),
            "noRecoveries" => self.no_recoveries = true,
            "all" => self.all = true,
            "levelTag" => self.adds.level_tag = args.str(0),
            "idTag" => self.adds.id_tag = args.str(0),
            "levelField" => self.adds.level_field = args.str(0),
            "messageField" => self.adds.message_field = args.str(0),
            "idField" => self.adds.id_field = args.str(0),
            "durationField" => self.adds.duration_field = args.str(0),
            _ => {
                self.handlers.push(Inline::new(name, args));
                return Ok(Returned::Part(self.handlers.len() - 1));
            }
        }
        // A field of the node that is set on a handler goes on with the handler, a method with the
        // node, as the original does.
        match PROPERTIES.iter().find(|property| property.name == name).map(|p| p.shape) {
            Some(Shape::Method { .. }) => Ok(Returned::Part(DATA)),
            _ => Ok(Returned::Same),
        }
    }

    fn part(&self, part: usize) -> (&'static str, &'static [&'static [Signature]]) {
        match self.handlers.get(part) {
            Some(handler) => handler.describe(),
            None => ("AlertNodeData", KIND.properties),
        }
    }

    fn not_built(&self) -> Option<String> {
        let method = self.handlers.iter().find_map(Inline::not_built)?;
        Some(format!("alert handler {method:?} is not built yet: this version cannot run it"))
    }

    fn start(&self, start: &Start<'_>) -> Result<Box<dyn Run>, String> {
        Ok(Box::new(run::Alerter::start(self, start)?))
    }
}
