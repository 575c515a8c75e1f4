//! `/templates`, and tasks made from them.

use serde_json::json;

use crate::daemon::Daemon;

const TEMPLATE: &str = "// What is watched.\nvar what string\n\nvar limit = 10.0\n\nstream\n    |from()\n        .measurement(what)\n    |where(lambda: \"value\" > limit)\n    |httpOut('out')\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_template_declares_its_vars_and_makes_tasks() {
    let daemon = Daemon::start().await;
    let request = json!({"id": "tpl", "type": "stream", "script": TEMPLATE});
    let shown = daemon.send("POST", "/templates", &request).await.json();
    let keys: Vec<_> = shown.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        ["link", "id", "type", "script", "vars", "dot", "error", "created", "modified"]
    );
    assert_eq!(
        shown["vars"]["what"],
        json!({"type": "string", "value": null, "description": "What is watched."})
    );
    assert_eq!(shown["vars"]["limit"]["value"], 10);
    let mut task = json!({
        "id": "t", "template-id": "tpl", "status": "enabled",
        "dbrps": [{"db": "telegraf", "rp": "autogen"}],
    });
    let answer = daemon.ask("POST", "/tasks", &task.to_string()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("missing value for var \"what\"."), "{}", answer.error());
    task["vars"] = json!({"what": {"type": "string", "value": "cpu"}});
    let shown = daemon.send("POST", "/tasks", &task).await.json();
    assert_eq!((&shown["template-id"], &shown["executing"]), (&json!("tpl"), &json!(true)));
    daemon.write("cpu value=5 1\ncpu value=11 2").await;
    let out = daemon.get("/tasks/t/out").await;
    assert_eq!(out["series"][0]["values"][0][1], 11, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_template_changes_its_tasks_or_nothing() {
    let daemon = Daemon::start().await;
    daemon.send("POST", "/templates", &json!({"id": "tpl", "script": TEMPLATE})).await;
    let task = json!({
        "id": "t", "template-id": "tpl", "status": "enabled",
        "dbrps": [{"db": "telegraf", "rp": "autogen"}],
        "vars": {"what": {"type": "string", "value": "cpu"}},
    });
    daemon.send("POST", "/tasks", &task).await;
    let other = TEMPLATE.replace("'out'", "'other'");
    daemon.send("PATCH", "/templates/tpl", &json!({"script": other})).await;
    assert_eq!(daemon.get("/tasks/t").await["script"], other);
    daemon.get("/tasks/t/other").await;
    let needs_more = format!("var more string\n{TEMPLATE}");
    let patch = json!({"script": needs_more}).to_string();
    let answer = daemon.ask("PATCH", "/templates/tpl", &patch).await;
    assert_eq!(answer.status, 500);
    assert!(answer.error().starts_with("error reloading associated task t: "), "{answer:?}");
    assert_eq!(daemon.get("/templates/tpl").await["script"], other, "all is put back");
    daemon.get("/tasks/t/other").await;
    assert_eq!(daemon.ask("DELETE", "/templates/tpl", "").await.status, 204);
    assert_eq!(daemon.get("/tasks/t").await["executing"], true, "its tasks stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_templates_are_refused() {
    let daemon = Daemon::start().await;
    daemon.send("POST", "/templates", &json!({"id": "tpl", "script": TEMPLATE})).await;
    for (method, path, body, status, error) in [
        ("POST", "/templates", json!([]), 400, "invalid JSON"),
        (
            "POST",
            "/templates",
            json!({"id": "tpl", "script": TEMPLATE}),
            400,
            "template tpl already exists",
        ),
        ("POST", "/templates", json!({"id": "x"}), 400, "invalid task type: invalid"),
        (
            "POST",
            "/templates",
            json!({"id": "x y", "script": TEMPLATE}),
            400,
            "template ID must contain only letters, numbers, '-', '.' and '_'. \"x y\"",
        ),
        ("PATCH", "/templates/none", json!({}), 404, "template does not exist, cannot update"),
        ("GET", "/templates/none", json!({}), 404, "no template exists"),
        ("GET", "/templates/", json!({}), 400, "must specify template id on path"),
        ("DELETE", "/templates/", json!({}), 400, "must specify template id on path"),
    ] {
        let answer = daemon.ask(method, path, &body.to_string()).await;
        assert_eq!((answer.status, answer.error().as_str()), (status, error), "{method} {path}");
    }
}
