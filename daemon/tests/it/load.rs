//! The load directory: at start, and again at each reload.

use std::collections::BTreeMap;

use serde_json::json;

use crate::daemon::{ALERT, Daemon, MIRROR, quoted};

const TEMPLATE: &str =
    "var what string\nstream\n    |from()\n        .measurement(what)\n    |httpOut('out')\n";

/// A member with a load directory.
fn prepared() -> Daemon {
    let mut daemon = Daemon::prepare();
    let dir = quoted(&daemon.path("load"));
    daemon.set("[load]", "enabled", "true");
    daemon.set("[load]", "dir", &dir);
    daemon
}

fn with_dbrp(script: &str) -> String {
    format!("dbrp \"telegraf\".\"autogen\"\n{script}")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_loaded_followed_and_forgotten() {
    let mut daemon = prepared();
    daemon.put("load/tasks/plain.tick", &with_dbrp(MIRROR));
    daemon.put("load/templates/tpl.tick", TEMPLATE);
    let made = "template-id: tpl\ndbrps: ['\"telegraf\".\"autogen\"']\nvars:\n  what: {type: string, value: cpu}\n";
    daemon.put("load/tasks/made.yaml", made);
    let handler = "id: h\ntopic: cpu\nkind: post\noptions: {url: 'http://127.0.0.1:9/'}\n";
    daemon.put("load/handlers/h.yaml", handler);
    daemon.put("load/tasks/README", "not a task");
    daemon.run().await;
    assert_eq!(daemon.tasks().await, ["made", "plain"]);
    assert_eq!(daemon.handlers("cpu").await, ["h"]);
    for id in ["made", "plain"] {
        assert_eq!(daemon.get(&format!("/tasks/{id}")).await["executing"], true, "{id}");
    }
    daemon.define("by-hand", ALERT).await;

    daemon.put("load/tasks/plain.tick", &with_dbrp(&MIRROR.replace("'out'", "'other'")));
    daemon.put(
        "load/handlers/g.json",
        r#"{"id": "g", "topic": "cpu", "kind": "log", "options": {"path": "/tmp/g"}}"#,
    );
    std::fs::remove_file(daemon.path("load/handlers/h.yaml")).expect("removed");
    std::fs::remove_file(daemon.path("load/tasks/made.yaml")).expect("removed");
    daemon.handle().reload().await;
    assert_eq!(daemon.tasks().await, ["by-hand", "plain"], "what was defined by hand stays");
    assert_eq!(daemon.handlers("cpu").await, ["g"]);
    daemon.get("/tasks/plain/other").await;
    std::fs::remove_file(daemon.path("load/templates/tpl.tick")).expect("removed");
    daemon.handle().reload().await;
    assert_eq!(daemon.get("/templates").await, json!({"templates": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_leaves_alone_what_has_not_changed() {
    let mut daemon = prepared();
    daemon.put("load/tasks/plain.tick", &with_dbrp(MIRROR));
    daemon.put("load/templates/tpl.tick", TEMPLATE);
    let made = "template-id: tpl\ndbrps:\n  - {db: telegraf, rp: autogen}\nvars:\n  what: {type: string, value: cpu}\n";
    daemon.put("load/tasks/made.yaml", made);
    daemon.run().await;
    daemon.write("cpu value=1 1").await;
    daemon.handle().reload().await;
    for id in ["made", "plain"] {
        let out = daemon.get(&format!("/tasks/{id}/out")).await;
        assert_eq!(out["series"][0]["values"][0][1], 1, "{id} was not restarted: {out}");
    }
    daemon.put("load/tasks/made.yaml", &made.replace("value: cpu", "value: mem"));
    daemon.handle().reload().await;
    daemon.write("mem value=2 1").await;
    let out = daemon.get("/tasks/made/out").await;
    assert_eq!(out["series"][0]["name"], "mem", "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_edited_by_hand_is_replaced_only_when_its_file_changes() {
    let mut daemon = prepared();
    let handler = |port: u16| {
        let options = BTreeMap::from([("url", format!("http://127.0.0.1:{port}/"))]);
        json!({"id": "h", "topic": "cpu", "kind": "post", "options": options}).to_string()
    };
    daemon.put("load/handlers/h.json", &handler(8));
    daemon.run().await;
    let patch = json!([{"op": "replace", "path": "/options/url", "value": "http://127.0.0.1:7/"}]);
    daemon.send("PATCH", "/alerts/topics/cpu/handlers/h", &patch).await;
    daemon.handle().reload().await;
    let url = async || daemon.get("/alerts/topics/cpu/handlers/h").await["options"]["url"].clone();
    assert_eq!(url().await, "http://127.0.0.1:7/", "a later edit stays");
    daemon.put("load/handlers/h.json", &handler(9));
    daemon.handle().reload().await;
    assert_eq!(url().await, "http://127.0.0.1:9/", "a changed file is loaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_stops_the_start_and_is_named() {
    for (name, content) in [
        ("tasks/bad.tick", "stream|"),
        ("tasks/bad.yaml", "template-id: none"),
        ("templates/bad.tick", "stream|"),
        ("handlers/bad.yaml", "id: h\nkind: pigeon\ntopic: cpu\n"),
        ("handlers/bad.json", "{"),
    ] {
        let mut daemon = prepared();
        daemon.put(&format!("load/{name}"), content);
        let error = format!("{:#}", daemon.try_run().await.expect_err("a bad file"));
        let path = daemon.path("load").join(name).display().to_string();
        assert!(error.contains(&format!("failed to load file {path}: ")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_at_a_reload_is_counted_and_stops_nothing() {
    let mut daemon = prepared();
    daemon.put("load/tasks/t.tick", &with_dbrp(MIRROR));
    daemon.run().await;
    daemon.put("load/tasks/bad.tick", "stream|");
    daemon.handle().reload().await;
    assert_eq!(daemon.tasks().await, ["t"]);
    assert_eq!(daemon.get("/tasks/t").await["executing"], true);
    let vars = daemon.get("/debug/vars").await;
    let sets = vars["kapacitor"].as_object().expect("an object");
    let load = sets.values().find(|s| s["name"] == "load").expect("a set");
    assert_eq!(load["values"]["errors"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_directory_is_loaded_again_when_a_file_changes() {
    let mut daemon = prepared();
    daemon.set("[load]", "watch", "true");
    daemon.put("load/tasks/one.tick", &with_dbrp(MIRROR));
    daemon.run().await;
    daemon.put("load/tasks/two.tick", &with_dbrp(MIRROR));
    let tasks = async |wanted: &'static [&'static str]| {
        crate::daemon::until("the tasks are those of the files", async || {
            crate::daemon::same(
                &daemon.tasks().await,
                &wanted.iter().map(|t| (*t).to_owned()).collect(),
            )
        })
        .await;
    };
    tasks(&["one", "two"]).await;
    std::fs::remove_file(daemon.path("load/tasks/one.tick")).expect("removed");
    tasks(&["two"]).await;
}
