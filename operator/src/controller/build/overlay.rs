//! `spec.podTemplate`, laid over the pods that the operator writes.
//!
//! Maps are merged, null takes a field away, lists whose entries have names are merged entry by entry,
//! other lists are replaced. What holds the design together is refused, not silently kept.

use serde_json::{Map, Value};

use super::mounts::{CONFIG_DIR, DATA_DIR, LOAD, LOAD_DIR, RESERVED, SECRETS_DIR};
use super::pod::CONTAINER;
use crate::crd::PodTemplate;
use crate::name::OWN_LABELS;

/// Prefix of annotations that the operator reads or writes.
const OWN_ANNOTATIONS: &str = "kapacitor.dev/";
/// Fields of the pod that decide how members find each other and themselves again.
const POD: [&str; 4] = ["hostname", "subdomain", "restartPolicy", "setHostnameAsFQDN"];
/// Fields of the member's container, and what to use in their place.
const OWN_CONTAINER: [(&str, &str); 7] = [
    ("image", "spec.image"),
    ("imagePullPolicy", "spec.image.pullPolicy"),
    ("env", "spec.env"),
    ("envFrom", "spec.envFrom"),
    ("command", "spec.extraConfig"),
    ("args", "spec.extraConfig"),
    ("ports", "the ports that there are"),
];

/// What a template may not do, in words.
pub(in super::super) fn refuse(template: &PodTemplate) -> Result<(), String> {
    let metadata = &template.metadata;
    if let Some(label) = OWN_LABELS.iter().find(|label| metadata.labels.contains_key(**label)) {
        return Err(format!("metadata.labels must not set {label}: the operator sets it"));
    }
    if let Some(own) = metadata.annotations.keys().find(|a| a.starts_with(OWN_ANNOTATIONS)) {
        return Err(format!("metadata.annotations must not set {own}: the operator sets it"));
    }
    if let Some(field) = POD.iter().find(|field| !template.spec[**field].is_null()) {
        return Err(format!("spec must not set {field}: the operator sets it"));
    }
    for volume in entries(&template.spec["volumes"]) {
        let name = volume["name"].as_str().unwrap_or_default();
        if RESERVED.contains(&name) || name.starts_with(LOAD) {
            return Err(format!("spec.volumes must not set {name}: the operator sets it"));
        }
    }
    for list in ["containers", "initContainers"] {
        if entries(&template.spec[list]).any(|container| !container["name"].is_string()) {
            return Err(format!("spec.{list}: each needs a name"));
        }
    }
    let mut members = entries(&template.spec["containers"]).filter(|c| c["name"] == CONTAINER);
    members.try_for_each(refuse_container)
}

fn refuse_container(container: &Value) -> Result<(), String> {
    if let Some((field, other)) = OWN_CONTAINER.iter().find(|(f, _)| !container[*f].is_null()) {
        return Err(format!("spec.containers[{CONTAINER}] must not set {field}: use {other}"));
    }
    for mount in entries(&container["volumeMounts"]) {
        let path = mount["mountPath"].as_str().unwrap_or_default().trim_end_matches('/');
        let own = [DATA_DIR, CONFIG_DIR, SECRETS_DIR, LOAD_DIR];
        if own.iter().any(|own| path == *own || path.starts_with(&format!("{own}/"))) {
            return Err(format!("spec.containers[{CONTAINER}] must not mount {path}"));
        }
    }
    Ok(())
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// Lays a template over `base`, `metadata` and `spec` of a pod.
pub(super) fn lay(base: &mut Value, template: &PodTemplate) {
    let mut over = template.spec.clone();
    quantities_as_text(&mut over);
    if !over.is_null() {
        merge(&mut base["spec"], over, "");
    }
    for (field, pairs) in
        [("labels", &template.metadata.labels), ("annotations", &template.metadata.annotations)]
    {
        let pairs: Map<String, Value> =
            pairs.iter().map(|(k, v)| (k.clone(), Value::String(v.clone()))).collect();
        merge(&mut base["metadata"][field], Value::Object(pairs), field);
    }
}

fn merge(base: &mut Value, over: Value, field: &str) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                if value.is_null() {
                    base.remove(&name);
                } else {
                    merge(base.entry(&name).or_insert(Value::Null), value, &name);
                }
            }
        }
        (Value::Array(base), Value::Array(over)) if has_keys(base, &over, key(field)) => {
            for entry in over {
                let name = entry[key(field)].clone();
                match base.iter_mut().find(|old| old[key(field)] == name) {
                    Some(old) => merge(old, entry, ""),
                    None => base.push(entry),
                }
            }
        }
        (base, over) => *base = over,
    }
}

/// What tells the entries of a list apart.
fn key(field: &str) -> &'static str {
    if field == "volumeMounts" { "mountPath" } else { "name" }
}

fn has_keys(base: &[Value], over: &[Value], key: &str) -> bool {
    base.iter().chain(over).all(|entry| entry[key].is_string())
}

/// `cpu: 1` is a quantity, too, but the type knows text only.
fn quantities_as_text(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let (true, Value::Object(quantities)) =
                    (matches!(name.as_str(), "requests" | "limits"), &mut *field)
                {
                    for quantity in quantities.values_mut().filter(|q| q.is_number()) {
                        *quantity = Value::String(quantity.to_string());
                    }
                }
                quantities_as_text(field);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(quantities_as_text),
        _ => {}
    }
}

/// The first field of `given` that its typed form `kept` does not have: it is misspelt.
pub(super) fn lost(given: &Value, kept: &Value, path: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), kept) => given.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match kept.get(name) {
                Some(kept) => lost(value, kept, &path),
                None if is_empty(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => given
            .iter()
            .zip(kept)
            .enumerate()
            .find_map(|(index, (given, kept))| lost(given, kept, &format!("{path}[{index}]"))),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
