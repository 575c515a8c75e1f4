//! `/tasks`: shapes, checks in their order, lists, status, and what `httpOut` serves.

use serde_json::{Value as Json, json};

use crate::daemon::{ALERT, Daemon, MIRROR, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_shown_with_all_its_fields_in_order() {
    let daemon = Daemon::start().await;
    let shown = daemon.define("t", MIRROR).await;
    let keys: Vec<&String> = shown.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "link",
            "id",
            "template-id",
            "type",
            "dbrps",
            "script",
            "vars",
            "dot",
            "status",
            "executing",
            "error",
            "stats",
            "created",
            "modified",
            "last-enabled",
        ]
    );
    assert_eq!(shown["link"], json!({"rel": "self", "href": "/kapacitor/v1/tasks/t"}));
    assert_eq!(shown["type"], "stream");
    assert_eq!(shown["vars"], json!({}));
    assert_eq!(shown["script"], MIRROR);
    assert!(shown["dot"].as_str().is_some_and(|d| d.starts_with("digraph t {")), "{shown}");
    let again = daemon.get("/tasks/t").await;
    for field in ["id", "created", "modified", "last-enabled", "status"] {
        assert_eq!(again[field], shown[field], "{field}");
    }
    assert!(again["stats"]["node-stats"]["from1"].is_object(), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_request_is_refused_in_the_words_of_the_original_and_changes_nothing() {
    let daemon = Daemon::start().await;
    daemon.define("there", MIRROR).await;
    let dbrps = json!([{"db": "d", "rp": "r"}]);
    let with_dbrp = format!("dbrp \"a\".\"b\"\n{MIRROR}");
    for (request, error) in [
        (json!("no object"), "invalid JSON"),
        (json!({"id": "x", "type": "nope"}), "invalid JSON"),
        (json!({"id": "x", "status": "nope"}), "invalid JSON"),
        (
            json!({"id": "a b", "script": MIRROR}),
            "task ID must contain only letters, numbers, '-', '.' and '_'. \"a b\"",
        ),
        (json!({"id": "there", "script": MIRROR}), "task there already exists"),
        (json!({"id": "x", "dbrps": dbrps}), "must provide TICKscript"),
        (
            json!({"id": "x", "template-id": "none"}),
            "unknown template none: err: no template exists",
        ),
        (json!({"id": "x", "script": "var x = 1", "dbrps": dbrps}), "invalid task type: invalid"),
        (json!({"id": "x", "script": MIRROR}), "must specify dbrp"),
        (
            json!({"id": "x", "script": with_dbrp, "dbrps": dbrps}),
            "cannot specify dbrp in both implicitly and explicitly",
        ),
    ] {
        let answer = daemon.ask("POST", "/tasks", &request.to_string()).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, error), "{request}");
    }
    for script in ["stream|", "stream|nothing()", "stream|from().measurement(1)", "((((("] {
        let request = json!({"id": "x", "script": script, "dbrps": dbrps});
        let answer = daemon.ask("POST", "/tasks", &request.to_string()).await;
        let error = answer.error();
        assert!(error.starts_with("invalid TICKscript: "), "{script}: {error}");
        assert_eq!(answer.status, 400);
    }
    assert_eq!(daemon.tasks().await, ["there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_told_by_verb() {
    let daemon = Daemon::start().await;
    for (method, path, status, error) in [
        ("GET", "/tasks/none", 404, "no task exists"),
        ("GET", "/tasks/none/out", 404, "no task exists"),
        ("GET", "/tasks/a/b/c", 404, "no task exists"),
        ("PATCH", "/tasks/none", 404, "task does not exist, cannot update"),
        ("GET", "/tasks/", 400, "must specify task id on path"),
        ("PATCH", "/tasks/", 400, "must specify task id on path"),
        ("DELETE", "/tasks/", 400, "must specify task id on path"),
    ] {
        let answer = daemon.ask(method, path, "{}").await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{method} {path}");
    }
    assert_eq!(daemon.ask("DELETE", "/tasks/none", "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_an_id_gets_one_and_is_disabled_unless_asked_for() {
    let daemon = Daemon::start().await;
    let request = json!({"script": format!("dbrp \"a\".\"b\"\n{MIRROR}")});
    let shown = daemon.send("POST", "/tasks", &request).await.json();
    assert_eq!(shown["id"].as_str().map(str::len), Some(36), "a UUID: {shown}");
    assert_eq!(shown["dbrps"], json!([{"db": "a", "rp": "b"}]));
    assert_eq!((&shown["status"], &shown["executing"]), (&json!("disabled"), &json!(false)));
    assert_eq!(shown["last-enabled"], "0001-01-01T00:00:00Z");
    assert_eq!(shown["stats"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn patching_enables_disables_renames_and_leaves_the_rest() {
    let daemon = Daemon::start().await;
    let shown = daemon.define("t", MIRROR).await;
    let patch = async |id: &str, patch: Json| {
        daemon.send("PATCH", &format!("/tasks/{id}"), &patch).await.json()
    };
    let disabled = patch("t", json!({"status": "disabled"})).await;
    assert_eq!(disabled["executing"], false);
    assert_eq!(disabled["last-enabled"], shown["last-enabled"]);
    assert_eq!(disabled["script"], shown["script"]);
    let script = MIRROR.replace("'out'", "'other'");
    let changed = patch("t", json!({"script": script})).await;
    assert_eq!(changed["script"], script);
    assert_eq!(changed["created"], shown["created"]);
    assert_ne!(changed["modified"], shown["modified"]);
    let renamed = patch("t", json!({"id": "u", "status": "enabled"})).await;
    assert_eq!((&renamed["id"], &renamed["executing"]), (&json!("u"), &json!(true)));
    assert_eq!(daemon.tasks().await, ["u"]);
    daemon.define("t", MIRROR).await;
    let answer = daemon.ask("PATCH", "/tasks/t", r#"{"id": "u"}"#).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (500, "failed to create new task during ID change: task already exists")
    );
    let answer = daemon.ask("PATCH", "/tasks/t", r#"{"script": "stream|"}"#).await;
    assert_eq!(answer.status, 400);
    assert_eq!(daemon.get("/tasks/t").await["script"], MIRROR, "a refused patch changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_take_patterns_fields_offset_and_limit() {
    let daemon = Daemon::start().await;
    for id in ["a1", "a2", "b"] {
        daemon.define(id, MIRROR).await;
    }
    let ids = async |query: &str| {
        let json = daemon.get(&format!("/tasks?{query}")).await;
        let tasks = json["tasks"].as_array().expect("a list").clone();
        tasks.iter().map(|t| t["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["a1", "a2", "b"]);
    assert_eq!(ids("pattern=a*").await, ["a1", "a2"]);
    assert_eq!(ids("pattern=a%3F&offset=1").await, ["a2"]);
    assert_eq!(ids("limit=1").await, ["a1"]);
    assert!(ids("pattern=%5B").await.is_empty(), "a malformed pattern matches nothing");
    let json = daemon.get("/tasks?fields=status&fields=executing&limit=1").await;
    let keys: Vec<_> = json["tasks"][0].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["executing", "id", "link", "status"]);
    for (query, error) in [
        ("fields=colour", "unsupported field \"colour\""),
        ("script-format=x", "invalid script-format parameter \"x\""),
        ("dot-view=x", "invalid dot-view parameter \"x\""),
        (
            "offset=x",
            "invalid offset parameter \"x\" must be an integer: strconv.ParseInt: parsing \"x\": \
             invalid syntax",
        ),
    ] {
        let answer = daemon.ask("GET", &format!("/tasks?{query}"), "").await;
        assert_eq!((answer.status, answer.error().as_str()), (400, error), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_out_serves_what_the_task_has_seen() {
    let daemon = Daemon::start().await;
    daemon.define("t", MIRROR).await;
    assert_eq!(daemon.get("/tasks/t/out").await, json!({"series": null}));
    daemon.write("cpu,host=a value=1 1700000000000000000").await;
    let out = daemon.get("/tasks/t/out").await;
    assert_eq!(
        out["series"],
        json!([{
            "name": "cpu", "tags": {"host": "a"}, "columns": ["time", "value"],
            "values": [["2023-11-14T22:13:20Z", 1]],
        }])
    );
    assert_eq!(daemon.ask("GET", "/tasks/t/nothing", "").await.status, 404);
    daemon.send("PATCH", "/tasks/t", &json!({"status": "disabled"})).await;
    assert_eq!(daemon.ask("GET", "/tasks/t/out", "").await.error(), "no task exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_task_takes_its_name_but_not_its_topic_with_it() {
    let daemon = Daemon::start().await;
    daemon.define("t", ALERT).await;
    daemon.write("cpu,host=a value=99 1").await;
    daemon.get("/tasks/t").await;
    assert_eq!(daemon.events("cpu").await["a"], "CRITICAL");
    assert_eq!(daemon.ask("DELETE", "/tasks/t", "").await.status, 204);
    assert_eq!(daemon.ask("GET", "/tasks/t", "").await.status, 404);
    assert_eq!(daemon.events("cpu").await["a"], "CRITICAL", "a named topic stays");
    daemon.send("POST", "/tasks", &task("t", ALERT)).await;
}
