//! What the original has and this program has not yet: accepted with one warning that names it all,
//! refused where accepting it would do harm.

use std::collections::BTreeSet;

use super::problem::{Origin, Problem};
use super::read::{ENTERPRISE, Origins};
use super::schema::{Key, SECTIONS, Section, Shape, State};
use super::settings::{Element, Settings, Value};

/// What a check of the settings found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// Looks for options that would have no effect. `mentioned` are the sections that stand in the file.
pub(crate) fn check(
    settings: &Settings,
    origins: &Origins,
    mentioned: &BTreeSet<String>,
) -> Findings {
    let mut findings = Findings::default();
    let mut named: Vec<String> = Vec::new();
    for section in SECTIONS {
        for (index, element) in settings.elements(section.name).iter().enumerate() {
            let path = path_of(section, index);
            let set: Vec<&Key> = section
                .keys
                .iter()
                .filter(|key| element[key.name] != key.default_value())
                .collect();
            match section.state {
                State::Later => {
                    findings.problems.extend(switched_on(section, element, &path, origins));
                    let name = shown(section);
                    if (mentioned.contains(section.name) || !set.is_empty())
                        && !named.contains(&name)
                    {
                        named.push(name);
                    }
                }
                State::Ignored => {}
                State::Built | State::Refused => {
                    for key in set {
                        key_without_effect(section, key, &path, origins, &mut named, &mut findings);
                    }
                }
            }
        }
    }
    if !named.is_empty() {
        findings.warnings.push(format!(
            "the configuration names what is not built yet and has no effect: {}",
            named.join(", ")
        ));
    }
    if mentioned.contains(ENTERPRISE) {
        findings.warnings.push("[enterprise] is ignored: no licence is needed".to_owned());
    }
    findings
}

fn key_without_effect(
    section: &Section,
    key: &Key,
    path: &str,
    origins: &Origins,
    named: &mut Vec<String>,
    findings: &mut Findings,
) {
    let name = format!("{} {}", shown(section), key.name).trim().to_owned();
    match key.state {
        State::Later if !named.contains(&name) => named.push(name),
        State::Refused => {
            let origin = origins.get(&join(path, key.name)).cloned().unwrap_or(Origin::Default);
            let text =
                "is not built yet, and without it the member would not do what this asks for";
            findings.problems.push(Problem::new(origin, name, text));
        }
        _ => {}
    }
}

/// `enabled = true` in a section that does nothing.
fn switched_on(
    section: &Section,
    element: &Element,
    path: &str,
    origins: &Origins,
) -> Option<Problem> {
    let key = section.key("enabled")?;
    let on = element[key.name] == Value::Bool(true) && key.default_value() == Value::Bool(false);
    on.then(|| {
        let origin = origins.get(&join(path, key.name)).cloned().unwrap_or(Origin::Default);
        let text = "this section is not built yet and cannot be enabled";
        Problem::new(origin, format!("{} enabled", shown(section)), text)
            .with_hint(Some("set enabled = false or remove the section".to_owned()))
    })
}

fn shown(section: &Section) -> String {
    match section.shape {
        _ if section.name.is_empty() => String::new(),
        Shape::Table => format!("[{}]", section.name),
        Shape::List { .. } => format!("[[{}]]", section.name),
    }
}

fn path_of(section: &Section, index: usize) -> String {
    match section.shape {
        Shape::Table => section.name.to_owned(),
        Shape::List { .. } => format!("{}.{index}", section.name),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
