//! Cluster keys: sealed members, keys that are rolled under load, a plain cluster that is sealed while
//! it runs, and what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cluster::{add, all_see, cluster_with, remove};
use crate::daemon::{ALERT, Daemon, alerts_in, metric, quoted, same, until};
use crate::http::request;

const SEALED: &str = "application/vnd.kapacitor.rpc-sealed";
const CHANGES: &str = "kapacitor_key_changes_total";
const PLAIN: &str = "application/vnd.kapacitor.rpc";

fn key(n: u8) -> String {
    STANDARD.encode([n; 32])
}

fn file_of(keys: &[u8]) -> String {
    keys.iter().map(|n| key(*n) + "\n").collect()
}

/// Members with a key file each, in one cluster.
async fn sealed(n: usize, keys: &[u8]) -> Vec<Daemon> {
    let mut members = Vec::new();
    for _ in 0..n {
        let mut member = Daemon::prepare();
        member.put("keys", &file_of(keys));
        let file = quoted(&member.path("keys"));
        member.set("[cluster]", "keys-file", &file);
        member.run().await;
        members.push(member);
    }
    for joiner in &members[1..] {
        let answer = add(&members[0], &joiner.rpc().to_string()).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    all_see(&members.iter().collect::<Vec<_>>(), n).await;
    members
}

fn refused(port: &str, reason: &str) -> String {
    format!("kapacitor_refused_total{{port=\"{port}\",reason=\"{reason}\"}}")
}

/// What a change of keys must not cause: refusals about keys, and calls without an answer.
async fn losses(member: &Daemon) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for (port, reason) in [
        ("gossip", "key"),
        ("gossip", "unsealed"),
        ("gossip", "cluster"),
        ("gossip", "malformed"),
        ("rpc", "key"),
        ("rpc", "unsealed"),
        ("rpc", "forged"),
        ("rpc", "replay"),
        ("rpc", "answer"),
    ] {
        let series = refused(port, reason);
        found.push((series.clone(), metric(member, &series).await));
    }
    let failed = "kapacitor_rpc_calls_failed_total";
    found.push((failed.to_owned(), metric(member, failed).await));
    found.retain(|(_, n)| *n > 0);
    found
}

/// Writes one alert after another to all members until it is told to stop; how many it wrote.
async fn load(members: &[Daemon], stop: Arc<AtomicBool>, written: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let n = written.fetch_add(1, Ordering::Relaxed) + 1;
        let line = format!("cpu,host=h{} value=99 {n}000000000", n % 8);
        for member in members {
            member.write(&line).await;
        }
    }
}

async fn alerting(members: &[Daemon]) -> std::path::PathBuf {
    let file = members[0].path("alerts");
    members[0].define_log_handler("cpu", "h", &file).await;
    for member in members {
        member.define("t", ALERT).await;
        until("the handler is here", async || same(&member.handlers("cpu").await.len(), &1)).await;
    }
    file
}

/// Runs `change` while alerts flow; each alert is delivered once, and nothing is refused or lost.
async fn under_load(members: &[Daemon], change: impl AsyncFnOnce()) {
    let file = alerting(members).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let changing = async {
        change().await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load(members, stop.clone(), written.clone()), changing);
    let written = written.load(Ordering::Relaxed);
    assert!(written > 50, "there was load: {written}");
    until("all are delivered", async || {
        let seen = alerts_in(&file).len();
        if seen >= written { Ok(()) } else { Err(format!("{seen} of {written}")) }
    })
    .await;
    assert_eq!(alerts_in(&file).len(), written, "no copies");
    for member in members {
        assert_eq!(losses(member).await, vec![]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rolled_by_their_file_under_load_without_a_loss() {
    let members = sealed(3, &[1]).await;
    under_load(&members, async || {
        // Add, promote, retire: each everywhere before the next.
        for keys in [&[1_u8, 2][..], &[2, 1], &[2]] {
            for member in &members {
                let before = metric(member, CHANGES).await;
                member.put("keys", &file_of(keys));
                until("the keys are read", async || {
                    same(&metric(member, CHANGES).await, &(before + 1))
                })
                .await;
                assert_eq!(metric(member, "kapacitor_cluster_keys").await, keys.len() as u64);
            }
        }
    })
    .await;
    // The retired key opens nothing any more.
    let mut old = Daemon::prepare();
    old.set("[cluster]", "keys", &format!("[\"{}\"]", key(1)));
    old.run().await;
    let answer = add(&members[0], &old.rpc().to_string()).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.error().contains("does not share our cluster key"), "{}", answer.text());
    assert_eq!(metric(&old, &refused("rpc", "key")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_cluster_is_sealed_while_it_runs() {
    let mut members = cluster_with(3, &[]).await;
    let steps = [("false", "false"), ("false", "true"), ("true", "true")];
    let keys = format!("[\"{}\"]", key(3));
    // The files are written first: a reload reads what stands there then.
    let mut texts = Vec::new();
    for (incoming, outgoing) in steps {
        for member in &mut members {
            member.set("[cluster]", "keys", &keys);
            member.set("[cluster]", "verify-incoming", incoming);
            member.set("[cluster]", "verify-outgoing", outgoing);
            texts.push(member.text());
        }
    }
    let file = members[0].path("alerts");
    under_load(&members, async || {
        for step in texts.chunks(members.len()) {
            for (member, text) in members.iter().zip(step) {
                member.put("kapacitor.conf", text);
                member.handle().reload().await;
            }
            let before = alerts_in(&file).len();
            until("alerts flow with this setting", async || {
                let more = alerts_in(&file).len() - before;
                if more >= 50 { Ok(()) } else { Err(more.to_string()) }
            })
            .await;
        }
    })
    .await;
    let (status, word) = call(&members[0], PLAIN, &[1; 60]).await;
    assert_eq!((status, &*word), (401, "unsealed"));
}

/// A call of somebody from outside: status and the word of the refusal.
async fn call(member: &Daemon, kind: &str, body: &[u8]) -> (u16, String) {
    let headers = [("Content-Type", kind)];
    let answer = request(member.rpc(), "POST", "/rpc/v1/frame", &headers, body).await;
    let word = answer.headers.get("x-kapacitor-refused").cloned().unwrap_or_default();
    (answer.status, word)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_key_is_refused_and_counted() {
    let members = sealed(2, &[1]).await;
    for _ in 0..20 {
        assert_eq!(call(&members[0], PLAIN, &[1; 60]).await, (401, "unsealed".to_owned()));
        assert_eq!(call(&members[0], SEALED, &[1; 90]).await, (401, "session".to_owned()));
        assert_eq!(call(&members[0], SEALED, &[9; 90]).await, (401, "version".to_owned()));
    }
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let mut packet = vec![1_u8, 1];
    packet.extend([7; 120]);
    for _ in 0..20 {
        socket.send_to(&packet, members[0].handle().addrs().gossip).expect("sent");
    }
    until("packets are counted", async || {
        same(&metric(&members[0], &refused("gossip", "key")).await, &20)
    })
    .await;
    for reason in ["unsealed", "session", "version"] {
        assert_eq!(metric(&members[0], &refused("rpc", reason)).await, 20, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_member_with_the_key_is_refused() {
    let members = sealed(3, &[1]).await;
    let id = members[2].handle().member().to_string();
    let mut stopped = members;
    let mut gone = stopped.pop().expect("three");
    gone.stop().await;
    let answer = remove(&stopped[0], &id).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    gone.run().await;
    until("it is told, and alone", async || {
        same(&gone.get("/cluster").await["state"], &"uninitialized".into())
    })
    .await;
    let mut refusals = 0;
    for member in &stopped {
        for port in ["gossip", "rpc"] {
            refusals += metric(member, &refused(port, "removed")).await;
        }
    }
    assert!(refusals > 0, "its packets or calls were refused and counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_key_file_opens_nothing() {
    let members = sealed(2, &[1]).await;
    members[0].put("keys", "# none\n");
    until("it was not taken", async || {
        same(&metric(&members[0], "kapacitor_key_changes_failed_total").await, &1)
    })
    .await;
    assert_eq!(metric(&members[0], "kapacitor_cluster_keys").await, 1);
    assert_eq!(call(&members[0], PLAIN, &[1; 60]).await, (401, "unsealed".to_owned()));
}
