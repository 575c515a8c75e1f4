//! The validated configuration: what the rest of the shell reads. Every field was checked once, in
//! `build.rs`; meaning, unit and limits of each stand in `schema/*.rs` and in `kapacitord config`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::address::{Advertise, Listen};
use super::keys::{AdminKey, ClusterKey};
use super::network::Network;
use super::settings::Settings;
use crate::logging::{Level, Secret};

/// Everything a member is told by flags, environment and file.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from; `None` means defaults below `~/.kapacitor`.
    pub source: Option<PathBuf>,
    /// What the command line said, for reading the file again.
    pub flags: super::Flags,
    pub hostname: String,
    pub data_dir: PathBuf,
    pub default_retention_policy: String,
    pub http: Http,
    pub cluster: Cluster,
    pub rpc: Rpc,
    pub alert: Alert,
    /// Every `[[influxdb]]`, disabled ones too; never two enabled ones without a default.
    pub influxdb: Vec<InfluxDb>,
    pub httppost: Vec<HttpPost>,
    pub logging: Logging,
    pub load: Load,
    pub stats: Stats,
    pub storage: Storage,
    pub replay: Replay,
    pub tls: Tls,
    pub auth: Auth,
    /// `-disable-handlers`: kinds that scripts and topics must not use.
    pub disabled_handlers: BTreeSet<String>,
    /// `-blacklist-cidrs`: where outgoing connections of handlers must not go.
    pub refused_networks: Vec<Network>,
    /// Every section and key of `kapacitor.conf` with its effective value, for `GET /config`.
    pub settings: Settings,
    /// What the operator should read once at start; each is a whole sentence.
    pub warnings: Vec<String>,
}

/// `[http]`.
#[derive(Clone, Debug)]
pub struct Http {
    pub bind: Listen,
    pub advertise: Advertise,
    pub auth_enabled: bool,
    pub log_enabled: bool,
    pub write_tracing: bool,
    pub pprof_enabled: bool,
    /// `Some` when `https-enabled`.
    pub https: Option<Https>,
    pub shutdown_timeout: Duration,
    pub shared_secret: Secret,
}

/// Certificate of the HTTP API.
#[derive(Clone, Debug)]
pub struct Https {
    /// PEM with the certificate chain, and the key unless `private_key` is set.
    pub certificate: PathBuf,
    pub private_key: Option<PathBuf>,
}

/// `[cluster]`.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub bind: Listen,
    pub advertise: Advertise,
    /// Always `["worker"]`.
    pub roles: Vec<String>,
    /// Peers per gossip round; the default 0 is already resolved to 3.
    pub gossip_members: usize,
    /// Time between gossip rounds; 0 is already resolved to 200 ms.
    pub gossip_interval: Duration,
    /// Time between full syncs; 0 is already resolved to 30 s.
    pub gossip_sync_interval: Duration,
    /// Keys of the file and of `keys-file` at start, in that order; the first seals. Empty: plain.
    pub keys: Vec<ClusterKey>,
    /// How many of `keys` stand in the configuration itself.
    pub own_keys: usize,
    /// Watched; read it again with [`super::keys::read_cluster_keys`].
    pub keys_file: Option<PathBuf>,
    pub verify_incoming: bool,
    pub verify_outgoing: bool,
    /// RPC addresses `host:port` that may be asked for the cluster.
    pub seeds: Vec<String>,
    pub align_windows: bool,
    pub admin_keys: Vec<AdminKey>,
    /// How many of `admin_keys` stand in the configuration itself.
    pub own_admin_keys: usize,
    /// Watched; read it again with [`super::keys::read_admin_keys`].
    pub admin_keys_file: Option<PathBuf>,
    pub allow_unauthenticated_changes: bool,
}

/// `[rpc]`.
#[derive(Clone, Debug)]
pub struct Rpc {
    pub bind: Listen,
    pub advertise: Advertise,
    /// `enable-grpc-logging`: one log line per message.
    pub log_messages: bool,
    /// `Some` when `tls-certificate` is set: mutual TLS between members.
    pub tls: Option<RpcTls>,
}

/// Files of the mutual TLS on the RPC port.
#[derive(Clone, Debug)]
pub struct RpcTls {
    pub certificate: PathBuf,
    pub private_key: PathBuf,
    pub ca: PathBuf,
}

/// `[alert]`.
#[derive(Clone, Debug)]
pub struct Alert {
    pub persist_topics: bool,
    /// Events that may wait per topic; values below 1000 are already 5000.
    pub topic_buffer_length: usize,
    /// Owners per topic; 0 = every member.
    pub redundancy: usize,
    pub delay_per_member: Duration,
    pub full_sync_interval: Duration,
    pub delivery_timeout: Duration,
    pub deduplicate_inline: bool,
}

/// One `[[influxdb]]`.
#[derive(Clone, Debug)]
pub struct InfluxDb {
    pub enabled: bool,
    pub name: String,
    /// Exactly one enabled element has it, when any is enabled.
    pub default: bool,
    pub urls: Vec<String>,
    pub username: String,
    pub password: Secret,
    pub token: Secret,
    /// Sign in with `[http] shared-secret`.
    pub http_shared_secret: bool,
    pub ssl_ca: Option<PathBuf>,
    pub ssl_cert: Option<PathBuf>,
    pub ssl_key: Option<PathBuf>,
    pub insecure_skip_verify: bool,
    /// Of one request; `None` = none.
    pub timeout: Option<Duration>,
    pub disable_subscriptions: bool,
    pub subscription_protocol: Protocol,
    pub subscription_mode: Mode,
    /// Database to retention policies; empty = all.
    pub subscriptions: BTreeMap<String, Vec<String>>,
    pub excluded_subscriptions: BTreeMap<String, Vec<String>>,
    /// Host InfluxDB should send to; already `hostname` if not set.
    pub kapacitor_hostname: String,
    /// Port InfluxDB should send to; `None` = the port of `[http]`.
    pub http_port: Option<u16>,
    pub udp_bind: String,
    pub udp_buffer: usize,
    pub udp_read_buffer: usize,
    pub startup_timeout: Duration,
    pub subscriptions_sync_interval: Duration,
    pub subscription_path: String,
    /// gzip the bodies of writes.
    pub compress: bool,
}

/// How InfluxDB sends points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Https,
    Udp,
}

impl Protocol {
    /// As in a subscription's URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Udp => "udp",
        }
    }
}

/// Whose ID names the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `kapacitor-<cluster id>`, one for all members.
    Cluster,
    /// `kapacitor-<server id>`, one per member.
    Server,
}

/// One `[[httppost]]` endpoint.
#[derive(Clone, Debug)]
pub struct HttpPost {
    pub endpoint: String,
    /// A template unless it has none; rendered per request.
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub alert_template: Option<Template>,
    pub row_template: Option<Template>,
    /// User and password of basic authentication.
    pub basic_auth: Option<(String, Secret)>,
}

/// Where a body's template comes from.
#[derive(Clone, Debug)]
pub enum Template {
    Text(String),
    File(PathBuf),
}

/// `[logging]`.
#[derive(Clone, Debug)]
pub struct Logging {
    pub target: Target,
    pub level: Level,
    pub format: crate::logging::Format,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stderr,
    Stdout,
    File(PathBuf),
}

/// `[load]`: `Some` directory when enabled.
#[derive(Clone, Debug)]
pub struct Load {
    pub dir: Option<PathBuf>,
    pub watch: bool,
}

/// `[stats]`.
#[derive(Clone, Debug)]
pub struct Stats {
    pub enabled: bool,
    pub interval: Duration,
    pub database: String,
    pub retention_policy: String,
    /// Share of the points whose way is timed, 0 to 1.
    pub timing_sample_rate: f64,
    pub timing_movavg_size: usize,
}

/// `[storage]`.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Our database: `boltdb` with the ending `redb`, below `data_dir` if relative.
    pub database: PathBuf,
    /// The file of that name in the original; ours never opens it, but says so if it is there.
    pub boltdb: PathBuf,
}

/// `[replay]`.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Below `data_dir` if relative.
    pub dir: PathBuf,
}

/// `[tls]`.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Names of cipher suites; empty = the library's choice.
    pub ciphers: Vec<String>,
    /// Least version: 1.2 or 1.3.
    pub min_version: TlsVersion,
    pub max_version: TlsVersion,
}

/// Versions of TLS that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

/// `[auth]`.
#[derive(Clone, Debug)]
pub struct Auth {
    pub enabled: bool,
    pub cache_expiration: Duration,
    pub bcrypt_cost: u32,
}
