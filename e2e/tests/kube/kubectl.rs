//! `kubectl` and `helm` as a user calls them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

/// Runs `kubectl` with these arguments; its output, or what it complained about.
pub(crate) fn kubectl(arguments: &[&str]) -> Result<String, String> {
    run("kubectl", arguments, "")
}

/// [`kubectl`] with something on standard input.
pub(crate) fn kubectl_with(arguments: &[&str], input: &str) -> Result<String, String> {
    run("kubectl", arguments, input)
}

/// Runs `helm`.
pub(crate) fn helm(arguments: &[&str]) -> Result<String, String> {
    run("helm", arguments, "")
}

/// [`helm`] with something on standard input.
pub(crate) fn helm_with(arguments: &[&str], input: &str) -> Result<String, String> {
    run("helm", arguments, input)
}

/// An object, or `Null` when it does not exist.
pub(crate) fn get(arguments: &[&str]) -> Json {
    let all = [&["get", "-o", "json", "--ignore-not-found"], arguments].concat();
    kubectl(&all).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null)
}

/// The items of a list.
pub(crate) fn list(arguments: &[&str]) -> Vec<Json> {
    get(arguments)["items"].as_array().cloned().unwrap_or_default()
}

fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{program}: {e}; e2e/kube/run.sh sets the PATH"))?;
    // Who fails early does not read its input to the end; its complaint says why.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().map_err(|e| format!("{program}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    Err(format!("{program} {}: {out} {err}", arguments.join(" ")))
}
