//! A KapacitorCluster of a test: what its user does, and what he sees.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use e2e::http::{self, Answer};
use e2e::{Influx, until};
use serde_json::{Value as Json, json};

use crate::space::{Space, must};

/// Patience for a change of one or two members, on a machine that does other things too.
pub(crate) const SOON: Duration = Duration::from_mins(2);
/// Patience for what happens one member after the other.
pub(crate) const LONG: Duration = Duration::from_mins(4);

/// A resource in a space.
#[derive(Clone, Copy)]
pub(crate) struct Cluster<'a> {
    pub(crate) space: &'a Space,
    pub(crate) name: &'static str,
}

impl<'a> Cluster<'a> {
    /// Applies a resource named `demo` with this spec (YAML flow style).
    pub(crate) fn apply(space: &'a Space, spec: &str) -> Self {
        let cluster = Self { space, name: "demo" };
        must(cluster.wish(spec));
        cluster
    }

    /// Applies the resource with this spec; what the API server says.
    pub(crate) fn wish(&self, spec: &str) -> Result<String, String> {
        let manifest = format!(
            "apiVersion: kapacitor.dev/v1alpha1\nkind: KapacitorCluster\n\
             metadata: {{name: {}}}\nspec: {spec}\n",
            self.name
        );
        self.space.apply(&manifest)
    }

    /// The resource.
    pub(crate) fn resource(&self) -> Json {
        self.space.get("kc", self.name)
    }

    /// Changes the spec by a merge patch.
    pub(crate) fn patch(&self, spec: &Json) {
        let patch = json!({ "spec": spec }).to_string();
        self.space.kubectl(&["patch", "kc", self.name, "--type=merge", "-p", &patch]);
    }

    /// Annotates the resource: `name=value`, or `name-` to take it away.
    pub(crate) fn annotate(&self, annotation: &str) {
        self.space.kubectl(&["annotate", "--overwrite", "kc", self.name, annotation]);
    }

    /// `kubectl scale`.
    pub(crate) fn scale(&self, replicas: usize) {
        self.space.kubectl(&["scale", "kc", self.name, &format!("--replicas={replicas}")]);
    }

    /// A condition: (status, reason).
    pub(crate) fn condition(&self, kind: &str) -> (String, String) {
        let resource = self.resource();
        let all = resource["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|c| c["type"] == kind).cloned().unwrap_or(Json::Null);
        let text = |key: &str| found[key].as_str().unwrap_or("?").to_owned();
        (text("status"), text("reason"))
    }

    /// Waits for a condition's status and, unless it is empty, its reason.
    pub(crate) fn await_condition(&self, kind: &str, status: &str, reason: &str, within: Duration) {
        until(within, &format!("{kind} is {status} for {reason}"), || {
            let seen = self.condition(kind);
            let as_wished = seen.0 == status && (reason.is_empty() || seen.1 == reason);
            if as_wished { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }

    /// Waits until the resource says that it is stopped.
    pub(crate) fn await_stopped(&self, within: Duration) {
        until(within, "the resource says that it is stopped", || {
            let seen = self.condition("Ready").1;
            if seen == "Stopped" { Ok(()) } else { Err(seen) }
        });
    }

    /// Waits until `n` members are ready and in sync, as the resource and each member say.
    pub(crate) fn await_sync(&self, n: usize, within: Duration) {
        until(within, &format!("{n} members are in sync"), || {
            let resource = self.resource();
            let status = &resource["status"];
            let seen = (
                status["observedGeneration"] == resource["metadata"]["generation"],
                status["readyReplicas"].as_u64(),
                self.condition("Ready"),
            );
            let ready = ("True".to_owned(), "InSync".to_owned());
            if seen == (true, Some(n as u64), ready) { Ok(()) } else { Err(format!("{seen:?}")) }
        });
        until(Duration::from_secs(30), &format!("each of {n} members lists all"), || {
            (0..n).try_for_each(|ordinal| self.lists_all(ordinal, n))
        });
    }

    /// This member's list holds exactly the first `n` pods, by their stable names, alive.
    fn lists_all(&self, ordinal: usize, n: usize) -> Result<(), String> {
        let view = self.view(ordinal)?;
        let members = view["members"].as_array().cloned().unwrap_or_default();
        let seen: BTreeSet<(String, String)> =
            members.iter().map(|m| (text(&m["rpc-address"]), text(&m["status"]))).collect();
        let wished: BTreeSet<(String, String)> =
            (0..n).map(|o| (format!("{}:9091", self.host(o)), "alive".to_owned())).collect();
        if seen == wished { Ok(()) } else { Err(format!("member {ordinal} lists {seen:?}")) }
    }

    /// The stable host name of a member.
    pub(crate) fn host(&self, ordinal: usize) -> String {
        let (name, space) = (self.name, &self.space.name);
        format!("{name}-{ordinal}.{name}-members.{space}.svc.cluster.local")
    }

    /// The pod of a member.
    pub(crate) fn pod(&self, ordinal: usize) -> String {
        format!("{}-{ordinal}", self.name)
    }

    /// Pods of this cluster.
    pub(crate) fn pods(&self) -> BTreeSet<String> {
        let ours = format!("{}-", self.name);
        let digits = |p: &String| {
            p.strip_prefix(&ours).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        };
        self.space.names("pods").into_iter().filter(digits).collect()
    }

    /// Waits until exactly the first `n` pods exist.
    pub(crate) fn await_pods(&self, n: usize, within: Duration) {
        let wished: BTreeSet<String> = (0..n).map(|o| self.pod(o)).collect();
        until(within, &format!("there are {n} pods"), || {
            let seen = self.pods();
            if seen == wished { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }

    /// Asks a member's HTTP API.
    pub(crate) fn http(
        &self,
        ordinal: usize,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Answer, String> {
        let to = SocketAddr::new(self.space.pod_ip(&self.pod(ordinal))?, 9092);
        let path = format!("/kapacitor/v1{path}");
        http::request(to, method, &path, &[], body.as_bytes()).map_err(|e| format!("{to}: {e}"))
    }

    /// What a member shows to Prometheus.
    pub(crate) fn metrics(&self, ordinal: usize) -> Result<String, String> {
        let to = SocketAddr::new(self.space.pod_ip(&self.pod(ordinal))?, 9092);
        let answer = http::request(to, "GET", "/metrics", &[], b"").map_err(|e| e.to_string())?;
        Ok(answer.success()?.text())
    }

    /// Makes the claim that a member would have left which went while nobody looked.
    pub(crate) fn left_claim(&self, ordinal: usize, member_id: &str) {
        let labels =
            json!({"app.kubernetes.io/instance": self.name, "app.kubernetes.io/name": "kapacitor"});
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": format!("data-{}", self.pod(ordinal)),
                "labels": labels,
                "annotations": {"kapacitor.dev/member-id": member_id},
            },
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
        });
        must(self.space.apply(&claim.to_string()));
    }

    /// What a member says of its cluster.
    pub(crate) fn view(&self, ordinal: usize) -> Result<Json, String> {
        Ok(self.http(ordinal, "GET", "/cluster", "")?.success()?.json())
    }

    /// Member IDs by ordinal, as the members say; those that answer.
    pub(crate) fn member_ids(&self, n: usize) -> BTreeMap<usize, String> {
        let id = |o: usize| Some((o, text(&self.view(o).ok()?["member-id"])));
        (0..n).filter_map(id).collect()
    }

    /// Waits until a member has another ID than this, and gives it.
    pub(crate) fn await_other_id(&self, ordinal: usize, old: &str) -> String {
        until(SOON, &format!("member {ordinal} is another one"), || {
            let id = text(&self.view(ordinal)?["member-id"]);
            if id == old || id == "?" { Err(id) } else { Ok(id) }
        })
    }

    /// The cluster ID that all `n` members agree on.
    pub(crate) fn cluster_id(&self, n: usize) -> String {
        let ids: BTreeSet<String> =
            (0..n).map(|o| text(&must(self.view(o))["cluster-id"])).collect();
        assert_eq!(ids.len(), 1, "members of one cluster: {ids:?}");
        let id = ids.into_iter().next().expect("there is one");
        assert_eq!(self.resource()["status"]["clusterID"], json!(id), "as the resource says");
        id
    }

    /// `kubectl exec` of one of our programs in a member.
    pub(crate) fn exec(&self, ordinal: usize, command: &[&str]) -> Result<String, String> {
        self.space.try_kubectl(&[&["exec", &self.pod(ordinal), "--"], command].concat())
    }

    /// Defines and enables a task on a member that raises an alert of topic `hot` for each point of
    /// `smoke.autogen.m` with `v` over 9, with the tag `host` as id.
    pub(crate) fn define_hot(&self, ordinal: usize) {
        let script = "stream|from().measurement('m')|alert().id('{{ index .Tags \"host\" }}')\
                      .crit(lambda: \"v\" > 9).topic('hot')";
        let body = json!({
            "id": "hot", "type": "stream", "status": "enabled", "script": script,
            "dbrps": [{"db": "smoke", "rp": "autogen"}],
        });
        must(self.http(ordinal, "POST", "/tasks", &body.to_string()).and_then(Answer::success));
    }

    /// Defines the handler `tell` of topic `hot`, which posts to `url`, on one member.
    pub(crate) fn define_handler(&self, ordinal: usize, url: &str) {
        let body = json!({"id": "tell", "kind": "post", "options": {"url": url}});
        let answer = self.http(ordinal, "POST", "/alerts/topics/hot/handlers", &body.to_string());
        must(answer.and_then(Answer::success));
    }

    /// Writes lines to a member.
    pub(crate) fn write(&self, ordinal: usize, lines: &str) -> Result<(), String> {
        self.http(ordinal, "POST", "/write?db=smoke&rp=autogen", lines)?.success().map(drop)
    }

    /// The ledger: pod name to (state, Member ID).
    pub(crate) fn ledger(&self) -> BTreeMap<String, (String, String)> {
        let resource = self.resource();
        let members = resource["status"]["members"].as_array().cloned().unwrap_or_default();
        let entry = |m: &Json| (text(&m["name"]), (text(&m["state"]), text(&m["memberID"])));
        members.iter().map(entry).collect()
    }

    /// Waits until the ledger holds exactly the first `n` pods.
    pub(crate) fn await_ledger(&self, n: usize, within: Duration) {
        let wished: BTreeSet<String> = (0..n).map(|o| self.pod(o)).collect();
        until(within, &format!("the ledger holds {n}"), || {
            let seen = self.ledger();
            if seen.keys().cloned().collect::<BTreeSet<_>>() == wished {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        });
    }

    /// Waits until an event about the resource has this reason.
    pub(crate) fn await_event(&self, reason: &str, within: Duration) {
        until(within, &format!("an event tells {reason}"), || {
            let told = self.reasons();
            if told.iter().any(|r| r == reason) { Ok(()) } else { Err(format!("{told:?}")) }
        });
    }

    /// Reasons of the events about the resource, in order.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let about = format!("KapacitorCluster/{}", self.name);
        let events = self.space.events().into_iter();
        events.filter(|(object, ..)| *object == about).map(|(_, reason, _)| reason).collect()
    }

    /// Waits until the InfluxDB's database `smoke` has subscriptions of exactly the first `n` members.
    pub(crate) fn await_subscriptions(&self, influx: &Influx, n: usize, within: Duration) {
        let wished: BTreeSet<String> =
            (0..n).map(|o| format!("http://{}:9092", self.host(o))).collect();
        until(within, &format!("{n} subscriptions"), || {
            let all = influx.subscriptions("");
            let ours = all
                .iter()
                .filter(|((db, name), _)| db == "smoke" && name.starts_with("kapacitor-"));
            let seen: Vec<String> = ours.flat_map(|(_, to)| to.clone()).collect();
            let set: BTreeSet<String> = seen.iter().cloned().collect();
            if set == wished && seen.len() == n { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }

    /// `kubectl delete`, and waits until resource and pods are gone.
    pub(crate) fn delete(&self, within: Duration) {
        self.space.kubectl(&["delete", "kc", self.name, "--wait=false"]);
        until(within, "the resource is gone", || {
            if self.resource().is_null() { Ok(()) } else { Err(self.condition("Ready").1) }
        });
        self.await_pods(0, within);
    }
}

/// Text of a JSON string, `?` for anything else.
pub(crate) fn text(json: &Json) -> String {
    json.as_str().unwrap_or("?").to_owned()
}

/// The node's address, on which pods reach what a test runs beside the Kubernetes.
pub(crate) fn node() -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::new(10, 244, 0, 1)
}
