//! Rules of the house that no linter knows. Each failure says what to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What may lie at the top.
const TOP: &[&str] = &[
    ".ci",
    ".git",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "charts",
    "clippy.toml",
    "crds",
    "daemon",
    "deny.toml",
    "docs",
    "e2e",
    "examples",
    "operator",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "target",
];

/// Lines of a source file, tests beside code included.
const MOST_LINES: usize = 600;

/// Names that say nothing about what lives in a file.
const HOMELESS: &[&str] =
    &["utils", "util", "common", "helpers", "types", "misc", "manager", "base"];

const FLOORS: &[&str] =
    &["model", "tick", "template", "gossip", "dedup", "alert", "engine", "rpc", "member"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the root").to_owned()
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for top in ["daemon", "operator", "e2e"] {
        collect(&root().join(top), &mut found);
    }
    found.sort();
    assert!(found.len() > 100, "the sources were found");
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    let skipped = ["target", "bin", "state", "kube"];
    for entry in std::fs::read_dir(dir).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !(skipped.contains(&name.as_str()) && dir.ends_with("e2e")) {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn the_top_level_holds_only_what_the_design_names() {
    for entry in std::fs::read_dir(root()).expect("readable") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(TOP.contains(&name.as_str()), "{name} has no place at the top: find its room");
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|path| !std::fs::read_to_string(path).expect("readable").starts_with("//!"))
        .map(|path| shown(path))
        .collect();
    assert!(
        silent.is_empty(),
        "these files need a `//!` head, one sentence of purpose: {silent:#?}"
    );
}

#[test]
fn files_stay_small_enough_to_read() {
    let large: Vec<String> = sources()
        .iter()
        .filter_map(|path| {
            let lines = std::fs::read_to_string(path).expect("readable").lines().count();
            (lines > MOST_LINES).then(|| format!("{} has {lines} lines", shown(path)))
        })
        .collect();
    assert!(
        large.is_empty(),
        "split by what the parts are about (at most {MOST_LINES}): {large:#?}"
    );
}

#[test]
fn files_are_named_after_what_lives_in_them() {
    for path in sources() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(!HOMELESS.contains(&stem.as_str()), "{}: name it after its content", shown(&path));
        assert_ne!(stem, "mod", "{}: write foo.rs beside foo/", shown(&path));
    }
}

#[test]
fn every_source_file_is_part_of_a_crate() {
    for path in sources() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().expect("in a folder");
        let is_root = ["lib", "main", "build"].contains(&stem.as_str())
            || folder.ends_with("bin")
            || folder.ends_with("benches")
            || folder.ends_with("examples")
            || folder.ends_with("targets")
            || folder.ends_with("tests");
        if is_root {
            continue;
        }
        // Declared in `folder.rs`, or in a root beside it.
        let mut parents =
            vec![folder.with_extension("rs"), folder.join("lib.rs"), folder.join("main.rs")];
        parents.push(folder.join("mod.rs"));
        let declared = parents.iter().any(|parent| {
            let text = std::fs::read_to_string(parent).unwrap_or_default();
            text.contains(&format!("mod {stem};")) || text.contains(&format!("{stem}.rs\""))
        });
        assert!(declared, "{} is compiled by nobody: declare it or delete it", shown(&path));
    }
}

#[test]
fn floors_refuse_clocks_files_and_sockets() {
    let header = "#![deny(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]";
    for floor in FLOORS {
        let lib = root().join(format!("daemon/{floor}/src/lib.rs"));
        let text = std::fs::read_to_string(&lib).expect("readable");
        assert!(text.contains(header), "{}: a floor starts with {header}", shown(&lib));
    }
}

#[test]
fn doors_are_small() {
    let doors: BTreeSet<PathBuf> = sources()
        .into_iter()
        .filter(|p| {
            p.ends_with("src/main.rs") || p.parent().is_some_and(|d| d.ends_with("src/bin"))
        })
        .collect();
    assert!(doors.len() >= 4, "the programs were found");
    for door in doors {
        let lines = std::fs::read_to_string(&door).expect("readable").lines().count();
        assert!(
            lines <= 40,
            "{} has {lines} lines; at most 40, the rest belongs to a library",
            shown(&door)
        );
    }
}

/// `make mutate` tries them; here each must still be a change of what is there.
#[test]
fn mutations_say_what_they_break_and_still_apply() {
    for folder in ["daemon/sim/mutations", "operator/mutations"] {
        let mut patches = Vec::new();
        for entry in std::fs::read_dir(root().join(folder)).expect("the folder is there") {
            patches.push(entry.expect("readable").path());
        }
        assert!(!patches.is_empty(), "{folder}");
        for patch in patches {
            let text = std::fs::read_to_string(&patch).expect("a patch");
            let mut lines = text.lines();
            let (what, how) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
            let looked = how.starts_with("simulate chaos ") || how.starts_with("worlds ");
            assert!(what.ends_with('.') && looked, "{}: {what:?}, {how:?}", shown(&patch));
            let mut git = std::process::Command::new("git");
            let check = git.current_dir(root()).args(["apply", "--check"]).arg(&patch).output();
            let check = check.expect("git runs");
            let said = String::from_utf8_lossy(&check.stderr);
            assert!(check.status.success(), "{}: {said}", shown(&patch));
        }
    }
}
