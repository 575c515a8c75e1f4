//! What a member has acknowledged survives kill -9; a broken or full disk is said clearly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::program::skip;
use e2e::{Member, Receiver, until};
use serde_json::{Value as Json, json};

use crate::member::EVERY;

const SOON: Duration = Duration::from_secs(10);

/// How often the loaded member is killed; `KILLS` changes it.
const KILLS: u64 = 200;

/// Everything that a member answered before it was killed.
#[derive(Default)]
struct Told {
    tasks: Mutex<BTreeSet<String>>,
    handlers: Mutex<BTreeSet<String>>,
    /// Event id to level.
    events: Mutex<BTreeMap<String, String>>,
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Uses the member in three ways until it is gone.
fn load(member: &Member, round: u64, told: &Told, stop: &AtomicBool) {
    let until_gone = |step: &(dyn Fn(u64) -> Result<(), String> + Sync)| {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) || step(n).is_err() {
                return;
            }
        }
    };
    let define = |n| {
        let id = format!("t{round}_{n}");
        let dbrps = json!([{"db": "d", "rp": "r"}]);
        let task =
            json!({"id": id, "type": "stream", "script": "stream|from()|log()", "dbrps": dbrps});
        member.send("POST", "/tasks", &task)?;
        lock(&told.tasks).insert(id);
        Ok(())
    };
    let handle = |n| {
        let id = format!("h{round}_{n}");
        let handler = json!({"id": id, "kind": "log", "options": {"path": "/dev/null"}});
        member.send("POST", "/alerts/topics/other/handlers", &handler)?;
        lock(&told.handlers).insert(id);
        Ok(())
    };
    let alert = |n| {
        let lines: Vec<String> =
            (0..10).map(|i| format!("cpu,host=e{round}_{n}_{i} value=99")).collect();
        member.write(&lines.join("\n"))?;
        let seen = member.events("cpu").or_else(|why| {
            // Before the first event there is no topic.
            if why.contains("unknown topic") { Ok(BTreeMap::new()) } else { Err(why) }
        })?;
        lock(&told.events).extend(seen);
        Ok(())
    };
    std::thread::scope(|scope| {
        scope.spawn(|| until_gone(&define));
        scope.spawn(|| until_gone(&handle));
        scope.spawn(|| until_gone(&alert));
    });
}

fn ids(list: &Json, of: &str) -> BTreeSet<String> {
    let all = list[of].as_array().into_iter().flatten();
    all.map(|one| one["id"].as_str().unwrap_or("?").to_owned()).collect()
}

fn lost<T: Ord + Clone>(told: &BTreeSet<T>, there: &BTreeSet<T>) -> Vec<T> {
    told.difference(there).cloned().collect()
}

fn check(member: &Member, told: &Told) {
    let tasks = member.json("/tasks?fields=status&limit=1000000").expect("listed");
    let gone = lost(&lock(&told.tasks), &ids(&tasks, "tasks"));
    assert!(gone.is_empty(), "defined, answered 2xx, and lost: {gone:?}");
    let handlers = member.json("/alerts/topics/other/handlers").expect("listed");
    let gone = lost(&lock(&told.handlers), &ids(&handlers, "handlers"));
    assert!(gone.is_empty(), "handlers defined, answered 2xx, and lost: {gone:?}");
    if lock(&told.events).is_empty() {
        return;
    }
    let events = member.events("cpu").expect("listed");
    for (id, level) in &*lock(&told.events) {
        assert_eq!(events.get(id), Some(level), "event {id} was visible and is not any more");
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let Some(mut member) = Member::prepare() else { return };
    let kills = std::env::var("KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(KILLS);
    let receiver = Receiver::start();
    let told = Told::default();
    member.set("[logging]", "level", "\"WARN\"").set("[http]", "log-enabled", "false").run();
    member.define_post_handler("cpu", "post", &receiver.url("/alerts")).expect("defined");
    member.define("every", EVERY);
    // Spread over 5 to 105 ms by a sequence that hits each moment of a commit sooner or later.
    let mut random = 7_u64;
    for round in 0..kills {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let after = Duration::from_millis(5 + (random >> 33) % 100);
        let stop = AtomicBool::new(false);
        let pid = member.process().pid();
        std::thread::scope(|scope| {
            scope.spawn(|| load(&member, round, &told, &stop));
            let start = Instant::now();
            until(SOON, "the moment has come", || {
                if start.elapsed() > after { Ok(()) } else { Err("too early") }
            });
            let kill = Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(kill.expect("kill runs").success());
            stop.store(true, Ordering::Relaxed);
        });
        member.kill();
        member.run();
        check(&member, &told);
    }
    let events = lock(&told.events).len();
    let (tasks, handlers) = (lock(&told.tasks).len(), lock(&told.handlers).len());
    assert!(
        kills < 100 || events > 100 && tasks > 100 && handlers > 100,
        "too little load: {events} events, {tasks} tasks, {handlers} handlers"
    );
    until(SOON * 3, "every visible event is delivered at least once", || {
        let delivered: BTreeSet<String> = receiver.alerts().into_iter().map(|a| a.id).collect();
        let missing = lock(&told.events).keys().filter(|id| !delivered.contains(*id)).count();
        if missing == 0 { Ok(()) } else { Err(format!("{missing} of {events} are missing")) }
    });
    let log = member.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Runs a member on broken data: it must end, say what to do, and not panic.
fn refuses(member: &mut Member, what: &str) {
    let (status, log) = member.run_to_its_end();
    let last = log.lines().rev().take(10).collect::<Vec<_>>().join("\n");
    assert!(!status.success(), "{what}: {last}");
    assert!(!log.contains("panicked"), "{what}: {log}");
    assert!(last.contains("backup") && last.contains("away"), "{what}: what to do is said: {last}");
}

fn damage(file: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("readable");
    how(&mut bytes);
    fs::write(file, bytes).expect("writable");
}

#[test]
fn a_broken_database_stops_the_start_with_what_to_do() {
    let Some(mut member) = Member::start() else { return };
    for n in 0..50 {
        member.define(&format!("t{n}"), "stream|from()|log()");
    }
    member.kill();
    let file = member.data_dir().join("kapacitor.redb");
    let whole = fs::read(&file).expect("the database is there");
    let half = whole.len() / 2;
    damage(&file, |bytes| bytes.truncate(half));
    refuses(&mut member, "cut in half");
    damage(&file, |bytes| bytes.truncate(1000));
    refuses(&mut member, "cut to 1000 bytes");
    fs::write(&file, b"").expect("writable");
    refuses(&mut member, "emptied");
    fs::write(&file, [b"no database ".as_slice(); 1000].concat()).expect("writable");
    refuses(&mut member, "something else");
    fs::write(&file, &whole).expect("writable");
    damage(&file, |bytes| bytes[..512].fill(0));
    refuses(&mut member, "header zeroed");
    fs::write(&file, &whole).expect("writable");
    member.run();
    assert!(member.json("/tasks/t49").is_ok(), "the restored backup is whole");
}

#[test]
fn a_broken_journal_stops_the_start_or_costs_only_its_torn_end() {
    let Some(mut member) = Member::start() else { return };
    member.define("every", EVERY);
    // Two commits at least: the first event is on disk before the others come.
    for hosts in [0..1, 1..50] {
        let expect = hosts.end;
        for n in hosts {
            member.write(&format!("cpu,host=h{n} value=99")).expect("taken");
        }
        until(SOON, "all events are there", || {
            let n = member.events("cpu")?.len();
            if n == expect { Ok(()) } else { Err(n.to_string()) }
        });
    }
    member.kill();
    let journal = member.data_dir().join("journal");
    let segments = fs::read_dir(&journal).expect("there").map(|e| e.expect("readable").path());
    let file = segments.max().expect("a segment");
    let whole = fs::read(&file).expect("readable");
    let end = whole.iter().rposition(|b| *b != 0).expect("not empty");
    // The last record, of one or more events, as a crash leaves it.
    damage(&file, |bytes| bytes[end - 3..=end].fill(0));
    member.run();
    assert!(!member.events("cpu").expect("served").is_empty(), "only the end is lost");
    member.kill();
    fs::write(&file, &whole).expect("writable");
    // In the first record, behind the headers of segment and frame.
    damage(&file, |bytes| bytes[80] ^= 0x55);
    refuses(&mut member, "a flipped bit amid the journal");
    fs::write(&file, &whole[..end - 3]).expect("writable");
    refuses(&mut member, "a file that ends amid a record");
    let last = whole.windows(4).rposition(|four| four == b"KJF1").expect("a frame");
    fs::write(&file, &whole[..last]).expect("writable");
    refuses(&mut member, "a file that ends between two records");
}

#[test]
fn a_full_disk_is_an_error_to_the_client_and_a_metric() {
    let Some(mut member) = Member::prepare() else { return };
    let Some(disk) = SmallDisk::mount(member.directory()) else { return };
    member.set_data_dir(&disk.0.join("data")).run();
    member.define("before", "stream|from()|log()");
    member.define("every", EVERY);
    let filler = disk.fill();
    let define = |n: u32| {
        let script = format!("stream|from()|log() // {}", "x".repeat(20_000));
        let dbrps = json!([{"db": "d", "rp": "r"}]);
        let id = format!("t{n}");
        member.send(
            "POST",
            "/tasks",
            &json!({"id": id, "type": "stream", "script": script, "dbrps": dbrps}),
        )
    };
    let mut n = 0;
    let refused = until(SOON * 3, "a definition is refused", || {
        n += 1;
        match define(n) {
            Err(refused) => Ok(refused),
            Ok(_) => Err("it was taken"),
        }
    });
    assert!(refused.starts_with("status 5"), "{refused}");
    assert!(refused.contains("space"), "the reason is said: {refused}");
    assert_eq!(member.metric("kapacitor_disk_failing"), Ok(1.0));
    let warned = member.ask("GET", "/kapacitor/v1/ready", b"").expect("answered").text();
    assert!(warned.contains("disk"), "{warned}");
    assert!(member.json("/tasks/before").is_ok(), "what is there is served");
    let handler = define_while_full(&member);
    let shown = member.json("/alerts/topics/cpu/events").expect_err("not on disk");
    assert!(shown.starts_with("status 503") && shown.contains("space"), "{shown}");
    fs::remove_file(&filler).expect("removed");
    until(SOON, "definitions are taken again", || {
        n += 1;
        define(n)
    });
    until(SOON, "the disk is well", || match member.metric("kapacitor_disk_failing")? {
        0.0 => Ok(()),
        other => Err(format!("kapacitor_disk_failing is {other}")),
    });
    let seen = until(SOON, "events are shown again", || member.events("cpu"));
    assert!(!seen.is_empty());
    member.kill();
    member.run();
    assert!(member.json(&format!("/tasks/t{n}")).is_ok());
    assert!(member.events("cpu").expect("served").len() >= seen.len(), "what was shown is there");
    assert!(member.handlers("cpu").expect("served").contains(&handler));
}

#[test]
fn sigterm_ends_within_the_shutdown_timeout_even_on_a_full_disk() {
    let Some(mut member) = Member::prepare() else { return };
    let Some(disk) = SmallDisk::mount(member.directory()) else { return };
    member.set("[http]", "shutdown-timeout", "\"3s\"");
    member.set_data_dir(&disk.0.join("data")).run();
    member.define("every", EVERY);
    let filler = disk.fill();
    define_while_full(&member);
    let start = Instant::now();
    assert!(member.stop(SOON).success());
    let took = start.elapsed();
    assert!(took < Duration::from_millis(3500), "shutdown-timeout is 3s, it took {took:?}");
    assert!(member.log().contains("what was written last is not on disk"), "{}", member.log());
    fs::remove_file(&filler).expect("removed");
    member.run();
    assert!(member.json("/tasks/every").is_ok());
}

/// Defines handlers and raises events until the disk refuses both; the first handler that was refused
/// while it was being saved.
fn define_while_full(member: &Member) -> String {
    let mut n = 0;
    until(SOON * 3, "a handler that is being saved is refused", || {
        n += 1;
        member.write(&format!("cpu,host=h{n} value=99 {n}")).expect("taken");
        let id = format!("h{n}");
        let options = json!({"path": "/tmp/x".repeat(1000)});
        let spec = json!({"id": id, "kind": "log", "options": options});
        match member.send("POST", "/alerts/topics/cpu/handlers", &spec) {
            Err(text) if text.contains("not saved yet") => Ok(id),
            other => Err(format!("{other:?}")),
        }
    })
}

/// A file system of 48 MB in memory; unmounted when dropped.
pub(crate) struct SmallDisk(pub(crate) PathBuf);

impl SmallDisk {
    pub(crate) fn mount(below: &Path) -> Option<Self> {
        let at = below.join("disk");
        fs::create_dir(&at).expect("made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(&at);
        if mount.output().is_ok_and(|o| o.status.success()) {
            return Some(Self(at));
        }
        skip("only root can mount the small file system of this test");
        None
    }

    /// Fills what is free with a file, to be removed when there is to be room again.
    pub(crate) fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let mut dd = Command::new("dd");
        dd.args(["if=/dev/zero", "bs=4k", "oflag=append", "conv=notrunc"]);
        let filled = dd.arg(format!("of={}", filler.display())).output().expect("dd is there");
        assert!(!filled.status.success(), "it ends when the disk is full");
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The member may still run: detached, it goes when the last file is closed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
