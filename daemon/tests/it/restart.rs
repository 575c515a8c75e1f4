//! A member that stops and starts again on the same data.

use serde_json::json;

use crate::daemon::{ALERT, Daemon, MIRROR, alerts_in, same, until};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_defined_is_back() {
    let mut daemon = Daemon::start().await;
    let file = daemon.path("alerts");
    daemon.define("alert", ALERT).await;
    let mut disabled = crate::daemon::task("off", MIRROR);
    disabled["status"] = json!("disabled");
    daemon.send("POST", "/tasks", &disabled).await;
    daemon.send("POST", "/templates", &json!({"id": "tpl", "script": MIRROR})).await;
    daemon.define_log_handler("cpu", "h", &file).await;
    daemon.write("cpu,host=a value=99 1\ncpu,host=b value=60 1\ncpu,host=c value=99 1").await;
    daemon.write("cpu,host=c value=1 2").await;
    until("all are delivered", async || same(&alerts_in(&file).len(), &4)).await;
    let (member, cluster) =
        (daemon.handle().member(), daemon.get("/cluster").await["cluster-id"].clone());
    let before = daemon.get("/tasks?fields=created&fields=status&fields=executing").await;
    for _ in 0..2 {
        daemon.restart().await;
        assert_eq!(daemon.handle().member(), member);
        assert_eq!(daemon.get("/cluster").await["cluster-id"], cluster);
        let after = daemon.get("/tasks?fields=created&fields=status&fields=executing").await;
        assert_eq!(after, before);
        assert_eq!(daemon.get("/templates/tpl").await["script"], MIRROR);
        assert_eq!(daemon.handlers("cpu").await, ["h"]);
        let events = daemon.events("cpu").await;
        assert_eq!(events.get("a").map(String::as_str), Some("CRITICAL"), "{events:?}");
        assert_eq!(events.get("b").map(String::as_str), Some("WARNING"), "{events:?}");
        assert_eq!(alerts_in(&file).len(), 4, "nothing is sent again");
    }
    daemon.write("cpu,host=a value=1 3").await;
    until("the level goes on from where it was", async || {
        same(&alerts_in(&file).last().cloned(), &Some(("a".to_owned(), "OK".to_owned())))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_stays_gone() {
    let mut daemon = Daemon::start().await;
    daemon.define("t", ALERT).await;
    daemon.define_log_handler("cpu", "h", &daemon.path("alerts")).await;
    daemon.write("cpu,host=a value=99 1").await;
    until("the event is there", async || same(&daemon.events("cpu").await.len(), &1)).await;
    for path in ["/tasks/t", "/alerts/topics/cpu/handlers/h", "/alerts/topics/cpu"] {
        assert_eq!(daemon.ask("DELETE", path, "").await.status, 204);
    }
    daemon.restart().await;
    assert!(daemon.tasks().await.is_empty());
    assert!(daemon.handlers("cpu").await.is_empty());
    assert!(daemon.events("cpu").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_go_of_the_data_and_of_the_ports() {
    let mut daemon = Daemon::start().await;
    daemon.define("t", MIRROR).await;
    let second = daemon.try_run_beside().await.expect_err("the directory is taken");
    assert!(format!("{second:#}").contains("data"), "{second:#}");
    let addrs = daemon.handle().addrs();
    daemon.stop().await;
    for (section, address) in
        [("[http]", addrs.http), ("[rpc]", addrs.rpc), ("[cluster]", addrs.gossip)]
    {
        daemon.set(section, "bind-address", &format!("\"{address}\""));
    }
    daemon.run().await;
    assert_eq!(daemon.http(), addrs.http);
    assert_eq!(daemon.get("/tasks/t").await["executing"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_could_not_be_delivered_is_delivered_after_the_restart() {
    let mut daemon = Daemon::start().await;
    daemon.define("t", ALERT).await;
    // Nobody listens there until the member has been restarted.
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("one");
    let spec = json!({"id": "h", "kind": "tcp", "options": {"address": free.to_string()}});
    daemon.send("POST", "/alerts/topics/cpu/handlers", &spec).await;
    daemon.write("cpu,host=a value=99 1").await;
    until("the event is there", async || same(&daemon.events("cpu").await.len(), &1)).await;
    daemon.stop().await;
    let listener = tokio::net::TcpListener::bind(free).await.expect("still free");
    daemon.run().await;
    let (mut stream, _) =
        tokio::time::timeout(std::time::Duration::from_secs(30), listener.accept())
            .await
            .expect("in time")
            .expect("a connection");
    let mut text = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text);
    tokio::time::timeout(std::time::Duration::from_secs(10), read)
        .await
        .expect("in time")
        .expect("text");
    assert!(text.contains("\"a is CRITICAL\""), "{text}");
}
