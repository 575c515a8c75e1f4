//! The rules of validation, each with what it accepts and what it refuses: bounds and patterns of the
//! schema first, then CEL, as the API server checks them.

use regex::Regex;
use serde_json::{Value, json};

use super::*;

/// The first reason to refuse a resource with this name and spec; `old` is what it replaces.
pub(super) fn refusal(name: &str, spec: &Value, old: Option<&Value>) -> Option<String> {
    let crd = serde_json::to_value(KapacitorCluster::crd()).expect("JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    if let Some(why) = breach(schema, spec, "spec") {
        return Some(why);
    }
    let resource = |spec: &Value| {
        // Serde's defaults are the schema's: `generated_definitions_are_fresh` shows them.
        let spec = serde_json::from_value(spec.clone()).expect("the schema let it through");
        KapacitorCluster::new(name, spec)
    };
    let checked = match old {
        None => resource(spec).validate_cel(),
        Some(old) => resource(spec).validate_cel_update(&resource(old)),
    };
    checked.err().map(|errors| errors.to_string())
}

/// What of the schema itself a value breaks. Only the words that our schema uses.
fn breach(schema: &Value, value: &Value, path: &str) -> Option<String> {
    let bad = |what: &str| Some(format!("{path}: {what} of {value}"));
    let bound = |word: &str| schema[word].as_f64();
    let out = |n: f64, least: &str, most: &str| {
        bound(least).is_some_and(|least| n < least) || bound(most).is_some_and(|most| n > most)
    };
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return bad("enum");
    }
    match value {
        Value::String(text) => {
            if out(text.chars().count() as f64, "minLength", "maxLength") {
                return bad("length");
            }
            let pattern = schema["pattern"].as_str().map(|p| Regex::new(p).expect("a pattern"));
            if pattern.is_some_and(|pattern| !pattern.is_match(text)) {
                bad("pattern")
            } else {
                None
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().expect("finite");
            if out(number, "minimum", "maximum") { bad("range") } else { None }
        }
        Value::Array(items) => {
            if out(items.len() as f64, "minItems", "maxItems") {
                return bad("length");
            }
            items.iter().find_map(|item| breach(&schema["items"], item, &format!("{path}[]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            let known = [&schema["properties"][name], &schema["additionalProperties"]];
            let known = known.into_iter().find(|schema| schema.is_object())?;
            breach(known, field, &format!("{path}.{name}"))
        }),
        _ => None,
    }
}

/// `expect` is a part of the refusal; `None`: accepted.
fn check(spec: Value, expect: Option<&str>) {
    compare(&spec, refusal("demo", &spec, None), expect);
}

fn compare(spec: &Value, got: Option<String>, expect: Option<&str>) {
    match (&got, expect) {
        (None, None) => {}
        (Some(got), Some(part)) if got.contains(part) => {}
        _ => panic!("{spec}: expected {expect:?}, got {got:?}"),
    }
}

fn change(old: Value, new: Value, expect: Option<&str>) {
    compare(&new, refusal("demo", &new, Some(&old)), expect);
}

fn influxdb(fields: Value) -> Value {
    let mut one = json!({"name": "main", "urls": ["http://influxdb:8086"]});
    for (name, field) in fields.as_object().expect("an object") {
        one[name] = field.clone();
    }
    json!({"influxdb": [one]})
}

#[test]
fn rule_1_redundancy_needs_members() {
    check(json!({}), None);
    check(json!({"replicas": 0}), None);
    check(json!({"replicas": -1}), Some("range"));
    check(json!({"replicas": 2, "alert": {"redundancy": 2}}), None);
    check(json!({"replicas": 2, "alert": {"redundancy": 3}}), Some("must not exceed replicas"));
    check(json!({"replicas": 0, "alert": {"redundancy": 3}}), None);
    check(json!({"replicas": 2, "stopped": true, "alert": {"redundancy": 3}}), None);
    check(json!({"alert": {"redundancy": -1}}), Some("range"));
}

#[test]
fn rule_2_durations_are_those_of_the_daemon() {
    for text in ["100ms", "5s", "1m30s", "1.5s", "1h"] {
        check(json!({"alert": {"delayPerMember": text}}), None);
    }
    for text in ["", "5", "s", "-5s", "1d", "5 s", "1w"] {
        check(json!({"alert": {"delayPerMember": text}}), Some("pattern"));
    }
    for text in ["0s", "99ms", "61m"] {
        check(json!({"alert": {"delayPerMember": text}}), Some("from 100ms to 1h"));
    }
    check(json!({"alert": {"fullSyncInterval": "1s"}}), None);
    check(json!({"alert": {"fullSyncInterval": "0s"}}), Some("from 1s to 24h"));
    check(json!({"cluster": {"gossipInterval": "0s", "gossipSyncInterval": "0s"}}), None);
    check(json!({"cluster": {"gossipInterval": "20ms", "gossipSyncInterval": "5s"}}), None);
    check(json!({"cluster": {"gossipInterval": "10ms"}}), Some("gossipInterval must be"));
    check(json!({"cluster": {"gossipSyncInterval": "10ms"}}), Some("gossipSyncInterval must be"));
    check(influxdb(json!({"subscriptionsSyncInterval": "0s"})), None);
    check(influxdb(json!({"subscriptionsSyncInterval": "10ms"})), Some("SyncInterval must be 0s"));
}

#[test]
fn rule_3_volumes_only_grow_and_keep_their_class() {
    let size = |size: &str| json!({"storage": {"size": size}});
    change(size("8Gi"), size("8Gi"), None);
    change(size("8Gi"), size("8192Mi"), None);
    change(size("8Gi"), size("9Gi"), None);
    change(size("8Gi"), size("8193Mi"), None);
    change(size("8Gi"), size("8G"), Some("storage.size may only grow"));
    change(json!({}), size("1Gi"), Some("storage.size may only grow"));
    change(json!({}), size("9Gi"), None);
    let class = |class: &str| json!({"storage": {"storageClassName": class}});
    change(class("fast"), class("fast"), None);
    change(class("fast"), class("slow"), Some("storageClassName is immutable"));
    change(json!({}), class("slow"), Some("storageClassName is immutable"));
    change(class("fast"), json!({}), Some("storageClassName is immutable"));
    check(size("0"), Some("pattern"));
    check(size("big"), Some("pattern"));
}

#[test]
fn rule_4_tag_and_digest_exclude_each_other() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    check(json!({"image": {"tag": "1.2.3"}}), None);
    check(json!({"image": {"digest": digest}}), None);
    check(json!({"image": {"tag": "1.2.3", "digest": digest}}), Some("exclude each other"));
    check(json!({"image": {"digest": "sha256:0a"}}), Some("pattern"));
    check(json!({"image": {"digest": digest.to_uppercase()}}), Some("pattern"));
    check(json!({"image": {"pullPolicy": "Sometimes"}}), Some("enum"));
}

#[test]
fn rule_5_one_influxdb_is_the_default() {
    let two = |a: bool, b: bool| {
        let one = |name: &str, default: bool| json!({"name": name, "urls": ["http://a:1"], "default": default});
        json!({"influxdb": [one("a", a), one("b", b)]})
    };
    check(json!({"influxdb": []}), None);
    check(influxdb(json!({})), None);
    check(two(true, false), None);
    check(two(false, false), Some("exactly one influxdb must have default: true"));
    check(two(true, true), Some("exactly one influxdb must have default: true"));
    check(influxdb(json!({"name": "a.B_c-9"})), None);
    check(influxdb(json!({"name": "a b"})), Some("pattern"));
    check(influxdb(json!({"name": ""})), Some("pattern"));
    check(influxdb(json!({"urls": ["https://influxdb.example.com:8086"]})), None);
    check(influxdb(json!({"urls": ["influxdb:8086"]})), Some("pattern"));
    check(influxdb(json!({"urls": ["udp://influxdb:8086"]})), Some("pattern"));
    check(influxdb(json!({"urls": []})), Some("length"));
    check(influxdb(json!({"subscriptionProtocol": "https"})), None);
    check(influxdb(json!({"subscriptionProtocol": "udp"})), Some("enum"));
}

#[test]
fn rule_6_names_fit_pods_and_hosts() {
    let long = "a".repeat(40);
    for name in ["demo", "a", "a-1", &long] {
        compare(&json!(name), refusal(name, &json!({}), None), None);
    }
    for name in ["1a", "a.b", "-a", "a-", &format!("{long}a")] {
        compare(&json!(name), refusal(name, &json!({}), None), Some("metadata.name names pods"));
    }
}

#[test]
fn rule_6_a_cleanup_has_time_and_keeps_to_its_policy() {
    let cleanup = |cleanup: Value| influxdb(json!({"cleanup": cleanup}));
    check(cleanup(json!({})), None);
    check(cleanup(json!({"deadline": "1s"})), None);
    check(cleanup(json!({"deadline": "0s"})), Some("cleanup.deadline must be more than 0s"));
    check(cleanup(json!({"sweepInterval": "1s"})), Some("sweepInterval must be from 10s"));
    check(cleanup(json!({"policy": "Required", "sweep": "Drop"})), None);
    check(cleanup(json!({"policy": "Skip"})), None);
    check(cleanup(json!({"policy": "Skip", "sweep": "Report"})), None);
    check(cleanup(json!({"policy": "Skip", "sweep": "Drop"})), Some("nothing may be dropped"));
    check(cleanup(json!({"policy": "Sometimes"})), Some("enum"));
    let swept = |policy| Cleanup { policy, ..Cleanup::default() }.sweep();
    assert_eq!(swept(CleanupPolicy::Skip), Sweep::Report);
    assert_eq!(swept(CleanupPolicy::BestEffort), Sweep::Drop);
}

#[test]
fn rule_7_no_control_characters_reach_toml_or_influxql() {
    let subscriptions = |map: Value| influxdb(json!({"subscriptions": map}));
    check(subscriptions(json!({"telegraf": ["autogen", "a \"quoted\" one"], "böse": []})), None);
    check(subscriptions(json!({"a\nb": []})), Some("control characters"));
    check(subscriptions(json!({"": []})), Some("control characters"));
    check(subscriptions(json!({"a": ["x\u{0}"]})), Some("pattern"));
    check(subscriptions(json!({"a": ["x\u{7f}"]})), Some("pattern"));
    check(influxdb(json!({"excludedSubscriptions": {"a\tb": []}})), Some("control characters"));
    check(influxdb(json!({"urls": ["http://a:1/\nb"]})), Some("pattern"));
    check(influxdb(json!({"urls": ["http://a:1/\"b"]})), Some("pattern"));
    check(json!({"clusterDomain": "a\nb"}), Some("pattern"));
    check(json!({"external": {"addressTemplate": "a-{ordinal}\n"}}), Some("pattern"));
}

#[test]
fn an_external_address_differs_between_members() {
    let address = |template: &str| json!({"external": {"addressTemplate": template}});
    for fine in [
        "kap-{ordinal}.example.com:{port}",
        "{name}.example.com",
        "example.com:3100{ordinal}",
        "10.0.0.1{ordinal}:9092",
    ] {
        check(address(fine), None);
    }
    check(address("kap.example.com:9092"), Some("must differ between members"));
    check(address("kap-{ordinal}.example.com:{name}"), Some("pattern"));
    check(address("http://kap-{ordinal}"), Some("pattern"));
    check(address("kap-{number}"), Some("pattern"));
}
