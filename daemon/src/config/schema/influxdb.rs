//! `[[influxdb]]`.

use super::Kind::{Bool, Choice, Duration, Int, List, Lists, Secret, Text};
use super::State::{Later, Refused};
use super::{Section, key};

pub(super) static INFLUXDB: Section = Section::list(
    "influxdb",
    "name",
    "An InfluxDB to read from, to write to and to be fed by. Repeat the section for more.",
    &[
        key("enabled", Bool(true), "Whether this InfluxDB is used. Without any [[influxdb]] there is one at http://localhost:8086."),
        key("name", Text("default"), "Name used in scripts. Unique."),
        key("default", Bool(false), "The InfluxDB that scripts mean when they name none. Needed if several are enabled."),
        key("urls", List(&["http://localhost:8086"]), "Addresses, used in turn."),
        key("username", Text(""), "User to sign in with."),
        key("password", Secret(""), "Password of the user."),
        key("token", Secret(""), "Token to sign in with, in place of user and password."),
        key("http-shared-secret", Bool(false), "Sign in with a JWT signed with [http] shared-secret, in place of a password.").state(Refused),
        key("ssl-ca", Text(""), "PEM file with the certificate authority to trust. Empty: those of the system."),
        key("ssl-cert", Text(""), "PEM file with the client certificate to show."),
        key("ssl-key", Text(""), "PEM file with the key of ssl-cert."),
        key("insecure-skip-verify", Bool(false), "Do not verify the certificate of the other side. Anyone in between can read and change what is sent."),
        key("timeout", Duration("0s"), "Longest time of one request; 0s = none. Too short cuts long queries."),
        key("disable-subscriptions", Bool(false), "Create no subscriptions, and drop those of this member."),
        key("subscription-protocol", Text("http"), "How InfluxDB sends points: http, https or udp."),
        key("subscription-mode", Choice("cluster", &["cluster", "server"]), "Whose id names the subscription: cluster (one for all) or server (one per member). A cluster needs server, so that every member receives every write."),
        key("subscriptions", Lists(&[]), "Databases and their retention policies to subscribe to. Empty: all."),
        key("excluded-subscriptions", Lists(&[("_kapacitor", &["autogen"])]), "Databases and their retention policies never to subscribe to."),
        key("kapacitor-hostname", Text(""), "Host that InfluxDB sends to. Empty: hostname."),
        key("http-port", Int(0), "Port that InfluxDB sends to; 0 = the port of [http]."),
        key("udp-bind", Text(""), "Host to listen on for UDP subscriptions. Empty: all interfaces.").state(Later),
        key("udp-buffer", Int(1000), "Packets that may wait per UDP subscription. Too small drops packets in a burst, too large costs up to 64 KiB each.").state(Later),
        key("udp-read-buffer", Int(0), "Bytes of the socket buffer; 0 = as the system has it. Too small loses packets in a burst.").state(Later),
        key("startup-timeout", Duration("5m0s"), "How long start-up calls InfluxDB late but not broken. The member serves and keeps trying before and after."),
        key("subscriptions-sync-interval", Duration("1m0s"), "Time between comparisons of subscriptions with databases; 0s counts as 1m. Shorter sees new databases sooner and costs queries; at least 1s."),
        key("subscription-path", Text(""), "Path put before /write in the subscription, for a proxy in between."),
        key("compression", Text("gzip"), "Compression of writes: gzip or none."),
    ],
)
.filled()
.overridable();
