//! What users are shown to write is followed as it stands: `examples/`, and what the chart renders.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;

use super::rules::refusal;
use super::*;
use crate::controller::wanted::Wanted;

/// Folders with resources, from the root of the project.
const FOLDERS: [&str; 2] = ["examples", "e2e/tests/charts/renders/kapacitor"];

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let entries = FOLDERS.iter().flat_map(|folder| {
        std::fs::read_dir(root.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"))
    });
    let paths = entries.map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .filter(|path| {
            let name = path.to_string_lossy();
            !name.ends_with(".values.yaml") && !name.ends_with(".refused.yaml")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn examples_and_renders_of_the_chart_are_followed() {
    let crd = serde_json::to_value(KapacitorCluster::crd()).expect("JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut clusters = 0;
    for file in files() {
        let shown = file.display();
        let text = std::fs::read_to_string(&file).expect("readable");
        let documents: Vec<Value> = serde_yaml::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap_or_else(|e| panic!("{shown}: {e}")))
            .collect();
        for cluster in documents.iter().filter(|d| d["kind"] == "KapacitorCluster") {
            clusters += 1;
            assert_eq!(cluster["apiVersion"], format!("{GROUP}/v1alpha1"), "{shown}");
            let name = cluster["metadata"]["name"].as_str().expect("a name");
            assert_eq!(refusal(name, &cluster["spec"], None), None, "{shown}");
            assert_eq!(unknown(schema, &cluster["spec"], "spec"), None, "{shown}");
            let resource = serde_json::from_value(cluster.clone()).expect("checked before");
            if let Err(why) = Wanted::of(&resource, "kapacitord:1", None) {
                panic!("{shown}: {why}");
            }
        }
    }
    assert!(clusters >= 10, "{clusters} were found");
}

/// The first field that the schema does not know: the API server would prune it with a warning.
fn unknown(schema: &Value, value: &Value, path: &str) -> Option<String> {
    if schema["x-kubernetes-preserve-unknown-fields"] == true {
        return None;
    }
    match value {
        Value::Array(entries) => {
            entries.iter().find_map(|entry| unknown(&schema["items"], entry, &format!("{path}[]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            let path = format!("{path}.{name}");
            let known = [&schema["properties"][name], &schema["additionalProperties"]];
            match known.into_iter().find(|schema| schema.is_object()) {
                Some(schema) => unknown(schema, field, &path),
                None => Some(path),
            }
        }),
        _ => None,
    }
}
