//! All children of one resource, as they are applied.

mod fields;
mod overlay;

use expect_test::expect_file;
use k8s_openapi::api::core::v1::Pod;

use super::*;
use crate::crd::KapacitorCluster;

const RESOURCE: &str = r#"
apiVersion: kapacitor.dev/v1alpha1
kind: KapacitorCluster
metadata: {name: demo, namespace: ns, uid: 11111111-2222-3333-4444-555555555555}
spec:
  image: {tag: "9"}
  influxdb:
  - {name: main, urls: ["http://influxdb.ns:8086"], default: true, credentialsSecretRef: {name: influx}}
  - {name: "b", urls: ["https://b:8086", "https://c:8086"]}
  alert: {redundancy: 2, delayPerMember: 5s}
  storage: {size: 1Gi, storageClassName: fast}
  extraConfig: |
    [logging]
    level = "DEBUG"
    [http]
    shutdown-timeout = "20s"
"#;

fn wanted(key: &str) -> Wanted {
    let resource: KapacitorCluster = serde_yaml::from_str(RESOURCE).expect("a resource");
    Wanted::of(&resource, "kapacitor/kapacitord:1", Some(key.to_owned())).expect("valid")
}

#[test]
fn children_are_built_as_recorded() {
    let children = children(&wanted("cHVibGlj"), &Kept::default());
    let yaml = |child: Value| serde_yaml::to_string(&child).expect("YAML");
    let all = [
        serde_json::to_value(&children.account),
        serde_json::to_value(&children.config),
        serde_json::to_value(&children.headless),
        serde_json::to_value(&children.service),
        serde_json::to_value(&children.budget),
        serde_json::to_value(&children.network_policy),
        serde_json::to_value(&children.set),
    ];
    let all: Vec<String> = all.into_iter().map(|child| yaml(child.expect("JSON"))).collect();
    expect_file!["testdata/children.yaml"].assert_eq(&all.join("---\n"));
}

#[test]
fn a_mark_changes_with_the_content() {
    let mark = |children: &Children| children.set.annotations()[MARK].clone();
    let a = children(&wanted("a"), &Kept::default());
    assert_eq!(a.set.spec.as_ref().and_then(|spec| spec.replicas), None);
    assert_eq!(mark(&a), mark(&children(&wanted("a"), &Kept::default())));
    assert_ne!(mark(&a), mark(&children(&wanted("b"), &Kept::default())));
}

/// The operator asks each pod as that pod speaks, which is not as the resource says while it rolls.
#[test]
fn a_pod_says_by_its_volumes_whose_certificate_it_shows() {
    for (tls, expect) in [
        ("{}", None),
        ("{peer: {secretName: peer}}", None),
        ("{api: {secretName: api}}", Some("api")),
        ("{api: {secretName: api, caSecretName: ca}, peer: {secretName: peer}}", Some("ca")),
    ] {
        let mut wanted = wanted("a");
        wanted.spec.tls = serde_yaml::from_str(tls).expect("TLS");
        let set = children(&wanted, &Kept::default()).set.spec.expect("a spec");
        let pod = Pod { spec: set.template.spec, ..Pod::default() };
        assert_eq!(authority(&pod).as_deref(), expect, "{tls}");
    }
}

#[test]
fn a_cluster_without_influxdb_looks_for_none() {
    let mut wanted = wanted("a");
    wanted.spec.influxdb.clear();
    let config = children(&wanted, &Kept::default()).config.data.expect("a file");
    assert!(config["kapacitor.conf"].contains("[[influxdb]]\nenabled = false"));
}
