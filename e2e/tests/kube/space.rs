//! A namespace of a test's own, with what it may need beside a cluster: an InfluxDB.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use e2e::{Influx, until};
use serde_json::Value as Json;

use crate::kubectl::{get, kubectl, kubectl_with, list};

/// Patience for a pod to run: images are present, the machine is small.
const POD: Duration = Duration::from_secs(90);

/// The InfluxDB of a space: Debian's influxd, its data in an emptyDir.
const INFLUXDB: &str = include_str!("influxdb.yaml");

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A temporary namespace; deleted at the end.
pub(crate) struct Space {
    pub(crate) name: String,
}

impl Space {
    /// A namespace for the test of this name, or `None` where no Kubernetes is at hand.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if std::env::var_os("KUBECONFIG").is_none() {
            e2e::program::skip("there is no KUBECONFIG; e2e/kube/run.sh starts a Kubernetes");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{test}-{}-{number}", std::process::id());
        must(kubectl(&["create", "namespace", &name]));
        let restricted = [
            "label",
            "namespace",
            &name,
            "pod-security.kubernetes.io/enforce=restricted",
            "pod-security.kubernetes.io/warn=restricted",
        ];
        must(kubectl(&restricted));
        Some(Self { name })
    }

    /// Runs `kubectl` in this namespace; it must succeed.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        must(self.try_kubectl(arguments))
    }

    /// Runs `kubectl` in this namespace.
    pub(crate) fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        kubectl(&[&["-n", &self.name], arguments].concat())
    }

    /// Runs `kubectl` in this namespace with input.
    pub(crate) fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        kubectl_with(&[&["-n", &self.name], arguments].concat(), input)
    }

    /// Applies a manifest.
    pub(crate) fn apply(&self, manifest: &str) -> Result<String, String> {
        self.kubectl_with(&["apply", "-f", "-"], manifest)
    }

    /// An object of this namespace; `Null` if there is none.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Json {
        get(&["-n", &self.name, kind, name])
    }

    /// All objects of a kind.
    pub(crate) fn list(&self, kind: &str) -> Vec<Json> {
        list(&["-n", &self.name, kind])
    }

    /// Names of all objects of a kind.
    pub(crate) fn names(&self, kind: &str) -> BTreeSet<String> {
        let name = |object: &Json| object["metadata"]["name"].as_str().unwrap_or("?").to_owned();
        self.list(kind).iter().map(name).collect()
    }

    /// The address of a pod that runs.
    pub(crate) fn pod_ip(&self, pod: &str) -> Result<IpAddr, String> {
        let object = self.get("pod", pod);
        let ip =
            object["status"]["podIP"].as_str().ok_or_else(|| format!("{pod} has no address"))?;
        ip.parse().map_err(|e| format!("{pod}: {ip}: {e}"))
    }

    /// Starts an InfluxDB named `influxdb`, or starts it again after [`Space::stop_influxdb`].
    pub(crate) fn influxdb(&self) -> Influx {
        must(self.apply(INFLUXDB));
        self.kubectl(&["scale", "deployment/influxdb", "--replicas=1"]);
        let pod = until(POD, "the InfluxDB is ready", || {
            let pods = self.list("pods");
            let mut ours = pods.iter().filter(|p| p["metadata"]["labels"]["app"] == "influxdb");
            let ready = ours.find(|p| p["status"]["containerStatuses"][0]["ready"] == true);
            ready.cloned().ok_or_else(|| format!("{} pods", pods.len()))
        });
        let ip = pod["status"]["podIP"].as_str().expect("a ready pod has an address");
        Influx(SocketAddr::new(ip.parse().expect("it is an address"), 8086))
    }

    /// Takes the InfluxDB away; its data are lost.
    pub(crate) fn stop_influxdb(&self) {
        self.kubectl(&["scale", "deployment/influxdb", "--replicas=0"]);
        until(POD, "the InfluxDB is gone", || {
            let pods = self.names("pods");
            if pods.iter().any(|p| p.starts_with("influxdb-")) { Err("a pod") } else { Ok(()) }
        });
    }

    /// Events about objects of this namespace, in order: (kind/name, reason, note).
    pub(crate) fn events(&self) -> Vec<(String, String, String)> {
        let mut events = self.list("events.events.k8s.io");
        let time = |e: &Json| {
            let first = e["eventTime"].as_str().or_else(|| e["deprecatedFirstTimestamp"].as_str());
            let first = first.unwrap_or_default().trim_end_matches('Z').to_owned();
            (first, e["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned())
        };
        events.sort_by_key(time);
        let text = |json: &Json| json.as_str().unwrap_or("?").to_owned();
        events
            .iter()
            .map(|e| {
                let about = &e["regarding"];
                let about = format!("{}/{}", text(&about["kind"]), text(&about["name"]));
                (about, text(&e["reason"]), text(&e["note"]))
            })
            .collect()
    }

    /// What happened here, for a failure.
    fn timeline(&self) -> String {
        let mut text = format!("--- timeline of {}\n", self.name);
        for (about, reason, note) in self.events() {
            let _ = writeln!(text, "{about:30} {reason:24} {note}");
        }
        let show = |what: &[&str]| self.try_kubectl(what).unwrap_or_else(|e| e);
        let _ = writeln!(text, "{}", show(&["get", "kc,sts,pods,pvc", "-o", "wide"]));
        let status = "{range .items[*]}{.metadata.name}{\" \"}{.status}{\"\\n\"}{end}";
        let _ = writeln!(text, "{}", show(&["get", "kc", "-o", &format!("jsonpath={status}")]));
        for pod in self.names("pods").iter().filter(|p| !p.starts_with("influxdb")) {
            let members = show(&["exec", pod, "--", "kapacitorctl", "member", "list"]);
            let log = show(&["logs", pod, "--tail=15"]);
            let _ = writeln!(text, "--- {pod}\n{members}\n{log}");
        }
        text
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = "logs -l app.kubernetes.io/name=kapacitor-operator --tail=60 --prefix";
            let logs: Vec<&str> =
                ["-n", crate::operator::SYSTEM].into_iter().chain(logs.split(' ')).collect();
            let said = kubectl(&logs).unwrap_or_else(|e| e);
            let own: Vec<&str> = said.lines().filter(|l| l.contains(&self.name)).collect();
            let text = format!("{}--- operator\n{}\n", self.timeline(), own.join("\n"));
            let _ = std::io::stderr().write_all(text.as_bytes());
            if std::env::var_os("E2E_KEEP").is_some() {
                return;
            }
        }
        // Its InfluxDB goes at the same time: nothing is to wait for it.
        let skip = ["annotate", "kc", "--all", "kapacitor.dev/skip-subscription-cleanup=true"];
        let _ = self.try_kubectl(&skip);
        let _ = kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

/// What a test could not go on without.
pub(crate) fn must<T>(result: Result<T, String>) -> T {
    result.unwrap_or_else(|e| panic!("{e}"))
}
