//! The tables of values in the charts' READMEs, made from values.yaml and its comments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_yaml::Value;

use super::tool::{CHARTS, compare, root};

const BEGIN: &str =
    "<!-- values: generated from the comments of values.yaml by `make generated` -->\n";
const END: &str = "<!-- end of values -->\n";

/// The comment above each key, by path.
fn comments(text: &str) -> BTreeMap<String, String> {
    let (mut path, mut comment) = (Vec::<(usize, String)>::new(), String::new());
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if let Some(words) = body.strip_prefix("# ") {
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(words);
        } else if let Some((key, _)) = body.split_once(':').filter(|_| !body.starts_with('-')) {
            path.retain(|(outer, _)| *outer < indent);
            path.push((indent, key.to_owned()));
            if !comment.is_empty() {
                let names: Vec<&str> = path.iter().map(|(_, name)| name.as_str()).collect();
                all.insert(names.join("."), std::mem::take(&mut comment));
            }
        } else {
            comment.clear();
        }
    }
    all
}

/// Rows for what has a comment, or has no commented values below it.
fn rows(path: &str, value: &Value, comments: &BTreeMap<String, String>, table: &mut String) {
    let below = |path: &str| format!("{path}.");
    let own = comments.get(path);
    let inner = comments.keys().any(|other| other.starts_with(&below(path)));
    if let (Value::Mapping(fields), true) = (value, inner || path.is_empty()) {
        for (name, field) in fields {
            let name = name.as_str().expect("keys are texts");
            let path = if path.is_empty() { name.to_owned() } else { below(path) + name };
            rows(&path, field, comments, table);
        }
        return;
    }
    let json = serde_json::to_string(value).expect("YAML is JSON here");
    let shown = json.replace('|', "\\|");
    let text = own.map_or("", String::as_str).replace('|', "\\|");
    writeln!(table, "| `{path}` | `{shown}` | {text} |").expect("memory");
}

#[test]
fn generated_tables_of_values_are_fresh() {
    for chart in CHARTS {
        let folder = root().join("charts").join(chart);
        let text = std::fs::read_to_string(folder.join("values.yaml")).expect("readable");
        let values: Value = serde_yaml::from_str(&text).expect("YAML");
        let mut table = "\n| value | default | meaning |\n|---|---|---|\n".to_owned();
        let comments = comments(&text);
        rows("", &values, &comments, &mut table);
        let path = folder.join("README.md");
        let readme = std::fs::read_to_string(&path).expect("readable");
        let (head, rest) = readme.split_once(BEGIN).expect("the README has the mark");
        let (_, tail) = rest.split_once(END).expect("the README has the end mark");
        compare(&path, &format!("{head}{BEGIN}{table}\n{END}{tail}"));
    }
}

/// A value that nobody explains is a riddle.
#[test]
fn every_value_is_explained() {
    for chart in CHARTS {
        let readme = std::fs::read_to_string(root().join("charts").join(chart).join("README.md"));
        let readme = readme.expect("readable");
        let bare: Vec<&str> = readme.lines().filter(|line| line.ends_with("|  |")).collect();
        assert!(bare.is_empty(), "charts/{chart}/values.yaml: write a comment above {bare:?}");
    }
}

/// A value that the schema does not know is refused, so each must be in it.
#[test]
fn the_schema_knows_every_value() {
    for chart in CHARTS {
        let folder = root().join("charts").join(chart);
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
        let values: Value = serde_yaml::from_str(&read("values.yaml")).expect("YAML");
        let schema: serde_json::Value =
            serde_json::from_str(&read("values.schema.json")).expect("JSON");
        for name in values.as_mapping().expect("a map").keys() {
            let name = name.as_str().expect("keys are texts");
            assert!(
                schema["properties"][name].is_object(),
                "charts/{chart}/values.schema.json does not know {name}"
            );
        }
    }
}
