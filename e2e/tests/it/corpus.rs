//! The recorded behaviour of a real Kapacitor, replayed against the built daemon.

use std::process::Command;

use e2e::Member;
use e2e::program::{need, root};

#[test]
fn the_stream_corpus_passes_but_for_the_listed_cases() {
    let Some(python) = need("python3") else { return };
    let Some(mut member) = Member::prepare() else { return };
    member.set("[logging]", "level", "\"WARN\"");
    member.set("[http]", "log-enabled", "false");
    member.run();
    let here = root().join("e2e/conformance");
    let output = Command::new(python)
        .arg(here.join("run_stream.py"))
        .args(["--url", &member.url()])
        .arg("--expected")
        .arg(here.join("wanted.txt"))
        .arg("--expected")
        .arg(here.join("missing.txt"))
        .arg(here.join("stream"))
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("553 of 553 cases"), "{said}");
}
