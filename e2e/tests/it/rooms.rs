//! Which room may import which: the table of ARCHITECTURE.md, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Room and the rooms it may import. A room that is missing here may not exist.
const TABLE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("tick", &["model"]),
    ("template", &[]),
    ("gossip", &["model"]),
    ("dedup", &["model"]),
    ("alert", &["model", "tick", "template"]),
    ("engine", &["model", "tick", "template", "alert"]),
    ("rpc", &["model", "gossip", "dedup", "alert"]),
    ("member", &["model", "gossip", "dedup", "alert", "rpc"]),
    ("client", &["model", "alert"]),
    ("influx", &["model"]),
    ("cli", &["client"]),
    ("sim", &["model", "gossip", "dedup", "alert", "rpc", "member"]),
    (
        "kapacitord",
        &[
            "model", "tick", "template", "gossip", "dedup", "alert", "engine", "rpc", "member",
            "client", "influx",
        ],
    ),
    ("kapacitor-operator", &["client", "influx"]),
    ("e2e", &["client"]),
];

/// Pure rooms.
const FLOORS: &[&str] =
    &["model", "tick", "template", "gossip", "dedup", "alert", "engine", "rpc", "member"];

/// Crates that would let the world into a floor.
const WORLDLY: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "reqwest",
    "redb",
    "tracing",
    "mio",
    "socket2",
    "getrandom",
    "rustls",
    "toml",
    "serde_yaml",
    "prometheus",
    "anyhow",
];

fn imports(kinds: &[DependencyKind]) -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    let named = |d: &cargo_metadata::Dependency| kinds.contains(&d.kind).then(|| d.name.clone());
    metadata
        .packages
        .iter()
        .map(|p| (p.name.to_string(), p.dependencies.iter().filter_map(named).collect()))
        .collect()
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let rooms: BTreeSet<&str> = TABLE.iter().map(|(room, _)| *room).collect();
    let imports = imports(&[DependencyKind::Normal, DependencyKind::Build]);
    for (room, imported) in &imports {
        let allowed = TABLE.iter().find(|(r, _)| r == room).map(|(_, allowed)| *allowed);
        let allowed =
            allowed.unwrap_or_else(|| panic!("room {room} is not in the table of ARCHITECTURE.md"));
        for other in imported.iter().filter(|i| rooms.contains(i.as_str())) {
            assert!(
                allowed.contains(&other.as_str()),
                "{room} imports {other}: the table in ARCHITECTURE.md does not allow it; move the code to \
                 where it belongs, or change the design first"
            );
        }
    }
    assert_eq!(imports.len(), TABLE.len(), "the table names a room that does not exist");
}

#[test]
fn floors_know_nothing_of_the_world() {
    let imports = imports(&[DependencyKind::Normal, DependencyKind::Build]);
    for floor in FLOORS {
        for worldly in WORLDLY {
            assert!(
                !imports[*floor].contains(*worldly),
                "{floor} is a floor and imports {worldly}: take the value in, give the effect out"
            );
        }
    }
}

#[test]
fn only_the_operator_knows_kubernetes() {
    for (room, imported) in imports(&[DependencyKind::Normal, DependencyKind::Build]) {
        let kube = imported.iter().find(|i| i.starts_with("kube") || *i == "k8s-openapi");
        assert!(room == "kapacitor-operator" || kube.is_none(), "{room} imports {kube:?}");
    }
}
