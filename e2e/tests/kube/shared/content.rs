//! E: tasks and handlers from ConfigMaps are on every member, those that come later included, and their
//! changes reach all without a restart.

use e2e::until;
use serde_json::json;

use crate::cluster::{Cluster, LONG, SOON, text};
use crate::space::Space;

/// A ConfigMap with one file.
fn config(space: &Space, name: &str, file: &str, content: &str) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {file: content}});
    space.apply(&map.to_string()).expect("the ConfigMap is taken");
}

/// The task raises an alert over this threshold.
fn tasks(space: &Space, threshold: u32) {
    let script = format!(
        "dbrp \"smoke\".\"autogen\"\nstream|from().measurement('m')\
         |alert().crit(lambda: \"v\" > {threshold}).topic('hot')\n"
    );
    config(space, "tasks", "hot.tick", &script);
}

/// The handler posts to this path.
fn handlers(space: &Space, path: &str) {
    let handler =
        format!("{{topic: hot, id: tell, kind: post, options: {{url: 'http://pager/{path}'}}}}\n");
    config(space, "handlers", "tell.yaml", &handler);
}

#[test]
fn e45_content_reaches_members_old_and_new_without_a_restart() {
    let Some(space) = Space::new("e45") else { return };
    tasks(&space, 9);
    handlers(&space, "first");
    let cluster = Cluster::apply(
        &space,
        "{replicas: 2, storage: {size: 64Mi}, load: [{kind: tasks, configMapRef: {name: tasks}}, \
         {kind: handlers, configMapRef: {name: handlers}}]}",
    );
    cluster.await_sync(2, SOON);
    let await_content = |n: usize, threshold: u32, path: &str| {
        until(LONG, &format!("{n} members have threshold {threshold} and path {path}"), || {
            for ordinal in 0..n {
                let get = |path| {
                    Ok::<_, String>(cluster.http(ordinal, "GET", path, "")?.success()?.json())
                };
                let task = get("/tasks/hot")?;
                let handler = get("/alerts/topics/hot/handlers/tell")?;
                let (script, url) = (text(&task["script"]), text(&handler["options"]["url"]));
                let same = script.contains(&format!("> {threshold}")) && url.ends_with(path);
                if !same || task["status"] != "enabled" || task["executing"] != true {
                    return Err(format!("member {ordinal}: {script} {url} {}", task["status"]));
                }
            }
            Ok(())
        });
    };
    await_content(2, 9, "/first");
    let pods = |cluster: &Cluster<'_>| -> Vec<String> {
        (0..2).map(|o| text(&space.get("pod", &cluster.pod(o))["metadata"]["uid"])).collect()
    };
    let before = pods(&cluster);
    cluster.scale(3);
    cluster.await_sync(3, SOON);
    await_content(3, 9, "/first");
    tasks(&space, 8);
    handlers(&space, "second");
    await_content(3, 8, "/second");
    assert_eq!(pods(&cluster), before, "no pod was made anew");
    for pod in cluster.pods() {
        let restarts = &space.get("pod", &pod)["status"]["containerStatuses"][0]["restartCount"];
        assert_eq!(*restarts, 0, "{pod}");
    }
}
