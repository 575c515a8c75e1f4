//! Finding and running programs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the root").to_owned()
}

/// A program of ours, or one of the system. `None` when it is missing: the test is skipped, which
/// is said aloud, or with `CI=true` fails.
pub fn need(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skip(&format!("there is no {name}; `make setup` and `make programs` bring everything"));
    }
    found
}

/// A program of ours from `target/debug`, whichever ones are under test: it has fault points.
pub fn need_debug(name: &str) -> Option<PathBuf> {
    let file = root().join("target/debug").join(name);
    if file.is_file() {
        return Some(file);
    }
    skip(&format!("there is no {}; `cargo build` makes it", file.display()));
    None
}

/// Says that a test is skipped and why; with `CI=true` that is a failure.
pub fn skip(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "skipped: {why}");
    let thread = std::thread::current();
    // Straight to standard error: the test harness would keep it to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED {}: {why}", thread.name().unwrap_or("a test"));
}

fn find(name: &str) -> Option<PathBuf> {
    let ours = std::env::var_os("KAPACITOR_PROGRAMS").map(PathBuf::from);
    let ours = ours.unwrap_or_else(|| root().join("target/debug"));
    let ours = if ours.is_absolute() { ours } else { root().join(ours) };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = vec![ours];
    if !name.starts_with("kapacitor") {
        places.extend(std::env::split_paths(&path));
    }
    places.into_iter().map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// What a program said: exit code, standard output, standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program of ours to its end. The environment's `KAPACITOR_*` is not passed on.
pub fn run(name: &str, arguments: &[&str]) -> Said {
    run_with(name, arguments, &[])
}

/// [`run`] with environment variables.
pub fn run_with(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    let path = find(name).unwrap_or_else(|| panic!("{name} was found before"));
    let mut command = clean(&path);
    command.args(arguments).envs(environment.iter().copied());
    let output: Output = command.output().unwrap_or_else(|e| panic!("{name} runs: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// A command without the `KAPACITOR_*` variables of whoever runs the tests.
pub(crate) fn clean(path: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KAPACITOR_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", "/nonexistent");
    command
}
