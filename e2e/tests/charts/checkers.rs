//! Renders as Kubernetes' schemas and checkov's rules of security see them. `e2e/checkers.sh` installs both.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value as Json;

use super::renders::render_all;
use super::tool::{output, root};

/// Versions of Kubernetes that the charts are for.
const VERSIONS: [&str; 8] = ["1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"];

/// What checkov finds and why it stays: check, kind, reason.
const EXPLAINED: [(&str, &str, &str); 11] = [
    ("CKV_K8S_8", "Pod", "a test that ends is not probed"),
    ("CKV_K8S_9", "Pod", "a test that ends is not probed"),
    (
        "CKV_K8S_11",
        "Deployment",
        "a limit would throttle it when there is something to do; it has a request",
    ),
    ("CKV_K8S_11", "Pod", "a test that ends; it has a request"),
    ("CKV_K8S_15", "Deployment", "tags of releases do not move; image.pullPolicy is a value"),
    ("CKV_K8S_15", "Pod", "tags of releases do not move; image.pullPolicy is a value"),
    ("CKV_K8S_38", "Deployment", "the operator talks to Kubernetes: that is what it is for"),
    ("CKV_K8S_38", "Pod", "helm test asks Kubernetes whether an operator leads"),
    ("CKV_K8S_43", "Deployment", "image.digest is a value; a release's chart names its tag"),
    ("CKV_K8S_43", "Pod", "image.digest is a value; a release's chart names its tag"),
    ("CKV2_K8S_6", "Pod", "a test that ends; nobody connects to it"),
];

/// A program of the checkers, if they are installed.
fn checker(name: &str) -> Option<Command> {
    let program = root().join("target/checkers/bin").join(name);
    if program.is_file() {
        return Some(Command::new(program));
    }
    e2e::program::skip("target/checkers is missing: e2e/checkers.sh installs it");
    None
}

#[test]
fn renders_are_valid_for_each_version_of_kubernetes() {
    let Some(mut python) = checker("python") else { return };
    let renders = render_all();
    let script = root().join("e2e/tests/charts/validate.py");
    let said = output(python.arg(script).arg(renders.path()).args(VERSIONS));
    let checks = said.unwrap_or_else(|wrong| panic!("{wrong}"));
    let checks: usize = checks.trim().parse().expect("a number of checks");
    assert!(checks >= 100, "{checks} checks");
}

#[test]
fn checkov_finds_nothing_that_is_not_explained() {
    let Some(mut checkov) = checker("checkov") else { return };
    let renders = render_all();
    let options = [
        "--framework",
        "kubernetes",
        "--output",
        "json",
        "--quiet",
        "--skip-download",
        "--soft-fail",
    ];
    let said = output(checkov.args(options).arg("--directory").arg(renders.path()));
    let report: Json = serde_json::from_str(&said.unwrap_or_else(|e| panic!("{e}"))).expect("JSON");
    assert!(report["summary"]["resource_count"].as_u64() >= Some(20), "{}", report["summary"]);
    assert_eq!(report["summary"]["parsing_errors"], 0, "{}", report["results"]["parsing_errors"]);
    let failed = report["results"]["failed_checks"].as_array().expect("a list of findings");
    let text = |json: &Json| json.as_str().unwrap_or("?").to_owned();
    let mut found = BTreeSet::new();
    for finding in failed {
        let (check, resource) = (text(&finding["check_id"]), text(&finding["resource"]));
        let kind = resource.split('.').next().unwrap_or_default().to_owned();
        let explained = EXPLAINED.iter().any(|(c, k, _)| (*c, *k) == (&check, &kind));
        let (file, name) = (text(&finding["file_path"]), text(&finding["check_name"]));
        assert!(explained, "{file}: {resource}: {check} {name}");
        found.insert((check, kind));
    }
    for (check, kind, why) in EXPLAINED {
        let needed = found.contains(&(check.to_owned(), kind.to_owned()));
        assert!(
            needed,
            "{check} is not found for any {kind} any more, so need not be explained: {why}"
        );
    }
}
