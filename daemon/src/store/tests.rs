//! The store on a real directory: restarts, damage, a second process.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    script: String,
}

const TASKS: Table<Task> = Table::new("tasks");

fn open(dir: &Path) -> Result<Store, OpenError> {
    Store::open(dir, &dir.join("kapacitor.redb"), &mut |_, _, _| {})
}

fn task(script: &str) -> Task {
    Task { script: script.to_owned() }
}

fn data_dir() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("data");
    (dir, path)
}

#[test]
fn definitions_survive_a_restart_and_a_crash() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    store.put(TASKS, "b", &task("two")).expect("stored");
    store.put(TASKS, "a", &task("one")).expect("stored");
    store.put(TASKS, "c", &task("three")).expect("stored");
    store.delete(TASKS, "c").expect("deleted");
    store.close().expect("closed");
    let store = open(&dir).expect("opened");
    assert_eq!(store.list(TASKS), Ok(vec![("a".into(), task("one")), ("b".into(), task("two"))]));
    assert_eq!(store.get(TASKS, "b"), Ok(Some(task("two"))));
    assert_eq!(store.get(TASKS, "c"), Ok(None));
    assert_eq!(store.tables(), Ok(vec!["tasks".to_owned()]));
    assert_eq!(store.list(Table::<Task>::new("none")), Ok(vec![]));
    // Not closed: as after a crash the next start checks the file.
    drop(store);
    assert_eq!(open(&dir).expect("checked").list(TASKS).expect("read").len(), 2);
}

#[test]
fn a_second_daemon_on_the_same_directory_is_refused() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    let text = open(&dir).expect_err("in use").to_string();
    assert!(
        text.contains(&format!("in use by another kapacitord (process {})", std::process::id())),
        "{text}"
    );
    drop(store);
    open(&dir).expect("free again");
}

#[test]
fn the_data_directory_is_made_but_not_its_parents() {
    let keep = tempfile::tempdir().expect("temp dir");
    let error = open(&keep.path().join("a/b")).expect_err("no parent");
    assert!(matches!(error, OpenError::DataDir { .. }), "{error}");
}

#[test]
fn a_truncated_or_corrupt_database_is_an_error_that_says_how_to_restore() {
    let (_keep, dir) = data_dir();
    let path = dir.join("kapacitor.redb");
    let store = open(&dir).expect("created");
    for n in 0..200 {
        store.put(TASKS, &format!("task{n}"), &task(&"x".repeat(500))).expect("stored");
    }
    store.close().expect("closed");
    let whole = std::fs::read(&path).expect("a file");
    let check = |bytes: &[u8], what: &str, may_open: bool| {
        std::fs::write(&path, bytes).expect("written");
        match open(&dir) {
            Ok(store) => {
                let tasks = store.list(TASKS).map(|t| t.len());
                assert!(may_open && tasks == Ok(200), "{what}: opened with {tasks:?}");
                store.close().expect("closed");
            }
            Err(e) => {
                let text = e.to_string();
                assert!(
                    text.contains("Restore the data directory from a backup"),
                    "{what}: {text}"
                );
            }
        }
    };
    for length in [0, 1, 100, 512, 4096, 5000, 65_536, whole.len() / 2, whole.len() - 1] {
        check(&whole[..length], &format!("cut at {length}"), false);
    }
    check(b"this is no database at all", "text", false);
    check(&vec![0; whole.len()], "zeros", false);
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        let end = (at + 64).min(bytes.len());
        bytes[at..end].fill(0xa5);
        // Bytes that no page uses may be anything.
        check(&bytes, &format!("overwritten at {at}"), true);
    }
    let mut bolt = vec![0; 4096];
    bolt[16..20].copy_from_slice(&0xED0C_DAED_u32.to_le_bytes());
    check(&bolt, "BoltDB", false);
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    let newer =
        Change::Put { table: "meta", key: b"schema".to_vec(), value: 99u64.to_le_bytes().to_vec() };
    store.write(&[newer]).expect("stored");
    drop(store);
    let text = open(&dir).expect_err("newer").to_string();
    assert!(text.contains("written by a newer release"), "{text}");
}

#[test]
fn changes_of_one_call_are_made_together() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    let row = |table, key: &[u8]| Change::Put { table, key: key.to_vec(), value: b"v".to_vec() };
    store
        .write(&[row("roster", b""), row("specs", b"\x00\xff"), Change::delete(TASKS, "none")])
        .expect("stored");
    assert_eq!(store.rows("roster"), Ok(vec![(vec![], b"v".to_vec())]));
    assert_eq!(store.rows("specs"), Ok(vec![(vec![0, 255], b"v".to_vec())]));
}

#[test]
fn a_journal_that_lost_its_newest_segment_is_seen_after_a_clean_stop() {
    let (_keep, dir) = data_dir();
    for text in ["one", "two"] {
        let store = open(&dir).expect("opened");
        let position = store.journal().append([(1, text.as_bytes())]).expect("accepted");
        store.journal().wait(position).expect("durable");
        store.close().expect("closed");
    }
    // The segment before it is whole: nothing else shows that there was more.
    std::fs::remove_file(dir.join("journal/0000000000000002.segment")).expect("removed");
    let text = open(&dir).expect_err("cut").to_string();
    assert!(text.contains("ends with record 1, but the member had written 2"), "{text}");
    std::fs::remove_dir_all(dir.join("journal")).expect("moved away");
    open(&dir).expect("starts without the events");
}

#[test]
fn identity_files_are_adopted_written_and_checked() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    let files = store.identity();
    assert_eq!(files.member().expect("absent"), None);
    let member = "f74f3547-efaf-4e6e-8b05-fb12b19f8287".parse().expect("a UUID");
    let cluster = "876ddfb4-1879-4f40-87e2-4080c04d3096".parse().expect("a UUID");
    files.write(member, cluster).expect("written");
    assert_eq!(
        std::fs::read_to_string(dir.join("server.id")).expect("there"),
        "f74f3547-efaf-4e6e-8b05-fb12b19f8287"
    );
    assert_eq!(files.cluster().expect("there"), Some(cluster));
    std::fs::write(dir.join("cluster.id"), "not an id\n").expect("written");
    let text = files.cluster().expect_err("no UUID").to_string();
    assert!(text.contains("cluster.id holds \"not an id\\n\", which is no UUID"), "{text}");
    std::fs::write(dir.join("server.id"), format!("{member}\n")).expect("written");
    assert_eq!(files.member().expect("there"), Some(member));
}

#[test]
fn the_admin_token_is_made_once_and_only_for_its_owner() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    let token = store.identity().admin_token().expect("made");
    assert_eq!(token.expose().len(), 43);
    assert_eq!(store.identity().admin_token().expect("read").expose(), token.expose());
    let mode = std::fs::metadata(dir.join("admin.token")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_start_that_cannot_save_its_identity_fails() {
    let (_keep, dir) = data_dir();
    let store = open(&dir).expect("created");
    std::fs::create_dir(dir.join("server.id")).expect("in the way");
    let member = "f74f3547-efaf-4e6e-8b05-fb12b19f8287".parse().expect("a UUID");
    let cluster = "876ddfb4-1879-4f40-87e2-4080c04d3096".parse().expect("a UUID");
    let text = store.identity().write(member, cluster).expect_err("a directory").to_string();
    assert!(text.starts_with("failed to write "), "{text}");
}
