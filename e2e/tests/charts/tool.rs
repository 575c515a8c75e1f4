//! Where the project and the programs are, and running them.

use std::path::Path;
use std::process::Command;

pub(crate) use e2e::program::root;

/// The charts.
pub(crate) const CHARTS: [&str; 2] = ["kapacitor", "kapacitor-operator"];

/// Helm, built beside the Kubernetes programs.
pub(crate) fn helm() -> Command {
    let bin = std::env::var_os("KUBE_BIN").map_or_else(|| root().join("e2e/kube/bin"), Into::into);
    let helm = bin.join("helm");
    assert!(helm.is_file(), "{} is missing: e2e/kube/build.sh helm builds it", helm.display());
    Command::new(helm)
}

/// What a command prints, or what it complains of.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let out = command.output().unwrap_or_else(|error| panic!("{shown}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if out.status.success() {
        Ok(text(&out.stdout))
    } else {
        Err(format!("{shown}\n{}{}", text(&out.stdout), text(&out.stderr)))
    }
}

/// Compares with a committed file; `UPDATE=1` writes it.
pub(crate) fn compare(path: &Path, got: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, got).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    if committed == got {
        return;
    }
    let (mut old, mut new) = (committed.lines(), got.lines());
    let line = 1 + std::iter::from_fn(|| Some((old.next(), new.next())))
        .take_while(|(old, new)| old == new && old.is_some())
        .count();
    panic!(
        "{} differs from line {line} on: if the change is meant, run `make generated`\nwas: {:?}\nis:  {:?}",
        path.display(),
        committed.lines().nth(line - 1),
        got.lines().nth(line - 1),
    );
}
