//! What holds for every route: headers, CORS, errors; and the small routes.

use kapacitord::logging::Level;
use serde_json::json;

use crate::daemon::Daemon;
use crate::http::{parse, raw, request};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_of_the_original() {
    let daemon = Daemon::start().await;
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, status) in [
        ("GET", "/kapacitor/v1/ping", 204),
        ("HEAD", "/kapacitor/v1/ping", 204),
        ("GET", "/kapacitor/v1/tasks", 200),
        ("GET", "/kapacitor/v1preview/tasks", 200),
        ("GET", "/kapacitor/v1/nothing", 404),
        ("GET", "/", 404),
        ("POST", "/kapacitor/v1/write?db=d", 204),
        ("DELETE", "/kapacitor/v1/ping", 404),
    ] {
        let answer = request(daemon.http(), method, path, &[], b"").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8", "{path}");
        assert_eq!(answer.headers["x-kapacitor-version"], kapacitord::VERSION);
        assert!(ids.insert(answer.headers["request-id"].clone()), "an id of its own");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
        if status == 404 {
            assert_eq!(answer.error(), "Not Found");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_may_ask_for_anything_but_the_cluster() {
    let daemon = Daemon::start().await;
    let origin = [("Origin", "http://chronograf")];
    let answer = daemon.ask_with("GET", "/tasks", &origin, b"").await;
    assert_eq!(answer.headers["access-control-allow-origin"], "http://chronograf");
    assert_eq!(answer.headers["access-control-allow-methods"], "DELETE, GET, OPTIONS, POST, PATCH");
    let answer = daemon.ask_with("OPTIONS", "/tasks", &origin, b"").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    for method in ["GET", "OPTIONS"] {
        let answer = daemon.ask_with(method, "/cluster", &origin, b"").await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_request_has_the_shape_of_an_error() {
    let daemon = Daemon::start().await;
    for (method, path) in [
        ("GET", "/kapacitor/v1/tasks/%ff"),
        ("GET", "/kapacitor/v1/alerts/topics/%ff"),
        ("DELETE", "/kapacitor/v1/cluster/members/%ff"),
        ("POST", "/kapacitor/v1/loglevel"),
        ("POST", "/kapacitor/v1/cluster/members"),
        ("GET", "/kapacitor/v1/recordings"),
    ] {
        let answer = request(daemon.http(), method, path, &[], b"\xff").await;
        assert!((400..600).contains(&answer.status), "{method} {path}: {}", answer.status);
        assert!(!answer.error().is_empty(), "{method} {path}");
    }
    let html = daemon.ask("GET", "/alerts/topics/%3Cb%3E", "").await;
    assert!(html.text().contains(r"\u003cb\u003e"), "{}", html.text());
    for garbage in [&b"\0\x01\x02\r\n\r\n"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        let _ = raw(daemon.http(), garbage).await;
    }
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let answer = raw(daemon.http(), large.as_bytes()).await;
    if !answer.is_empty() {
        assert!(parse(&answer, "GET").status >= 400);
    }
    assert_eq!(daemon.ask("GET", "/ping", "").await.status, 204, "it still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_packed_for_whoever_takes_it() {
    let daemon = Daemon::start().await;
    let answer = daemon.ask_with("GET", "/config", &[("Accept-Encoding", "gzip")], b"").await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    let mut text = String::new();
    let mut unpacker = flate2::read::GzDecoder::new(answer.body.as_slice());
    std::io::Read::read_to_string(&mut unpacker, &mut text).expect("gzip");
    assert_eq!(text, daemon.ask("GET", "/config", "").await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_is_changed_in_any_case_of_its_name() {
    let daemon = Daemon::start().await;
    assert_eq!(daemon.log_level(), Level::Debug);
    for (name, level) in [("error", Level::Error), ("INFO", Level::Info), ("Debug", Level::Debug)] {
        let answer = daemon.ask("POST", "/loglevel", &json!({"level": name}).to_string()).await;
        assert_eq!((answer.status, daemon.log_level()), (204, level));
    }
    let answer = daemon.ask("POST", "/loglevel", r#"{"level": "loud"}"#).await;
    assert_eq!((answer.status, answer.error().as_str()), (400, "invalid log level"));
    let answer = daemon.ask("POST", "/loglevel", "level").await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().starts_with("invalid json: "), "{}", answer.error());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_its_own_is_ready_at_once() {
    let daemon = Daemon::start().await;
    let ready = json!({"ready": true, "state": "ready", "warnings": []});
    assert_eq!(daemon.get("/ready").await, ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_without_its_secrets() {
    let settings = [
        ("[[influxdb]]", "name", "\"main\""),
        ("[[influxdb]]", "password", "\"hunter2\""),
        ("[[influxdb]]", "username", "\"me\""),
        ("[[httppost]]", "endpoint", "\"pager\""),
        ("[[httppost]]", "url", "\"http://127.0.0.1:1\""),
        ("[[httppost]]", "basic-auth", "{username = \"me\", password = \"hunter2\"}"),
    ];
    let daemon = Daemon::with(&settings).await;
    let endpoint = daemon.get("/config/httppost/pager").await;
    assert_eq!(endpoint["options"]["basic-auth"], true);
    assert_eq!(endpoint["redacted"], json!(["basic-auth"]));
    let mail = daemon.get("/config/smtp/").await;
    assert_eq!(mail["options"]["to-templates"], json!(null));
    assert_eq!(mail["options"].get("toTemplates"), None);
    let shown = daemon.get("/config/influxdb/main").await;
    assert_eq!(shown["link"]["href"], "/kapacitor/v1/config/influxdb/main");
    assert_eq!(shown["options"]["password"], true);
    assert_eq!(shown["options"]["username"], "me");
    assert_eq!(shown["redacted"], json!(["password", "token"]));
    let answer = daemon.ask("GET", "/config", "").await;
    assert!(answer.text().ends_with("}\n") && !answer.text().contains("hunter2"));
    let sections = answer.json();
    assert_eq!(sections["sections"]["influxdb"]["elements"].as_array().map(Vec::len), Some(1));
    for (path, status, error) in [
        ("/config/nothing", 404, "unknown section: nothing"),
        ("/config/influxdb/none", 404, "unknown section/element: influxdb/none"),
        ("/config/", 400, "section not specified, do you have an extra trailing '/'?"),
    ] {
        let answer = daemon.ask("GET", path, "").await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_configuration_says_so() {
    let daemon = Daemon::with(&[("[config-override]", "enabled", "false")]).await;
    let answer = daemon.ask("GET", "/config", "").await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (403, "config override service is not enabled")
    );
}
