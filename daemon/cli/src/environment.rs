//! What the process was given beside its arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

/// Environment variables, time zone, and where files are looked for.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Variables; an empty one counts as unset.
    pub vars: BTreeMap<String, String>,
    /// In which lists show times.
    pub zone: TimeZone,
    /// Configuration of the daemon on this host, when nothing names it: the first that has content.
    pub config_places: Vec<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        let mut environment = Self { vars, zone: TimeZone::system(), config_places: Vec::new() };
        environment.config_places =
            environment.home().map(|home| home.join("kapacitor.conf")).into_iter().collect();
        environment.config_places.push(PathBuf::from("/etc/kapacitor/kapacitor.conf"));
        environment
    }

    /// A variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `~/.kapacitor`, the daemon's place when it runs without a configuration file.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(|home| Path::new(home).join(".kapacitor"))
    }
}
