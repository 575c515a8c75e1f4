//! Bad input from users and from the network: refused with a reason, and nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use e2e::http::request;
use e2e::{Member, until};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);

/// Malformed lines, and what the reason must contain beside the line itself.
const BAD_LINES: &[(&str, &str)] = &[
    ("cpu", "missing fields"),
    ("cpu ", "invalid field format"),
    ("cpu,host=a", "missing fields"),
    (",host=a value=1", "missing measurement"),
    (" value=1", "missing fields"),
    ("cpu value", "invalid field format"),
    ("cpu value=", "missing field value"),
    ("cpu =1", "missing field key"),
    ("cpu value=1,", "invalid field format"),
    ("cpu value=1 12x", "bad timestamp"),
    ("cpu value=1 1.5", "bad timestamp"),
    ("cpu value=1 99999999999999999999", "value out of range"),
    ("cpu value=1 2 3", "point is invalid"),
    ("cpu,host value=1", "missing tag value"),
    ("cpu,host= value=1", "missing tag value"),
    ("cpu,=a value=1", "missing tag key"),
    ("cpu, value=1", "missing tag key"),
    ("cpu value=\"open", "unbalanced quotes"),
    ("cpu value=nan", "invalid number"),
    ("cpu value=NaN", "invalid number"),
    ("cpu value=+Inf", "invalid boolean"),
    ("cpu value=1e999", "invalid float"),
    ("cpu value=9223372036854775808i", "value out of range"),
    ("cpu value=1.5i", "invalid number"),
    ("cpu value=abc", "invalid boolean"),
    ("cpu value=--1", "invalid number"),
];

#[test]
fn each_bad_line_is_named_with_its_reason() {
    let Some(member) = Member::start() else { return };
    for (line, reason) in BAD_LINES {
        let body = format!("cpu,host=good value=1 1\n{line}\ncpu,host=other value=2 2");
        let refused = member.write(&body).expect_err(line);
        assert!(refused.starts_with("status 400"), "{line:?}: {refused}");
        assert!(refused.contains(&format!("'{}", line.trim_start())), "{line:?}: {refused}");
        assert!(refused.contains(reason), "{line:?} lacks {reason:?}: {refused}");
    }
    let both = member.write("x\ncpu value=1\ny").expect_err("two are bad");
    assert!(both.contains("'x'") && both.contains("'y'"), "every bad line is named: {both}");
    member.write("cpu value=1").expect("a good line is taken after all of these");
}

#[test]
fn odd_but_legal_bodies_are_taken() {
    let Some(member) = Member::start() else { return };
    member.define("out", "stream|from().measurement('cpu').groupBy('host')|httpOut('out')");
    for body in [
        "cpu,host=crlf value=1 1\r\n\r\n# a remark\r\ncpu,host=crlf value=2 2\r\n",
        "",
        "\n\n\n",
        "cpu,host=int value=9223372036854775807i 3",
        "cpu,host=\u{fc}n\u{ef}c\u{f6}de value=\"\u{2713}\" 4",
    ] {
        member.write(body).expect(body);
    }
    until(SOON, "the points went through", || {
        let out = member.get("/kapacitor/v1/tasks/out/out")?.text();
        let whole = ["crlf", "9223372036854775807", "\u{fc}n\u{ef}c\u{f6}de"]
            .iter()
            .all(|p| out.contains(p));
        if whole && !out.contains("\\r") { Ok(()) } else { Err(out) }
    });
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let Some(member) = Member::start() else { return };
    let path = "/kapacitor/v1/write?db=telegraf&rp=autogen";
    for body in [&b"cpu,host=\xff value=1 1"[..], b"\xc3\x28 value=1", b"cpu value=\"\xff\" 1"] {
        let answer = member.ask("POST", path, body).expect("answered");
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.text());
    }
    member.write("cpu value=1").expect("it serves on");
}

#[test]
fn a_body_that_is_too_large_is_refused_and_costs_nothing() {
    let Some(mut member) = Member::start() else { return };
    let line = "cpu,host=a,region=somewhere value=123456789 1500000000000000000\n";
    let body = line.repeat((64 << 20) / line.len() + 1);
    let path = "/kapacitor/v1/write?db=telegraf&rp=autogen";
    let answer = member.ask("POST", path, body.as_bytes()).expect("answered");
    assert_eq!(answer.status, 413, "{}", answer.text());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).expect("in memory");
    let packed = gzip.finish().expect("in memory");
    let headers = [("Content-Encoding", "gzip")];
    let answer = request(member.http(), "POST", path, &headers, &packed).expect("answered");
    assert_eq!(answer.status, 413, "a small body that unpacks to a large one: {}", answer.text());
    let answer = request(member.http(), "POST", path, &headers, b"no gzip").expect("answered");
    assert_eq!(answer.status, 400, "{}", answer.text());
    member.write("cpu value=1").expect("it serves on");
    let pid = member.process().pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let resident = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line");
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(kilobytes < 200 << 10, "{kilobytes} kB are resident afterwards");
}

fn refused_script(member: &Member, script: &str) -> String {
    let task = json!({
        "id": "bad", "type": "stream", "script": script, "dbrps": [{"db": "d", "rp": "r"}],
    });
    member.send("POST", "/tasks", &task).expect_err("refused")
}

#[test]
fn scripts_that_are_too_much_are_refused_clearly() {
    let Some(member) = Member::start() else { return };
    let deep = "(".repeat(10_000) + "1" + &")".repeat(10_000);
    let nested = format!("stream|from().where(lambda: {deep} > 0)");
    let long = format!("stream|from()|eval(lambda: {} 1).as('x')", "1 + ".repeat(1 << 18));
    for (what, script) in [("nested", nested), ("long", long), ("nuls", "\0".repeat(1 << 20))] {
        let refused = refused_script(&member, &script);
        assert!(refused.starts_with("status 4"), "{what}: {}", &refused[..refused.len().min(300)]);
        assert!(refused.len() < 5000, "{what}: the message is short enough to read");
    }
    let remark = format!("// {}\nstream|from()|log()", "x".repeat(1 << 20));
    let task = json!({
        "id": "large", "type": "stream", "script": remark, "dbrps": [{"db": "d", "rp": "r"}],
    });
    // Either is fine; it must answer.
    let _ = member.send("POST", "/tasks", &task);
    member.define("good", "stream|from()|log()");
}

#[test]
fn every_prefix_of_a_script_is_answered() {
    let Some(member) = Member::start() else { return };
    let script = "var w = 10s\nstream|from().measurement('c\u{fc}pu').where(lambda: \"a\" =~ /x\\/y/)\
                  |window().period(w).every(w)|mean('v')|alert().crit(lambda: \"mean\" > 1e3).log('/dev/null')";
    for (end, _) in script.char_indices() {
        let task = json!({
            "id": format!("p{end}"), "type": "stream", "script": &script[..end],
            "dbrps": [{"db": "d", "rp": "r"}],
        });
        if let Err(refused) = member.send("POST", "/tasks", &task) {
            assert!(refused.starts_with("status 400"), "{:?}: {refused}", &script[..end]);
        }
    }
}

/// Bytes that mean nothing, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 42_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    })
    .take(length)
    .collect()
}

/// Sends, then waits until the other side closes or a second has passed.
fn shout(at: SocketAddr, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(at) else { return };
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read(&mut [0; 1024]);
}

#[test]
fn strangers_at_the_private_ports_change_nothing() {
    let Some(mut member) = Member::start() else { return };
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    for length in [0, 1, 2, 33, 34, 41, 100, 1400, 1401, 9000, 60_000] {
        let bytes = noise(length);
        udp.send_to(&bytes, member.gossip()).expect("sent");
        // The version byte and flags of the wire, then noise.
        let mut headed = bytes.clone();
        for (at, byte) in [1, 0].into_iter().enumerate() {
            if let Some(slot) = headed.get_mut(at) {
                *slot = byte;
            }
        }
        udp.send_to(&headed, member.gossip()).expect("sent");
        shout(member.gossip(), &bytes);
        shout(member.rpc(), &bytes);
    }
    let get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    udp.send_to(get, member.gossip()).expect("sent");
    shout(member.gossip(), get);
    shout(member.gossip(), &u32::MAX.to_be_bytes());
    shout(member.gossip(), &u32::MAX.to_le_bytes());
    for (method, path) in
        [("GET", "/"), ("POST", "/rpc"), ("POST", "/"), ("GET", "/kapacitor/v1/ping")]
    {
        if let Ok(answer) = request(member.rpc(), method, path, &[], &noise(500)) {
            assert!(answer.status >= 400, "{method} {path}: {}", answer.status);
        }
    }
    let cluster = member.cluster().expect("it serves on");
    assert_eq!(cluster["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(cluster["state"], "uninitialized");
    assert!(member.process().ended().is_none() && !member.log().contains("panicked"));
}

#[test]
fn what_members_say_is_of_no_use_to_who_repeats_it() {
    let Some(member) = Member::start() else { return };
    let Some(other) = Member::start() else { return };
    if e2e::program::need("kapacitorctl").is_none() {
        return;
    }
    // A lone member that is told of the cluster's addresses is still nobody to it.
    let stranger = Member::start().expect("found before");
    let added = member.ctl(&["member", "add", &other.rpc().to_string()]);
    assert_eq!(added.code, Some(0), "{added:?}");
    let body = json!({"rpc-address": member.rpc().to_string()}).to_string();
    let refused = stranger.ask("POST", "/kapacitor/v1/cluster/members", body.as_bytes());
    assert_eq!(refused.expect("answered").status, 401, "without a token");
    let taken = stranger.ctl(&["member", "add", &member.rpc().to_string()]);
    assert!(taken.code == Some(1) && taken.err.contains("another cluster"), "{taken:?}");
    assert_eq!(member.roster().expect("served").len(), 2);
    assert_eq!(stranger.roster().expect("served").len(), 1);
}

#[test]
fn slow_and_many_connections_stop_nobody() {
    let Some(member) = Member::start() else { return };
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect(member.http()).expect("it listens");
        stream.write_all(b"POST /kapacitor/v1/write?db=d HTTP/1.1\r\nHost:").expect("sent");
        idle.push(stream);
    }
    member.write("cpu value=1").expect("others are served");
    let headers = "a".repeat(200_000);
    let answer = request(member.http(), "GET", "/kapacitor/v1/ping", &[("X", &headers)], b"");
    assert!(answer.map_or(true, |a| a.status == 431), "headers have a limit");
    member.write("cpu value=1").expect("others are served");
}
