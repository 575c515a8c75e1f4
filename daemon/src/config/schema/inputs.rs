//! Sections of inputs other than HTTP and InfluxDB.

use super::Kind::{Bool, Duration, Int, List, Lists, MaybeText, Secret, Text};
use super::State::Later;
use super::{Section, key};

pub(super) static UDP: Section = Section::list(
    "udp",
    "bind-address",
    "Line protocol over UDP.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("bind-address", Text(""), "Listener, host:port."),
        key("read-buffer", Int(0), "Bytes of the socket buffer; 0 = as the system has it. Too small loses packets in a burst."),
        key("buffer", Int(1000), "Packets that may wait. Larger costs memory, smaller drops packets in a burst."),
        key("database", Text(""), "Database that received points belong to."),
        key("retention-policy", Text(""), "Retention policy that received points belong to. Empty: the default of the database."),
    ],
)
.state(Later);

pub(super) static GRAPHITE: Section = Section::list(
    "graphite",
    "bind-address",
    "Points in the form of Graphite.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("bind-address", Text(":2003"), "Listener, host:port."),
        key("database", Text("graphite"), "Database that received points belong to."),
        key("retention-policy", Text(""), "Retention policy that received points belong to. Empty: the default of the database."),
        key("protocol", Text("tcp"), "tcp or udp."),
        key("batch-size", Int(5000), "Points that are handed on together. Smaller costs CPU, larger waits longer."),
        key("batch-pending", Int(10), "Batches that may wait; more are dropped. Larger costs memory."),
        key("batch-timeout", Duration("1s"), "Longest wait for a batch to fill. Shorter costs CPU, longer delays points."),
        key("consistency-level", Text("one"), "Write consistency named to InfluxDB."),
        key("templates", List(&[]), "How names become measurements and tags."),
        key("tags", List(&[]), "Tags put on every point, key=value."),
        key("separator", Text("."), "What joins the parts of a name."),
        key("udp-read-buffer", Int(0), "Bytes of the socket buffer; 0 = as the system has it. Too small loses packets in a burst."),
    ],
)
.state(Later);

pub(super) static COLLECTD: Section = Section::table(
    "collectd",
    "Points from collectd.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("bind-address", Text(":25826"), "Listener, host:port."),
        key("database", Text("collectd"), "Database that received points belong to."),
        key("retention-policy", Text(""), "Retention policy that received points belong to. Empty: the default of the database."),
        key("batch-size", Int(5000), "Points that are handed on together. Smaller costs CPU, larger waits longer."),
        key("batch-pending", Int(10), "Batches that may wait; more are dropped. Larger costs memory."),
        key("batch-timeout", Duration("10s"), "Longest wait for a batch to fill. Shorter costs CPU, longer delays points."),
        key("read-buffer", Int(0), "Bytes of the socket buffer; 0 = as the system has it. Too small loses packets in a burst."),
        key("typesdb", Text("/usr/share/collectd/types.db"), "File with the types of collectd."),
        key("security-level", Text("none"), "none, sign or encrypt."),
        key("auth-file", Text("/etc/collectd/auth_file"), "File with users and passwords of collectd."),
        key("parse-multivalue-plugin", Text("split"), "split or join values of one plugin."),
    ],
)
.state(Later);

pub(super) static OPENTSDB: Section = Section::table(
    "opentsdb",
    "Points in the form of OpenTSDB.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("bind-address", Text(":4242"), "Listener, host:port."),
        key("database", Text("opentsdb"), "Database that received points belong to."),
        key(
            "retention-policy",
            Text(""),
            "Retention policy that received points belong to. Empty: the default of the database.",
        ),
        key("consistency-level", Text("one"), "Write consistency named to InfluxDB."),
        key("tls-enabled", Bool(false), "Speak TLS."),
        key("certificate", Text("/etc/ssl/influxdb.pem"), "PEM file with certificate and key."),
        key(
            "batch-size",
            Int(1000),
            "Points that are handed on together. Smaller costs CPU, larger waits longer.",
        ),
        key(
            "batch-pending",
            Int(5),
            "Batches that may wait; more are dropped. Larger costs memory.",
        ),
        key(
            "batch-timeout",
            Duration("1s"),
            "Longest wait for a batch to fill. Shorter costs CPU, longer delays points.",
        ),
        key("log-point-errors", Bool(true), "Log every malformed point."),
    ],
)
.state(Later);

pub(super) static SCRAPER: Section = Section::list(
    "scraper",
    "name",
    "Targets to scrape.",
    &[
        key("enabled", Bool(false), "Whether this section is used."),
        key("name", Text(""), "Name of this element."),
        key("type", Text("prometheus"), "Kind of target: prometheus."),
        key("db", Text(""), "Database that scraped points belong to."),
        key("rp", Text(""), "Retention policy that scraped points belong to."),
        key("scheme", Text("http"), "http or https."),
        key("metrics-path", Text("/metrics"), "Path of the metrics."),
        key("params", Lists(&[]), "Query parameters."),
        key("scrape-interval", Duration("1m0s"), "Time between scrapes. Shorter costs CPU on both sides."),
        key("scrape-timeout", Duration("10s"), "Longest time of one scrape."),
        key("username", Text(""), "User name to sign in with."),
        key("password", Secret(""), "Password to sign in with."),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("ssl-server-name", Text(""), "Name expected in the certificate of the server, if it differs from the host."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
        key("bearer-token", Secret(""), "Bearer token to sign in with."),
        key("proxy-url", MaybeText, "Proxy to use."),
        key("discoverer-id", Text(""), "Element of the discoverer."),
        key("discoverer-service", Text(""), "Section of the discoverer."),
        key("blacklist", List(&[]), "Targets never to scrape."),
    ],
)
.state(Later)
.overridable();
