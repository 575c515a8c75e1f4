//! Whole commands against a fake member: layout, texts, exit codes.

use client::cluster::Cluster;
use expect_test::{Expect, expect};

use super::{KAPACITORCTL, cluster_status, member_list};
use crate::stage::{self, Asked, FakeMember};

const FIRST: &str = "f74f3547-efaf-4e6e-8b05-fb12b19f8287";
const SECOND: &str = "13eeefdd-41b5-453f-928e-cb9c55fd2a5d";

fn cluster_json(hosts: [&str; 2]) -> String {
    let member = |id: &str, host: &str, more: &str| {
        format!(
            r#"{{"id":"{id}","gossip-address":"{host}:9090","rpc-address":"{host}:9091",
            "api-address":"{host}:9092","roles":["worker"],"since":"2026-01-02T03:04:05Z",{more}}}"#
        )
    };
    format!(
        r#"{{"state":"initialized","cluster-id":"876ddfb4-1879-4f40-87e2-4080c04d3096",
        "member-id":"{FIRST}","version":"0.1.0","ready":true,"conflicts":[
            {{"kind":"handler","topic":"cpu","handler":"pager","winner":"{FIRST}","loser":"{SECOND}","lost":"{{}}"}},
            {{"kind":"topic-deletion","topic":"mem","handler":null,"winner":"{FIRST}","loser":"{SECOND}","lost":null}}],
        "replication":{{"specs":2,"states":3,"done":4,"pending":1,"syncs":5,"syncs-failed":0,"conflicts":2}},
        "topics":[{{"topic":"cpu","owners":["{SECOND}","{FIRST}"],"pending":1}}],"topics-total":7,
        "tasks":[{{"id":"t","runs":[{{"member":"{FIRST}","warm":true}},{{"member":"{SECOND}","warm":false}}]}}],"tasks-total":1,
        "members":[{},{}]}}"#,
        member(FIRST, hosts[0], r#""status":"alive","version":"0.1.0","ready":true,"boot":1"#),
        member(
            SECOND,
            hosts[1],
            r#""status":"failed","version":null,"ready":null,"boot":null,
            "last-sync":"2026-01-02T03:04:04.25Z","digest-equal":false"#
        )
    )
}

fn cluster(hosts: [&str; 2]) -> Cluster {
    serde_json::from_str(&cluster_json(hosts)).expect("a cluster")
}

fn check(actual: &str, expect: Expect) {
    expect.assert_eq(actual);
}

#[test]
fn member_list_is_the_originals_byte_for_byte() {
    let long = cluster(["kapacitor-1", "kapacitor-2"]);
    check(
        &member_list::render(&long).replace("failed", "alive"),
        expect![[r"
            State: initialized
            Cluster ID: 876ddfb4-1879-4f40-87e2-4080c04d3096
            Local Member ID: f74f3547-efaf-4e6e-8b05-fb12b19f8287
            Member ID                               Gossip Address     RPC Address        API Address        Roles  Status
            f74f3547-efaf-4e6e-8b05-fb12b19f8287    kapacitor-1:9090   kapacitor-1:9091   kapacitor-1:9092   worker alive
            13eeefdd-41b5-453f-928e-cb9c55fd2a5d    kapacitor-2:9090   kapacitor-2:9091   kapacitor-2:9092   worker alive
        "]],
    );
    let mut short = cluster(["serverA", "serverB"]);
    short.members.truncate(1);
    check(
        &member_list::render(&short),
        expect![[r"
            State: initialized
            Cluster ID: 876ddfb4-1879-4f40-87e2-4080c04d3096
            Local Member ID: f74f3547-efaf-4e6e-8b05-fb12b19f8287
            Member ID                               Gossip Address RPC Address    API Address    Roles  Status
            f74f3547-efaf-4e6e-8b05-fb12b19f8287    serverA:9090   serverA:9091   serverA:9092   worker alive
        "]],
    );
}

#[test]
fn cluster_status_shows_what_is_wrong() {
    check(
        &cluster_status::render(&cluster(["kapacitor-1", "kapacitor-2"])),
        expect![[r"
            State: initialized
            Cluster ID: 876ddfb4-1879-4f40-87e2-4080c04d3096
            Local Member ID: f74f3547-efaf-4e6e-8b05-fb12b19f8287
            Version: 0.1.0
            Ready: yes
            Replicated: 2 handlers, 3 event states, 4 delivered, 1 pending; 5 syncs, 0 failed; 2 conflicts
            Conflict: handler pager of topic cpu: the edit of member f74f3547-efaf-4e6e-8b05-fb12b19f8287 holds, that of 13eeefdd-41b5-453f-928e-cb9c55fd2a5d does not
            Conflict: deletion of topic mem: the edit of member f74f3547-efaf-4e6e-8b05-fb12b19f8287 holds, that of 13eeefdd-41b5-453f-928e-cb9c55fd2a5d does not
            Member ID                             API Address      Status  Since                Ready   Version Boot          Last Sync
            f74f3547-efaf-4e6e-8b05-fb12b19f8287  kapacitor-1:9092 alive   2026-01-02T03:04:05Z yes     0.1.0   1             -
            13eeefdd-41b5-453f-928e-cb9c55fd2a5d  kapacitor-2:9092 failed  2026-01-02T03:04:05Z -       -       -             2026-01-02T03:04:04Z (differing)

            Topic               Pending Owners
            cpu                 1       kapacitor-2:9092 kapacitor-1:9092
            … and 6 more

            Task                Runs On
            t                   kapacitor-1:9092, kapacitor-2:9092 (cold)
        "]],
    );
}

/// Answers as a member does; its token is `sesame`.
fn member(asked: &Asked) -> (u16, &'static str, String) {
    const OURS: &str = "X-Kapacitor-Version: 0.1.0\r\n";
    let error =
        |text: &str| format!("{{\n    \"error\": \"{text}\",\n    \"message\": \"{text}\"\n}}");
    if asked.line == "GET /kapacitor/v1/cluster" {
        return (200, OURS, cluster_json(["kapacitor-1", "kapacitor-2"]));
    }
    if asked.authorization != "Bearer sesame" {
        return (401, OURS, error("no permission: the token is in /data/admin.token"));
    }
    if asked.body.contains("api:9092") {
        return (400, OURS, error("api:9092 is an HTTP API, give the RPC address"));
    }
    (204, OURS, String::new())
}

#[test]
fn changes_print_nothing_and_carry_the_token() {
    let fake = FakeMember::start(member);
    let url = fake.url();
    let vars = [("KAPACITOR_URL", url.as_str()), ("KAPACITOR_ADMIN_TOKEN", "sesame")];
    for (words, asked) in [
        (
            &["member", "add", "kapacitor-2:9091"][..],
            r#"POST /kapacitor/v1/cluster/members {"rpc-address":"kapacitor-2:9091"}"#,
        ),
        (
            &["member", "remove", SECOND, "-skipVerify"],
            "DELETE /kapacitor/v1/cluster/members/13eeefdd-41b5-453f-928e-cb9c55fd2a5d ",
        ),
    ] {
        let outcome = stage::run(&KAPACITORCTL, words, &vars);
        assert_eq!((outcome.code, &*outcome.out, &*outcome.err), (0, "", ""), "{words:?}");
        let last = fake.last();
        assert_eq!(format!("{} {}", last.line, last.body), asked);
    }
}

#[test]
fn the_token_is_found_beside_the_data_of_the_daemon() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("kapacitor.conf");
    std::fs::write(&config, format!("data_dir = {:?}\n", dir.path())).expect("written");
    std::fs::write(dir.path().join("admin.token"), "sesame").expect("written");
    let config = config.to_string_lossy().into_owned();
    let fake = FakeMember::start(member);
    let words = ["member", "add", "b:9091", "-config", &config];
    assert_eq!(fake.run(&KAPACITORCTL, &words).code, 0);
    let in_environment = [("KAPACITOR_URL", &*fake.url()), ("KAPACITOR_CONFIG_PATH", &*config)];
    assert_eq!(stage::run(&KAPACITORCTL, &words[..3], &in_environment).code, 0);
    // A login in the URL is used alone: the token is for whoever names no user.
    let as_user = format!("http://ann:x@{}", fake.address);
    let outcome = stage::run(&KAPACITORCTL, &[&words[..], &["-url", &as_user]].concat(), &[]);
    assert_eq!((outcome.code, &*fake.last().authorization), (1, "Basic YW5uOng="));
}

#[test]
fn failures_say_what_to_do_and_have_their_exit_code() {
    let fake = FakeMember::start(member);
    let rpc = FakeMember::start(|_| (404, "", "This is the RPC port of a member.\n".to_owned()));
    let gossip = FakeMember::start(|_| (0, "", String::new()));
    let (url, rpc, gossip) = (fake.url(), rpc.url(), gossip.url());
    let sesame = ("KAPACITOR_ADMIN_TOKEN", "sesame");
    for (code, words, vars, expect) in [
        (
            1,
            &["member", "list", "-url", "http://127.0.0.1:1"][..],
            &[][..],
            "cannot reach http://127.0.0.1:1: connection refused",
        ),
        (
            1,
            &["member", "list", "-url", &rpc],
            &[],
            "(This is the RPC port of a member.); is it the address of a member's HTTP API",
        ),
        (
            1,
            &["member", "list", "-url", &gossip],
            &[],
            "closed the connection without an answer; is it",
        ),
        (
            1,
            &["member", "list", "-url", &url.replace("http:", "https:")],
            &[],
            "does not speak TLS, try http://; is it",
        ),
        (
            1,
            &["member", "add", "b:9091"],
            &[("HOME", "/nowhere")],
            "no permission: the token is in /data/admin.token\nNo token was sent: cannot read /nowhere/.kapacitor/admin.token",
        ),
        (
            1,
            &["member", "add", "b:9091"],
            &[("KAPACITOR_ADMIN_TOKEN", "wrong")],
            "no permission: the token is in /data/admin.token",
        ),
        (
            2,
            &["member", "add", "b:9091"],
            &[("KAPACITOR_ADMIN_TOKEN", "a b")],
            "KAPACITOR_ADMIN_TOKEN holds no token",
        ),
        (
            1,
            &["member", "add", "api:9092"],
            &[sesame],
            "api:9092 is an HTTP API, give the RPC address",
        ),
        (1, &["member", "add", "http://b:9091"], &[sesame], "is a URL: give host:port"),
        (1, &["member", "add", "b"], &[sesame], "has no port"),
        (1, &["member", "remove", "kapacitor-2"], &[sesame], "\"kapacitor-2\" is no member ID"),
        (2, &["member", "add"], &[], "Must provide the RPC address"),
        (2, &["member", "add", "a:1", "b:1"], &[], "Usage: kapacitorctl member add"),
        (2, &["member", "list", "-config", "x"], &[], "flag provided but not defined: -config"),
        (2, &["member", "list", "-caCert", "/no"], &[], "cannot read -caCert /no: No such file"),
        (
            2,
            &["member", "list", "-caCert", "/dev/null"],
            &[],
            "cannot use -caCert /dev/null: the authority holds no certificate",
        ),
        (
            2,
            &["member", "list", "-url", "localhost:9092"],
            &[],
            "Unsupported protocol scheme: localhost",
        ),
        (2, &["member", "drop"], &[], "Unknown command member drop"),
        (2, &["members"], &[], "Unknown command members"),
        (2, &["member"], &[], "Usage: kapacitorctl member remove ID"),
        (2, &["cluster"], &[], "Usage: kapacitorctl cluster status"),
        (2, &[], &[], "Usage: kapacitorctl [options]"),
    ] {
        let vars: Vec<_> = [("KAPACITOR_URL", &*url)].iter().chain(vars).copied().collect();
        let outcome = stage::run(&KAPACITORCTL, words, &vars);
        assert!(outcome.err.contains(expect), "{words:?}: {}", outcome.err);
        assert_eq!((outcome.code, &*outcome.out), (code, ""), "{words:?}");
    }
}

#[test]
fn status_is_shown_as_json_too() {
    let fake = FakeMember::start(member);
    let outcome = fake.run(&KAPACITORCTL, &["cluster", "status", "-o", "json"]);
    let shown: Cluster = serde_json::from_str(&outcome.out).expect("JSON");
    assert_eq!(shown, cluster(["kapacitor-1", "kapacitor-2"]));
    let outcome = fake.run(&KAPACITORCTL, &["cluster", "status", "-o", "xml"]);
    assert_eq!(outcome.code, 2);
}

#[test]
fn help_names_every_command() {
    let all = stage::run(&KAPACITORCTL, &["help"], &[]);
    assert_eq!(all.code, 0);
    for command in KAPACITORCTL.commands {
        assert!(all.out.contains(command.name), "{}", command.name);
        let words: Vec<&str> = ["help"].into_iter().chain(command.name.split(' ')).collect();
        let one = stage::run(&KAPACITORCTL, &words, &[]);
        assert!(one.code == 0 && one.out.contains(command.about), "{}", command.name);
    }
    for words in [["help", "member"], ["member", "-h"]] {
        let group = stage::run(&KAPACITORCTL, &words, &[]);
        assert!(group.code == 0 && group.out.contains("member add ADDR"), "{words:?}");
    }
    assert_eq!(stage::run(&KAPACITORCTL, &["member", "add", "-h"], &[]).code, 0);
}

#[test]
fn generated_keys_are_32_bytes_and_never_the_same() {
    let keys = ["", ""].map(|_| stage::run(&KAPACITORCTL, &["keys", "generate"], &[]).out);
    for key in &keys {
        assert!(
            key.len() == 45 && key.ends_with("=\n"),
            "base64 of 32 bytes and a newline: {key:?}"
        );
    }
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn certificates_are_made_once_and_their_keys_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a directory");
    let certs = dir.path().join("certs").to_string_lossy().into_owned();
    let init = |more: &[&str]| {
        stage::run(&KAPACITORCTL, &[&["certs", "init", certs.as_str()], more].concat(), &[])
    };
    let first = init(&["kapacitor-1", "127.0.0.2"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let names = ["ca", "ca-key", "kapacitor-1", "kapacitor-1-key", "127.0.0.2", "127.0.0.2-key"];
    let files = names.map(|name| format!("{certs}/{name}.pem"));
    for file in &files {
        assert!(first.out.contains(&format!("wrote {file}\n")), "{}", first.out);
        let mode = std::fs::metadata(file).expect("written").permissions().mode() & 0o777;
        assert_eq!(mode == 0o600, file.ends_with("-key.pem"), "{file} has mode {mode:o}");
    }
    let authority = std::fs::read(&files[0]).expect("readable");
    let more = init(&["kapacitor-3", "-days=30"]);
    assert_eq!((more.code, more.out.lines().count()), (0, 2), "{}", more.err);
    assert_eq!(std::fs::read(&files[0]).expect("readable"), authority, "it stays");
    let several = init(&["demo,*.demo.svc,127.0.0.3"]);
    assert_eq!((several.code, several.out.lines().count()), (0, 2), "{}", several.err);
    assert!(several.out.contains("/demo-key.pem"), "{}", several.out);
    for (code, words, expect) in [
        (1, &["kapacitor-1"][..], "kapacitor-1.pem exists"),
        (1, &["*.demo.svc"], "is no host"),
        (1, &["a,*"], "is no host"),
        (1, &["a,"], "is no host"),
        (1, &["host:9091"], "is no host"),
        (1, &["../x"], "is no host"),
        (2, &["x", "-days", "0"], "want 1 to 3650"),
    ] {
        let outcome = init(words);
        assert_eq!(outcome.code, code, "{words:?}");
        assert!(outcome.err.contains(expect), "{words:?}: {}", outcome.err);
    }
    std::fs::remove_file(&files[1]).expect("removed");
    assert!(init(&["y"]).err.contains("holds ca.pem but no ca-key.pem"));
    assert_eq!(stage::run(&KAPACITORCTL, &["certs", "init"], &[]).code, 2);
}

fn check_json(more: &str) -> String {
    let port = |service: &str, status: &str, problem: &str| {
        format!(
            r#"{{"member":"{SECOND}","status":"{status}","service":"{service}","address":"kapacitor-2:1",
            "problem":{problem},"error":{problem}}}"#
        )
    };
    format!(
        r#"{{"member-id":"{FIRST}","time":"{}","keys":0,{more},"ports":[{},{},{}]}}"#,
        jiff::Timestamp::now(),
        port("gossip", "failed", r#""name""#),
        port("rpc", "failed", "null"),
        port("api", "failed", r#""port""#),
    )
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_to_do() {
    let fake = FakeMember::start(|asked| {
        if asked.line == "GET /kapacitor/v1/cluster" {
            // Nobody resolves the other one.
            return (200, "", cluster_json(["kapacitor-1", "no.such.host.invalid"]));
        }
        let more = r#""open":"whoever reaches it can read: set keys",
            "influxdb":[{"name":"local","subscription-mode":"cluster","subscriptions":true,"trouble":null}],
            "tasks":[{"task":"t","node":"window2","why":"its windows are by count"}]"#;
        (200, "", check_json(more))
    });
    let outcome = fake.run(&KAPACITORCTL, &["doctor"]);
    assert_eq!((outcome.code, &*outcome.err), (1, ""));
    for (what, then) in [
        ("2 members, 1 looked around", ""),
        (&format!("member {SECOND} (failed) cannot be asked"), "member remove"),
        ("kapacitor-1:9092 cannot resolve kapacitor-2:1 (gossip", "give that member a `hostname`"),
        ("does not reach kapacitor-2:1 (api", "open the API port"),
        ("as failed although its RPC answers", "for UDP"),
        (
            "in mode \"cluster\": not every member gets every point",
            "subscription-mode = \"server\"",
        ),
        ("task t, node window2: its windows are by count", "use windows by time"),
        ("kapacitor-1:9092: whoever reaches it can read", "set keys"),
    ] {
        let found = outcome.out.split("\n✗ ").find(|finding| finding.contains(what));
        let found = found.unwrap_or_else(|| panic!("{what}: {}", outcome.out));
        assert!(found.contains(then), "{what}: {found}");
    }
    assert!(!outcome.out.contains("clock of"), "its clock is ours: {}", outcome.out);
}

#[test]
fn the_doctor_is_content_with_a_healthy_member_alone() {
    let fake = FakeMember::start(|asked| {
        if asked.line == "GET /kapacitor/v1/cluster" {
            let mut alone = cluster(["kapacitor-1", "kapacitor-2"]);
            alone.members.truncate(1);
            return (200, "", serde_json::to_string(&alone).expect("JSON"));
        }
        let time = jiff::Timestamp::now();
        (200, "", format!(r#"{{"member-id":"{FIRST}","time":"{time}","keys":1}}"#))
    });
    let outcome = fake.run(&KAPACITORCTL, &["doctor"]);
    assert_eq!((outcome.code, &*outcome.err), (0, ""), "{}", outcome.out);
    assert!(outcome.out.contains("nothing is wrong"), "{}", outcome.out);
}
