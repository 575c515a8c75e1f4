//! What other controllers do: pods for a StatefulSet, one revision after another, claims for pods, more
//! space for claims.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::Dice;
use super::members::Living;
use super::objects::{Objects, key, quantity, text};

/// Label with the revision of a pod.
const REVISION: &str = "controller-revision-hash";

pub(super) fn runs(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
}

pub(super) fn ends(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

pub(super) fn revision(pod: &Value) -> String {
    text(&pod["metadata"]["labels"][REVISION])
}

/// An image that never starts.
pub(super) fn is_broken(pod: &Value) -> bool {
    pod["spec"]["containers"][0]["image"].as_str().is_some_and(|image| image.ends_with("broken"))
}

impl Objects {
    /// Pods end, begin to run, and are made as their set says. Gives those that run.
    pub(super) fn pods_move(&mut self, now: Timestamp) -> Living {
        for name in self.names("Pod") {
            let pod = self.get("Pod", &name).expect("it was listed");
            if ends(&pod) {
                self.all.remove(&key("Pod", &name));
            } else if !runs(&pod) {
                self.start(&name, &pod, now);
            }
        }
        self.set_moves(now);
        let running = self.list("Pod").into_iter().filter(|pod| runs(pod));
        let claim = |name: &str| self.get("PersistentVolumeClaim", &format!("data-{name}"));
        running
            .filter_map(|pod| {
                let name = text(&pod["metadata"]["name"]);
                let ordinal = name.strip_prefix("demo-")?.parse().ok()?;
                Some((ordinal, text(&claim(&name)?["metadata"]["uid"])))
            })
            .collect()
    }

    fn start(&mut self, name: &str, pod: &Value, now: Timestamp) {
        let claim = format!("data-{name}");
        if self.get("PersistentVolumeClaim", &claim).is_none_or(|it| ends(&it)) {
            return;
        }
        let broken = is_broken(pod);
        let state = if broken {
            json!({"waiting": {"reason": "ErrImagePull"}})
        } else {
            json!({"running": {"startedAt": now.to_string()}})
        };
        let status = json!({"containerStatuses": [{"name": "kapacitord", "image": "i", "imageID": "i",
            "ready": !broken, "restartCount": 0, "state": state}]});
        if pod["status"] != status {
            self.change("Pod", name, |it| it["status"] = status);
        }
        // Its volume is there, and whatever waited for the pod is done.
        self.change("PersistentVolumeClaim", &claim, |it| {
            let waits = !it["status"]["conditions"].is_null();
            if it["status"]["phase"] != "Bound" || waits && !broken {
                let size = it["spec"]["resources"]["requests"]["storage"].clone();
                it["status"] = json!({"phase": "Bound", "capacity": {"storage": size}});
            }
        });
    }

    fn set_moves(&mut self, now: Timestamp) {
        let Some(set) = self.get("StatefulSet", "demo") else {
            // What a resource owned goes with it.
            if self.get("KapacitorCluster", "demo").is_none() {
                self.names("Pod").iter().for_each(|pod| self.end("Pod", pod));
            }
            return;
        };
        if ends(&set) {
            self.all.remove(&key("StatefulSet", "demo"));
            return;
        }
        let replicas = set["spec"]["replicas"].as_i64().unwrap_or(1);
        let partition = set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64();
        let partition = partition.unwrap_or(0);
        let template = set["spec"]["template"].clone();
        let update = format!("{:016x}", xxh3_64(template.to_string().as_bytes()));
        self.templates.insert(update.clone(), template);
        let current = set["status"]["currentRevision"].as_str().unwrap_or(&update).to_owned();
        for ordinal in 0..replicas {
            let revision = if ordinal < partition { &current } else { &update };
            self.make(ordinal, revision, &set["spec"]["volumeClaimTemplates"][0], now);
        }
        for name in self.names("Pod") {
            let ordinal: Option<i64> = name.strip_prefix("demo-").and_then(|n| n.parse().ok());
            if ordinal.is_some_and(|ordinal| ordinal >= replicas) {
                self.end("Pod", &name);
            }
        }
        for ordinal in (partition..replicas).rev() {
            let name = format!("demo-{ordinal}");
            let Some(pod) = self.get("Pod", &name) else { break };
            if revision(&pod) != update && !ends(&pod) {
                self.end("Pod", &name);
                break;
            }
            if !runs(&pod) || ends(&pod) {
                break;
            }
        }
        self.set_says(&update, &current, replicas);
    }

    fn set_says(&mut self, update: &str, current: &str, replicas: i64) {
        let pods = self.list("Pod");
        let ready = pods.iter().filter(|pod| runs(pod)).count();
        let updated = pods.iter().filter(|pod| revision(pod) == update && runs(pod)).count();
        let through = i64::try_from(updated).is_ok_and(|updated| updated == replicas);
        let current = if through { update } else { current };
        let generation =
            self.get("StatefulSet", "demo").map(|it| it["metadata"]["generation"].clone());
        let status = json!({"replicas": pods.len(), "readyReplicas": ready,
            "observedGeneration": generation, "currentRevision": current, "updateRevision": update});
        if self.get("StatefulSet", "demo").is_some_and(|set| set["status"] != status) {
            self.change("StatefulSet", "demo", |it| it["status"] = status);
        }
    }

    /// A pod with its claim, unless it is there. For one that cannot start without it a missing claim
    /// is made again.
    fn make(&mut self, ordinal: i64, revision: &str, template: &Value, now: Timestamp) {
        let (pod, claim) = (format!("demo-{ordinal}"), format!("data-demo-{ordinal}"));
        let there = self.get("Pod", &pod);
        if there.as_ref().is_some_and(|pod| runs(pod)) {
            return;
        }
        let labels = json!({"app.kubernetes.io/instance": "demo"});
        if self.get("PersistentVolumeClaim", &claim).is_none() {
            self.put(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": claim, "namespace": "ns", "labels": labels, "annotations": {}},
                "spec": template["spec"], "status": {"phase": "Pending"}}));
        }
        if there.is_some() {
            return;
        }
        let spec = self.templates[revision]["spec"].clone();
        let mut labels = labels;
        labels[REVISION] = json!(revision);
        self.put(json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": pod, "namespace": "ns", "labels": labels, "annotations": {},
                "creationTimestamp": now.to_string()}}));
    }

    /// Claims that are to go do so when no pod uses them; those that ask for more get it, at once or
    /// when their pod starts anew.
    pub(super) fn claims_move(&mut self, now: Timestamp, dice: &mut Dice) {
        for name in self.names("PersistentVolumeClaim") {
            let claim = self.get("PersistentVolumeClaim", &name).expect("it was listed");
            let pod = name.strip_prefix("data-").unwrap_or_default();
            if ends(&claim) && !self.get("Pod", pod).is_some_and(|pod| runs(&pod)) {
                self.all.remove(&key("PersistentVolumeClaim", &name));
                continue;
            }
            let (status, wish) =
                (&claim["status"], &claim["spec"]["resources"]["requests"]["storage"]);
            let small = quantity(&status["capacity"]["storage"]) < quantity(wish);
            if status["phase"] != "Bound" || !small || !status["conditions"].is_null() {
                continue;
            }
            let (at_once, wish) = (dice.one_in(2), wish.clone());
            self.change("PersistentVolumeClaim", &name, |it| {
                if at_once {
                    it["status"]["capacity"]["storage"] = wish;
                } else {
                    it["status"]["conditions"] = json!([{"type": "FileSystemResizePending",
                        "status": "True", "lastTransitionTime": now.to_string()}]);
                }
            });
        }
    }
}
