//! `/write`: precision, gzip, limits, and what a bad line does to the rest.

use std::io::Write as _;

use serde_json::json;

use crate::daemon::{Daemon, MIRROR};
use crate::http::request;

/// The limit of a body, unpacked too.
const LIMIT: usize = 32 << 20;

fn packed(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).expect("memory takes it");
    packer.finish().expect("memory takes it")
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_read_in_the_precision_that_was_given() {
    let daemon = Daemon::start().await;
    daemon.define("t", MIRROR).await;
    for (precision, time) in [
        ("", "1700000000000000000"),
        ("&precision=n", "1700000000000000000"),
        ("&precision=u", "1700000000000000"),
        ("&precision=ms", "1700000000000"),
        ("&precision=s", "1700000000"),
        ("&precision=us", "1700000000000000000"),
        ("&precision=ns", "1700000000000000000"),
        ("&consistency=all", "1700000000000000000"),
    ] {
        let path = format!("/write?db=telegraf&rp=autogen{precision}");
        let answer = daemon.ask("POST", &path, &format!("cpu value=1 {time}")).await;
        assert_eq!(answer.status, 204, "{precision}: {}", answer.text());
        let out = daemon.get("/tasks/t/out").await;
        assert_eq!(out["series"][0]["values"][0][0], "2023-11-14T22:13:20Z", "{precision}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_line_refuses_the_whole_body_and_is_named() {
    let daemon = Daemon::start().await;
    daemon.define("t", MIRROR).await;
    for (body, error) in [
        ("cpu value=1 1\nnonsense\n", "unable to parse 'nonsense': "),
        ("cpu value= 1", "unable to parse 'cpu value= 1': "),
        ("cpu value=1 x", "unable to parse 'cpu value=1 x': "),
    ] {
        let answer = daemon.ask("POST", "/write?db=telegraf&rp=autogen", body).await;
        assert_eq!(answer.status, 400, "{body}");
        let text = answer.text();
        assert!(text.starts_with(error) && text.ends_with('\n'), "plain text: {text:?}");
    }
    assert_eq!(daemon.get("/tasks/t/out").await, json!({"series": null}), "nothing was taken");
    for body in ["", "\n\n", "# only a remark\n"] {
        daemon.write(body).await;
    }
    let answer = daemon.ask("POST", "/write", "cpu value=1").await;
    assert_eq!((answer.status, answer.text().as_str()), (400, "database is required\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn points_go_to_the_tasks_of_their_database_and_policy() {
    let daemon = Daemon::with(&[("", "default-retention-policy", "\"autogen\"")]).await;
    daemon.define("t", MIRROR).await;
    for (query, value) in [("db=other&rp=autogen", 1), ("db=telegraf&rp=other", 2)] {
        let body = format!("cpu value={value} 1");
        daemon.ask("POST", &format!("/write?{query}"), &body).await.success();
    }
    assert_eq!(daemon.get("/tasks/t/out").await, json!({"series": null}));
    for (path, value) in [
        ("/write?db=telegraf", 3),
        ("/kapacitor/v1/write?db=telegraf&rp=autogen", 4),
        ("/kapacitor/v1preview/write?db=telegraf&rp=autogen", 5),
    ] {
        let body = format!("cpu value={value} 1");
        request(daemon.http(), "POST", path, &[], body.as_bytes()).await.success();
        assert_eq!(daemon.get("/tasks/t/out").await["series"][0]["values"][0][1], value, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_bodies_are_unpacked_within_the_limit() {
    let daemon = Daemon::start().await;
    daemon.define("t", MIRROR).await;
    let path = "/write?db=telegraf&rp=autogen";
    let gzip = [("Content-Encoding", "gzip")];
    let answer = daemon.ask_with("POST", path, &gzip, &packed(b"cpu value=7 1")).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(daemon.get("/tasks/t/out").await["series"][0]["values"][0][1], 7);
    let answer = daemon.ask_with("POST", path, &gzip, b"not packed").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    // One long remark: it is only unpacked and skipped.
    let bomb = packed(&vec![b'#'; LIMIT + 1]);
    let answer = daemon.ask_with("POST", path, &gzip, &bomb).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    let answer = daemon.ask_with("POST", path, &gzip, &packed(&vec![b'#'; LIMIT])).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let daemon = Daemon::start().await;
    for (path, plain) in [("/write?db=d", true), ("/tasks", false)] {
        // Only the head: whoever sends no body is answered all the same.
        let head = format!(
            "POST /kapacitor/v1{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n",
            LIMIT + 1
        );
        let answer = crate::http::raw(daemon.http(), head.as_bytes()).await;
        let answer = crate::http::parse(&answer, "POST");
        assert_eq!(answer.status, 413, "{}", answer.text());
        if plain {
            assert!(answer.text().ends_with('\n'), "{:?}", answer.text());
        } else {
            answer.error();
        }
    }
    assert_eq!(daemon.ask("GET", "/ping", "").await.status, 204);
}
