//! From [`Settings`] to [`Config`]: every rule between values, each problem with its place.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::influxdb::build_influxdb;
use super::keys::{AdminKey, ClusterKey, read_admin_keys, read_cluster_keys};
use super::problem::{Origin, Problem};
use super::read::Origins;
use super::schema::{Shape, section};
use super::settings::{Settings, Value};
use super::typed::{
    Alert, Auth, Cluster, Config, Http, HttpPost, Https, Load, Logging, Replay, Rpc, RpcTls, Stats,
    Storage, Target, Template, Tls, TlsVersion,
};
use super::values::Values;
use crate::logging::{Format, Level, Secret};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// Everything the building needs beside the settings.
pub(crate) struct Ground<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) origins: &'a Origins,
    pub(crate) source: Option<PathBuf>,
    pub(crate) problems: RefCell<Vec<Problem>>,
}

impl Ground<'_> {
    /// The values of one element of a section.
    pub(crate) fn values(&self, name: &'static str, index: usize) -> Values<'_> {
        let section = section(name).expect("the section is in the table");
        let (path, shown) = match section.shape {
            _ if name.is_empty() => (String::new(), String::new()),
            Shape::Table => (name.to_owned(), format!("[{name}]")),
            Shape::List { .. } => (format!("{name}.{index}"), format!("[[{name}]]")),
        };
        Values {
            element: &self.settings.elements(name)[index],
            path,
            shown,
            origins: self.origins,
            problems: &self.problems,
        }
    }

    fn table(&self, name: &'static str) -> Values<'_> {
        self.values(name, 0)
    }
}

/// Builds and checks everything; problems are left in `ground`.
pub(crate) fn build(ground: &Ground<'_>) -> Config {
    let top = ground.table("");
    let hostname = top.text("hostname");
    if hostname.is_empty() {
        top.original("hostname", "must configure valid hostname");
    } else if hostname.contains(|c: char| c.is_whitespace() || c == '/') {
        top.wrong("hostname", format!("{hostname:?} is no host name"));
    }
    let data_dir = PathBuf::from(top.text("data_dir"));
    if data_dir.as_os_str().is_empty() {
        let origin = match (top.origin("data_dir"), &ground.source) {
            (Origin::Default, Some(path)) => Origin::File(path.clone()),
            (origin, _) => origin,
        };
        ground.problems.borrow_mut().push(Problem::new(
            origin,
            "",
            "must configure valid data dir",
        ));
    }
    let auth = build_auth(ground);
    let http = build_http(ground, &auth);
    Config {
        source: ground.source.clone(),
        flags: super::Flags::default(),
        default_retention_policy: top.text("default-retention-policy"),
        cluster: build_cluster(ground),
        rpc: build_rpc(ground),
        alert: build_alert(ground),
        influxdb: build_influxdb(ground, &hostname),
        httppost: build_httppost(ground),
        logging: build_logging(ground),
        load: build_load(ground),
        stats: build_stats(ground),
        storage: build_storage(ground, &data_dir),
        replay: Replay { dir: ground.table("replay").path_below("dir", &data_dir) },
        tls: build_tls(ground),
        http,
        auth,
        hostname,
        data_dir,
        disabled_handlers: BTreeSet::new(),
        refused_networks: Vec::new(),
        settings: ground.settings.clone(),
        warnings: Vec::new(),
    }
}

fn build_http(ground: &Ground<'_>, auth: &Auth) -> Http {
    let v = ground.table("http");
    let https = v.bool("https-enabled").then(|| Https {
        certificate: v.path("https-certificate").unwrap_or_else(|| {
            v.wrong("https-certificate", "https-enabled needs a certificate");
            PathBuf::new()
        }),
        private_key: v.path("https-private-key"),
    });
    let auth_enabled = v.bool("auth-enabled");
    if auth_enabled && !auth.enabled {
        v.wrong(
            "auth-enabled",
            "needs a user store: without [auth] enabled = true every user and password would be accepted",
        );
    }
    Http {
        bind: v.listen("bind-address"),
        advertise: v.advertise("advertise-address"),
        auth_enabled,
        log_enabled: v.bool("log-enabled"),
        write_tracing: v.bool("write-tracing"),
        pprof_enabled: v.bool("pprof-enabled"),
        https,
        shutdown_timeout: v.duration("shutdown-timeout", None, Duration::ZERO..=SECOND * 600),
        shared_secret: v.secret("shared-secret"),
    }
}

fn build_cluster(ground: &Ground<'_>) -> Cluster {
    let v = ground.table("cluster");
    let roles = v.list("roles");
    if roles != ["worker"] {
        v.wrong("roles", format!("must be [\"worker\"], the only role there is, got {roles:?}"));
    }
    let mut keys = v.each("keys", ClusterKey::parse);
    let own_keys = keys.len();
    let keys_file = v.path("keys-file");
    if let Some(path) = &keys_file {
        match read_cluster_keys(path) {
            // Who names a file wants to be sealed: an empty one must not open the cluster.
            Ok(more) if own_keys == 0 && more.is_empty() => {
                v.wrong("keys-file", format!("key file {} holds no key", path.display()));
            }
            Ok(more) => keys.extend(more),
            Err(text) => v.wrong("keys-file", text),
        }
    }
    let mut admin_keys = v.each("admin-keys", AdminKey::parse);
    let own_admin_keys = admin_keys.len();
    let admin_keys_file = v.path("admin-keys-file");
    if let Some(path) = &admin_keys_file {
        match read_admin_keys(path) {
            Ok(more) => admin_keys.extend(more),
            Err(text) => v.wrong("admin-keys-file", text),
        }
    }
    let seeds = v.list("seeds");
    for seed in &seeds {
        match super::address::Listen::parse(seed) {
            Ok(address) if address.host.is_some() && address.port != 0 => {}
            _ => v.wrong("seeds", format!("{seed:?} is no RPC address host:port")),
        }
    }
    let gossip_members = v.int("gossip-members", 0..=100) as usize;
    let ms = Duration::from_millis;
    Cluster {
        bind: v.listen("bind-address"),
        advertise: v.advertise("advertise-address"),
        roles,
        gossip_members: if gossip_members == 0 { 3 } else { gossip_members },
        gossip_interval: v.duration("gossip-interval", Some(ms(200)), ms(20)..=SECOND * 60),
        gossip_sync_interval: v.duration(
            "gossip-sync-interval",
            Some(SECOND * 30),
            SECOND..=SECOND * 3600,
        ),
        keys,
        own_keys,
        keys_file,
        verify_incoming: v.bool("verify-incoming"),
        verify_outgoing: v.bool("verify-outgoing"),
        seeds,
        align_windows: v.bool("align-windows"),
        admin_keys,
        own_admin_keys,
        admin_keys_file,
        allow_unauthenticated_changes: v.bool("allow-unauthenticated-changes"),
    }
}

fn build_rpc(ground: &Ground<'_>) -> Rpc {
    let v = ground.table("rpc");
    let files = ["tls-certificate", "tls-private-key", "tls-ca"].map(|key| (key, v.path(key)));
    let missing: Vec<&str> = files.iter().filter(|(_, p)| p.is_none()).map(|(k, _)| *k).collect();
    let tls = match files {
        [(_, Some(certificate)), (_, Some(private_key)), (_, Some(ca))] => {
            Some(RpcTls { certificate, private_key, ca })
        }
        [(_, None), (_, None), (_, None)] => None,
        _ => {
            v.wrong(missing[0], "mutual TLS needs tls-certificate, tls-private-key and tls-ca");
            None
        }
    };
    Rpc {
        bind: v.listen("bind-address"),
        advertise: v.advertise("advertise-address"),
        log_messages: v.bool("enable-grpc-logging"),
        tls,
    }
}

/// Below this many events the original takes its default.
const LEAST_TOPIC_BUFFER: i64 = 1000;
const DEFAULT_TOPIC_BUFFER: usize = 5000;

fn build_alert(ground: &Ground<'_>) -> Alert {
    let v = ground.table("alert");
    let length = v.int("topic-buffer-length", i64::MIN..=10_000_000);
    Alert {
        persist_topics: v.bool("persist-topics"),
        topic_buffer_length: if length < LEAST_TOPIC_BUFFER {
            DEFAULT_TOPIC_BUFFER
        } else {
            length as usize
        },
        redundancy: v.int("redundancy", 0..=1000) as usize,
        delay_per_member: v.duration(
            "delay-per-member",
            None,
            Duration::from_millis(100)..=SECOND * 3600,
        ),
        full_sync_interval: v.duration("full-sync-interval", None, SECOND..=DAY),
        delivery_timeout: v.duration("delivery-timeout", None, SECOND..=DAY * 365),
        deduplicate_inline: v.bool("deduplicate-inline"),
    }
}

fn build_httppost(ground: &Ground<'_>) -> Vec<HttpPost> {
    let mut seen = BTreeSet::new();
    let mut endpoints = Vec::new();
    for index in 0..ground.settings.elements("httppost").len() {
        let v = ground.values("httppost", index);
        let endpoint = v.text("endpoint");
        if endpoint.is_empty() {
            v.original("endpoint", "httppost: must specify endpoint name");
        } else if !seen.insert(endpoint.clone()) {
            v.original("endpoint", format!("httppost: duplicate endpoint {endpoint:?}"));
        }
        let url = v.text("url");
        if url.is_empty() {
            v.original("url", "httppost: must specify url");
        }
        let basic_auth = match &v.element["basic-auth"] {
            Value::Table(table) => match (&table["username"], &table["password"]) {
                (Value::Text(user), Value::Text(password)) if !user.is_empty() => {
                    Some((user.clone(), Secret::new(password.clone())))
                }
                _ => None,
            },
            _ => None,
        };
        endpoints.push(HttpPost {
            endpoint,
            url,
            headers: v.map("headers"),
            alert_template: template(&v, "alert-template", "alert-template-file"),
            row_template: template(&v, "row-template", "row-template-file"),
            basic_auth,
        });
    }
    endpoints
}

fn template(v: &Values<'_>, text_key: &str, file_key: &str) -> Option<Template> {
    let text = v.text(text_key);
    match v.path(file_key) {
        Some(_) if !text.is_empty() => {
            v.original(
                text_key,
                format!("httppost: must specify only one of {text_key} and {file_key}"),
            );
            None
        }
        Some(path) if !path.is_absolute() => {
            v.original(file_key, format!("httppost: must use an absolute path for {file_key}"));
            None
        }
        Some(path) => Some(Template::File(path)),
        None if text.is_empty() => None,
        None => Some(Template::Text(text)),
    }
}

fn build_logging(ground: &Ground<'_>) -> Logging {
    let v = ground.table("logging");
    let level = v.text("level").parse().unwrap_or_else(|_| {
        v.wrong("level", format!("must be DEBUG, INFO, WARN or ERROR, got {:?}", v.text("level")));
        Level::Info
    });
    let target = match v.text("file").as_str() {
        "STDERR" => Target::Stderr,
        "STDOUT" => Target::Stdout,
        "" => {
            v.wrong("file", "must be a path, STDERR or STDOUT");
            Target::Stderr
        }
        path => Target::File(PathBuf::from(path)),
    };
    let format = if v.text("format") == "json" { Format::Json } else { Format::Logfmt };
    Logging { target, level, format }
}

fn build_load(ground: &Ground<'_>) -> Load {
    let v = ground.table("load");
    let dir = v.bool("enabled").then(|| {
        let dir = PathBuf::from(v.text("dir"));
        if !dir.is_absolute() {
            v.wrong("dir", format!("must be an absolute path, got {:?}", v.text("dir")));
        }
        dir
    });
    Load { dir, watch: v.bool("watch") }
}

fn build_stats(ground: &Ground<'_>) -> Stats {
    let v = ground.table("stats");
    Stats {
        enabled: v.bool("enabled"),
        interval: v.duration("stats-interval", None, SECOND..=DAY),
        database: v.text("database"),
        retention_policy: v.text("retention-policy"),
        timing_sample_rate: v.float("timing-sample-rate", 0.0..=1.0),
        timing_movavg_size: v.int("timing-movavg-size", 1..=1_000_000) as usize,
    }
}

fn build_storage(ground: &Ground<'_>, data_dir: &Path) -> Storage {
    let v = ground.table("storage");
    if v.path("boltdb").is_none() {
        v.original("boltdb", "storage: must specify storage 'boltdb' path");
    }
    let boltdb = v.path_below("boltdb", data_dir);
    Storage { database: boltdb.with_extension("redb"), boltdb }
}

fn build_tls(ground: &Ground<'_>) -> Tls {
    let v = ground.table("tls");
    let version = |key: &str, default: TlsVersion| match v.text(key).to_lowercase().as_str() {
        "" => default,
        "tls1.2" | "1.2" => TlsVersion::V1_2,
        "tls1.3" | "1.3" => TlsVersion::V1_3,
        "tls1.0" | "1.0" | "tls1.1" | "1.1" => {
            v.wrong(key, "TLS before 1.2 is not spoken; use tls1.2 or tls1.3");
            default
        }
        other => {
            v.wrong(key, format!("unknown TLS version {other:?}; use tls1.2 or tls1.3"));
            default
        }
    };
    let min_version = version("min-version", TlsVersion::V1_2);
    let max_version = version("max-version", TlsVersion::V1_3);
    if min_version > max_version {
        v.wrong("min-version", "is newer than max-version");
    }
    Tls { ciphers: v.list("ciphers"), min_version, max_version }
}

fn build_auth(ground: &Ground<'_>) -> Auth {
    let v = ground.table("auth");
    let enabled = v.bool("enabled");
    // Files written by the original carry zeros here while it is off.
    let any = i64::MIN..=i64::MAX;
    let cost = v.int("bcrypt-cost", if enabled { 4..=31 } else { any });
    Auth {
        enabled,
        cache_expiration: v.duration("cache-expiration", None, Duration::ZERO..=DAY),
        bcrypt_cost: cost.clamp(4, 31) as u32,
    }
}
