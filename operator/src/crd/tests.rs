//! What is generated equals what is committed.

use std::path::Path;

use super::*;

/// Files that hold the definition, from the root of the project.
const COPIES: [&str; 2] =
    ["crds/kapacitorclusters.yaml", "charts/kapacitor-operator/files/kapacitorclusters.yaml"];

#[test]
fn generated_definitions_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    for copy in COPIES {
        let path = root.join(copy);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, yaml()).expect("the folder is there");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == yaml(), "{copy} is not what the types say: run `make generated`");
    }
}

#[test]
fn an_empty_wish_has_working_defaults() {
    let spec: KapacitorClusterSpec = serde_json::from_str("{}").expect("all have defaults");
    assert_eq!(spec, KapacitorClusterSpec::default());
    assert_eq!(spec.replicas, 3);
}

#[test]
fn every_field_of_the_wish_is_described() {
    let crd = serde_json::to_value(KapacitorCluster::crd()).expect("JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut bare = Vec::new();
    undescribed(&schema["properties"]["spec"], "spec", &mut bare);
    assert!(bare.is_empty(), "write `///` for {bare:?}");
}

fn undescribed(schema: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if field["description"].as_str().is_none_or(str::is_empty) {
            bare.push(path.clone());
        }
        undescribed(field, &path, bare);
        undescribed(&field["items"], &path, bare);
        undescribed(&field["additionalProperties"], &path, bare);
    }
}
