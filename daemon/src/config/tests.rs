//! Files, environments and flags as users write them.

use std::path::Path;

use super::*;

const FACTS: &str = include_str!("testdata/original.conf");

fn problems(text: &str) -> Vec<String> {
    match parse(Path::new("k.conf"), text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    }
}

fn ok(text: &str) -> Config {
    parse(Path::new("k.conf"), &format!("data_dir = \"/d\"\n{text}")).expect(text)
}

fn with_env(text: &str, vars: &[(&str, &str)]) -> Result<Config, Problems> {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("k.conf");
    std::fs::write(&path, format!("data_dir = \"/d\"\n{text}")).expect("written");
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let flags = Flags { config: Some(path), ..Flags::default() };
    load(&flags, &Environment { vars, ..Environment::default() })
}

#[test]
fn the_sample_reads_back_to_the_defaults() {
    let text = render(&sample());
    let config = parse(Path::new("sample"), &text).expect("the sample is valid");
    assert!(config.settings == sample(), "every value survives");
    assert_eq!(config.data_dir, Path::new(SAMPLE_DATA_DIR));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/sample.conf");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "run `UPDATE=1 cargo test -p kapacitord sample` and commit the file"
    );
}

#[test]
fn every_section_is_documented_and_named_once() {
    let mut names = BTreeSet::new();
    for section in schema::SECTIONS {
        assert!(names.insert(section.name), "[{}] stands twice", section.name);
        assert!(
            section.name.is_empty() || !section.doc.is_empty(),
            "[{}] lacks a doc",
            section.name
        );
        for key in section.keys {
            assert!(key.doc.len() > 4, "[{}] {} lacks a doc", section.name, key.name);
        }
    }
}

#[test]
fn a_file_of_the_original_with_every_default_starts() {
    let config = parse(Path::new("original.conf"), FACTS).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].contains("[victorops]"), "{}", config.warnings[0]);
    assert_eq!(config.influxdb.len(), 1);
}

#[test]
fn every_problem_is_shown_at_once_with_its_place() {
    let text = r#"
hostname = "h"
[http]
  bind-adress = ":9092"
  log-enabled = "yes"
[clutser]
[[influxdb]]
  enabled = true
  urls = "http://x"
  timeout = 10
[victorops]
  enabled = true
[cluster]
  gossip-interval = "1ms"
  data_dir = "/d"
"#;
    assert_eq!(
        problems(text),
        [
            "k.conf: must configure valid data dir",
            "k.conf:4: [http] bind-adress: unknown key; did you mean \"bind-address\"?",
            "k.conf:5: [http] log-enabled: expected true or false, got a string",
            "k.conf:6: [clutser]: unknown section; did you mean [cluster]?",
            "k.conf:9: [[influxdb]] urls: expected a list of strings, got a string",
            "k.conf:10: [[influxdb]] timeout: a duration is a string with a unit, write \"10s\"",
            "k.conf:12: [victorops] enabled: this section is not built yet and cannot be enabled; \
             set enabled = false or remove the section",
            "k.conf:14: [cluster] gossip-interval: must be 20ms to 1m0s, got 1ms",
            "k.conf:15: [cluster] data_dir: unknown key; it is a key of the top of the file",
        ]
    );
}

#[test]
fn syntax_errors_are_shown_with_the_other_problems() {
    let found = problems("data_dir = \"/d\"\n[http\nlog-enabled = true\n[cluster]\nrole = 1\n");
    assert!(found.iter().any(|p| p.starts_with("k.conf:2: no valid TOML: ")), "{found:?}");
    assert!(
        found.iter().any(|p| p.starts_with("k.conf:5: [cluster] role: unknown key")),
        "{found:?}"
    );
}

#[test]
fn rules_between_values_have_the_original_texts() {
    let two = |a: &str, b: &str| format!("data_dir=\"/d\"\n[[influxdb]]\n{a}\n[[influxdb]]\n{b}\n");
    for (text, expect) in [
        ("hostname = \"\"\ndata_dir=\"/d\"".to_owned(), "must configure valid hostname"),
        (
            two("name=\"a\"", "name=\"a\"\nenabled=false"),
            "duplicate name \"a\" for influxdb configs",
        ),
        (
            two("name=\"a\"", "name=\"b\""),
            "at least one of the enabled InfluxDB clusters must be marked as default.",
        ),
        (
            two("name=\"a\"\ndefault=true", "name=\"b\"\ndefault=true"),
            "More than one InfluxDB default was specified: a b",
        ),
        (two("name=\"\"\ndefault=true", "name=\"b\""), "influxdb cluster must be given a name"),
        (
            two("name=\"a\"\ndefault=true", "name=\"b\"\nurls=[]"),
            "must specify at least one InfluxDB URL",
        ),
        (
            two("name=\"a\"\ndefault=true\nsubscription-protocol=\"ftp\"", "name=\"b\""),
            "invalid subscription protocol, must be one of 'udp', 'http' or 'https', got \"ftp\": a",
        ),
        (
            two("name=\"a\"\ndefault=true\ncompression=\"zip\"", "name=\"b\""),
            "Invalid compression, must be one of 'gzip' or 'none', got zip",
        ),
    ] {
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].ends_with(expect), "{expect}: {found:?}");
    }
}

#[test]
fn what_would_be_unsafe_to_ignore_stops_the_start() {
    for text in [
        "[http]\nauth-enabled = true",
        "[auth]\nenabled = true",
        "[[influxdb]]\nhttp-shared-secret = true",
        "[rpc]\ntls-certificate = \"/c.pem\"",
        "[[slack]]\nenabled = true",
        "[slack]\nenabled = true",
        "[cluster]\nroles = [\"master\"]",
        "[cluster]\nkeys = [\"c2hvcnQ=\"]",
        "[load]\nenabled = true",
        "[http]\nbind-address = \"9092\"",
        "[logging]\nlevel = \"LOUD\"",
        "[tls]\nmin-version = \"tls1.1\"",
        "[storage]\nboltdb = \"\"",
        "[alert]\ndelay-per-member = \"0s\"",
        "[cluster]\nkeys-file = \"/nowhere/keys\"",
    ] {
        let found = problems(&format!("data_dir = \"/d\"\n{text}\n"));
        assert!(!found.is_empty(), "{text}");
    }
}

#[test]
fn enterprise_is_ignored_with_one_warning() {
    let config = ok("[enterprise]\nlicense-key = \"x\"\nwhatever = 1\n");
    assert_eq!(config.warnings, ["[enterprise] is ignored: no licence is needed"]);
}

#[test]
fn keys_without_effect_are_named_unless_they_ask_for_nothing() {
    assert!(ok("[http]\nwrite-tracing = false").warnings.is_empty());
    assert!(ok("[reporting]\nenabled = true").warnings.is_empty());
    let config =
        ok("[http]\nwrite-tracing = true\n[smtp]\nenabled = false\n[deadman]\nglobal = true");
    assert!(
        config.warnings[0].ends_with(": [http] write-tracing, [deadman], [smtp]"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn defaults_are_resolved() {
    let config = ok("hostname = \"box\"\n");
    assert_eq!(config.cluster.gossip_members, 3);
    assert_eq!(config.cluster.gossip_interval.as_millis(), 200);
    assert_eq!(config.cluster.gossip_sync_interval.as_secs(), 30);
    assert_eq!(
        config.rpc.bind.advertised(&config.rpc.advertise, &config.hostname, 9091),
        "box:9091"
    );
    assert_eq!(config.alert.delay_per_member.as_secs(), 10);
    assert_eq!(config.alert.delivery_timeout.as_secs(), 3600);
    assert!(config.alert.deduplicate_inline && config.cluster.align_windows);
    assert_eq!(config.storage.database, Path::new("/d/kapacitor.redb"));
    assert_eq!(config.replay.dir, Path::new("/d/replay"));
    assert_eq!(config.influxdb[0].urls, ["http://localhost:8086"]);
    assert!(config.influxdb[0].default && config.influxdb[0].timeout.is_none());
    assert_eq!(config.influxdb[0].kapacitor_hostname, "box");
    assert_eq!(config.httppost[0].endpoint, "example");
    assert_eq!(ok("[alert]\ntopic-buffer-length = 12").alert.topic_buffer_length, 5000);
}

#[test]
fn the_environment_overrides_the_file() {
    let config = with_env(
        "[http]\nlog-enabled = true\n[[influxdb]]\nname = \"a\"\n[[httppost]]\nendpoint=\"e\"\nurl=\"http://x\"\n",
        &[
            ("KAPACITOR_HOSTNAME", "env-host"),
            ("KAPACITOR_HTTP_LOG_ENABLED", "f"),
            ("KAPACITOR_CLUSTER_BIND_ADDRESS", "127.0.0.1:0x"),
            ("KAPACITOR_ALERT_REDUNDANCY", "0x2"),
            ("KAPACITOR_ALERT_DELAY_PER_MEMBER", "250ms"),
            ("KAPACITOR_INFLUXDB_0_URLS_0", "http://influx:8086"),
            ("KAPACITOR_INFLUXDB_0_URLS_1", "http://not-there:8086"),
            ("KAPACITOR_INFLUXDB_1_NAME", "not there"),
            ("KAPACITOR_INFLUXDB_0_PASSWORD", "hunter2"),
            ("KAPACITOR_INFLUXDB_0_SUBSCRIPTION_MODE", "server"),
            ("KAPACITOR_INFLUXDB_0_SUBSCRIPTIONS_my_db_0", "autogen"),
            ("KAPACITOR_HTTPPOST_0_HEADERS_Authorization", "Bearer x"),
            ("KAPACITOR_CLUSTER_SEEDS_0", "a:9091"),
            ("KAPACITOR_HTTP_BIND_ADDRESS", ""),
            ("KAPACITOR_URL", "http://ignored"),
        ],
    );
    let found = config.expect_err("a bad address").0;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .to_string()
            .starts_with("KAPACITOR_CLUSTER_BIND_ADDRESS: [cluster] bind-address: ")
    );
}

#[test]
fn values_of_the_environment_have_the_types_of_the_table() {
    let config = with_env(
        "[[influxdb]]\nname = \"a\"\n[[httppost]]\nendpoint=\"e\"\nurl=\"http://x\"\n",
        &[
            ("KAPACITOR_HTTP_LOG_ENABLED", "f"),
            ("KAPACITOR_ALERT_REDUNDANCY", "0x2"),
            ("KAPACITOR_INFLUXDB_0_URLS_0", "http://influx:8086"),
            ("KAPACITOR_INFLUXDB_0_URLS_1", "http://not-there:8086"),
            ("KAPACITOR_INFLUXDB_0_PASSWORD", "hunter2"),
            ("KAPACITOR_INFLUXDB_0_SUBSCRIPTION_MODE", "server"),
            ("KAPACITOR_INFLUXDB_0_SUBSCRIPTIONS_my_db_0", "autogen"),
            ("KAPACITOR_HTTPPOST_0_HEADERS_Authorization", "Bearer x"),
            ("KAPACITOR_CLUSTER_SEEDS_0", "a:9091"),
            ("KAPACITOR_CLUSTER_SEEDS_1", "b:9091"),
        ],
    )
    .unwrap_or_else(|p| panic!("{p}"));
    assert!(!config.http.log_enabled);
    assert_eq!(config.alert.redundancy, 2);
    let influx = &config.influxdb[0];
    assert_eq!(influx.urls, ["http://influx:8086"], "only elements that exist can be set");
    assert_eq!(influx.password.expose(), "hunter2");
    assert_eq!(influx.subscription_mode, Mode::Server);
    assert_eq!(influx.subscriptions["my_db"], ["autogen"]);
    assert_eq!(config.httppost[0].headers["Authorization"], "Bearer x");
    assert_eq!(config.cluster.seeds, ["a:9091", "b:9091"]);
    assert!(!format!("{config:?}").contains("hunter2"), "no secret is printed");
}

#[test]
fn a_bad_value_of_the_environment_is_told_as_the_original_does() {
    let found = with_env("", &[("KAPACITOR_HTTP_LOG_ENABLED", "y")]).expect_err("no bool");
    assert_eq!(
        found.to_string(),
        "KAPACITOR_HTTP_LOG_ENABLED: apply env config: failed to apply KAPACITOR_HTTP_LOG_ENABLED \
         to log-enabled using type bool and value 'y'"
    );
}

#[test]
fn variables_that_set_nothing_are_named() {
    let config = with_env(
        "[[influxdb]]\nname = \"a\"\n",
        &[
            ("KAPACITOR_ALERT_REDUNDANZY", "2"),
            ("KAPACITOR_CLUSTER_GOSSIP__INTERVAL", "1s"),
            ("KAPACITOR_INFLUXDB_URLS_0", "http://x"),
            ("KAPACITOR_INFLUXDB_0_URLS_3", "http://x"),
            ("KAPACITOR_INFLUXDB_7_KAPACITOR_HOSTNAME", "x"),
            // Not ours to judge: other tools, other programs, services of Kubernetes, the unset.
            ("KAPACITOR_URL", "http://x"),
            ("KAPACITOR_ADMIN_TOKEN", "x"),
            ("KAPACITOR_SERVICE_HOST", "10.0.0.1"),
            ("KAPACITOR_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
            ("KAPACITOR_HTTP_SERVICE_PORT_API", "9092"),
            ("KAPACITOR_HTTP_PORT", "tcp://10.0.0.1:9092"),
            ("KAPACITOR_HTTP_PORT_9092_TCP_ADDR", "10.0.0.1"),
            ("KAPACITOR_HTTP_BIND_ADDRES", ""),
        ],
    )
    .unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(
        config.warnings,
        [
            "KAPACITOR_ALERT_REDUNDANZY sets no option; did you mean KAPACITOR_ALERT_REDUNDANCY?",
            "KAPACITOR_CLUSTER_GOSSIP__INTERVAL sets no option; did you mean \
             KAPACITOR_CLUSTER_GOSSIP_INTERVAL?",
            "KAPACITOR_INFLUXDB_0_URLS_3 sets no option; did you mean KAPACITOR_INFLUXDB_0_URLS_0?",
            "KAPACITOR_INFLUXDB_7_KAPACITOR_HOSTNAME sets no option; did you mean \
             KAPACITOR_INFLUXDB_0_KAPACITOR_HOSTNAME?",
            "KAPACITOR_INFLUXDB_URLS_0 sets no option; did you mean KAPACITOR_INFLUXDB_0_URLS_0?",
        ]
    );
}

#[test]
fn one_element_of_a_single_section_needs_no_index() {
    let config =
        with_env("[kubernetes]\nid = \"k\"\n", &[("KAPACITOR_KUBERNETES_NAMESPACE", "prod")])
            .unwrap_or_else(|p| panic!("{p}"));
    assert_eq!(
        config.settings.elements("kubernetes")[0]["namespace"],
        Value::Text("prod".to_owned())
    );
}

#[test]
fn files_are_looked_for_in_order() {
    let dir = tempfile::tempdir().expect("temp dir");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let by_flag = write("flag", "hostname = \"flag\"\ndata_dir = \"/d\"\n");
    let by_env = write("env", "hostname = \"env\"\ndata_dir = \"/d\"\n");
    let empty = write("empty", "");
    let place = write("place", "hostname = \"place\"\ndata_dir = \"/d\"\n");
    let environment = |var: Option<&Path>| Environment {
        vars: var
            .map(|p| (PATH_VARIABLE.to_owned(), p.to_string_lossy().into_owned()))
            .into_iter()
            .collect(),
        places: vec![empty.clone(), place.clone()],
        home: Some(dir.path().join(".kapacitor")),
    };
    let flags = |p: Option<&Path>| Flags { config: p.map(Path::to_owned), ..Flags::default() };
    let host = |f: Flags, e: Environment| load(&f, &e).expect("valid").hostname;
    assert_eq!(host(flags(Some(&by_flag)), environment(Some(&by_env))), "flag");
    assert_eq!(host(flags(None), environment(Some(&by_env))), "env");
    assert_eq!(host(flags(None), environment(None)), "place");
    let none =
        load(&flags(Some(Path::new("/dev/null"))), &environment(Some(&by_env))).expect("defaults");
    assert_eq!(none.source, None);
    assert_eq!(none.data_dir, dir.path().join(".kapacitor"));
    assert_eq!(none.storage.database, dir.path().join(".kapacitor/kapacitor.redb"));
    let missing =
        load(&flags(Some(Path::new("/nowhere.conf"))), &environment(None)).expect_err("missing");
    assert!(missing.to_string().starts_with("/nowhere.conf: failed to read: "), "{missing}");
}

#[test]
fn flags_win_over_everything() {
    let flags = Flags {
        config: Some("/dev/null".into()),
        hostname: Some("flagged".to_owned()),
        log_level: Some("error".to_owned()),
        disable_handlers: Some("exec,tcp".to_owned()),
        blacklist_cidrs: Some("private".to_owned()),
        ..Flags::default()
    };
    let vars = [("KAPACITOR_HOSTNAME".to_owned(), "env".to_owned())].into_iter().collect();
    let environment = Environment { vars, home: Some("/h".into()), places: Vec::new() };
    let config = load(&flags, &environment).expect("valid");
    assert_eq!(config.hostname, "flagged");
    assert_eq!(config.logging.level, crate::logging::Level::Error);
    assert!(config.disabled_handlers.contains("exec") && config.refused_networks.len() == 8);
    let bad = Flags { blacklist_cidrs: Some("10/8".to_owned()), ..flags };
    assert!(load(&bad, &environment).is_err());
}

#[test]
fn invalid_utf8_and_every_prefix_of_a_file_are_no_panic() {
    for end in (0..FACTS.len()).filter(|i| FACTS.is_char_boundary(*i)).step_by(17) {
        let _ = parse(Path::new("k.conf"), &FACTS[..end]);
    }
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("k.conf");
    std::fs::write(&path, b"a = 1\nb = \"\xff\"\n").expect("written");
    let flags = Flags { config: Some(path.clone()), ..Flags::default() };
    let found = load(&flags, &Environment::default()).expect_err("no UTF-8");
    assert_eq!(found.to_string(), format!("{}:2: no valid UTF-8", path.display()));
}
