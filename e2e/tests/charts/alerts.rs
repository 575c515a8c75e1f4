//! Alerts and dashboards: each alert fires and stays silent where it should, has a page, and all queries ask
//! for metrics that there are.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use serde_yaml::Value;

use super::tool::{output, root};

/// Charts with alerts, and the source of the metrics that they are about.
const SOURCES: [(&str, &str); 2] = [
    ("kapacitor", "daemon/src/http/metrics.rs"),
    ("kapacitor-operator", "operator/src/metrics.rs"),
];
/// What the operator's source leaves out of names.
const OPERATOR: &str = "kapacitor_operator_";
/// What Prometheus' library adds to the name of a histogram.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];
/// What Grafana puts into queries, and something of the kind that Prometheus reads.
const VARIABLES: [(&str, &str); 1] = [("$__rate_interval", "5m")];

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is no text")).to_owned()
}

/// The alerts of a chart.
fn rules(chart: &str) -> Vec<Value> {
    let file: Value =
        serde_yaml::from_str(&read(&format!("charts/{chart}/files/alerts.yaml"))).expect("YAML");
    let groups = file["groups"].as_sequence().expect("groups");
    groups.iter().flat_map(|group| group["rules"].as_sequence().expect("rules").clone()).collect()
}

fn tests(chart: &str, alert: &str) -> PathBuf {
    root().join(format!("e2e/tests/charts/alerts/{chart}/{alert}.yaml"))
}

#[test]
fn each_alert_fires_and_stays_silent_where_it_should() {
    for (chart, _) in SOURCES {
        for rule in rules(chart) {
            let alert = text(&rule["alert"]);
            let file = tests(chart, &alert);
            let cases: Value = std::fs::read_to_string(&file)
                .map_err(|error| error.to_string())
                .and_then(|text| serde_yaml::from_str(&text).map_err(|error| error.to_string()))
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let cases = cases["tests"].as_sequence().expect("tests");
            let expected: Vec<bool> = cases
                .iter()
                .flat_map(|case| case["alert_rule_test"].as_sequence().expect("a test"))
                .filter(|test| test["alertname"] == *alert)
                .map(|test| !test["exp_alerts"].as_sequence().expect("a list").is_empty())
                .collect();
            assert!(expected.contains(&true) && expected.contains(&false), "{alert}: {expected:?}");
            output(Command::new("promtool").args(["test", "rules"]).arg(&file))
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn each_alert_has_a_page() {
    let page = read("docs/alerts.md");
    for (chart, _) in SOURCES {
        for rule in rules(chart) {
            let alert = text(&rule["alert"]);
            assert!(page.contains(&format!("\n## {alert}\n")), "docs/alerts.md: write ## {alert}");
            let runbook = format!("docs/alerts.md#{}", alert.to_lowercase());
            assert_eq!(text(&rule["annotations"]["runbook"]), runbook);
        }
    }
}

/// The queries of a chart's dashboard.
fn queries(chart: &str) -> Vec<String> {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read(&format!("charts/{chart}/files/dashboard.json"))).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"))
        .map(|target| target["expr"].as_str().expect("a query").to_owned())
        .collect()
}

#[test]
fn promtool_reads_every_query_of_the_dashboards() {
    for (chart, _) in SOURCES {
        let plain = |query: String| {
            VARIABLES.iter().fold(query, |query, (name, value)| query.replace(name, value))
        };
        let queries: Vec<String> = queries(chart).into_iter().map(plain).collect();
        assert!(queries.len() >= 10, "the queries were found");
        let rules: Vec<_> = queries
            .iter()
            .enumerate()
            .map(|(index, query)| json!({"record": format!("query:{index}"), "expr": query}))
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rules.yaml");
        let groups = json!({"groups": [{"name": "queries", "rules": rules}]}).to_string();
        std::fs::write(&file, groups).expect("written");
        output(Command::new("promtool").args(["check", "rules"]).arg(&file))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Names of our metrics in a query.
fn metrics(query: &str) -> Vec<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("kapacitor_")).map(str::to_owned).collect()
}

/// Names of metrics in a source: its literals, with and without the operator's prefix.
fn known(source: &str) -> BTreeSet<String> {
    let source = read(source);
    let literals = source.split('"').skip(1).step_by(2);
    literals.flat_map(|literal| [literal.to_owned(), format!("{OPERATOR}{literal}")]).collect()
}

#[test]
fn every_metric_that_is_asked_for_exists() {
    for (chart, source) in SOURCES {
        let known = known(source);
        let asked = rules(chart).into_iter().map(|rule| text(&rule["expr"])).chain(queries(chart));
        let asked: BTreeSet<String> = asked.flat_map(|query| metrics(&query)).collect();
        assert!(asked.len() >= 8, "the metrics were found: {asked:?}");
        let of_histogram = |name: &str| {
            OF_HISTOGRAMS
                .iter()
                .any(|end| name.strip_suffix(end).is_some_and(|name| known.contains(name)))
        };
        let unknown: Vec<_> =
            asked.iter().filter(|name| !known.contains(*name) && !of_histogram(name)).collect();
        assert!(unknown.is_empty(), "{source} has no {unknown:?}");
    }
}
