//! Keys and certificates as an operator handles them: a running plain cluster is sealed, its key is
//! rolled by the key file, and whoever has no key stays outside.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::program::{need, run};
use e2e::{Member, Receiver, until};
use rustix::process::Signal;

use crate::cluster::{add, cluster, everyone_lists};
use crate::member::EVERY;

/// For what a member does by itself within some seconds.
const SOON: Duration = Duration::from_secs(10);

/// Time without a further alert after which none is expected.
const QUIET: Duration = Duration::from_millis(2500);

const KEYS: &str = "kapacitor_cluster_keys";
const CHANGES: &str = "kapacitor_key_changes_total";

fn new_key() -> String {
    let said = run("kapacitorctl", &["keys", "generate"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.out
}

fn key_file(member: &Member) -> PathBuf {
    member.directory().join("keys")
}

/// Has each member take something about keys, and waits until it has.
fn each_takes(members: &[Member], n: f64, change: impl Fn(&Member)) {
    let before: Vec<f64> = members.iter().map(|m| m.metric(CHANGES).expect("a metric")).collect();
    members.iter().for_each(change);
    for (member, before) in members.iter().zip(before) {
        until(SOON, &format!("{} has taken the keys", member.host()), || {
            let seen = (member.metric(CHANGES)?, member.metric(KEYS)?);
            if seen == (before + 1.0, n) { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }
}

/// What was refused since the start, by port and reason; a restarted session is no refusal of keys.
fn refusals(member: &Member) -> Vec<String> {
    let text = member.get("/metrics").expect("served").text();
    text.lines()
        .filter(|line| line.starts_with("kapacitor_refused_total") && !line.ends_with(" 0"))
        .filter(|line| !["unknown-sender", "session"].iter().any(|normal| line.contains(normal)))
        .map(str::to_owned)
        .collect()
}

/// Edits the configuration of a running member: the file with keys, and the two flags.
fn configure(member: &Member, incoming: bool, outgoing: bool) {
    let text = std::fs::read_to_string(member.config()).expect("it was written");
    let options = format!(
        "[cluster]\nkeys-file = {:?}\nverify-incoming = {incoming}\nverify-outgoing = {outgoing}\n",
        key_file(member).display().to_string(),
    );
    // What an earlier call wrote goes.
    let kept: Vec<&str> =
        text.lines().filter(|l| !l.starts_with("keys-file") && !l.starts_with("verify-")).collect();
    let text = kept.join("\n").replacen("[cluster]\n", &options, 1) + "\n";
    std::fs::write(member.config(), text).expect("written");
}

/// Writes an alert after another to all members until it is told to stop; how many.
fn load(members: &[Member], stop: &AtomicBool) -> usize {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let time = (1_700_000_000 + written) * 1_000_000_000_u64;
        for member in members {
            member.write(&format!("cpu,host=h{} value=99 {time}", written % 8)).expect("taken");
        }
        written += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    written as usize
}

/// Runs `change` while alerts flow; each of them arrives once.
fn under_load(members: &[Member], receiver: &Receiver, change: impl FnOnce()) {
    let before = receiver.alerts().len();
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| load(members, &stop));
        // Whatever happens in between, the writer is told to end.
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().expect("all writes were taken");
        changed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written
    });
    assert!(written > 20, "there was load: {written}");
    receiver.wait_for(before + written, SOON);
    assert_eq!(receiver.settled(QUIET).len(), before + written, "no copies");
}

#[test]
fn a_running_plain_cluster_is_sealed_and_its_key_is_rolled_without_a_loss() {
    let Some(members) = cluster(3) else { return };
    let receiver = Receiver::start();
    members[0].define_post_handler("cpu", "one", &receiver.url("/alerts")).expect("defined");
    for member in &members {
        member.define("every", EVERY);
    }
    assert!(members[0].log().contains("can read and forge what members say"), "it warns");
    let (old, new) = (new_key(), new_key());
    let put = |text: String| {
        move |member: &Member| std::fs::write(key_file(member), &text).expect("written")
    };
    let hang_up = |member: &Member| {
        let pid = std::fs::read_to_string(member.pidfile()).expect("it runs");
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().expect("a number"));
        rustix::process::kill_process(pid.expect("not 0"), Signal::HUP).expect("it is ours");
    };
    members.iter().for_each(put(old.clone()));
    under_load(&members, &receiver, || {
        for (incoming, outgoing) in [(false, false), (false, true), (true, true)] {
            each_takes(&members, 1.0, |member| {
                configure(member, incoming, outgoing);
                hang_up(member);
            });
        }
        for keys in [format!("{old}{new}"), format!("{new}{old}"), new.clone()] {
            let n = keys.lines().count() as f64;
            each_takes(&members, n, put(keys));
        }
    });
    for member in &members {
        assert_eq!(refusals(member), Vec::<String>::new(), "{}", member.host());
    }
    everyone_lists(&members.iter().collect::<Vec<_>>(), 3);
    strangers_stay_outside(&members[0], &old);
}

/// A member without keys and one with a retired key.
fn strangers_stay_outside(inside: &Member, retired: &str) {
    for (key, reason) in [("", "unsealed"), (retired, "key")] {
        let mut stranger = Member::prepare().expect("found before");
        if !key.is_empty() {
            stranger.set("[cluster]", "keys", &format!("[{:?}]", key.trim()));
        }
        stranger.run();
        let said = stranger.ctl(&["member", "add", &inside.rpc().to_string()]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("does not share our cluster key"), "{said:?}");
        let series = format!("kapacitor_refused_total{{port=\"rpc\",reason=\"{reason}\"}}");
        assert_eq!(inside.metric(&series), Ok(1.0), "{reason}");
        assert!(inside.log().contains(&format!("reason={reason} ")), "{reason} is logged");
    }
}

/// A member with the certificate of its own that `certs init` has put into `dir`.
fn certified(dir: &Path) -> Member {
    let mut member = Member::prepare().expect("found before");
    let (certs, host) = (dir.display().to_string(), member.host().to_string());
    let made = run("kapacitorctl", &["certs", "init", &certs, &host]);
    assert_eq!(made.code, Some(0), "{made:?}");
    for (option, file) in [
        ("tls-certificate", format!("{certs}/{host}.pem")),
        ("tls-private-key", format!("{certs}/{host}-key.pem")),
        ("tls-ca", format!("{certs}/ca.pem")),
    ] {
        member.set("[rpc]", option, &format!("{file:?}"));
    }
    member.run();
    member
}

#[test]
fn generated_certificates_make_a_cluster_and_those_of_another_authority_are_refused() {
    if need("kapacitorctl").is_none() || need("kapacitord").is_none() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let ours = dir.path().join("ours");
    let members = [certified(&ours), certified(&ours)];
    add(&members[0], &members[1]);
    everyone_lists(&[&members[0], &members[1]], 2);
    let theirs = certified(&dir.path().join("theirs"));
    for _ in 0..3 {
        let said = theirs.ctl(&["member", "add", &members[0].rpc().to_string()]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.err.contains("invalid peer certificate"), "{said:?}");
    }
    let series = "kapacitor_refused_total{port=\"rpc\",reason=\"certificate\"}";
    until(SOON, "all are counted", || match members[0].metric(series)? {
        3.0 => Ok(()),
        other => Err(format!("{other}")),
    });
    let log = members[0].log();
    let told: Vec<&str> = log.lines().filter(|l| l.contains("reason=certificate")).collect();
    assert_eq!(told.len(), 1, "three within a minute are told once: {told:#?}");
}

#[test]
fn a_renewed_certificate_of_the_api_is_shown_without_a_restart() {
    if need("kapacitorctl").is_none() {
        return;
    }
    let Some(mut member) = Member::prepare() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let host = member.host().to_string();
    let made = |authority: &str| {
        let to = dir.path().join(authority);
        let said = run("kapacitorctl", &["certs", "init", &to.display().to_string(), &host]);
        assert_eq!(said.code, Some(0), "{said:?}");
        to
    };
    let (old, new) = (made("old"), made("new"));
    let shown = [format!("{host}.pem"), format!("{host}-key.pem")];
    for (option, file) in ["https-certificate", "https-private-key"].iter().zip(&shown) {
        member.set("[http]", option, &format!("{:?}", old.join(file).display().to_string()));
    }
    member.set("[http]", "https-enabled", "true").spawn();
    let url = format!("https://{}", member.http());
    let list = |authority: &Path| {
        let authority = authority.join("ca.pem").display().to_string();
        run("kapacitorctl", &["member", "list", "-url", &url, "-caCert", &authority])
    };
    let trusts = |authority: &Path| {
        let said = list(authority);
        if said.code == Some(0) { Ok(()) } else { Err(said.err) }
    };
    until(SOON, "its certificate is trusted", || trusts(&old));
    let said = list(&new);
    assert!(said.code == Some(1) && said.err.contains("-caCert FILE names"), "{said:?}");
    for file in &shown {
        std::fs::copy(new.join(file), old.join(file)).expect("copied");
    }
    until(SOON, "the renewed one is shown", || trusts(&new));
    assert_eq!(list(&old).code, Some(1), "the old authority did not sign it");
}
