//! Overrides by environment: `KAPACITOR_` + section + key, upper case, `-` as `_`; elements of lists
//! by index; keys of maps in the spelling given. Empty variables count as not set.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Origin, Problem, nearest};
use super::read::{Origins, choose, duration};
use super::schema::{Key, Kind, SECTIONS, Shape};
use super::settings::{Element, Settings, Value};

/// Start of every variable.
const PREFIX: &str = "KAPACITOR";

/// What came of the variables beside the settings.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// Applies `vars` to `settings`; what was set is noted in `origins`.
pub(crate) fn apply(
    settings: &mut Settings,
    origins: &mut Origins,
    vars: &BTreeMap<String, String>,
) -> Outcome {
    let mut pass = Pass {
        vars,
        origins,
        problems: Vec::new(),
        may_grow: false,
        asked: BTreeSet::new(),
        used: BTreeSet::new(),
    };
    for section in SECTIONS {
        pass.may_grow = section.ours;
        let name = join(PREFIX, section.name);
        let elements = settings.elements_mut(section.name);
        match section.shape {
            Shape::Table => {
                for element in elements {
                    pass.element(section.keys, &name, section.name, element);
                }
            }
            Shape::List { single, .. } => {
                let only = single && elements.len() == 1;
                for (index, element) in elements.iter_mut().enumerate() {
                    let path = format!("{}.{index}", section.name);
                    if only {
                        pass.element(section.keys, &name, &path, element);
                    }
                    pass.element(section.keys, &format!("{name}_{index}"), &path, element);
                }
            }
        }
    }
    Outcome { warnings: pass.without_effect(), problems: pass.problems }
}

fn join(prefix: &str, name: &str) -> String {
    if name.is_empty() {
        return prefix.to_owned();
    }
    format!("{prefix}_{}", name.to_uppercase().replace('-', "_"))
}

struct Pass<'a> {
    vars: &'a BTreeMap<String, String>,
    origins: &'a mut Origins,
    problems: Vec<Problem>,
    /// Whether lists of this section take an index one past their end.
    may_grow: bool,
    /// Every name that would set something.
    asked: BTreeSet<String>,
    /// Every name that has set something or was refused.
    used: BTreeSet<String>,
}

impl Pass<'_> {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).filter(|v| !v.is_empty()).cloned()
    }

    /// A warning for each variable that begins like one of a section and sets nothing.
    fn without_effect(&self) -> Vec<String> {
        let sections = SECTIONS.iter().filter(|s| !s.name.is_empty());
        let prefixes: Vec<String> = sections.map(|s| join(PREFIX, s.name) + "_").collect();
        let mut warnings = Vec::new();
        for (name, value) in self.vars {
            let of_name = prefixes.iter().filter(|p| name.starts_with(*p));
            let Some(prefix) = of_name.max_by_key(|p| p.len()) else { continue };
            if value.is_empty() || self.used.contains(name) || is_of_service(&name[prefix.len()..])
            {
                continue;
            }
            let known = self.asked.iter().map(String::as_str).filter(|n| n.starts_with(prefix));
            warnings.push(match nearest(name, known) {
                Some(hint) => format!("{name} sets no option; did you mean {hint}?"),
                None => format!("{name} sets no option; of lists only what is there can be set"),
            });
        }
        warnings
    }

    /// The variables that start with `prefix_`, with the rest of their names.
    fn below(&self, prefix: &str) -> Vec<(String, String)> {
        let prefix = format!("{prefix}_");
        self.vars
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name[prefix.len()..].to_owned(), value.clone()))
            .collect()
    }

    fn element(&mut self, keys: &'static [Key], prefix: &str, path: &str, element: &mut Element) {
        for key in keys {
            let name = join(prefix, key.name);
            let path =
                if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            let value = element.get_mut(key.name).expect("an element has every key of its table");
            self.value(key, &name, &path, value);
        }
    }

    fn value(&mut self, key: &'static Key, name: &str, path: &str, value: &mut Value) {
        match (key.kind, value) {
            (Kind::List(_) | Kind::Secrets(_), Value::List(list)) => {
                self.list(name, path, list, self.may_grow);
            }
            (Kind::Map, Value::Map(map)) => {
                for (entry, text) in self.below(name) {
                    self.note(&format!("{name}_{entry}"), path);
                    map.insert(entry, text);
                }
            }
            (Kind::Lists(_), Value::Lists(lists)) => {
                for (entry, text) in self.below(name) {
                    let Some((entry, index)) = entry.rsplit_once('_') else { continue };
                    let Ok(index) = index.parse::<usize>() else { continue };
                    let list = lists.entry(entry.to_owned()).or_default();
                    if index <= list.len() {
                        list.resize(list.len().max(index + 1), String::new());
                        list[index] = text;
                        self.note(&format!("{name}_{entry}_{index}"), path);
                    }
                }
            }
            (Kind::Table(keys), Value::Table(table)) => self.element(keys, name, path, table),
            (Kind::Tables(keys), Value::Tables(tables)) => {
                for (entry, table) in tables {
                    self.element(keys, &join(name, entry), &format!("{path}.{entry}"), table);
                }
            }
            (kind, value) => {
                self.asked.insert(name.to_owned());
                let Some(text) = self.var(name) else { return };
                match parse(kind, &text) {
                    Ok(parsed) => {
                        *value = parsed;
                        self.note(name, path);
                    }
                    Err(type_name) => {
                        let text = format!(
                            "apply env config: failed to apply {name} to {} using type {type_name} and value '{text}'",
                            key.name
                        );
                        self.used.insert(name.to_owned());
                        let origin = Origin::Environment(name.to_owned());
                        self.problems.push(Problem::new(origin, "", text));
                    }
                }
            }
        }
    }

    fn list(&mut self, name: &str, path: &str, list: &mut Vec<String>, may_grow: bool) {
        for index in 0.. {
            let name = format!("{name}_{index}");
            if index < list.len() || may_grow && index == list.len() {
                self.asked.insert(name.clone());
            }
            match self.var(&name) {
                Some(text) if index < list.len() => list[index] = text,
                Some(text) if may_grow && index == list.len() => list.push(text),
                None if index < list.len() => continue,
                _ => break,
            }
            self.note(&name, path);
        }
    }

    fn note(&mut self, name: &str, path: &str) {
        self.used.insert(name.to_owned());
        self.origins.insert(path.to_owned(), Origin::Environment(name.to_owned()));
    }
}

/// Whether `rest` of a name is one that Kubernetes gives every container for each service: a service
/// called `kapacitor-http` must not look like a misspelt option.
fn is_of_service(rest: &str) -> bool {
    let is = |word: &str| rest == word || rest.ends_with(&format!("_{word}"));
    let has = |word: &str| rest.starts_with(word) || rest.contains(&format!("_{word}"));
    is("PORT") || has("SERVICE_HOST") || has("SERVICE_PORT") || has("PORT_")
}

/// A text as the type of a key; the error is the name of the type.
fn parse(kind: Kind, text: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Choice(_, words) => choose(words, text).map(Value::Text).map_err(|_| "string"),
        Kind::Int(_) | Kind::MaybeInt => go_int(text).map(Value::Int).ok_or("int"),
        Kind::Float(_) => match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Value::Float(x)),
            _ => Err("float64"),
        },
        Kind::Bool(_) => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err("bool"),
        },
        Kind::Duration(default) => duration(default, text).map_err(|_| "toml.Duration"),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// An integer as Go reads it with base 0: `0x1f`, `0b1`, `0o17` and `017` besides decimal.
fn go_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    i64::from_str_radix(&format!("{}{digits}", if negative { "-" } else { "" }), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_does() {
        for (text, expect) in [
            ("10", Some(10)),
            ("-7", Some(-7)),
            ("0x1F", Some(31)),
            ("017", Some(15)),
            ("0b11", Some(3)),
            ("0", Some(0)),
            ("08", None),
            ("1.5", None),
            ("--1", None),
            ("", None),
        ] {
            assert_eq!(go_int(text), expect, "{text}");
        }
    }
}
