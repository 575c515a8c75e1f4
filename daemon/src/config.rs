//! `kapacitor.conf` and what overrides it: from text to a validated [`Config`], once.
//!
//! Precedence: flags, environment, file, defaults. Every problem is reported at once, each with its
//! place. One table (`schema`) says what there is; `read` and `environment` fill [`Settings`] by it,
//! `unbuilt` names what has no effect, `build` checks and makes the typed [`Config`].

pub mod address;
mod build;
mod environment;
mod influxdb;
pub mod keys;
pub mod network;
mod problem;
mod read;
mod sample;
pub mod schema;
pub mod settings;
mod typed;
mod unbuilt;
mod values;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use problem::{Origin, Problem, Problems};
pub use sample::{SAMPLE_DATA_DIR, render, sample};
pub use settings::{Element, Settings, Value};
pub use typed::{
    Alert, Auth, Cluster, Config, Http, HttpPost, Https, InfluxDb, Load, Logging, Mode, Protocol,
    Replay, Rpc, RpcTls, Stats, Storage, Target, Template, Tls, TlsVersion,
};

use build::{Ground, build};
use read::{Origins, Raw};

/// Largest file that is read.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// The variable that names the file.
const PATH_VARIABLE: &str = "KAPACITOR_CONFIG_PATH";

/// What the flags of the command line say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub pidfile: Option<PathBuf>,
    pub hostname: Option<String>,
    pub log_file: Option<String>,
    pub log_level: Option<String>,
    /// Kinds, separated by commas.
    pub disable_handlers: Option<String>,
    /// Networks, separated by commas; see [`network::Network::parse_list`].
    pub blacklist_cidrs: Option<String>,
}

/// What the process was given beside its flags.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub vars: BTreeMap<String, String>,
    /// Files that are looked for when neither flag nor variable names one; the first that has
    /// content is used.
    pub places: Vec<PathBuf>,
    /// Home of everything when there is no file at all.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        let home =
            vars.get("HOME").filter(|h| !h.is_empty()).map(|h| Path::new(h).join(".kapacitor"));
        let mut places: Vec<PathBuf> = home.iter().map(|h| h.join("kapacitor.conf")).collect();
        places.push(PathBuf::from("/etc/kapacitor/kapacitor.conf"));
        Self { vars, places, home }
    }
}

/// Finds, reads and checks the configuration.
pub fn load(flags: &Flags, environment: &Environment) -> Result<Config, Problems> {
    let source = find(flags, environment);
    let mut raw = match &source {
        Some(path) => read::read(path, &read_text(path)?),
        None => defaults_at_home(environment)?,
    };
    let outcome = environment::apply(&mut raw.settings, &mut raw.origins, &environment.vars);
    raw.problems.extend(outcome.problems);
    raw.warnings = outcome.warnings;
    apply_flags(&mut raw.settings, &mut raw.origins, flags);
    finish(raw, source, flags)
}

/// As [`load`], from a text instead of files; for tests and for checking what an API was given.
pub fn parse(path: &Path, text: &str) -> Result<Config, Problems> {
    finish(read::read(path, text), Some(path.to_owned()), &Flags::default())
}

fn finish(raw: Raw, source: Option<PathBuf>, flags: &Flags) -> Result<Config, Problems> {
    let findings = unbuilt::check(&raw.settings, &raw.origins, &raw.mentioned);
    let ground = Ground {
        settings: &raw.settings,
        origins: &raw.origins,
        source,
        problems: RefCell::new(raw.problems),
    };
    let mut config = build(&ground);
    config.warnings = findings.warnings;
    config.warnings.extend(raw.warnings);
    config.flags = flags.clone();
    config.disabled_handlers = split_list(flags.disable_handlers.as_deref());
    let mut problems = ground.problems.into_inner();
    problems.extend(findings.problems);
    match network::Network::parse_list(flags.blacklist_cidrs.as_deref().unwrap_or("")) {
        Ok(networks) => config.refused_networks = networks,
        Err(text) => problems.push(Problem::new(Origin::Flag("blacklist-cidrs"), "", text)),
    }
    if problems.is_empty() {
        return Ok(config);
    }
    problems.sort_by_key(|p| match p.origin {
        Origin::Line(_, line) => line,
        Origin::File(_) => 0,
        _ => usize::MAX,
    });
    Err(Problems(problems))
}

fn split_list(text: Option<&str>) -> BTreeSet<String> {
    text.unwrap_or("")
        .split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The file to use; `None` means defaults.
fn find(flags: &Flags, environment: &Environment) -> Option<PathBuf> {
    let named = flags.config.clone().or_else(|| {
        environment.vars.get(PATH_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from)
    });
    match named {
        Some(path) if path == Path::new("/dev/null") => None,
        Some(path) => Some(path),
        None => environment
            .places
            .iter()
            .find(|p| std::fs::metadata(p).is_ok_and(|m| m.is_file() && m.len() > 0))
            .cloned(),
    }
}

fn read_text(path: &Path) -> Result<String, Problems> {
    let fail = |text: String| Problems(vec![Problem::new(Origin::File(path.to_owned()), "", text)]);
    let size = std::fs::metadata(path).map_err(|e| fail(format!("failed to read: {e}")))?.len();
    if size > FILE_LIMIT {
        return Err(fail(format!("{size} bytes are no configuration file (limit {FILE_LIMIT})")));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(format!("failed to read: {e}")))?;
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..valid].split(|b| *b == b'\n').count();
        let origin = Origin::Line(path.to_owned(), line);
        Problems(vec![Problem::new(origin, "", "no valid UTF-8")])
    })
}

/// Defaults with all paths below `~/.kapacitor`.
fn defaults_at_home(environment: &Environment) -> Result<Raw, Problems> {
    let mut settings = Settings::default();
    let given = environment.vars.get("KAPACITOR_DATA_DIR").is_some_and(|v| !v.is_empty());
    match &environment.home {
        Some(home) => {
            let text = |p: PathBuf| Value::Text(p.to_string_lossy().into_owned());
            settings.elements_mut("")[0].insert("data_dir", text(home.clone()));
            settings.elements_mut("load")[0].insert("dir", text(home.join("load")));
        }
        None if given => {}
        None => {
            let text = "there is no configuration file and HOME is not set; use -config";
            return Err(Problems(vec![Problem::new(Origin::Default, "", text)]));
        }
    }
    Ok(Raw { settings, ..Raw::default() })
}

fn apply_flags(settings: &mut Settings, origins: &mut Origins, flags: &Flags) {
    for (flag, section, key, value) in [
        ("hostname", "", "hostname", &flags.hostname),
        ("log-file", "logging", "file", &flags.log_file),
        ("log-level", "logging", "level", &flags.log_level),
    ] {
        if let Some(value) = value.as_ref().filter(|v| !v.is_empty()) {
            settings.elements_mut(section)[0].insert(key, Value::Text(value.clone()));
            let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            origins.insert(path, Origin::Flag(flag));
        }
    }
}
