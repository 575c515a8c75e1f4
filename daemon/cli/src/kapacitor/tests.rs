//! Whole commands against a fake member: what is asked, what is printed, exit codes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use client::topic::{Event, Topic};
use expect_test::{Expect, expect};
use jiff::tz::TimeZone;

use super::{KAPACITOR, show, show_template, show_topic};
use crate::stage::{self, Asked, FakeMember};
use crate::tool::Outcome;

const OURS: &str = "X-Kapacitor-Version: 0.1.0\r\n";

fn check(actual: &str, expect: Expect) {
    expect.assert_eq(actual);
}

fn error(text: &str) -> String {
    serde_json::json!({"error": text, "message": text}).to_string()
}

/// A member with a running task `oven` and a stopped one `saw`, template `tm`, handler `furnace/hh`.
fn member(asked: &Asked) -> (u16, &'static str, String) {
    let path = asked.line.replace("/kapacitor/v1/", "");
    let task = |id: &str, status: &str| {
        format!(
            r#"{{"id":"{id}","type":"stream","status":"{status}","executing":{},
            "dbrps":[{{"db":"plant","rp":"raw"}},{{"db":"do.ck","rp":"r p"}}]}}"#,
            status == "enabled"
        )
    };
    let (oven, saw) = (task("oven", "enabled"), task("saw", "disabled"));
    let handler = r#"{"id":"hh","kind":"log","match":"","options":{"path":"/x"}}"#;
    let answer = match path.as_str() {
        "PATCH tasks/oven" => {
            return (
                200,
                "X-Kapacitor-Version: 0\r\nx-kapacitor-note: windows are aligned\r\n",
                oven,
            );
        }
        "GET tasks/oven" => oven,
        "GET templates/tm" | "PATCH templates/tm" | "POST templates" | "POST tasks" => {
            r#"{"id":"x"}"#.to_owned()
        }
        "PATCH tasks/saw" => saw,
        "GET alerts/topics/furnace/handlers/hh" | "PUT alerts/topics/furnace/handlers/hh" => {
            handler.to_owned()
        }
        "POST loglevel" => return (204, OURS, String::new()),
        "GET debug/vars" => r#"{"cluster_id":"c","server_id":"s","host":"h","num_tasks":2,
            "num_enabled_tasks":1,"num_subscriptions":3,"platform":"OSS","version":"0.1.0",
            "product":"kapacitor","kapacitor":{
            "2":{"name":"ingress","tags":{"task_master":"main","database":"plant",
                "retention_policy":"raw","measurement":"kiln"},"values":{"points_received":42}},
            "1":{"name":"ingress","tags":{"task_master":"r1","database":"x"},"values":{}},
            "3":{"name":"nodes","tags":{},"values":{"x":1}}}}"#
            .to_owned(),
        "GET alerts/topics?pattern=&min-level=OK" | "GET alerts/topics?pattern=f*&min-level=OK" => {
            r#"{"topics":[{"id":"furnace","level":"CRITICAL","collected":2}]}"#.to_owned()
        }
        _ if path.starts_with("DELETE ") => return (204, OURS, String::new()),
        _ if path.starts_with("GET tasks?pattern=none") => r#"{"tasks":[]}"#.to_owned(),
        _ if path.starts_with("GET tasks?pattern=&offset=0") => {
            format!(r#"{{"tasks":[{saw},{oven}]}}"#)
        }
        _ if path.starts_with("GET tasks?pattern=o") => format!(r#"{{"tasks":[{oven}]}}"#),
        _ if path.starts_with("GET templates?") => {
            r#"{"templates":[{"id":"tm","type":"stream","vars":{"m":{"type":"string","value":null},
            "k":{"type":"float","value":2}}}]}"#
                .to_owned()
        }
        _ if path.starts_with("GET alerts/topics/furnace/handlers?pattern=") => {
            format!(r#"{{"handlers":[{handler}]}}"#)
        }
        _ if path.starts_with("GET alerts/topics/ghost") => {
            return (404, OURS, error("unknown topic: \"ghost\""));
        }
        _ if path.starts_with("POST alerts/topics/furnace/handlers") => {
            return (
                500,
                OURS,
                error("failed to create handler: unsupported action kind \"pigeon\""),
            );
        }
        _ => return (404, OURS, error("no task exists")),
    };
    (200, OURS, answer)
}

#[test]
fn tables_have_the_originals_columns() {
    let fake = FakeMember::start(member);
    let mut shown = String::new();
    for words in [
        &["list", "tasks"][..],
        &["list", "tasks", "none*"],
        &["list", "templates"],
        &["list", "topics"],
        &["list", "topic-handlers"],
        &["list", "topic-handlers", "f*", "h*"],
        &["stats", "ingress"],
        &["stats", "general"],
    ] {
        let outcome = fake.run(&KAPACITOR, words);
        assert_eq!((outcome.code, &*outcome.err), (0, ""), "{words:?}");
        shown += &outcome.out;
    }
    check(
        &shown,
        expect![[r#"
            ID   Type      Status    Executing Databases and Retention Policies
            oven stream    enabled   true      ["plant"."raw" "do.ck"."r p"]
            saw  stream    disabled  false     ["plant"."raw" "do.ck"."r p"]
            ID Type      Status    Executing Databases and Retention Policies
            ID Type      Vars
            tm stream    k,m
            ID      Level     Collected
            furnace CRITICAL          2
            Topic      ID         Kind
            furnace    hh         log
            Topic      ID         Kind
            furnace    hh         log
            Database Retention Policy Measurement Points Received
            plant    raw              kiln                     42
            ClusterID:                    c
            ServerID:                     s
            Host:                         h
            Tasks:                        2
            Enabled Tasks:                1
            Subscriptions:                3
            Platform:                     OSS
            Version:                      0.1.0
        "#]],
    );
}

#[test]
fn a_task_is_shown_line_by_line() {
    let task = serde_json::from_str(
        r#"{"id":"tk","template-id":"tm","type":"stream","status":"disabled","executing":false,
        "dbrps":[{"db":"plant","rp":"raw"}],"script":"stream\n    |log()\n","error":"",
        "created":"2017-07-14T02:40:10.5Z","modified":"2017-07-14T02:40:10.5Z",
        "last-enabled":"0001-01-01T00:00:00Z","dot":"digraph tk {\n}","stats":null,
        "vars":{"m":{"type":"string","value":"kiln"},"k":{"type":"duration","value":90000000000}}}"#,
    )
    .expect("a task");
    check(
        &show::render(&task).replace("Error: \n", "Error: |\n"),
        expect![[r#"
            ID: tk
            Error: |
            Template: tm
            Type: stream
            Status: disabled
            Executing: false
            Created: 14 Jul 17 02:40 UTC
            Modified: 14 Jul 17 02:40 UTC
            LastEnabled: 01 Jan 01 00:00 UTC
            Databases Retention Policies: ["plant"."raw"]
            TICKscript:
            stream
                |log()

            Vars:
            Name                          Type      Value
            k                             duration  1m30s
            m                             string    kiln
            DOT:
            digraph tk {
            }
        "#]],
    );
}

#[test]
fn a_template_is_shown_with_what_it_requires() {
    let template = serde_json::from_str(
        r#"{"id":"tm","type":"stream","script":"var m string\n","dot":"digraph tm {\n}",
        "created":"2017-07-14T02:40:10Z","modified":"2017-07-14T02:40:10Z","error":"",
        "vars":{"m":{"type":"string","value":null,"description":"which"},
        "k":{"type":"float","value":2,"description":"times"}}}"#,
    )
    .expect("a template");
    check(
        &show_template::render(&template).replace("Error: \n", "Error: |\n"),
        expect![[r"
            ID: tm
            Error: |
            Type: stream
            Created: 14 Jul 17 02:40 UTC
            Modified: 14 Jul 17 02:40 UTC
            TICKscript:
            var m string

            Vars:
            Name                          Type      Default Value                           Description
            k                             float     2                                       times
            m                             string    <required>                              which
            DOT:
            digraph tm {
            }
        "]],
    );
}

#[test]
fn a_topic_is_shown_with_its_events_oldest_first() {
    let topic: Topic = serde_json::from_str(r#"{"id":"furnace","level":"WARNING","collected":12}"#)
        .expect("topic");
    let event = |id: &str, time: &str| -> Event {
        let json = serde_json::json!({"id": id, "state": {"message": format!("{id} is bad"),
            "details": "", "time": time, "duration": "5m0s", "level": "WARNING"}});
        serde_json::from_value(json).expect("an event")
    };
    let events = vec![
        event("kiln:bay=b", "2017-07-14T02:40:10.25Z"),
        event("kiln:bay=a", "2017-07-14T02:40:10Z"),
    ];
    let handlers = ["hh".to_owned(), "pp".to_owned()];
    check(
        &show_topic::render(&topic, &handlers, events, &TimeZone::UTC),
        expect![[r"
            ID: furnace
            Level: WARNING
            Collected: 12
            Handlers: [hh, pp]
            Events:
            Event      Level    Message           Date
            kiln:bay=a WARNING  kiln:bay=a is bad 14 Jul 17 02:40 UTC
            kiln:bay=b WARNING  kiln:bay=b is bad 14 Jul 17 02:40 UTC
        "]],
    );
}

/// Runs with these files in a directory; a word `@f` becomes the file's path.
fn run_with(fake: &FakeMember, words: &str, files: &[(&str, &str)]) -> Outcome {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("written");
    }
    let words: Vec<String> = words
        .split(' ')
        .map(|word| match word.strip_prefix('@') {
            Some(name) => dir.path().join(name).to_string_lossy().into_owned(),
            None => word.to_owned(),
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    fake.run(&KAPACITOR, &words)
}

#[test]
fn definitions_ask_for_what_flags_and_files_say() {
    let files = [
        ("a.tick", "stream|log()"),
        ("v.json", r#"{"m":{"type":"string","value":"kiln"},"k":{"type":"int","value":4}}"#),
        (
            "t.yaml",
            "template-id: tm\ndbrps:\n- db: a\n  rp: b\n- c.d\nvars:\n  k: {type: int, value: 5}\n",
        ),
        (
            "t.json",
            r#"{"id":"new","template-id":"other","vars":{"k":{"type":"float","value":0.5}}}"#,
        ),
        (
            "h.yaml",
            "topic: furnace\nid: hh\nkind: log\nmatch: level() == CRITICAL\noptions:\n  path: /h.log\n",
        ),
    ];
    let mut shown = String::new();
    for words in [
        "define new -type stream -tick @a.tick -dbrp plant.raw -dbrp \"do.ck\".\"r.p\"",
        "define oven -tick @a.tick",
        "define oven -tick @a.tick -no-reload",
        "define saw -tick @a.tick",
        "define new -template tm -vars @v.json -dbrp plant.raw",
        "define new -file @t.yaml",
        "define -file @t.json -template tm new -vars @t.yaml",
        "define-template tm -type stream -tick @a.tick",
        "define-template other -tick @a.tick",
        "define-topic-handler @h.yaml",
        "enable o* oven",
        "disable oven",
        "reload oven",
        "delete tasks o* none",
        "delete topics f*",
        "delete topic-handlers furnace hh",
        "level debug",
    ] {
        let fake = FakeMember::start(member);
        let outcome = run_with(&fake, words, &files);
        assert_eq!((outcome.code, &*outcome.out), (0, ""), "{words}: {}", outcome.err);
        let _ = write!(shown, "$ {words}\n{}{}", fake.transcript(), outcome.err);
    }
    check(
        &shown.replace("/kapacitor/v1/", ""),
        expect![[r#"
        $ define new -type stream -tick @a.tick -dbrp plant.raw -dbrp "do.ck"."r.p"
        GET tasks/new
        POST tasks {"id":"new","type":"stream","dbrps":[{"db":"plant","rp":"raw"},{"db":"do.ck","rp":"r.p"}],"script":"stream|log()","status":"disabled"}
        $ define oven -tick @a.tick
        GET tasks/oven
        PATCH tasks/oven {"script":"stream|log()"}
        PATCH tasks/oven {"status":"disabled"}
        PATCH tasks/oven {"status":"enabled"}
        Note: windows are aligned
        $ define oven -tick @a.tick -no-reload
        GET tasks/oven
        PATCH tasks/oven {"script":"stream|log()"}
        Note: windows are aligned
        $ define saw -tick @a.tick
        GET tasks/saw
        POST tasks {"id":"saw","script":"stream|log()","status":"disabled"}
        $ define new -template tm -vars @v.json -dbrp plant.raw
        GET tasks/new
        POST tasks {"id":"new","template-id":"tm","dbrps":[{"db":"plant","rp":"raw"}],"status":"disabled","vars":{"k":{"type":"int","value":4},"m":{"type":"string","value":"kiln"}}}
        $ define new -file @t.yaml
        GET tasks/new
        POST tasks {"id":"new","template-id":"tm","dbrps":[{"db":"a","rp":"b"},{"db":"c","rp":"d"}],"status":"disabled","vars":{"k":{"type":"int","value":5}}}
        $ define -file @t.json -template tm new -vars @t.yaml
        GET tasks/new
        POST tasks {"id":"new","template-id":"tm","status":"disabled","vars":{"k":{"type":"int","value":5}}}
        $ define-template tm -type stream -tick @a.tick
        GET templates/tm
        PATCH templates/tm {"type":"stream","script":"stream|log()"}
        $ define-template other -tick @a.tick
        GET templates/other
        POST templates {"id":"other","script":"stream|log()"}
        $ define-topic-handler @h.yaml
        GET alerts/topics/furnace/handlers/hh
        PUT alerts/topics/furnace/handlers/hh {"id":"hh","topic":"furnace","kind":"log","options":{"path":"/h.log"},"match":"level() == CRITICAL"}
        $ enable o* oven
        GET tasks?pattern=o*&offset=0&limit=100&fields=link
        GET tasks?pattern=oven&offset=0&limit=100&fields=link
        PATCH tasks/oven {"status":"enabled"}
        Note: oven: windows are aligned
        $ disable oven
        GET tasks?pattern=oven&offset=0&limit=100&fields=link
        PATCH tasks/oven {"status":"disabled"}
        $ reload oven
        GET tasks?pattern=oven&offset=0&limit=100&fields=link
        PATCH tasks/oven {"status":"disabled"}
        PATCH tasks/oven {"status":"enabled"}
        $ delete tasks o* none
        GET tasks?pattern=o*&offset=0&limit=100&fields=link
        GET tasks?pattern=none&offset=0&limit=100&fields=link
        DELETE tasks/oven
        $ delete topics f*
        GET alerts/topics?pattern=f*&min-level=OK
        DELETE alerts/topics/furnace
        $ delete topic-handlers furnace hh
        GET alerts/topics/furnace/handlers?pattern=hh
        DELETE alerts/topics/furnace/handlers/hh
        $ level debug
        POST loglevel {"level":"debug"}
    "#]],
    );
}

#[test]
fn failures_have_the_originals_texts_and_codes() {
    let fake = FakeMember::start(member);
    let files = [
        ("bad.yaml", "topic: furnace\nid: zz\nkind: pigeon\n"),
        ("none.yaml", "topic: furnace\nkind: log\n"),
        ("t.json", r#"{"id":"other"}"#),
        ("broken.json", "{"),
    ];
    for (code, words, expect) in [
        (3, "show ghost", "Error: no task exists\n"),
        (3, "show-topic ghost", "Error: unknown topic: \"ghost\"\n"),
        (2, "define", "Must provide a task ID.\nUsage: kapacitor define"),
        (
            3,
            "define y -type stream -tick /none.tick",
            "Error: open /none.tick: no such file or directory\n",
        ),
        (
            2,
            "define z -dbrp bad",
            "invalid value \"bad\" for flag -dbrp: does not contain a '.', it must be in the form \"dbname\".\"rpname\" where the quotes are optional.\nUsage: kapacitor",
        ),
        (3, "define z -type x", "Error: unknown task type \"x\""),
        (
            3,
            "define z -file @t.json",
            "Error: Task id given on command line does not match id in /",
        ),
        (3, "define z -vars @broken.json", "Error: failed to decode /"),
        (2, "define-topic-handler", "Must provide a path to a handler file.\nUsage: kapacitor"),
        (
            3,
            "define-topic-handler @bad.yaml",
            "Error: failed to create handler: unsupported action kind \"pigeon\"\n",
        ),
        (
            3,
            "define-topic-handler @none.yaml",
            "Error: invalid handler spec: handler ID must contain only",
        ),
        (2, "enable", "Must pass at least one ID\nUsage: kapacitor"),
        (2, "delete", "Must pass at least one ID\nUsage: kapacitor"),
        (2, "delete tasks", "Must pass at least one ID\nUsage: kapacitor"),
        (
            3,
            "delete widgets x",
            "Error: cannot delete 'widgets' did you mean 'tasks', 'templates', 'recordings', 'replays', 'topics' or 'topic-handlers'?\n",
        ),
        (
            3,
            "list widgets",
            "Error: cannot list 'widgets' did you mean 'tasks', 'recordings', 'replays', 'topics', 'topic-handlers' or 'service-tests'?\n",
        ),
        (3, "list recordings", "Error: recordings: not built yet in this version\n"),
        (
            3,
            "record stream -task oven -duration 1h -no-wait",
            "Error: this command: not built yet in this version\n",
        ),
        (3, "backup f", "Error: backup: not built yet in this version\n"),
        (2, "show", "Must specify one task ID\nUsage: kapacitor show"),
        (3, "stats", "Error: must provide a stats category\n"),
        (2, "list tasks -nope", "flag provided but not defined: -nope\nUsage: kapacitor"),
        (1, "help nosuch", "Unknown command nosuch\n\nUsage: kapacitor"),
        (1, "nosuch", "Unknown command nosuch\n\nUsage: kapacitor"),
        (
            3,
            "-url http://127.0.0.1:1 list tasks",
            "Error: cannot reach http://127.0.0.1:1: connection refused\n",
        ),
        (
            4,
            "-url nonsense://x list tasks",
            "Unsupported protocol scheme: nonsense, your address must start with http:// or https://\n",
        ),
    ] {
        let outcome = run_with(&fake, words, &files);
        assert!(outcome.err.starts_with(expect), "{words}: {}", outcome.err);
        assert_eq!((outcome.code, &*outcome.out), (code, ""), "{words}");
    }
    assert_eq!(stage::run(&KAPACITOR, &[], &[]).code, 1);
}

#[test]
fn vars_are_printed_as_the_member_sent_them() {
    let outcome = FakeMember::start(member).run(&KAPACITOR, &["vars"]);
    assert!(outcome.out.contains(r#""product":"kapacitor""#) && outcome.out.ends_with('\n'));
    let version = stage::run(&KAPACITOR, &["version"], &[]).out;
    assert!(version.starts_with("Kapacitor OSS ") && version.contains("(git: "), "{version}");
}

/// Flags are read before the command is known, so a name must mean the same everywhere.
#[test]
fn a_flag_takes_a_value_in_every_command_or_in_none() {
    for tool in [&KAPACITOR, &crate::KAPACITORCTL] {
        let mut known = BTreeMap::new();
        for flag in tool.commands.iter().flat_map(|c| c.flags).chain(tool.flags) {
            let takes = flag.value.is_some();
            assert_eq!(*known.entry(flag.name).or_insert(takes), takes, "-{}", flag.name);
        }
    }
}
