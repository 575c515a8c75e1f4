//! The operator of the whole run, and operators of a test's own.

use crate::kubectl::helm;
use crate::space::{Space, must};

/// Where `run.sh` installed the operator that watches all namespaces.
pub(crate) const SYSTEM: &str = "kapacitor-system";

/// Installs an operator that watches the namespace of a test only, and lives in it. Tests with one
/// are below `own`; they run when the one that watches all namespaces is gone.
pub(crate) fn install(space: &Space) {
    let space = &space.name;
    let chart = e2e::program::root().join("charts/kapacitor-operator");
    let chart = chart.to_string_lossy().into_owned();
    let watch = format!("watchNamespace={space}");
    let release = format!("operator-{space}");
    let mut arguments = vec!["upgrade", "--install", &release, &chart, "-n", space];
    arguments.extend(["--wait", "--timeout", "120s", "--set", &watch]);
    arguments.extend(["--set", "crds.install=false"]);
    arguments.extend(IMAGES);
    must(helm(&arguments));
}

/// The images of the run.
const IMAGES: [&str; 8] = [
    "--set",
    "image.repository=localhost/kapacitor-operator",
    "--set",
    "image.tag=e2e",
    "--set",
    "memberImage.repository=localhost/kapacitord",
    "--set",
    "memberImage.tag=e2e",
];
