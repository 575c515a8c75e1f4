//! One member as its user meets it: starting, refusing to start, ending, answering.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::program::{need, run, run_with};
use e2e::{Behaviour, Member, Receiver, until};
use rustix::process::Signal;
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);

/// An alert per point.
pub(crate) const EVERY: &str = "stream|from().measurement('cpu').groupBy('host')\
    |alert().crit(lambda: \"value\" > 90.0).topic('cpu')";

#[test]
fn the_sample_configuration_starts_a_member() {
    let Some(mut member) = Member::prepare() else { return };
    let sample = run("kapacitord", &["config"]);
    assert_eq!((sample.code, sample.err.as_str()), (Some(0), ""));
    let host = member.host().to_string();
    let data = member.data_dir().display().to_string();
    // What keeps it apart from other processes on this machine; all else stays as the sample has it.
    let moved = sample
        .out
        .replace("hostname = \"localhost\"", &format!("hostname = {host:?}"))
        .replace("\":909", &format!("\"{host}:909"));
    assert_ne!(moved, sample.out, "the sample names hostname and ports");
    let file = member.directory().join("sample.conf");
    std::fs::write(&file, moved).expect("written");
    let mut command = Command::new(need("kapacitord").expect("found before"));
    command.arg("-config").arg(&file).env("KAPACITOR_DATA_DIR", &data);
    command.env("KAPACITOR_INFLUXDB_0_URLS_0", format!("http://{host}:8086"));
    let log = member.directory().join("sample.log");
    let mut process = e2e::Process::start(command, "kapacitord", &log).expect("it starts");
    until(SOON, "a member with the sample configuration serves", || {
        assert!(process.ended().is_none(), "it ended: {}", process.log());
        member.get("/kapacitor/v1/ping").map(|_| ())
    });
    process.signal(Signal::TERM);
    assert!(process.wait(SOON).success(), "SIGTERM is a normal end");
    member.set("[alert]", "delay-per-member", "\"2s\"");
    let shown =
        run("kapacitord", &["config", "-config", &member.write_config().display().to_string()]);
    assert!(shown.out.contains("delay-per-member = \"2s\""), "`config` shows the file's values");
}

#[test]
fn version_help_and_wrong_words_answer_as_tools_do() {
    if need("kapacitord").is_none() {
        return;
    }
    let version = run("kapacitord", &["version"]);
    assert!(version.code == Some(0) && version.out.contains("version 0."), "{version:?}");
    let help = run("kapacitord", &["help"]);
    assert!(help.code == Some(0) && help.out.contains("-config"), "{help:?}");
    let wrong = run("kapacitord", &["-confg", "/x"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("-confg"), "{wrong:?}");
}

#[test]
fn every_problem_of_a_configuration_is_shown_at_once() {
    let Some(mut member) = Member::prepare() else { return };
    member.set("[cluster]", "gosip-interval", "\"1s\"");
    member.set("[alert]", "redundancy", "\"many\"");
    member.set("[http]", "log-enabled", "3");
    let (status, log) = member.run_to_its_end();
    assert!(!status.success());
    for part in
        ["gosip-interval", "gossip-interval", "redundancy", "log-enabled", "kapacitor.conf:"]
    {
        assert!(log.contains(part), "{part} is not named in: {log}");
    }
}

#[test]
fn health_tells_a_member_that_serves_from_one_that_does_not() {
    let Some(mut member) = Member::prepare() else { return };
    let file = member.write_config().display().to_string();
    let dead = run("kapacitord", &["health", "-config", &file]);
    assert!(dead.code == Some(1) && dead.err.contains(":9092"), "{dead:?}");
    member.run();
    until(SOON, "the member is healthy", || {
        let alive = run("kapacitord", &["health", "-config", &file]);
        if alive.code == Some(0) { Ok(()) } else { Err(format!("{alive:?}")) }
    });
    assert_eq!(run("kapacitord", &["health", "ping", "-config", &file]).code, Some(0));
}

#[test]
fn configuration_is_found_and_overridden_by_environment() {
    let Some(member) = Member::prepare() else { return };
    let file = member.write_config().display().to_string();
    let found = run_with("kapacitord", &["health"], &[("KAPACITOR_CONFIG_PATH", &file)]);
    let host = member.host().to_string();
    assert!(found.err.contains(&host), "the file's address is asked: {found:?}");
    let variable = ("KAPACITOR_ALERT_DELAY_PER_MEMBER", "7s");
    let shown = run_with("kapacitord", &["config", "-config", &file], &[variable]);
    assert_eq!((shown.code, shown.err.as_str()), (Some(0), ""));
    assert!(shown.out.contains("delay-per-member = \"7s\""), "the variable wins");
}

#[test]
fn a_port_in_use_is_named() {
    for port in [9090, 9091, 9092] {
        let Some(mut member) = Member::prepare() else { return };
        let _taken = TcpListener::bind((member.host(), port)).expect("the host is fresh");
        let (status, log) = member.run_to_its_end();
        assert!(!status.success());
        let address = format!("{}:{port}", member.host());
        assert!(log.contains(&address) && log.contains("in use"), "{address}: {log}");
        assert!(log.contains("bind-address"), "the option is named: {log}");
    }
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused() {
    let Some(mut first) = Member::start() else { return };
    let mut second = Member::prepare().expect("found before");
    second.set_data_dir(&first.data_dir());
    let pidfile = first.pidfile().to_owned();
    second.set_pidfile(&pidfile);
    let (status, log) = second.run_to_its_end();
    assert!(!status.success());
    let pid = first.process().pid().to_string();
    assert_eq!(std::fs::read_to_string(&pidfile).ok(), Some(pid.clone()), "the first one's file");
    assert!(log.contains("in use by another kapacitord") && log.contains(&pid), "{log}");
    first.json("/tasks").expect("the first one is not disturbed");
    first.kill();
    first.run();
}

#[test]
fn sigterm_ends_within_the_shutdown_timeout_even_with_a_hanging_handler() {
    let Some(mut member) = Member::prepare() else { return };
    member.set("[http]", "shutdown-timeout", "\"3s\"").run();
    let receiver = Receiver::start();
    receiver.behave(Behaviour::Hang);
    member.define_post_handler("cpu", "hang", &receiver.url("/hang")).expect("defined");
    member.define("every", EVERY);
    member.write("cpu,host=a value=99").expect("taken");
    until(SOON, "the handler is at work", || {
        if receiver.received().is_empty() { Err("nothing received") } else { Ok(()) }
    });
    // An open connection that says nothing must not hold up the end either.
    let _idle = TcpStream::connect(member.http()).expect("it listens");
    let start = Instant::now();
    assert!(member.stop(SOON).success());
    let took = start.elapsed();
    assert!(took < Duration::from_millis(3500), "shutdown-timeout is 3s, it took {took:?}");
}

#[test]
fn sigterm_of_an_idle_member_takes_no_time() {
    let Some(mut member) = Member::start() else { return };
    let start = Instant::now();
    assert!(member.stop(SOON).success());
    assert!(!member.pidfile().exists(), "the pid file goes with the process");
    assert!(start.elapsed() < Duration::from_secs(2), "it took {:?}", start.elapsed());
}

#[test]
fn ready_says_how_it_stands() {
    let Some(member) = Member::start() else { return };
    let ready = until(SOON, "the member is ready", || member.json("/ready"));
    assert_eq!((&ready["ready"], &ready["warnings"]), (&json!(true), &json!([])));
}

#[test]
fn metrics_are_clean_to_promtool() {
    let Some(promtool) = need("promtool") else { return };
    let Some(member) = Member::start() else { return };
    member.define("every", EVERY);
    member.define_post_handler("cpu", "nobody", "http://127.0.0.1:9/").expect("defined");
    member.write("cpu,host=a value=99").expect("taken");
    let raised = "kapacitor_alert_events_raised_total";
    until(SOON, "the alert is counted", || match member.metric(raised)? {
        1.0 => Ok(()),
        other => Err(format!("{raised} is {other}")),
    });
    let metrics = member.get("/metrics").expect("served");
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let mut stdin = check.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, &metrics.body).expect("promtool reads");
    drop(stdin);
    let output = check.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_log_level_changes_while_it_runs() {
    let Some(member) = Member::start() else { return };
    let requests = || member.log().matches("/kapacitor/v1/tasks").count();
    member.json("/tasks").expect("listed");
    until(SOON, "requests are logged", || if requests() == 1 { Ok(()) } else { Err(requests()) });
    member.send("POST", "/loglevel", &json!({"level": "ERROR"})).expect("taken");
    member.json("/tasks").expect("listed");
    member.send("POST", "/loglevel", &json!({"level": "INFO"})).expect("taken");
    member.json("/tasks?limit=1").expect("listed");
    until(SOON, "requests are logged again", || {
        if member.log().contains("limit=1") { Ok(()) } else { Err("no line of it") }
    });
    assert_eq!(requests(), 2, "nothing was logged in between");
    let refused = member.send("POST", "/loglevel", &json!({"level": "LOUD"}));
    assert!(refused.expect_err("no level").contains("invalid log level"));
}

#[test]
fn secrets_stay_out_of_the_log() {
    let Some(mut member) = Member::prepare() else { return };
    let key = "c2VjcmV0IGtleSBvZiB0aGlzIGNsdXN0ZXIsIDMyIGI=";
    member.set("[cluster]", "keys", &format!("[{key:?}]"));
    member.run();
    let token = std::fs::read_to_string(member.data_dir().join("admin.token")).expect("written");
    let headers = [("Authorization", format!("Bearer {}", token.trim()))];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let path = "/kapacitor/v1/cluster/members/x?p=hunter2";
    e2e::http::request(member.http(), "DELETE", path, &headers, b"").expect("answered");
    until(SOON, "the request is logged", || {
        if member.log().contains("/cluster/members/x") { Ok(()) } else { Err("no line of it") }
    });
    for secret in [key, token.trim(), "hunter2"] {
        assert!(!member.log().contains(secret), "{secret} is in the log");
    }
    let mode =
        std::fs::metadata(member.data_dir().join("admin.token")).expect("there").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

#[test]
fn sighup_reads_the_load_directory_again() {
    let Some(mut member) = Member::prepare() else { return };
    let load = member.directory().join("load");
    for folder in ["tasks", "handlers"] {
        std::fs::create_dir_all(load.join(folder)).expect("made");
    }
    member.set("[load]", "enabled", "true");
    member.set("[load]", "dir", &format!("{:?}", load.display().to_string()));
    member.run();
    let script = format!("dbrp \"telegraf\".\"autogen\"\n{EVERY}");
    std::fs::write(load.join("tasks/every.tick"), script).expect("written");
    let handler = "id: file\ntopic: cpu\nkind: log\noptions:\n  path: /tmp/x\n";
    std::fs::write(load.join("handlers/file.yaml"), handler).expect("written");
    member.signal(Signal::HUP);
    until(SOON, "task and handler are loaded", || {
        let task = member.json("/tasks/every")?;
        if task["executing"] != true {
            return Err(format!("the task does not run: {}", task["error"]));
        }
        match member.handlers("cpu")?.as_slice() {
            [one] if one == "file" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}
