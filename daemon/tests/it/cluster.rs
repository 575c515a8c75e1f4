//! Several members in this process: added, removed, one handler for all, one alert for all.

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::daemon::{ALERT, Daemon, alerts_in, metric, same, until};
use crate::http::Answer;

/// Members made one cluster by adding them to the first.
async fn cluster(n: usize) -> Vec<Daemon> {
    cluster_with(n, &[]).await
}

/// The same with further settings of every member.
pub(crate) async fn cluster_with(n: usize, settings: &[(&str, &str, &str)]) -> Vec<Daemon> {
    let mut members = Vec::new();
    for _ in 0..n {
        members.push(Daemon::with(settings).await);
    }
    for joiner in &members[1..] {
        let answer = add(&members[0], &joiner.rpc().to_string()).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    all_see(&members.iter().collect::<Vec<_>>(), n).await;
    members
}

pub(crate) async fn change(by: &Daemon, method: &str, path: &str, body: &str) -> Answer {
    let token = format!("Bearer {}", by.token());
    by.ask_with(method, path, &[("Authorization", &token)], body.as_bytes()).await
}

pub(crate) async fn add(to: &Daemon, rpc_address: &str) -> Answer {
    let body = json!({"rpc-address": rpc_address}).to_string();
    change(to, "POST", "/cluster/members", &body).await
}

pub(crate) async fn remove(by: &Daemon, id: &str) -> Answer {
    change(by, "DELETE", &format!("/cluster/members/{id}"), "").await
}

/// Waits until each sees `n` members, all alive and ready, of one cluster.
pub(crate) async fn all_see(members: &[&Daemon], n: usize) {
    for member in members {
        until(&format!("{n} members are seen"), async || {
            let cluster = member.get("/cluster").await;
            let all = cluster["members"].as_array().expect("a list");
            let well = all.iter().filter(|m| m["status"] == "alive" && m["ready"] == true).count();
            let one = cluster["cluster-id"] == members[0].get("/cluster").await["cluster-id"];
            if all.len() == n && well == n && one { Ok(()) } else { Err(cluster.to_string()) }
        })
        .await;
    }
}

fn ids(cluster: &Json) -> Vec<String> {
    let members = cluster["members"].as_array().into_iter().flatten();
    members.map(|m| m["id"].as_str().unwrap_or("?").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn added_members_show_the_same_cluster() {
    let members = cluster(3).await;
    let first = members[0].get("/cluster").await;
    assert_eq!(first["state"], "initialized");
    assert_eq!(
        ids(&first),
        members.iter().map(|m| m.handle().member().to_string()).collect::<Vec<_>>()
    );
    let me = &first["members"][0];
    let addrs = members[0].handle().addrs();
    assert_eq!(me["rpc-address"], addrs.rpc.to_string());
    assert_eq!(me["gossip-address"], addrs.gossip.to_string());
    assert_eq!(me["api-address"], addrs.http.to_string());
    assert_eq!((&me["roles"], &me["version"]), (&json!(["worker"]), &json!(kapacitord::VERSION)));
    for member in &members {
        let seen = member.get("/cluster").await;
        assert_eq!(seen["member-id"], member.handle().member().to_string());
        assert_eq!(ids(&seen), ids(&first));
        let file = std::fs::read_to_string(member.path("data/cluster.id")).expect("written");
        assert_eq!(Json::from(file.trim()), first["cluster-id"]);
    }
    let again = add(&members[1], &members[2].rpc().to_string()).await;
    assert_eq!(again.status, 204, "adding again is a success");
}

/// Answers requests with 200 until it is dropped; `first` is one that was taken before.
async fn answer_all(listener: TcpListener, first: TcpStream) {
    let mut taken = first;
    loop {
        let _ = taken.read(&mut [0; 4096]).await;
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = taken.write_all(ok).await;
        let _ = taken.shutdown().await;
        taken = listener.accept().await.expect("a request").0;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_come_while_a_lone_member_gets_its_first_peer_are_all_taken() {
    const AMID: usize = 200;
    let members = [Daemon::start().await, Daemon::start().await];
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let post = format!("|httpPost('{url}')\n    |alert()");
    members[0].define("cpu", &ALERT.replace("|alert()", &post)).await;
    members[0].write("cpu,host=before value=99 1").await;
    // As one of a cluster the task starts anew, and not before this request is answered.
    let (first, _) = listener.accept().await.expect("the request of the first point");
    assert_eq!(add(&members[0], &members[1].rpc().to_string()).await.status, 204);
    for n in 0..AMID {
        members[0].write(&format!("cpu,host=amid{n} value=99 2")).await;
    }
    let server = tokio::spawn(answer_all(listener, first));
    until("every point was taken", async || {
        same(&members[0].events("cpu").await.len(), &(1 + AMID))
    })
    .await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_added_or_removed_is_told_clearly() {
    let members = cluster(2).await;
    let (other, another) = (Daemon::start().await, Daemon::start().await);
    assert_eq!(add(&other, &another.rpc().to_string()).await.status, 204);
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("one");
    for (address, status, part) in [
        (free.to_string(), 502, "failed to reach a member at"),
        (members[1].http().to_string(), 400, "is not the RPC address of a member"),
        (other.rpc().to_string(), 400, "failed to add the member at"),
        (members[0].rpc().to_string(), 400, "failed to add the member at"),
    ] {
        let answer = add(&members[0], &address).await;
        assert_eq!(answer.status, status, "{address}: {}", answer.text());
        assert!(answer.error().contains(part), "{address}: {}", answer.error());
    }
    let own = other.get("/cluster").await["cluster-id"].as_str().expect("an id").to_owned();
    let answer = add(&members[0], &other.rpc().to_string()).await;
    assert!(answer.error().contains(&own), "the joiner's cluster is named: {}", answer.error());
    assert_eq!(remove(&members[0], "nonsense").await.status, 400);
    assert_eq!(remove(&members[0], &other.handle().member().to_string()).await.status, 404);
    let alone = Daemon::start().await;
    let answer = remove(&alone, &alone.handle().member().to_string()).await;
    assert_eq!(answer.status, 409, "the last member: {}", answer.text());
    let answer = change(&members[0], "POST", "/cluster/members", "{}").await;
    assert_eq!(answer.status, 400);
    all_see(&members.iter().collect::<Vec<_>>(), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_defined_on_one_member_is_on_all() {
    let members = cluster(3).await;
    let spec = json!({"id": "h", "kind": "post", "options": {"url": "http://127.0.0.1:9/"}});
    members[1].send("POST", "/alerts/topics/cpu/handlers", &spec).await;
    for member in &members {
        until("the handler is here", async || {
            same(&member.handlers("cpu").await, &vec!["h".to_owned()])
        })
        .await;
    }
    members[2].ask("DELETE", "/alerts/topics/cpu/handlers/h", "").await.success();
    for member in &members {
        until("the handler is gone", async || same(&member.handlers("cpu").await, &vec![])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_members_raise_is_delivered_once_and_shown_by_all() {
    let members = cluster(3).await;
    let file = members[0].path("alerts");
    members[0].define_log_handler("cpu", "h", &file).await;
    for member in &members {
        member.define("t", ALERT).await;
        until("the handler is here", async || same(&member.handlers("cpu").await.len(), &1)).await;
    }
    for second in 1..=20 {
        let host = second % 4;
        let lines = format!("cpu,host=h{host} value=99 {second}000000000");
        for member in &members {
            member.write(&lines).await;
        }
    }
    until("all are delivered", async || same(&alerts_in(&file).len(), &20)).await;
    for member in &members {
        until("every member shows the events", async || {
            let events = member.events("cpu").await;
            let bad = events.values().filter(|l| *l == "CRITICAL").count();
            same(&(events.len(), bad), &(4, 4))
        })
        .await;
    }
    // Who holds none of them any more will not send it when its turn comes.
    for member in &members {
        until("nothing is pending", async || {
            same(&metric(member, "kapacitor_alert_pending").await, &0)
        })
        .await;
    }
    assert_eq!(alerts_in(&file).len(), 20, "nobody sends a copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_is_alone_again_and_saves_the_handlers() {
    let members = cluster(3).await;
    let spec = json!({"id": "h", "kind": "post", "options": {"url": "http://127.0.0.1:9/"}});
    members[0].send("POST", "/alerts/topics/cpu/handlers", &spec).await;
    until("the handler is there", async || same(&members[2].handlers("cpu").await.len(), &1)).await;
    members[2].define("t", ALERT).await;
    let before = members[0].get("/cluster").await["cluster-id"].clone();
    let answer = remove(&members[0], &members[2].handle().member().to_string()).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    all_see(&[&members[0], &members[1]], 2).await;
    let alone = until("the removed one is alone", async || {
        let seen = members[2].get("/cluster").await;
        same(&seen["state"], &json!("uninitialized")).map(|()| seen)
    })
    .await;
    assert_ne!(alone["cluster-id"], before);
    assert_eq!(ids(&alone), [members[2].handle().member().to_string()]);
    assert!(members[2].handlers("cpu").await.is_empty(), "handlers belong to the cluster");
    assert_eq!(members[2].tasks().await, ["t"], "tasks stay");
    let saved = members[2].path("data/removed-handlers/cpu.h.json");
    until("the handlers are saved", async || {
        std::fs::read_to_string(&saved).map(|_| ()).map_err(|e| e.to_string())
    })
    .await;
    let back = add(&members[1], &members[2].rpc().to_string()).await;
    assert_eq!(back.status, 204, "{}", back.text());
    all_see(&members.iter().collect::<Vec<_>>(), 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_member_finds_its_cluster_under_new_ports() {
    // New addresses reach everyone by push/pull at the latest: 30s by default.
    let often = ("[cluster]", "gossip-sync-interval", "\"1s\"");
    let mut members = cluster_with(3, &[often]).await;
    members[2].stop().await;
    let spec = json!({"id": "late", "kind": "post", "options": {"url": "http://127.0.0.1:9/"}});
    members[0].send("POST", "/alerts/topics/cpu/handlers", &spec).await;
    members[2].run().await;
    all_see(&members.iter().collect::<Vec<_>>(), 3).await;
    until("what was defined meanwhile is here", async || {
        same(&members[2].handlers("cpu").await, &vec!["late".to_owned()])
    })
    .await;
    let address = members[2].rpc().to_string();
    for member in &members {
        until("its new address is known", async || {
            let seen = member.get("/cluster").await;
            same(&seen["members"][2]["rpc-address"], &json!(address))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_a_cluster_are_anchored_and_define_says_so() {
    let script = "stream\n    |from()\n        .measurement('cpu')\n    |window()\n        .period(10s)\n        .every(10s)\n    |httpOut('out')\n";
    let alone = Daemon::start().await;
    let task = crate::daemon::task("w", script);
    let answer = alone.send("POST", "/tasks", &task).await;
    assert!(!answer.headers.contains_key("x-kapacitor-note"));
    let members = cluster(2).await;
    let answer = members[1].send("POST", "/tasks", &task).await;
    let note = &answer.headers["x-kapacitor-note"];
    assert!(note.contains("window2 to multiples of 10s"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_show_their_owners_and_tasks_where_they_run() {
    let members = cluster(2).await;
    members[0].define_log_handler("cpu", "h", &members[0].path("alerts")).await;
    let windowed = "stream|from().measurement('cpu')|window().period(1h).every(1h)|count('value')";
    members[0].define("cold", windowed).await;
    for member in &members {
        member.define("t", ALERT).await;
    }
    members[1].write("cpu,host=a value=99 1000000000").await;
    let ids: Vec<Json> = members.iter().map(|m| m.handle().member().to_string().into()).collect();
    for member in &members {
        until("topics and tasks are shown", async || {
            let cluster = member.get("/cluster").await;
            let topics = cluster["topics"].as_array().expect("a list");
            let Some(topic) = topics.iter().find(|t| t["topic"] == "cpu") else {
                return Err(cluster.to_string());
            };
            let owners = topic["owners"].as_array().expect("a list");
            let owned = owners.len() == 2 && ids.iter().all(|id| owners.contains(id));
            let run = |m: usize, warm: bool| json!({"member": ids[m], "warm": warm});
            let mut everywhere = vec![run(0, true), run(1, true)];
            everywhere.sort_by_key(|run| run["member"].to_string());
            let tasks = json!([
                {"id": "cold", "runs": [run(0, false)]},
                {"id": "t", "runs": everywhere},
            ]);
            let done = cluster["replication"]["done"].as_u64() >= Some(1)
                && cluster["replication"]["pending"] == 0
                && cluster["replication"]["specs"] == 1;
            let told = cluster["tasks"] == tasks && cluster["tasks-total"] == 2;
            if owned && told && done && topic["pending"] == 0 {
                Ok(())
            } else {
                Err(cluster.to_string())
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_around_tells_what_is_reached_and_what_is_not() {
    let mut members = cluster(2).await;
    let counted =
        "stream|from().measurement('cpu')|window().periodCount(3).everyCount(3)|count('v')";
    members[0].define("counted", counted).await;
    let check = members[0].get("/cluster/check").await;
    let ports = check["ports"].as_array().expect("a list");
    assert_eq!(ports.len(), 3, "gossip, rpc, api of the other: {check}");
    assert!(ports.iter().all(|port| port["problem"].is_null()), "{check}");
    assert_eq!((&check["keys"], &check["influxdb"]), (&json!(0), &json!([])));
    assert!(
        check["open"].as_str().is_some_and(|open| open.contains("can read and forge")),
        "{check}"
    );
    assert_eq!(
        (&check["tasks"][0]["task"], &check["tasks"][0]["node"]),
        (&json!("counted"), &json!("window2"))
    );
    let other = members[1].handle().member().to_string();
    members[1].stop().await;
    until("the ports are dead", async || {
        let check = members[0].get("/cluster/check").await;
        let ports = check["ports"].as_array().expect("a list");
        let dead = |port: &Json| port["problem"] == "port" && port["member"] == other.as_str();
        if ports.iter().all(dead) { Ok(()) } else { Err(check.to_string()) }
    })
    .await;
    // Nobody dials for each request.
    let first = members[0].get("/cluster/check").await["ports"].clone();
    assert_eq!(members[0].get("/cluster/check").await["ports"], first);
}
