//! An API server in memory, one namespace of it, with what other controllers would do: pods for a
//! StatefulSet, claims for pods, the end of what is owned.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::members::Living;
use crate::server::Version;

/// Objects by kind and name.
#[derive(Default)]
pub(super) struct Objects {
    all: BTreeMap<(String, String), Value>,
    last: u64,
    /// Writes of the operator, events left out.
    pub(super) writes: u64,
    /// Member IDs that ever stood in the status.
    pub(super) recorded: BTreeSet<String>,
    /// UIDs of claims that a mishap took, by name.
    lost: BTreeMap<String, String>,
}

fn key(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A merge patch (RFC 7386); `remove` tells whether null takes away.
fn merge(base: &mut Value, patch: &Value, remove: bool) {
    let (Some(fields), true) = (patch.as_object(), base.is_object()) else {
        *base = patch.clone();
        return;
    };
    for (name, value) in fields {
        if value.is_null() {
            if remove {
                base.as_object_mut().expect("it is an object").remove(name);
            }
            continue;
        }
        let field = &mut base[name.as_str()];
        if value.is_object() && !field.is_object() {
            *field = json!({});
        }
        merge(field, value, remove);
    }
}

impl Objects {
    pub(super) fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.all.get(&key(kind, name)).cloned()
    }

    pub(super) fn list(&self, kind: &str) -> Vec<Value> {
        self.all.iter().filter(|((of, _), _)| of == kind).map(|(_, it)| it.clone()).collect()
    }

    pub(super) fn names(&self, kind: &str) -> Vec<String> {
        self.all.keys().filter(|(of, _)| of == kind).map(|(_, name)| name.clone()).collect()
    }

    /// Pods, claims and status, for people.
    pub(super) fn told(&self) -> String {
        let mut lines = Vec::new();
        for ((kind, name), object) in &self.all {
            let meta = &object["metadata"];
            let ends = if meta["deletionTimestamp"].is_null() { "" } else { ", ends" };
            let rest = match kind.as_str() {
                "Pod" if object["status"].is_null() => "does not run".to_owned(),
                "Pod" => "runs".to_owned(),
                "PersistentVolumeClaim" => meta["annotations"].to_string(),
                "StatefulSet" => object["spec"]["replicas"].to_string(),
                "KapacitorCluster" => object["status"].to_string(),
                _ => continue,
            };
            lines.push(format!("{kind} {name}{ends}: {rest}"));
        }
        lines.join("\n")
    }

    fn next(&mut self) -> String {
        self.last += 1;
        self.last.to_string()
    }

    /// Puts an object; a new one gets a UID, each a new version.
    pub(super) fn put(&mut self, mut object: Value) {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let version = self.next();
        if object["metadata"]["uid"].as_str().is_none() {
            object["metadata"]["uid"] = json!(format!("uid-{version}"));
        }
        object["metadata"]["resourceVersion"] = json!(version);
        self.all.insert(key(&kind, &name), object);
    }

    /// Changes an object that is there.
    fn change(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(mut object) = self.get(kind, name) {
            change(&mut object);
            self.put(object);
        }
    }

    /// The version that a write is about is the one that is there; else the HTTP status.
    fn check(&self, kind: &str, name: &str, version: &Version) -> Result<Value, u16> {
        let object = self.get(kind, name).ok_or(404_u16)?;
        let meta = &object["metadata"];
        let same = (version.uid.is_empty() || meta["uid"] == json!(version.uid))
            && (version.resource.is_empty() || meta["resourceVersion"] == json!(version.resource));
        if same { Ok(object) } else { Err(409) }
    }

    pub(super) fn create(&mut self, object: &Value) -> Result<Value, u16> {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        if self.get(&kind, &name).is_some() {
            return Err(409);
        }
        self.writes += 1;
        self.put(object.clone());
        Ok(self.get(&kind, &name).expect("it was put"))
    }

    /// Server-side apply, as far as one field manager needs it.
    pub(super) fn apply(&mut self, object: &Value) -> Result<Value, u16> {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let uid = text(&object["metadata"]["uid"]);
        let there = self.get(&kind, &name);
        if !uid.is_empty() && there.as_ref().is_none_or(|it| it["metadata"]["uid"] != json!(uid)) {
            return Err(409);
        }
        self.writes += 1;
        let mut whole = there.unwrap_or_else(|| json!({}));
        merge(&mut whole, object, false);
        if kind == "StatefulSet" && whole["spec"]["replicas"].is_null() {
            whole["spec"]["replicas"] = json!(1);
        }
        self.put(whole);
        Ok(self.get(&kind, &name).expect("it was put"))
    }

    pub(super) fn apply_status(&mut self, version: &Version, status: &Value) -> Result<(), u16> {
        let mut object = self.check("KapacitorCluster", "demo", version)?;
        self.writes += 1;
        let members = status["members"].as_array().into_iter().flatten();
        self.recorded.extend(members.map(|member| text(&member["memberID"])));
        object["status"] = status.clone();
        self.put(object);
        Ok(())
    }

    pub(super) fn merge(
        &mut self,
        kind: &str,
        name: &str,
        version: &Version,
        patch: &Value,
    ) -> Result<(), u16> {
        let mut object = self.check(kind, name, version)?;
        self.writes += 1;
        merge(&mut object, patch, true);
        self.put(object);
        self.resource_moves();
        Ok(())
    }

    /// A deleted resource that nobody holds goes, and what it owns.
    fn resource_moves(&mut self) {
        let Some(resource) = self.get("KapacitorCluster", "demo") else { return };
        let meta = &resource["metadata"];
        let held = meta["finalizers"].as_array().is_some_and(|held| !held.is_empty());
        if !meta["deletionTimestamp"].is_null() && !held {
            self.all.retain(|(kind, _), _| kind == "PersistentVolumeClaim" || kind == "Pod");
        }
    }

    pub(super) fn delete(&mut self, kind: &str, name: &str, version: &Version) -> Result<(), u16> {
        match self.check(kind, name, version) {
            Err(404) => return Ok(()),
            checked => checked?,
        };
        self.writes += 1;
        match kind {
            "Pod" | "PersistentVolumeClaim" => self.end(kind, name),
            _ => drop(self.all.remove(&key(kind, name))),
        }
        Ok(())
    }

    fn end(&mut self, kind: &str, name: &str) {
        self.change(kind, name, |it| {
            it["metadata"]["deletionTimestamp"] = json!("1970-01-12T13:46:40Z");
        });
    }

    // --- what others do -----------------------------------------------------------------------

    pub(super) fn wish(&mut self, replicas: i32) {
        self.change("KapacitorCluster", "demo", |it| it["spec"]["replicas"] = json!(replicas));
    }

    pub(super) fn wipe_status(&mut self) {
        self.change("KapacitorCluster", "demo", |it| {
            it.as_object_mut().expect("an object").remove("status");
        });
    }

    pub(super) fn end_resource(&mut self, now: Timestamp) {
        self.change("KapacitorCluster", "demo", |it| {
            it["metadata"]["deletionTimestamp"] = json!(now.to_string());
        });
        self.resource_moves();
    }

    pub(super) fn scale_by_hand(&mut self, replicas: i32) {
        self.change("StatefulSet", "demo", |it| it["spec"]["replicas"] = json!(replicas));
    }

    pub(super) fn annotate(&mut self, kind: &str, name: &str, annotation: &str, value: &str) {
        self.change(kind, name, |it| it["metadata"]["annotations"][annotation] = json!(value));
    }

    pub(super) fn unannotate_pods(&mut self) {
        for pod in self.names("Pod") {
            self.change("Pod", &pod, |it| it["metadata"]["annotations"] = json!({}));
        }
    }

    pub(super) fn kill(&mut self, pod: &str, forced: bool) {
        if forced {
            self.all.remove(&key("Pod", pod));
        } else {
            self.end("Pod", pod);
        }
    }

    /// A claim goes, and its volume with it.
    pub(super) fn end_claim(&mut self, name: &str) {
        if let Some(claim) = self.all.remove(&key("PersistentVolumeClaim", name)) {
            self.lost.insert(name.to_owned(), text(&claim["metadata"]["uid"]));
        }
    }

    pub(super) fn lost_claim(&mut self, name: &str) -> Option<String> {
        self.lost.remove(name)
    }

    /// Pods end, begin to run, and are made as their set says. Gives those that run.
    pub(super) fn pods_move(&mut self, now: Timestamp) -> Living {
        for name in self.names("Pod") {
            let pod = self.get("Pod", &name).expect("it was listed");
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                self.all.remove(&key("Pod", &name));
            } else if pod["status"].is_null() {
                let claim = format!("data-{name}");
                let ends = self.get("PersistentVolumeClaim", &claim);
                if ends.is_none_or(|it| !it["metadata"]["deletionTimestamp"].is_null()) {
                    continue;
                }
                let running = json!({"name": "kapacitord", "image": "i", "imageID": "i",
                    "ready": true, "restartCount": 0,
                    "state": {"running": {"startedAt": now.to_string()}}});
                self.change("Pod", &name, |it| {
                    it["status"] = json!({"containerStatuses": [running]});
                });
            }
        }
        self.set_moves();
        let running = self.list("Pod").into_iter().filter(|pod| !pod["status"].is_null());
        let claim = |name: &str| self.get("PersistentVolumeClaim", &format!("data-{name}"));
        running
            .filter_map(|pod| {
                let name = text(&pod["metadata"]["name"]);
                let ordinal = name.strip_prefix("demo-")?.parse().ok()?;
                Some((ordinal, text(&claim(&name)?["metadata"]["uid"])))
            })
            .collect()
    }

    fn set_moves(&mut self) {
        let replicas = match self.get("StatefulSet", "demo") {
            Some(set) => set["spec"]["replicas"].as_i64().unwrap_or(1),
            None => 0,
        };
        for ordinal in 0..replicas {
            let (pod, claim) = (format!("demo-{ordinal}"), format!("data-demo-{ordinal}"));
            let there = self.get("Pod", &pod);
            // For a pod that cannot start without it a missing claim is made again.
            if there.as_ref().is_some_and(|pod| !pod["status"].is_null()) {
                continue;
            }
            let labels = json!({"app.kubernetes.io/instance": "demo"});
            if self.get("PersistentVolumeClaim", &claim).is_none() {
                self.put(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                    "metadata": {"name": claim, "namespace": "ns", "labels": labels, "annotations": {}}}));
            }
            if there.is_some() {
                continue;
            }
            self.put(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": pod, "namespace": "ns", "labels": labels, "annotations": {}}}));
        }
        for name in self.names("Pod") {
            let ordinal: Option<i64> = name.strip_prefix("demo-").and_then(|n| n.parse().ok());
            if ordinal.is_some_and(|ordinal| ordinal >= replicas) {
                self.end("Pod", &name);
            }
        }
        let pods = self.names("Pod").len();
        let ready = self.list("Pod").iter().filter(|pod| !pod["status"].is_null()).count();
        let status = json!({"replicas": pods, "readyReplicas": ready});
        if self.get("StatefulSet", "demo").is_some_and(|set| set["status"] != status) {
            self.change("StatefulSet", "demo", |it| it["status"] = status);
        }
    }

    /// Claims that are to go do so when no pod uses them.
    pub(super) fn claims_move(&mut self) {
        for name in self.names("PersistentVolumeClaim") {
            let claim = self.get("PersistentVolumeClaim", &name).expect("it was listed");
            let pod = name.strip_prefix("data-").unwrap_or_default();
            let ends = !claim["metadata"]["deletionTimestamp"].is_null();
            let runs = self.get("Pod", pod).is_some_and(|pod| !pod["status"].is_null());
            if ends && !runs {
                self.all.remove(&key("PersistentVolumeClaim", &name));
            }
        }
    }
}
