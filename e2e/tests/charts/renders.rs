//! Golden renders: `renders/CHART/NAME.values.yaml` becomes `NAME.out.yaml`. Values that a chart must refuse
//! are `NAME.refused.yaml`, whose first line says what the refusal says.

use std::path::{Path, PathBuf};

use super::tool::{CHARTS, compare, helm, output, root};

fn folder(chart: &str) -> PathBuf {
    root().join("e2e/tests/charts/renders").join(chart)
}

/// The files of a chart with this ending.
fn files(chart: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(chart)).expect("readable");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    found.sort();
    found
}

fn render(chart: &str, values: &Path) -> Result<String, String> {
    output(
        helm()
            .args(["template", "demo"])
            .arg(root().join("charts").join(chart))
            .args(["--namespace", "ns", "--kube-version", "1.33.0", "--values"])
            .arg(values),
    )
}

/// A folder with a file for each chart and set of values. Its name has no dot: checkov skips hidden ones.
pub(crate) fn render_all() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("renders").tempdir().expect("a place for renders");
    for chart in CHARTS {
        for values in files(chart, ".values.yaml") {
            let name = values.file_name().expect("a file").to_string_lossy().into_owned();
            let rendered = render(chart, &values).unwrap_or_else(|error| panic!("{error}"));
            let file = folder.path().join(format!("{chart}-{name}"));
            std::fs::write(file, rendered).expect("the folder takes files");
        }
    }
    folder
}

fn template(chart: &str, values: &Path) -> Result<String, String> {
    // The definition is generated and has its own test: its head says enough.
    let rendered = render(chart, values)?;
    let documents = rendered.split("\n---\n").map(|document| {
        if document.contains("kind: CustomResourceDefinition") {
            let head = document.split("\nspec:").next().unwrap_or_default();
            format!("{head}\nspec: … # crds/")
        } else {
            document.trim_end().to_owned()
        }
    });
    let lines: Vec<String> = documents.collect();
    Ok(lines.join("\n---\n") + "\n")
}

#[test]
fn generated_renders_are_as_recorded() {
    let mut sets = 0;
    for chart in CHARTS {
        for values in files(chart, ".values.yaml") {
            let out = values.to_string_lossy().replace(".values.yaml", ".out.yaml");
            let got = template(chart, &values).unwrap_or_else(|error| panic!("{error}"));
            compare(out.as_ref(), &got);
            sets += 1;
        }
    }
    assert!(sets >= 8, "{sets} sets of values");
}

#[test]
fn wrong_values_are_refused_with_the_reason() {
    let mut sets = 0;
    for chart in CHARTS {
        for values in files(chart, ".refused.yaml") {
            let text = std::fs::read_to_string(&values).expect("readable");
            let expect = text.lines().next().and_then(|line| line.strip_prefix("# "));
            let expect = expect.expect("the first line says what the refusal says");
            let got = template(chart, &values).expect_err("it must be refused");
            assert!(got.contains(expect), "{}: expected {expect:?}, got {got}", values.display());
            sets += 1;
        }
    }
    assert!(sets >= 4, "{sets} sets of values");
}

#[test]
fn charts_pass_lint() {
    for chart in CHARTS {
        output(helm().args(["lint", "--strict"]).arg(root().join("charts").join(chart)))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}
