//! Sections of the server itself: top level, HTTP, TLS, users, logging, storage, statistics.

use super::Kind::{Bool, Choice, Duration, Float, Int, List, Map, Secret, Tables, Text};
use super::State::{Ignored, Later};
use super::{Section, key};

pub(super) static TOP: Section = Section::table(
    "",
    "",
    &[
        key(
            "hostname",
            Text("localhost"),
            "DNS name or IP of this member, under which InfluxDB and all other members resolve and reach it.",
        ),
        key(
            "data_dir",
            Text(""),
            "Directory of everything that must survive a restart: identity, journal, database. Created if missing, its parents are not. One process at a time.",
        ),
        key(
            "skip-config-overrides",
            Bool(false),
            "Start with this file alone, without what was changed by the HTTP API.",
        )
        .state(Later),
        key(
            "default-retention-policy",
            Text(""),
            "Retention policy of points written without one. Empty: they match the default policy only.",
        ),
    ],
);

pub(super) static HTTP: Section = Section::table(
    "http",
    "The HTTP API: the only port that others than members need.",
    &[
        key(
            "bind-address",
            Text(":9092"),
            "HTTP API, host:port, TCP. With a port only it listens on all interfaces.",
        ),
        key(
            "auth-enabled",
            Bool(false),
            "Ask for a user and password. Needs [auth] enabled = true.",
        ),
        key("log-enabled", Bool(true), "One log line per request."),
        key(
            "write-tracing",
            Bool(false),
            "Log the body of every write. Slow, and shows your data.",
        )
        .state(Later),
        key("pprof-enabled", Bool(false), "Serve the debug routes without a login.").state(Later),
        key("https-enabled", Bool(false), "Speak TLS on the HTTP API."),
        key(
            "https-certificate",
            Text("/etc/ssl/kapacitor.pem"),
            "PEM file with certificate chain, and key unless https-private-key is set.",
        ),
        key(
            "https-private-key",
            Text(""),
            "PEM file with the key. Empty: it is in https-certificate.",
        ),
        key(
            "shutdown-timeout",
            Duration("10s"),
            "Time that a stop may take for requests, points in flight and pending events. Too short: open requests are cut and events wait for the next start. 0s to 10m.",
        ),
        key(
            "shared-secret",
            Secret(""),
            "Secret that bearer tokens (JWT) are signed with. Empty: bearer tokens are refused.",
        )
        .state(Later),
        key(
            "advertise-address",
            Text(""),
            "Address of the HTTP API told to the other members and shown by `member list`, host:port. Empty: the bind address, with `hostname` for a missing host.",
        ),
    ],
);

pub(super) static TLS: Section = Section::table(
    "tls",
    "Versions and ciphers of TLS, for the HTTP API and for clients.",
    &[
        key("ciphers", List(&[]), "Names of cipher suites to allow. Empty: a safe choice."),
        key("min-version", Text(""), "Least version of TLS, tls1.2 or tls1.3. Empty: tls1.2."),
        key("max-version", Text(""), "Newest version of TLS, tls1.2 or tls1.3. Empty: the newest."),
    ],
);

pub(super) static AUTH: Section = Section::table(
    "auth",
    "Users and permissions.",
    &[
        key("enabled", Bool(false), "Keep users and permissions here."),
        key("cache-expiration", Duration("10m0s"), "How long a checked password is believed. Longer saves CPU, shorter sees a changed password sooner."),
        key("bcrypt-cost", Int(10), "Rounds of the password hash, as a power of two; 4 to 31. Each step doubles the CPU time of a login and of an attack."),
        key("meta-addr", Text(""), "Meta node of InfluxDB Enterprise, host:port, as the user store."),
        key("meta-username", Text(""), "User at the meta node."),
        key("meta-password", Secret(""), "Password at the meta node."),
        key("meta-internal-shared-secret", Secret(""), "Secret shared with the meta nodes."),
        key("meta-use-tls", Bool(false), "Speak TLS to the meta node."),
        key("meta-ca", Text(""), "PEM file with the authority of the meta node."),
        key("meta-cert", Text(""), "PEM file with the client certificate."),
        key("meta-key", Text(""), "PEM file with the key of meta-cert."),
        key("meta-insecure-skip-verify", Bool(false), "Do not verify the certificate of the meta node."),
    ],
)
.state(Later);

pub(super) static CONFIG_OVERRIDE: Section = Section::table(
    "config-override",
    "Changes of the configuration by the HTTP API.",
    &[key(
        "enabled",
        Bool(true),
        "Allow the HTTP API to change the sections that may be overridden.",
    )],
)
.state(Later);

pub(super) static LOGGING: Section = Section::table(
    "logging",
    "Log lines.",
    &[
        key("file", Text("STDERR"), "Path of the log file, or STDERR or STDOUT."),
        key(
            "level",
            Text("DEBUG"),
            "Least level that is logged: DEBUG, INFO, WARN or ERROR. DEBUG costs CPU and disk under load.",
        ),
        key("format", Choice("logfmt", &["logfmt", "json"]), "Form of log lines: logfmt or json."),
    ],
);

pub(super) static LOAD: Section = Section::table(
    "load",
    "Definitions from files.",
    &[
        key(
            "enabled",
            Bool(false),
            "Load templates, tasks and handlers from files at start and at SIGHUP.",
        ),
        key(
            "dir",
            Text("./load"),
            "Directory with templates/, tasks/ and handlers/. Must be absolute.",
        ),
        key(
            "watch",
            Bool(false),
            "Load again as soon as a file there changes (seen within 2 s), for directories whose files change all at once, such as mounted ConfigMaps. With an editor at work a file may be loaded half written.",
        ),
    ],
);

pub(super) static REPLAY: Section = Section::table(
    "replay",
    "Recordings.",
    &[key("dir", Text("./replay"), "Directory of recordings. A relative path is below data_dir.")],
);

pub(super) static TASK: Section = Section::table(
    "task",
    "Options of tasks.",
    &[
        key("dir", Text("./tasks"), "Directory of task files of very old releases. Never read."),
        key("snapshot-interval", Duration("1m0s"), "Time between snapshots of the state of UDFs."),
    ],
)
.state(Later);

pub(super) static STORAGE: Section = Section::table(
    "storage",
    "The database.",
    &[key(
        "boltdb",
        Text("./kapacitor.db"),
        "Database file. A relative path is below data_dir. The file on disk has the ending .redb in place of .db; a BoltDB file of the original is left alone.",
    )],
);

pub(super) static DEADMAN: Section = Section::table(
    "deadman",
    "Dead-man switches.",
    &[
        key("interval", Duration("10s"), "Period of the dead-man switch of every task."),
        key("threshold", Float(0.0), "Points per interval at or below which it fires."),
        key("id", Text("{{ .Group }}:NODE_NAME for task '{{ .TaskName }}'"), "Template of the event id."),
        key("message", Text("{{ .ID }} is {{ if eq .Level \"OK\" }}alive{{ else }}dead{{ end }}: {{ index .Fields \"emitted\" | printf \"%0.3f\" }} points/INTERVAL."), "Template of the message."),
        key("global", Bool(false), "Give every task a dead-man switch."),
    ],
)
.state(Later);

pub(super) static STATS: Section = Section::table(
    "stats",
    "Internal statistics.",
    &[
        key("enabled", Bool(true), "Keep internal statistics as points."),
        key(
            "stats-interval",
            Duration("10s"),
            "Time between two sets of statistics. Shorter costs CPU; at least 1s.",
        ),
        key("database", Text("_kapacitor"), "Database of the statistics."),
        key("retention-policy", Text("autogen"), "Retention policy of the statistics."),
        key(
            "timing-sample-rate",
            Float(0.1),
            "Share of points whose way is timed, 0 to 1. More costs CPU.",
        ),
        key(
            "timing-movavg-size",
            Int(1000),
            "Samples in the moving average of times. More reacts more slowly; 1 to 1000000.",
        ),
    ],
);

pub(super) static REPORTING: Section = Section::table(
    "reporting",
    "Reports of usage: never sent.",
    &[
        key(
            "enabled",
            Bool(true),
            "Accepted for the sake of old files. Nothing is ever reported to anybody.",
        ),
        key("url", Text("https://usage.influxdata.com"), "Never used."),
    ],
)
.state(Ignored);

pub(super) static FLUXTASK: Section = Section::table(
    "fluxtask",
    "Tasks in Flux.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("task-run-influxdb", Text(""), "InfluxDB that task logs go to."),
        key("task-run-bucket", Text("kapacitor_fluxtask_logs"), "Bucket of task logs."),
        key("task-run-org", Text(""), "Organization of task logs."),
        key("task-run-orgid", Text(""), "Organization of task logs, by id."),
        key("task-run-measurement", Text("runs"), "Measurement of task logs."),
        key("secrets", Map, "Secrets that scripts may read."),
        key("default-influxdb", Text(""), "InfluxDB that scripts query."),
    ],
)
.state(Later);

pub(super) static UDF: Section = Section::table(
    "udf",
    "User-defined functions: [udf.functions.NAME].",
    &[key(
        "functions",
        Tables(&[
            key(
                "timeout",
                Duration("0s"),
                "How long the function may be silent. Too short kills a busy one.",
            ),
            key("socket", Text(""), "Unix socket of a running function, in place of prog."),
            key("prog", Text(""), "Program to start."),
            key("args", List(&[]), "Arguments of the program."),
            key("env", Map, "Environment of the program."),
        ]),
        "Functions by name.",
    )],
)
.state(Later);
