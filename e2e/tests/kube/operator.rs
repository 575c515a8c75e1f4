//! The operator of the whole run, and operators of a test's own.

use std::time::Duration;

use e2e::until;
use serde_json::{Value as Json, json};

use crate::kubectl::helm;
use crate::space::{Space, must};

/// Where `run.sh` installed the operator that watches all namespaces.
pub(crate) const SYSTEM: &str = "kapacitor-system";

/// Variable of the operator: where it falls, such as `after:Shrink`.
const FAULT: &str = "KAPACITOR_OPERATOR_FAULT";

/// An operator that watches the namespace of a test only, and lives in it. Tests with one are below
/// `own`; they run when the one that watches all namespaces is gone.
pub(crate) struct Operator<'a> {
    space: &'a Space,
    release: String,
}

impl<'a> Operator<'a> {
    /// Installs one; `set` are `helm --set` values.
    pub(crate) fn install(space: &'a Space, set: &[&str]) -> Self {
        let operator = Self { space, release: format!("operator-{}", space.name) };
        operator.upgrade(set);
        operator
    }

    /// `helm upgrade --install` with these values.
    pub(crate) fn upgrade(&self, set: &[&str]) {
        let space = &self.space.name;
        let chart = e2e::program::root().join("charts/kapacitor-operator");
        let chart = chart.to_string_lossy().into_owned();
        let watch = format!("watchNamespace={space}");
        let mut arguments = vec!["upgrade", "--install", &self.release, &chart, "-n", space];
        arguments.extend(["--wait", "--timeout", "120s", "--set", &watch]);
        arguments.extend(["--set", "crds.install=false"]);
        arguments
            .extend(IMAGES.into_iter().chain(set.iter().copied()).flat_map(|it| ["--set", it]));
        must(helm(&arguments));
    }

    /// `helm uninstall`.
    pub(crate) fn uninstall(&self) {
        must(helm(&["uninstall", &self.release, "-n", &self.space.name, "--wait"]));
    }

    /// `helm test`: what it says of itself.
    pub(crate) fn test(&self) -> Result<String, String> {
        helm(&["test", &self.release, "-n", &self.space.name, "--timeout", "60s"])
    }

    /// What was installed.
    pub(crate) fn manifest(&self) -> String {
        must(helm(&["get", "manifest", &self.release, "-n", &self.space.name]))
    }

    /// Name of its Deployment, account and lease.
    pub(crate) fn name(&self) -> String {
        format!("{}-kapacitor-operator", self.release)
    }

    /// Name of its Helm release.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// Its pods.
    fn pods(&self) -> Vec<Json> {
        let mut pods = self.space.list("pods");
        pods.retain(|p| p["metadata"]["labels"]["app.kubernetes.io/instance"] == self.release);
        pods
    }

    /// From now on it falls each time that it gets to this point, `before`, `after` or `recorded`, a
    /// colon and the name of an effect; `None`: it falls no more.
    pub(crate) fn set_fault(&self, point: Option<&str>) {
        let deployment = format!("deployment/{}", self.name());
        let variable = point.map_or(format!("{FAULT}-"), |point| format!("{FAULT}={point}"));
        self.space.kubectl(&["set", "env", &deployment, &variable]);
        self.space.kubectl(&["rollout", "status", &deployment, "--timeout=120s"]);
    }

    /// Waits until it fell.
    pub(crate) fn await_fall(&self, within: Duration) {
        until(within, "the operator falls", || {
            let fell = |p: &Json| {
                let status = &p["status"]["containerStatuses"][0];
                status["restartCount"].as_u64() > Some(0)
                    || !status["state"]["terminated"].is_null()
            };
            if self.pods().iter().any(fell) { Ok(()) } else { Err("it runs") }
        });
    }

    /// The pod that holds the lease.
    pub(crate) fn leader(&self) -> Option<String> {
        let lease = self.space.get("lease", &self.name());
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        let mut names =
            self.pods().into_iter().map(|p| crate::cluster::text(&p["metadata"]["name"]));
        names.find(|pod| holder.starts_with(pod.as_str()))
    }

    /// Starts another one beside it with a lease of its own: a leader that knows of no other.
    pub(crate) fn start_rival(&self) {
        let mut deployment = self.space.get("deployment", &self.name());
        let rival = format!("{}-rival", self.release);
        deployment["metadata"] = json!({"name": rival});
        deployment["status"].take();
        for labels in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
            let labels = deployment.pointer_mut(labels).expect("it has labels");
            labels["app.kubernetes.io/instance"] = json!(rival);
        }
        let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = container["args"].as_array_mut().expect("it has arguments");
        arguments.retain(|a| !a.as_str().is_some_and(|a| a.starts_with("--lease-name")));
        arguments.push(json!(format!("--lease-name={rival}")));
        must(self.space.apply(&deployment.to_string()));
        let deployment = format!("deployment/{rival}");
        self.space.kubectl(&["rollout", "status", &deployment, "--timeout=120s"]);
        until(Duration::from_secs(30), "the rival leads, too", || {
            let lease = self.space.get("lease", &rival);
            if lease["spec"]["holderIdentity"].is_string() { Ok(()) } else { Err(lease) }
        });
    }
}

/// The images of the run.
const IMAGES: [&str; 4] = [
    "image.repository=localhost/kapacitor-operator",
    "image.tag=e2e",
    "memberImage.repository=localhost/kapacitord",
    "memberImage.tag=e2e",
];
