//! A real Prometheus in a space, which scrapes what the charts' monitors say, and the charts' dashboards
//! asked as Grafana asks them.

use std::net::SocketAddr;

use e2e::{http, program, until};
use serde_json::{Value as Json, json};
use serde_yaml::Value as Yaml;

use crate::cluster::SOON;
use crate::kubectl::{helm, list};
use crate::space::{Space, must};

/// Debian's Prometheus.
const PROMETHEUS: &str = include_str!("prometheus.yaml");

/// Time between scrapes in place of the monitors': a test does not wait half a minute.
const INTERVAL: &str = "1s";

/// What Grafana makes of `$__rate_interval`: at least four scrapes.
const RATE_INTERVAL: &str = "10s";

/// Objects that a chart renders.
pub(crate) fn render(chart: &str, release: &str, space: &Space, set: &[&str]) -> Vec<Yaml> {
    let folder = program::root().join("charts").join(chart).to_string_lossy().into_owned();
    let mut arguments = vec!["template", release, &folder, "-n", &space.name];
    arguments.extend(set.iter().flat_map(|value| ["--set", value]));
    let text = must(helm(&arguments));
    let object = |text| serde_yaml::from_str::<Yaml>(text).expect("helm renders YAML");
    text.split("\n---\n").map(object).filter(|object| !object.is_null()).collect()
}

/// The one object of a kind.
pub(crate) fn one<'a>(objects: &'a [Yaml], kind: &str) -> &'a Yaml {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let object = found.next().unwrap_or_else(|| panic!("a {kind} is rendered"));
    assert!(found.next().is_none(), "one {kind} only");
    object
}

/// A running Prometheus.
pub(crate) struct Prometheus(SocketAddr);

impl Prometheus {
    /// Starts one that scrapes what these monitors (of kind PodMonitor or ServiceMonitor) choose by now.
    pub(crate) fn start(space: &Space, monitors: &[&Yaml]) -> Self {
        let jobs: Vec<Json> = monitors.iter().map(|monitor| job(space, monitor)).collect();
        let configuration = json!({ "scrape_configs": jobs }).to_string();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus"},
            "data": {"prometheus.yaml": configuration}});
        must(space.apply(&map.to_string()));
        must(space.apply(PROMETHEUS));
        until(SOON, "Prometheus is ready", || {
            let pod = space.get("pod", "prometheus");
            let status = &pod["status"]["containerStatuses"][0];
            if status["ready"] == true { Ok(()) } else { Err(status.to_string()) }
        });
        Self(SocketAddr::new(must(space.pod_ip("prometheus")), 9090))
    }

    /// What the API answers to this, given as a form.
    fn ask(&self, path: &str, form: &[(&str, &str)]) -> Result<Json, String> {
        let pairs: Vec<String> =
            form.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
        let path = format!("/api/v1/{path}?{}", pairs.join("&"));
        let answer = http::request(self.0, "GET", &path, &[], b"").map_err(|e| e.to_string())?;
        Ok(answer.success()?.json()["data"].clone())
    }

    /// The values that a query has now, with their labels.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<(Json, f64)>, String> {
        let answer = self.ask("query", &[("query", query)])?;
        let series = answer["result"].as_array().cloned().unwrap_or_default();
        let value = |series: &Json| series["value"][1].as_str().and_then(|v| v.parse().ok());
        Ok(series.iter().filter_map(|it| Some((it["metric"].clone(), value(it)?))).collect())
    }

    /// Targets that are up.
    pub(crate) fn up(&self) -> Result<usize, String> {
        Ok(self.query("up == 1")?.len())
    }

    /// The dashboard's queries that answer nothing, or nothing but NaN, with every variable standing for all
    /// that there is, as it does when a user opens the dashboard.
    pub(crate) fn empty(&self, dashboard: &Json) -> Result<Vec<String>, String> {
        let mut variables = vec![("$__rate_interval".to_owned(), RATE_INTERVAL.to_owned())];
        for variable in dashboard["templating"]["list"].as_array().into_iter().flatten() {
            if variable["type"] == "query" {
                let query = substituted(text(&variable["query"]), &variables);
                variables.push((format!("${}", text(&variable["name"])), self.all(&query)?));
            }
        }
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
        let mut empty = Vec::new();
        for target in targets {
            let query = substituted(text(&target["expr"]), &variables);
            assert!(!query.contains('$'), "a variable that nobody sets: {query}");
            if self.query(&query)?.iter().all(|(_, value)| value.is_nan()) {
                empty.push(query);
            }
        }
        Ok(empty)
    }

    /// All values of `label_values(SERIES, LABEL)`, as a pattern that matches any of them.
    fn all(&self, query: &str) -> Result<String, String> {
        let inner = query.strip_prefix("label_values(").and_then(|it| it.strip_suffix(')'));
        let (series, label) = inner.and_then(|it| it.rsplit_once(',')).expect("label_values");
        let path = format!("label/{}/values", label.trim());
        let answer = self.ask(&path, &[("match[]", series)])?;
        let values: Vec<&str> = answer.as_array().into_iter().flatten().map(text).collect();
        if values.is_empty() { Err(format!("no {query}")) } else { Ok(values.join("|")) }
    }
}

/// Longer names first: one may begin another.
fn substituted(query: &str, variables: &[(String, String)]) -> String {
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    variables.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
}

/// The scrape configuration that Prometheus' operator makes of a monitor with one endpoint, for what it chooses
/// now: Debian's Prometheus cannot ask Kubernetes itself.
fn job(space: &Space, monitor: &Yaml) -> Json {
    let of_pods = monitor["kind"] == "PodMonitor";
    let spec = &monitor["spec"];
    let endpoint = &spec[if of_pods { "podMetricsEndpoints" } else { "endpoints" }][0];
    let port = endpoint["port"].as_str().expect("a port by name");
    let labels = spec["selector"]["matchLabels"].as_mapping().expect("a selector");
    let label =
        |(name, value): (&Yaml, &Yaml)| Some(format!("{}={}", name.as_str()?, value.as_str()?));
    let selector = labels.iter().filter_map(label).collect::<Vec<_>>().join(",");
    let found =
        if of_pods { pods(space, &selector, port) } else { services(space, &selector, port) };
    assert!(!found.is_empty(), "the monitor chooses something: {monitor:?}");
    let targets: Vec<Json> = found
        .iter()
        .map(|(address, pod)| {
            json!({"targets": [address], "labels": {"namespace": space.name, "pod": pod}})
        })
        .collect();
    json!({
        "job_name": format!("{}/{}", space.name, monitor["metadata"]["name"].as_str().expect("a name")),
        "metrics_path": endpoint["path"],
        "honor_labels": endpoint["honorLabels"].as_bool().unwrap_or(false),
        "scrape_interval": INTERVAL,
        "scrape_timeout": INTERVAL,
        "static_configs": targets,
    })
}

/// Address and name of each pod with these labels and a port of this name.
fn pods(space: &Space, selector: &str, port: &str) -> Vec<(String, String)> {
    let of = |pod: &Json| {
        let containers = pod["spec"]["containers"].as_array()?;
        let mut ports =
            containers.iter().flat_map(|it| it["ports"].as_array().into_iter().flatten());
        let number = &ports.find(|it| it["name"] == port)?["containerPort"];
        Some((
            format!("{}:{number}", pod["status"]["podIP"].as_str()?),
            text(&pod["metadata"]["name"]).to_owned(),
        ))
    };
    list(&["-n", &space.name, "pods", "-l", selector]).iter().filter_map(of).collect()
}

/// Address and name of each pod behind the Services with these labels and a port of this name.
fn services(space: &Space, selector: &str, port: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for service in list(&["-n", &space.name, "services", "-l", selector]) {
        let of = format!("kubernetes.io/service-name={}", text(&service["metadata"]["name"]));
        for slice in list(&["-n", &space.name, "endpointslices", "-l", &of]) {
            let mut ports = slice["ports"].as_array().into_iter().flatten();
            let Some(number) = ports.find(|it| it["name"] == port).map(|it| &it["port"]) else {
                continue;
            };
            for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
                let address = format!("{}:{number}", text(&endpoint["addresses"][0]));
                found.push((address, text(&endpoint["targetRef"]["name"]).to_owned()));
            }
        }
    }
    found
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text"))
}

fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}
