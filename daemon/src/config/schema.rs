//! The one table of `kapacitor.conf`: every section and key with type, default and documentation.
//!
//! It drives reading, defaults, environment overrides, the sample of `kapacitord config` and
//! `GET /config`. A key is added here and, if the shell uses it, in `typed.rs` and `build.rs`.

mod cluster;
mod discovery;
mod handlers;
mod influxdb;
mod inputs;
mod messengers;
mod server;
mod services;

/// One section of the file.
#[derive(Debug)]
pub struct Section {
    /// As in the file; `""` holds the keys above all sections.
    pub name: &'static str,
    pub shape: Shape,
    pub state: State,
    /// Whether the original lets the HTTP API override it.
    pub overridable: bool,
    /// Sections that the original does not have: their lists may grow by environment.
    pub ours: bool,
    pub doc: &'static str,
    pub keys: &'static [Key],
}

/// How often a section may stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `[name]`.
    Table,
    /// `[[name]]`, its elements told apart by the option `key`.
    List {
        key: &'static str,
        /// A file without the section means one element of defaults.
        filled: bool,
        /// `[name]` is accepted for a single element, too.
        single: bool,
    },
}

/// What this program does with a section or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Built,
    /// Known from the original, accepted without effect, named in the warning at start. A section
    /// in this state that is switched on stops the start.
    Later,
    /// As `Later`, but any value other than the default stops the start: ignoring it would harm.
    Refused,
    /// Accepted and meant to have no effect; no warning.
    Ignored,
}

/// One option.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub state: State,
    pub doc: &'static str,
}

/// Type and default of an option.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text(&'static str),
    /// A text that is never shown.
    Secret(&'static str),
    /// One of a few words, in lower or upper case.
    Choice(&'static str, &'static [&'static str]),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// In Go's spelling.
    Duration(&'static str),
    List(&'static [&'static str]),
    /// A list of texts that are never shown.
    Secrets(&'static [&'static str]),
    Map,
    Lists(&'static [(&'static str, &'static [&'static str])]),
    MaybeInt,
    MaybeText,
    /// A text or a number.
    Loose(&'static str),
    Table(&'static [Key]),
    Tables(&'static [Key]),
}

impl Kind {
    /// What to write in the file, for messages.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Secret(_) | Self::MaybeText => "a string",
            Self::Choice(..) => "one of a few words",
            Self::Int(_) | Self::MaybeInt => "an integer",
            Self::Float(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Duration(_) => "a duration such as \"10s\" or \"1h30m\"",
            Self::List(_) | Self::Secrets(_) => "a list of strings",
            Self::Map => "a table of strings",
            Self::Lists(_) => "a table of lists of strings",
            Self::Loose(_) => "a string or a number",
            Self::Table(_) => "a table",
            Self::Tables(_) => "a table of tables",
        }
    }

    /// Whether the value, or one inside of it, must never be shown.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Secret(_) | Self::Secrets(_) => true,
            Self::Table(keys) => keys.iter().any(|key| key.kind.is_secret()),
            _ => false,
        }
    }
}

impl Section {
    /// The table row of one of its keys.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    const fn table(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Self {
        let shape = Shape::Table;
        Self { name, shape, state: State::Built, overridable: false, ours: false, doc, keys }
    }

    const fn list(
        name: &'static str,
        key: &'static str,
        doc: &'static str,
        keys: &'static [Key],
    ) -> Self {
        let shape = Shape::List { key, filled: false, single: false };
        Self { name, shape, state: State::Built, overridable: false, ours: false, doc, keys }
    }

    const fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    const fn overridable(mut self) -> Self {
        self.overridable = true;
        self
    }

    const fn ours(mut self) -> Self {
        self.ours = true;
        self
    }

    /// A list section that has one element of defaults.
    const fn filled(mut self) -> Self {
        if let Shape::List { key, single, .. } = self.shape {
            self.shape = Shape::List { key, filled: true, single };
        }
        self
    }

    /// A list section that may be written as one table.
    const fn single(mut self) -> Self {
        if let Shape::List { key, filled, .. } = self.shape {
            self.shape = Shape::List { key, filled, single: true };
        }
        self
    }
}

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, state: State::Built, doc }
}

impl Key {
    const fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }
}

/// The section of that name.
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().copied().find(|s| s.name == name)
}

/// All sections, in the order of the sample.
pub static SECTIONS: &[&Section] = &[
    &server::TOP,
    &server::HTTP,
    &server::TLS,
    &server::AUTH,
    &server::CONFIG_OVERRIDE,
    &server::LOGGING,
    &cluster::CLUSTER,
    &cluster::RPC,
    &cluster::ALERT,
    &influxdb::INFLUXDB,
    &server::LOAD,
    &server::REPLAY,
    &server::TASK,
    &server::STORAGE,
    &server::DEADMAN,
    &server::STATS,
    &server::REPORTING,
    &server::FLUXTASK,
    &server::UDF,
    &handlers::HTTPPOST,
    &handlers::ALERTA,
    &handlers::BIGPANDA,
    &handlers::OPSGENIE,
    &handlers::OPSGENIE2,
    &handlers::PAGERDUTY,
    &handlers::PAGERDUTY2,
    &handlers::PUSHOVER,
    &handlers::SENSU,
    &handlers::SERVICENOW,
    &handlers::VICTOROPS,
    &handlers::ZENOSS,
    &messengers::DISCORD,
    &messengers::HIPCHAT,
    &messengers::SLACK,
    &messengers::TALK,
    &messengers::TEAMS,
    &messengers::TELEGRAM,
    &services::KAFKA,
    &services::MQTT,
    &services::SMTP,
    &services::SNMPTRAP,
    &inputs::UDP,
    &inputs::GRAPHITE,
    &inputs::COLLECTD,
    &inputs::OPENTSDB,
    &inputs::SCRAPER,
    &discovery::KUBERNETES,
    &discovery::SWARM,
    &discovery::AZURE,
    &discovery::CONSUL,
    &discovery::DNS,
    &discovery::EC2,
    &discovery::FILE,
    &discovery::GCE,
    &discovery::MARATHON,
    &discovery::NERVE,
    &discovery::SERVERSET,
    &discovery::STATIC,
    &discovery::TRITON,
];
