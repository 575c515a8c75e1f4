//! What each field of the resource does to the children, as data: `testdata/fields.txt` holds a spec
//! and, below `----`, what it changes compared with [`BASE`]. `UPDATE_EXPECT=1` rewrites the lower
//! halves.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;
use kube::CustomResourceExt as _;

use super::*;
use crate::crd::KapacitorClusterSpec;

const BASE: &str = "influxdb: [{name: main, urls: ['http://i:8086']}]";
const DATA: &str = include_str!("../testdata/fields.txt");
/// Fields that change no child: how many pods there are, which key is read, how changes reach the pods,
/// what becomes of claims and subscriptions.
const ELSEWHERE: [&str; 11] = [
    "stopped",
    "paused",
    "updateStrategy.paused",
    "updateStrategy.partition",
    "http.adminKeySecretRef.name",
    "storage.whenScaled",
    "storage.whenDeleted",
    "influxdb.cleanup.policy",
    "influxdb.cleanup.deadline",
    "influxdb.cleanup.sweep",
    "influxdb.cleanup.sweepInterval",
];

/// The specs of the file.
fn specs() -> Vec<String> {
    let blocks = DATA.split("\n\n").map(|block| block.split("\n----").next().unwrap_or_default());
    blocks.map(|spec| spec.trim().to_owned()).filter(|spec| !spec.is_empty()).collect()
}

/// All children of a spec as `path: value`, without hashes.
fn lines(spec: &str) -> BTreeSet<String> {
    let spec: KapacitorClusterSpec =
        serde_yaml::from_str(spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
    let mut resource = KapacitorCluster::new("demo", spec);
    resource.metadata.namespace = Some("ns".to_owned());
    let wanted = Wanted::of(&resource, "kapacitord:1", Some("key".to_owned()))
        .unwrap_or_else(|error| panic!("{error}"));
    let all = children(&wanted, &Kept::default());
    let mut lines = BTreeSet::new();
    let mut put = |kind: &str, child: Value| flatten(kind, &child, &mut lines);
    let json = |child| serde_json::to_value(child).expect("JSON");
    let config = all.config.data.as_ref().expect("a file")["kapacitor.conf"].clone();
    put("kapacitor.conf", json(config.parse::<toml::Table>().expect("TOML")));
    put("StatefulSet", serde_json::to_value(&all.set).expect("JSON"));
    put("Service", serde_json::to_value(&all.service).expect("JSON"));
    put("headless", serde_json::to_value(&all.headless).expect("JSON"));
    put("Budget", serde_json::to_value(&all.budget).expect("JSON"));
    put("NetworkPolicy", serde_json::to_value(&all.network_policy).expect("JSON"));
    lines.retain(|line| !line.contains("kapacitor.dev/"));
    lines
}

fn flatten(path: &str, value: &Value, lines: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields
                .iter()
                .for_each(|(name, field)| flatten(&format!("{path}.{name}"), field, lines));
        }
        Value::Array(entries) => entries.iter().enumerate().for_each(|(index, entry)| {
            let name = entry["name"].as_str().map_or_else(|| index.to_string(), str::to_owned);
            flatten(&format!("{path}[{name}]"), entry, lines);
        }),
        Value::Null => {}
        value => drop(lines.insert(format!("{path}: {value}"))),
    }
}

#[test]
fn fields_change_the_children_as_recorded() {
    let base = lines(BASE);
    let mut all = String::new();
    for spec in specs() {
        let merged =
            if spec.contains("influxdb:") { spec.clone() } else { format!("{BASE}\n{spec}") };
        let got = lines(&merged);
        writeln!(all, "{spec}\n----").expect("memory");
        assert!(got != base, "no effect: {spec}");
        for line in base.difference(&got) {
            writeln!(
                all,
                "- {}",
                line.replace("template.spec.containers[kapacitord]", "container")
            )
            .expect("memory");
        }
        for line in got.difference(&base) {
            writeln!(
                all,
                "+ {}",
                line.replace("template.spec.containers[kapacitord]", "container")
            )
            .expect("memory");
        }
        all.push('\n');
    }
    expect_file!["../testdata/fields.txt"].assert_eq(&all);
}

/// A field that changes nothing would be a lie.
#[test]
fn every_field_of_the_resource_is_recorded() {
    let crd = serde_json::to_value(KapacitorCluster::crd()).expect("JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut known = BTreeSet::new();
    leaves(schema, "", &mut known);
    let mut set = BTreeSet::new();
    for spec in specs() {
        let spec: Value = serde_yaml::from_str(&spec).expect("YAML");
        leaves_of(&spec, "", &mut set);
    }
    let missing: Vec<_> = known
        .iter()
        .filter(|path| !ELSEWHERE.contains(&path.as_str()))
        .filter(|path| !set.iter().any(|set| set == *path || set.starts_with(&format!("{path}."))))
        .collect();
    assert!(missing.is_empty(), "add to testdata/fields.txt what these do: {missing:?}");
}

/// Paths of a schema's own leaves; Kubernetes' types below `env` and `peers` are one each.
fn leaves(schema: &Value, path: &str, all: &mut BTreeSet<String>) {
    const KUBERNETES: [&str; 4] = ["env", "envFrom", "networkPolicy.peers", "resources"];
    let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
    let fields = schema["properties"].as_object();
    match fields.filter(|_| !KUBERNETES.contains(&path)) {
        None => drop(all.insert(path.to_owned())),
        Some(fields) => {
            fields.iter().for_each(|(name, field)| leaves(field, &join(path, name), all));
        }
    }
}

fn leaves_of(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| leaves_of(field, &join(path, name), all));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| leaves_of(entry, path, all)),
        _ => drop(all.insert(path.to_owned())),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
