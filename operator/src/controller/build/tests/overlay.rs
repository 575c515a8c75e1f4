//! What `podTemplate` and `env` may not do.

use super::*;
use crate::crd::KapacitorClusterSpec;

/// `expect` is a part of the refusal.
fn check(spec: &str, expect: Option<&str>) {
    let spec: KapacitorClusterSpec = serde_yaml::from_str(spec).expect("a spec");
    let got = Wanted::of(&KapacitorCluster::new("demo", spec.clone()), "k:1", None);
    match (got, expect) {
        (Ok(_), None) => {}
        (Err(why), Some(part)) if why.to_string().contains(part) => {}
        (got, _) => panic!("{spec:?}: expected {expect:?}, got {got:?}"),
    }
}

#[test]
fn what_holds_the_design_together_is_refused() {
    let pod = |spec: &str, expect| check(&format!("podTemplate: {{spec: {{{spec}}}}}"), expect);
    pod("", None);
    pod("priorityClassName: high", None);
    pod("hostname: a", Some("spec must not set hostname"));
    pod("restartPolicy: Never", Some("spec must not set restartPolicy"));
    pod("volumes: [{name: data, emptyDir: {}}]", Some("must not set data"));
    pod("volumes: [{name: load-tasks, emptyDir: {}}]", Some("must not set load-tasks"));
    pod("containers: [{image: a}]", Some("spec.containers: each needs a name"));
    let container = |fields: &str, expect| {
        pod(&format!("containers: [{{name: kapacitord, {fields}}}]"), expect);
    };
    container("stdin: true", None);
    container("image: a", Some("must not set image: use spec.image"));
    container("args: [a]", Some("must not set args"));
    container("env: [{name: A, value: b}]", Some("must not set env: use spec.env"));
    container("ports: []", Some("must not set ports"));
    container("volumeMounts: [{name: a, mountPath: /var/lib/kapacitor/}]", Some("must not mount"));
    container("volumeMounts: [{name: a, mountPath: /etc/kapacitor/x}]", Some("must not mount"));
    container("volumeMounts: [{name: a, mountPath: /etc/kapacitors}]", None);
    let metadata =
        |text: &str, expect| check(&format!("podTemplate: {{metadata: {{{text}}}}}"), expect);
    metadata("labels: {app.kubernetes.io/name: x}", Some("must not set app.kubernetes.io/name"));
    metadata("annotations: {kapacitor.dev/config: x}", Some("must not set kapacitor.dev/config"));
    metadata("labels: {a: b}", None);
}

#[test]
fn what_is_no_pod_is_refused() {
    let pod = |spec: &str, expect| check(&format!("podTemplate: {{spec: {{{spec}}}}}"), expect);
    pod("nodeSelectors: {a: b}", Some("spec.nodeSelectors is no field of a pod"));
    pod("nodeSelector: [a]", Some("spec.podTemplate: invalid type"));
    pod(
        "containers: [{name: kapacitord, readinessProbe: {period: 1}}]",
        Some("spec.containers[0].readinessProbe.period is no field of a pod"),
    );
    pod("containers: [{name: kapacitord, resources: {limits: {cpu: 2}}}]", None);
}

#[test]
fn variables_of_the_operator_are_refused() {
    let env = |name: &str, expect: Option<&str>| {
        check(&format!("env: [{{name: {name}, value: a}}]"), expect);
    };
    for fine in [
        "TZ",
        "KAPACITOR_SMTP_PASSWORD",
        "KAPACITOR_LOGGING_LEVEL",
        "KAPACITOR_HTTP_LOG_ENABLED",
        "KAPACITOR_INFLUXDB_0_TIMEOUT",
        "KAPACITOR_CLUSTER_VERIFY_INCOMING",
    ] {
        env(fine, None);
    }
    for owned in [
        "POD_NAME",
        "KAPACITOR_HOSTNAME",
        "KAPACITOR_CONFIG_PATH",
        "KAPACITOR_DATA_DIR",
        "KAPACITOR_HTTP_BIND_ADDRESS",
        "KAPACITOR_ALERT_REDUNDANCY",
        "KAPACITOR_INFLUXDB_0_URLS_0",
        "KAPACITOR_INFLUXDB_PASSWORD",
        "KAPACITOR_CLUSTER_ADMIN_KEYS_0",
        "KAPACITOR_LOAD_DIR",
    ] {
        env(owned, Some(&format!("must not set {owned}")));
    }
}

#[test]
fn a_quantity_may_be_a_number() {
    check("resources: {requests: {cpu: 1, memory: 64Mi}, limits: {cpu: 1.5}}", None);
}
