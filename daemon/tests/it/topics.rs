//! `/alerts/topics`: events, levels, handlers and their rules.

use serde_json::{Value as Json, json};

use crate::daemon::{ALERT, Daemon, alerts_in, same, until};

const HANDLERS: &str = "/alerts/topics/cpu/handlers";

fn post(id: &str) -> Json {
    json!({"id": id, "kind": "post", "options": {"url": "http://127.0.0.1:9/"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_are_created_shown_replaced_patched_and_deleted() {
    let daemon = Daemon::start().await;
    let shown = daemon.send("POST", HANDLERS, &post("h")).await.json();
    assert_eq!(
        shown,
        json!({
            "link": {"rel": "self", "href": "/kapacitor/v1/alerts/topics/cpu/handlers/h"},
            "id": "h", "kind": "post", "options": {"url": "http://127.0.0.1:9/"}, "match": "",
        })
    );
    let place = format!("{HANDLERS}/h");
    assert_eq!(daemon.get(&place).await, shown);
    let mut other = post("h");
    other["match"] = json!("level() == CRITICAL");
    daemon.send("PUT", &place, &other).await;
    assert_eq!(daemon.get(&place).await["match"], "level() == CRITICAL");
    let patch = json!([{"op": "replace", "path": "/options/url", "value": "http://127.0.0.1:8/"}]);
    daemon.send("PATCH", &place, &patch).await;
    let patched = daemon.get(&place).await;
    assert_eq!(patched["options"], json!({"url": "http://127.0.0.1:8/"}));
    assert_eq!(patched["match"], "level() == CRITICAL", "the rest stays");
    daemon.send("POST", HANDLERS, &post("g")).await;
    assert_eq!(daemon.handlers("cpu").await, ["g", "h"], "by id");
    let list = daemon.get(&format!("{HANDLERS}?pattern=h*")).await;
    assert_eq!(list["handlers"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["link"]["href"], format!("/kapacitor/v1{HANDLERS}?pattern=h*"));
    for _ in 0..2 {
        assert_eq!(daemon.ask("DELETE", &place, "").await.status, 204, "also a second time");
    }
    assert_eq!(daemon.handlers("cpu").await, ["g"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_belongs_to_the_topic_of_its_path() {
    let daemon = Daemon::start().await;
    let mut other = post("h");
    other["topic"] = json!("mem");
    daemon.send("POST", HANDLERS, &other).await;
    daemon.send("PUT", &format!("{HANDLERS}/h"), &other).await;
    assert_eq!(daemon.handlers("cpu").await, ["h"]);
    assert!(daemon.handlers("mem").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_handler_leaves_its_old_name_and_takes_no_one_elses() {
    let daemon = Daemon::start().await;
    daemon.send("POST", HANDLERS, &post("h")).await;
    daemon.send("POST", HANDLERS, &post("g")).await;
    let rename = |to: &str| json!([{"op": "replace", "path": "/id", "value": to}]);
    let taken = daemon.ask("PATCH", &format!("{HANDLERS}/h"), &rename("g").to_string()).await;
    assert_eq!(taken.status, 500, "{}", taken.text());
    assert_eq!(daemon.handlers("cpu").await, ["g", "h"]);
    daemon.send("PATCH", &format!("{HANDLERS}/h"), &rename("i")).await;
    assert_eq!(daemon.handlers("cpu").await, ["g", "i"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_handlers_are_refused() {
    let daemon = Daemon::start().await;
    daemon.send("POST", HANDLERS, &post("h")).await;
    let one = format!("{HANDLERS}/h");
    for (method, path, body, status, begin) in [
        ("POST", HANDLERS, json!("x"), 400, "invalid handler json: "),
        ("POST", HANDLERS, json!({"id": "a/b", "kind": "log"}), 400, "invalid handler spec: "),
        ("POST", HANDLERS, json!({"id": "x"}), 400, "invalid handler spec: "),
        (
            "POST",
            HANDLERS,
            json!({"id": "x", "kind": "pigeon"}),
            500,
            "failed to create handler: unsupported action kind \"pigeon\"",
        ),
        (
            "POST",
            HANDLERS,
            post("h"),
            500,
            "failed to create handler: cannot register handler, handler with ID \"h\" already exists",
        ),
        ("GET", &format!("{HANDLERS}/none"), json!({}), 404, "unknown handler: \"none\""),
        ("PATCH", &one, json!([{"op": "x"}]), 400, "invalid handler json: "),
        (
            "PATCH",
            &one,
            json!([{"op": "replace", "path": "/topic", "value": "mem"}]),
            500,
            "failed to update handler: cannot change topic in update",
        ),
        ("GET", "/alerts/topics/none", json!({}), 404, "unknown topic: \"none\""),
        (
            "GET",
            "/alerts/topics/none/events",
            json!({}),
            500,
            "failed to get topic events: unknown topic \"none\"",
        ),
        (
            "GET",
            "/alerts/topics/cpu/events/e",
            json!({}),
            404,
            "unknown event \"e\" in topic \"cpu\"",
        ),
        ("GET", "/alerts/topics?min-level=X", json!({}), 400, "unknown alert level 'X'"),
        (
            "GET",
            "/alerts/topics?pattern=%5B",
            json!({}),
            400,
            "invalid pattern: syntax error in pattern",
        ),
    ] {
        let answer = daemon.ask(method, path, &body.to_string()).await;
        let error = answer.error();
        assert_eq!(answer.status, status, "{method} {path} {body}: {error}");
        assert!(error.starts_with(begin), "{method} {path} {body}: {error}");
    }
    assert_eq!(daemon.handlers("cpu").await, ["h"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_show_their_level_and_the_topic_the_highest() {
    let daemon = Daemon::start().await;
    daemon.define("t", ALERT).await;
    let lines = "cpu,host=a value=99 1700000000000000000\ncpu,host=b value=60 1700000000000000000";
    daemon.write(lines).await;
    daemon.get("/tasks/t").await;
    let shown = until("both events are collected", async || {
        let topic = daemon.ask("GET", "/alerts/topics/cpu", "").await.json();
        same(&topic["collected"], &json!(2)).map(|()| topic)
    })
    .await;
    assert_eq!(
        shown,
        json!({
            "link": {"rel": "self", "href": "/kapacitor/v1/alerts/topics/cpu"},
            "id": "cpu", "level": "CRITICAL", "collected": 2,
            "events-link": {"rel": "events", "href": "/kapacitor/v1/alerts/topics/cpu/events"},
            "handlers-link": {"rel": "handlers", "href": "/kapacitor/v1/alerts/topics/cpu/handlers"},
        })
    );
    assert_eq!(
        daemon.get("/alerts/topics/cpu/events/b").await,
        json!({
            "link": {"rel": "self", "href": "/kapacitor/v1/alerts/topics/cpu/events/b"},
            "id": "b",
            "state": {
                "message": "b is WARNING", "details": daemon.get("/alerts/topics/cpu/events/b").await["state"]["details"],
                "time": "2023-11-14T22:13:20Z", "duration": "0s", "level": "WARNING",
            },
        })
    );
    let critical = daemon.get("/alerts/topics/cpu/events?min-level=crit").await;
    assert_eq!(critical["events"].as_array().map(Vec::len), Some(1));
    daemon.write("cpu,host=a value=1 1700000001000000000").await;
    daemon.get("/tasks/t").await;
    until("the topic is as bad as what is left", async || {
        same(&daemon.get("/alerts/topics/cpu").await["level"], &json!("WARNING"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handlers_get_what_matches_and_a_deleted_topic_keeps_them() {
    let daemon = Daemon::start().await;
    daemon.define("t", ALERT).await;
    let (all, some) = (daemon.path("all"), daemon.path("some"));
    daemon.define_log_handler("cpu", "all", &all).await;
    let spec = json!({
        "id": "some", "kind": "log", "options": {"path": some}, "match": "level() == CRITICAL",
    });
    daemon.send("POST", HANDLERS, &spec).await;
    daemon.write("cpu,host=a value=60 1\ncpu,host=a value=99 2\ncpu,host=a value=1 3").await;
    let alert = |level: &str| ("a".to_owned(), level.to_owned());
    until("all three are delivered", async || {
        same(&alerts_in(&all), &vec![alert("WARNING"), alert("CRITICAL"), alert("OK")])
    })
    .await;
    until("the matching one is delivered", async || {
        same(&alerts_in(&some), &vec![alert("CRITICAL")])
    })
    .await;
    assert_eq!(daemon.ask("DELETE", "/alerts/topics/cpu", "").await.status, 204);
    assert_eq!(daemon.ask("GET", "/alerts/topics/cpu", "").await.status, 404);
    assert_eq!(daemon.handlers("cpu").await, ["all", "some"]);
    daemon.write("cpu,host=b value=99 4").await;
    until("handlers still work", async || same(&alerts_in(&all).len(), &4)).await;
}
