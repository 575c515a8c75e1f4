//! The journal on a real directory: commits, crashes, damage, a full disk.

use std::sync::atomic::AtomicBool;

use super::*;

const SMALL: u64 = 4096;

fn open(dir: &Path) -> (Journal, Vec<String>) {
    let mut found = Vec::new();
    let journal = Journal::open(dir, SMALL, &mut |position, kind, bytes| {
        found.push(format!("{} {kind} {}", position.0, String::from_utf8_lossy(bytes)));
    })
    .expect("opened");
    (journal, found)
}

fn damage(dir: &Path) -> String {
    match Journal::open(dir, SMALL, &mut |_, _, _| {}) {
        Ok(_) => panic!("the damage was not seen"),
        Err(e) => e.to_string(),
    }
}

fn put(journal: &Journal, text: &str) -> Position {
    let position = journal.append([(1, text.as_bytes())]).expect("accepted");
    journal.wait(position).expect("durable");
    position
}

fn journal_dir() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("journal");
    (dir, path)
}

#[test]
fn records_survive_a_restart_in_order_with_their_positions() {
    let (_keep, dir) = journal_dir();
    let (journal, found) = open(&dir);
    assert!(found.is_empty());
    assert_eq!(put(&journal, "a"), Position(1));
    assert_eq!(journal.append([(2, &b"b"[..]), (3, &b""[..])]), Ok(Position(3)));
    drop(journal);
    let (journal, found) = open(&dir);
    assert_eq!(found, ["1 1 a", "2 2 b", "3 3 "]);
    assert_eq!(journal.durable().position, Position(3));
    assert_eq!(put(&journal, "c"), Position(4));
    drop(journal);
    assert_eq!(open(&dir).1.len(), 4);
}

#[test]
fn segments_fill_and_every_record_is_there_after_a_restart() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    let text = "x".repeat(700);
    for _ in 0..20 {
        put(&journal, &text);
    }
    let large = "y".repeat(3 * SMALL as usize);
    put(&journal, &large);
    assert!(journal.sealed().len() >= 3, "{:?}", journal.sealed());
    drop(journal);
    let (_, found) = open(&dir);
    assert_eq!(found.len(), 21);
    assert!(found[20].ends_with(&large));
}

#[test]
fn many_restarts_do_not_fill_the_disk() {
    let (_keep, dir) = journal_dir();
    for n in 1..=20 {
        let (journal, found) = open(&dir);
        assert_eq!(found.len(), n - 1);
        put(&journal, "one record");
    }
    let (journal, _) = open(&dir);
    assert!(journal.disk_bytes() < 20 * 120, "{}", journal.disk_bytes());
}

#[test]
fn many_threads_share_commits() {
    let (_keep, dir) = journal_dir();
    let journal = Arc::new(Journal::open(&dir, SEGMENT_BYTES, &mut |_, _, _| {}).expect("opened"));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let journal = journal.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let position = journal.append([(1, &b"small record"[..])]).expect("accepted");
                    if position.0.is_multiple_of(50) {
                        journal.wait(position).expect("durable");
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    journal.wait(Position(4000)).expect("durable");
    let counters = journal.counters();
    assert_eq!(counters.records.load(Ordering::Relaxed), 4000);
    assert!(counters.commits.load(Ordering::Relaxed) < 4000);
}

#[test]
fn a_lost_tail_of_the_last_segment_costs_only_what_was_not_committed_after() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    put(&journal, "first");
    put(&journal, "second");
    drop(journal);
    let file = segment::path(&dir, SegmentId(1));
    let whole = std::fs::read(&file).expect("a segment");
    for length in (format::HEADER..format::HEADER + 100).rev() {
        let mut torn = whole[..length].to_vec();
        torn.resize(whole.len(), 0);
        std::fs::write(&file, &torn).expect("torn");
        let (journal, found) = open(&dir);
        assert!(
            found.len() <= 2 && found.iter().zip(["1 1 first", "2 1 second"]).all(|(a, b)| a == b)
        );
        let kept = found.len();
        put(&journal, "after");
        drop(journal);
        let (_, found) = open(&dir);
        assert_eq!(found.len(), kept + 1, "what came after the crash follows without a gap");
        std::fs::remove_file(segment::path(&dir, SegmentId(2))).expect("removed");
    }
}

#[test]
fn damage_is_told_with_file_place_and_cure() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    for _ in 0..12 {
        put(&journal, &"x".repeat(700));
    }
    drop(journal);
    let (one, two) = (segment::path(&dir, SegmentId(1)), segment::path(&dir, SegmentId(2)));
    let whole = std::fs::read(&one).expect("a segment");

    let mut flipped = whole.clone();
    flipped[1000] ^= 1;
    std::fs::write(&one, &flipped).expect("written");
    let text = damage(&dir);
    assert!(text.contains("0000000000000001.segment: byte 776: the record is damaged"), "{text}");
    assert!(text.contains("Restore the data directory from a backup"), "{text}");

    std::fs::write(&one, &whole[..2000]).expect("cut inside a record");
    assert!(damage(&dir).contains("byte 1520: the file was cut there"));
    std::fs::write(&one, &whole[..1520]).expect("cut between records");
    assert!(damage(&dir).contains("byte 1520: the file was cut there"));
    std::fs::write(&one, b"").expect("written");
    assert!(damage(&dir).contains("its header is damaged"));
    std::fs::write(&one, &whole).expect("written");
    std::fs::remove_file(&two).expect("removed");
    assert!(damage(&dir).contains("0000000000000002.segment, is missing"));
}

#[test]
fn the_oldest_segment_goes_after_its_live_records_were_written_again() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    for n in 0..12 {
        put(&journal, &format!("{n} {}", "x".repeat(700)));
    }
    let (id, records) = journal.oldest().expect("readable").expect("one is sealed");
    assert!(records[0].1.starts_with(b"0 "));
    let position = journal.append([(1, &records[0].1[..])]).expect("accepted");
    journal.wait(position).expect("durable");
    journal.drop_through(id).expect("dropped");
    drop(journal);
    let (journal, found) = open(&dir);
    assert_eq!(found.len(), 12 + 1 - records.len());
    assert!(found.last().expect("one").contains(" 1 0 xxx"));
    // Without a segment that is written to, the newest stays: it knows the position.
    journal.drop_through(SegmentId(u64::MAX)).expect("dropped");
    assert_eq!(journal.sealed().len(), 1);
    drop(journal);
    assert_eq!(put(&open(&dir).0, "next"), Position(14));
}

#[test]
fn a_checkpoint_stands_for_everything_before_it() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    for _ in 0..12 {
        put(&journal, &"x".repeat(700));
    }
    for _ in 0..2 {
        let position = journal.checkpoint([(9, &b"live"[..]), (9, &b"too"[..])]).expect("accepted");
        journal.wait(position).expect("durable");
    }
    put(&journal, "after");
    assert!(journal.sealed().is_empty(), "{:?}", journal.sealed());
    assert!(journal.checkpoint([]).is_ok());
    put(&journal, "only");
    drop(journal);
    assert_eq!(open(&dir).1, ["18 1 only"]);
}

#[test]
fn a_full_disk_is_an_error_and_heals_by_itself() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    put(&journal, "before");
    let full: &AtomicBool = &journal.shared.disk_is_full;
    full.store(true, Ordering::Relaxed);
    let accepted = journal.append([(1, &b"accepted"[..])]).expect("not known yet");
    assert!(matches!(journal.wait(accepted), Err(JournalError::Failing(_))));
    assert!(matches!(journal.append([(1, &b"refused"[..])]), Err(JournalError::Failing(_))));
    let held = journal.append_regardless([(1, &b"held"[..])]).expect("held in memory");
    assert_eq!(journal.durable().position, Position(1));
    assert!(journal.durable().failing.is_some());
    assert_eq!(journal.counters().refused.load(Ordering::Relaxed), 1);
    full.store(false, Ordering::Relaxed);
    let mut durable = journal.subscribe();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(durable.wait_for(|d| d.position >= held)).expect("healed");
    assert!(journal.durable().failing.is_none());
    assert!(journal.counters().failures.load(Ordering::Relaxed) > 0);
    drop(journal);
    assert_eq!(open(&dir).1, ["1 1 before", "2 1 accepted", "3 1 held"]);
}

#[test]
fn a_call_is_refused_as_a_whole() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    let large = vec![0; RECORD_LIMIT + 1];
    let refused = journal.append([(1, &b"small"[..]), (1, &large[..])]);
    assert_eq!(refused, Err(JournalError::TooLarge(RECORD_LIMIT + 1)));
    assert_eq!(put(&journal, "next"), Position(1));
}

#[test]
fn a_listener_hears_of_every_commit() {
    let (_keep, dir) = journal_dir();
    let (journal, _) = open(&dir);
    let (send, receive) = std::sync::mpsc::channel();
    journal.listen(Box::new(move |durable| {
        let _ = send.send(durable.position);
    }));
    assert_eq!(receive.recv(), Ok(Position(0)));
    put(&journal, "one");
    assert_eq!(receive.recv(), Ok(Position(1)));
}
