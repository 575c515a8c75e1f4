//! The images, as `make images` builds them where there is no builder: from the Containerfiles.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use super::tool::{output, root};

/// Image, its programs, and how large its archive may be, in bytes.
const IMAGES: [(&str, &[&str], u64); 2] = [
    ("kapacitord", &["kapacitord", "kapacitorctl", "kapacitor"], 25_000_000),
    ("kapacitor-operator", &["kapacitor-operator"], 20_000_000),
];

/// A file of an archive.
fn inside(archive: &Path, file: &str) -> Json {
    let text = output(Command::new("tar").arg("-xOf").arg(archive).arg(file));
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}"))).expect("JSON")
}

/// The blob that a descriptor points to.
fn blob(archive: &Path, descriptor: &Json) -> Json {
    let digest = descriptor["digest"].as_str().expect("a digest").replace(':', "/");
    inside(archive, &format!("blobs/{digest}"))
}

#[test]
fn images_are_small_run_as_nobody_and_say_what_they_are() {
    let Some(programs) = std::env::var_os("KAPACITOR_PROGRAMS").map(PathBuf::from) else {
        e2e::program::skip("KAPACITOR_PROGRAMS is not set: the folder of the release programs");
        return;
    };
    let out = tempfile::tempdir().expect("a folder");
    let mut build = Command::new(root().join("e2e/images.sh"));
    build.arg(&programs).arg(out.path()).env("BUILDER", "mkimage");
    output(&mut build).unwrap_or_else(|error| panic!("{error}"));
    let mut other = Command::new(root().join("e2e/images.sh"));
    other.arg(&programs).arg(out.path()).arg("arm64").env("BUILDER", "mkimage");
    let said = output(&mut other).expect_err("these programs are not for arm64");
    assert!(said.contains("is not for arm64"), "{said}");
    for (name, programs, most) in IMAGES {
        let stem = format!("{name}-{}-amd64", env!("CARGO_PKG_VERSION"));
        let archive = out.path().join(format!("{stem}.tar"));
        let size = std::fs::metadata(&archive).expect("built").len();
        assert!(size <= most, "{name} has {size} bytes");
        let manifest = blob(&archive, &inside(&archive, "index.json")["manifests"][0]);
        assert_eq!(manifest["layers"].as_array().expect("layers").len(), 1, "FROM scratch");
        let whole = blob(&archive, &manifest["config"]);
        assert_eq!(whole["architecture"], "amd64", "{name}");
        let config = &whole["config"];
        assert_eq!(config["User"], "65532:65532", "{name}");
        assert_eq!(config["Entrypoint"][0], format!("/usr/bin/{name}"));
        let label =
            |label: &str| config["Labels"][format!("org.opencontainers.image.{label}")].clone();
        assert_eq!(label("title"), name);
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(label("licenses"), "Apache-2.0");
        assert!(label("revision").is_string(), "{name}");
        let layer = manifest["layers"][0]["digest"].as_str().expect("a digest").replace(':', "/");
        let list = format!("tar -xOf {} blobs/{layer} | tar -tz", archive.display());
        let list = output(Command::new("bash").args(["-c", &list])).expect("a layer");
        let files: Vec<&str> = list.lines().filter(|line| !line.ends_with('/')).collect();
        let files: Vec<&str> =
            files.into_iter().filter(|f| *f != "usr" && *f != "usr/bin").collect();
        let expected: Vec<String> = programs.iter().map(|p| format!("usr/bin/{p}")).collect();
        assert_eq!(files, expected, "no shell, no libraries");
        let bill = std::fs::read_to_string(out.path().join(format!("{stem}.cdx.json")));
        let bill: Json = serde_json::from_str(&bill.expect("written")).expect("JSON");
        let parts = bill["components"].as_array().expect("components");
        assert!(parts.len() > 50 && parts.iter().any(|part| part["name"] == "tokio"), "{name}");
    }
}
