//! Sections that make a cluster: `[cluster]`, `[rpc]`, `[alert]`.

use super::Kind::{Bool, Duration, Int, List, Secrets, Text};
use super::State::Later;
use super::{Section, key};

pub(super) static CLUSTER: Section = Section::table(
    "cluster",
    "Membership: who is there, told by gossip over UDP and TCP. A member that was never added to a cluster is a cluster of one.",
    &[
        key("bind-address", Text(":9090"), "Gossip listener, host:port, UDP and TCP. With a port only it listens on all interfaces. Other members must reach it, nobody else needs to."),
        key("advertise-address", Text(""), "Gossip address told to the other members, host:port. Empty: the bind address, with `hostname` for a missing host."),
        key("roles", List(&["worker"]), "Roles of this member. Only \"worker\" exists."),
        key("gossip-members", Int(0), "Members that each gossip message goes to; 0 means 3. More converges faster and costs bandwidth; at most 100."),
        key("gossip-interval", Duration("0s"), "Time between gossip messages; 0s means 200ms. Shorter converges faster and costs bandwidth and CPU; longer finds failures later. 20ms to 1m."),
        key("gossip-sync-interval", Duration("0s"), "Time between full exchanges of state with one other member over TCP; 0s means 30s. Shorter costs bandwidth, longer lets two members differ for longer. 1s to 1h."),
        key("keys", Secrets(&[]), "Keys that seal gossip and RPC, each base64 of 32 bytes (openssl rand -base64 32). The first seals, all open. Empty: plain text, anyone on the network can join in."),
        key("keys-file", Text(""), "File with one key per line, after those of `keys`. Read again when it changes, so that keys are rolled without a restart."),
        key("verify-incoming", Bool(true), "With keys: refuse what is not sealed. Set it to false only while a running plain cluster gets its keys."),
        key("verify-outgoing", Bool(true), "With keys: seal what is sent. Set it to false only while some members have no keys yet."),
        key("seeds", List(&[]), "RPC addresses host:port that a member without a cluster asks for one at start. Optional: `kapacitorctl member add` needs none.").state(Later),
        key("align-windows", Bool(true), "In a cluster, anchor windows and batch schedules that have no alignment of their own to multiples of their period. Without it members compute different times and alerts are delivered twice."),
        key("admin-keys", List(&[]), "Ed25519 public keys, base64 of 32 bytes, whose tokens may add and remove members (the Kubernetes operator)."),
        key("admin-keys-file", Text(""), "File with further admin keys, one per line or as PEM. Read again when it changes."),
        key("allow-unauthenticated-changes", Bool(false), "Let everyone who reaches the HTTP API add and remove members, as the original did."),
    ],
)
.ours();

pub(super) static RPC: Section = Section::table(
    "rpc",
    "What members say to each other beside gossip: events, handlers, joining.",
    &[
        key("bind-address", Text(":9091"), "RPC listener, host:port, TCP. With a port only it listens on all interfaces."),
        key("advertise-address", Text(""), "RPC address told to the other members, host:port. Empty: the bind address, with `hostname` for a missing host."),
        key("enable-grpc-logging", Bool(false), "Log every RPC message at level debug. The name is the original's; there is no gRPC in here."),
        key("tls-certificate", Text(""), "PEM file with this member's certificate. Set: members use mutual TLS; needs tls-private-key and tls-ca."),
        key("tls-private-key", Text(""), "PEM file with the key of tls-certificate."),
        key("tls-ca", Text(""), "PEM file with the authority that signs the members' certificates."),
    ],
)
.ours();

pub(super) static ALERT: Section = Section::table(
    "alert",
    "Topics, and who delivers their events when several members run the same task.",
    &[
        key(
            "persist-topics",
            Bool(true),
            "Keep the state of topics on disk, so that a restart neither forgets nor repeats an alert.",
        ),
        key(
            "topic-buffer-length",
            Int(5000),
            "Events that may wait per topic. Below 1000 counts as 5000. Too small drops events in a burst, too large costs memory; at most 10000000.",
        ),
        key(
            "redundancy",
            Int(0),
            "Members that own each topic and can deliver its events; 0 means every member. Fewer saves traffic; an event is lost only if all its owners are lost for ever.",
        ),
        key(
            "delay-per-member",
            Duration("10s"),
            "Time a member gets to deliver an event before the next in line does. Shorter: later alerts only shortly after a crash, more duplicates when members are slow. 100ms to 1h.",
        ),
        key(
            "full-sync-interval",
            Duration("5m0s"),
            "Time between full comparisons of topic state with the other members: the longest time two members may differ. Shorter costs bandwidth. 1s to 24h.",
        ),
        key(
            "delivery-timeout",
            Duration("1h"),
            "How long a delivery that keeps failing is tried before it is given up, counted and logged. Shorter loses alerts in an outage of the receiver, longer delivers stale ones. At least 1s.",
        ),
        key(
            "deduplicate-inline",
            Bool(true),
            "De-duplicate handlers written in TICKscripts as well. The original did so only for handlers of topics.",
        ),
    ],
);
