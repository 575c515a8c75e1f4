//! An API server in memory, one namespace of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::quantity::Quantity;
use crate::server::Version;

/// Objects by kind and name.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) all: BTreeMap<(String, String), Arc<Value>>,
    last: u64,
    /// Writes of the operator, events left out.
    pub(super) writes: u64,
    /// Member IDs that ever stood in the status.
    pub(super) recorded: BTreeSet<String>,
    /// UIDs of claims that a mishap took, by name.
    lost: BTreeMap<String, String>,
    /// Claims that may not grow.
    pub(super) fixed: BTreeSet<String>,
    /// Templates of the set's pods by revision.
    pub(super) templates: BTreeMap<String, Value>,
}

pub(super) fn key(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn quantity(value: &Value) -> Quantity {
    value.as_str().and_then(Quantity::parse).unwrap_or_default()
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
    pub(super) fn get(&self, kind: &str, name: &str) -> Option<Arc<Value>> {
        self.all.get(&key(kind, name)).cloned()
    }

    pub(super) fn list(&self, kind: &str) -> Vec<Arc<Value>> {
        self.all.iter().filter(|((of, _), _)| of == kind).map(|(_, it)| Arc::clone(it)).collect()
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
                "Pod" => format!("{} {}", meta["labels"], object["status"]),
                "PersistentVolumeClaim" => {
                    let spec = &object["spec"];
                    format!("{} {spec} {}", meta["annotations"], object["status"])
                }
                "StatefulSet" => {
                    let spec = &object["spec"];
                    let update = &spec["updateStrategy"];
                    format!("{} {update} {}", spec["replicas"], object["status"])
                }
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
        let before = self.all.get(&key(&kind, &name));
        if kind == "StatefulSet" && before.is_none_or(|it| it["spec"] != object["spec"]) {
            let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = json!(generation + 1);
        }
        self.all.insert(key(&kind, &name), Arc::new(object));
    }

    /// Changes an object that is there.
    pub(super) fn change(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        if let Some(object) = self.get(kind, name) {
            let mut object = Arc::unwrap_or_clone(object);
            change(&mut object);
            self.put(object);
        }
    }

    /// The version that a write is about is the one that is there; else the HTTP status.
    fn check(&self, kind: &str, name: &str, version: &Version) -> Result<Arc<Value>, u16> {
        let object = self.get(kind, name).ok_or(404_u16)?;
        let meta = &object["metadata"];
        let same = (version.uid.is_empty() || meta["uid"] == json!(version.uid))
            && (version.resource.is_empty() || meta["resourceVersion"] == json!(version.resource));
        if same { Ok(object) } else { Err(409) }
    }

    pub(super) fn create(&mut self, object: &Value) -> Result<Arc<Value>, u16> {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        if self.get(&kind, &name).is_some() {
            return Err(409);
        }
        self.writes += 1;
        self.put(object.clone());
        Ok(self.get(&kind, &name).expect("it was put"))
    }

    /// Server-side apply, as far as one field manager needs it.
    pub(super) fn apply(&mut self, object: &Value) -> Result<Arc<Value>, u16> {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let uid = text(&object["metadata"]["uid"]);
        let there = self.get(&kind, &name);
        if !uid.is_empty() && there.as_ref().is_none_or(|it| it["metadata"]["uid"] != json!(uid)) {
            return Err(409);
        }
        let version = text(&object["metadata"]["resourceVersion"]);
        if !version.is_empty()
            && there.as_ref().is_some_and(|it| it["metadata"]["resourceVersion"] != json!(version))
        {
            return Err(409);
        }
        let claims = |it: &Value| it["spec"]["volumeClaimTemplates"].clone();
        if kind == "StatefulSet" && there.as_ref().is_some_and(|it| claims(it) != claims(object)) {
            return Err(422);
        }
        self.writes += 1;
        let mut whole = there.map_or_else(|| json!({}), Arc::unwrap_or_clone);
        merge(&mut whole, object, false);
        if kind == "StatefulSet" && whole["spec"]["replicas"].is_null() {
            whole["spec"]["replicas"] = json!(1);
        }
        self.put(whole);
        Ok(self.get(&kind, &name).expect("it was put"))
    }

    pub(super) fn apply_status(&mut self, version: &Version, status: &Value) -> Result<(), u16> {
        let mut object = Arc::unwrap_or_clone(self.check("KapacitorCluster", "demo", version)?);
        self.writes += 1;
        let members = status["members"].as_array().into_iter().flatten();
        self.recorded.extend(members.map(|member| text(&member["memberID"])));
        object["status"] = status.clone();
        self.put(object);
        Ok(())
    }

    /// Whether a merge would be taken; the object as it is.
    pub(super) fn rehearse(
        &self,
        kind: &str,
        name: &str,
        version: &Version,
        patch: &Value,
    ) -> Result<Arc<Value>, u16> {
        let object = self.check(kind, name, version)?;
        let wish = &patch["spec"]["resources"]["requests"]["storage"];
        if kind == "PersistentVolumeClaim" && !wish.is_null() {
            if self.fixed.contains(name) || object["status"]["phase"] != "Bound" {
                return Err(403);
            }
            if quantity(wish) < quantity(&object["spec"]["resources"]["requests"]["storage"]) {
                return Err(422);
            }
        }
        Ok(object)
    }

    pub(super) fn merge(
        &mut self,
        kind: &str,
        name: &str,
        version: &Version,
        patch: &Value,
    ) -> Result<(), u16> {
        let mut object = Arc::unwrap_or_clone(self.rehearse(kind, name, version, patch)?);
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

    /// The set goes with the next move of its controller, its pods stay.
    pub(super) fn orphan(&mut self, kind: &str, name: &str, version: &Version) -> Result<(), u16> {
        match self.check(kind, name, version) {
            Err(404) => return Ok(()),
            checked => checked?,
        };
        self.writes += 1;
        self.end(kind, name);
        Ok(())
    }

    pub(super) fn end(&mut self, kind: &str, name: &str) {
        self.change(kind, name, |it| {
            it["metadata"]["deletionTimestamp"] = json!("1970-01-12T13:46:40Z");
        });
    }

    // --- what others do -----------------------------------------------------------------------

    pub(super) fn wish(&mut self, replicas: i32) {
        self.change("KapacitorCluster", "demo", |it| it["spec"]["replicas"] = json!(replicas));
    }

    pub(super) fn image(&mut self, tag: &str) {
        self.change("KapacitorCluster", "demo", |it| it["spec"]["image"] = json!({"tag": tag}));
    }

    /// The volumes are to be a little larger.
    pub(super) fn grow(&mut self) {
        self.change("KapacitorCluster", "demo", |it| {
            let size = it["spec"]["storage"]["size"].as_str().and_then(|s| s.strip_suffix("Gi"));
            let size: u32 = size.and_then(|n| n.parse().ok()).expect("it has a size");
            it["spec"]["storage"]["size"] = json!(format!("{}Gi", size + 1));
        });
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
}
