//! From the text of a file to [`Settings`]: known names, right types, every problem with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use model::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem, nearest};
use super::schema::{Key, Kind, SECTIONS, Section, Shape, section};
use super::settings::{Element, Settings, Value, new_element};

/// Where each value came from, by path (`influxdb.0.urls`, `http.bind-address`, `data_dir`).
pub(crate) type Origins = BTreeMap<String, Origin>;

/// A file as read: values of the wrong type keep their default and are among the problems.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) settings: Settings,
    pub(crate) origins: Origins,
    pub(crate) problems: Vec<Problem>,
    /// Sections that stand in the file, `[enterprise]` too.
    pub(crate) mentioned: BTreeSet<String>,
    /// What shall be said at the start beside them.
    pub(crate) warnings: Vec<String>,
}

/// The section that is accepted with any content and ignored.
pub(crate) const ENTERPRISE: &str = "enterprise";

/// Reads a whole file.
pub(crate) fn read(path: &Path, text: &str) -> Raw {
    let (tree, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        path,
        line_starts: std::iter::once(0)
            .chain(text.match_indices('\n').map(|(i, _)| i + 1))
            .collect(),
        raw: Raw::default(),
    };
    reader.document(tree.get_ref());
    // What follows from a syntax error on the same line would only distract.
    let broken: BTreeSet<usize> =
        errors.iter().filter_map(|e| Some(reader.line(&e.span()?))).collect();
    let in_line = |p: &Problem| match p.origin {
        Origin::Line(_, line) => line,
        _ => 0,
    };
    let mut problems = reader.raw.problems.clone();
    problems.retain(|p| !broken.contains(&in_line(p)));
    for error in &errors {
        let origin = error.span().map_or(Origin::File(path.to_owned()), |s| reader.origin(&s));
        problems.push(Problem::new(origin, "", format!("no valid TOML: {}", error.message())));
    }
    problems.sort_by_key(in_line);
    Raw { problems, ..reader.raw }
}

struct Reader<'a> {
    path: &'a Path,
    line_starts: Vec<usize>,
    raw: Raw,
}

/// What is being read: the names for messages and for [`Origins`].
struct At<'a> {
    /// `[http]`, `[[influxdb]]`, `[httppost.basic-auth]`; empty at top level.
    shown: &'a str,
    /// `http`, `influxdb.0`; empty at top level.
    path: &'a str,
}

impl At<'_> {
    fn key(&self, name: &str) -> String {
        if self.shown.is_empty() { name.to_owned() } else { format!("{} {name}", self.shown) }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.line_starts.partition_point(|start| *start <= span.start)
    }

    fn origin(&self, span: &Range<usize>) -> Origin {
        Origin::Line(self.path.to_owned(), self.line(span))
    }

    fn report(&mut self, span: &Range<usize>, key: String, text: String, hint: Option<String>) {
        let problem = Problem::new(self.origin(span), key, text).with_hint(hint);
        self.raw.problems.push(problem);
    }

    fn document(&mut self, tree: &DeTable<'_>) {
        let top = section("").expect("the top level is in the table");
        let mut element = top.new_element();
        let at = At { shown: "", path: "" };
        for (name, value) in tree {
            let text = name.get_ref().as_ref();
            if text == ENTERPRISE {
                self.raw.mentioned.insert(text.to_owned());
            } else if let Some(key) = top.key(text) {
                self.value(&at, key, name.span(), value, &mut element);
            } else if let Some(section) = section(text).filter(|s| !s.name.is_empty()) {
                self.raw.mentioned.insert(text.to_owned());
                self.section(section, value);
            } else {
                self.unknown_at_top(name, value);
            }
        }
        *self.raw.settings.elements_mut("") = vec![element];
    }

    fn unknown_at_top(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let text = name.get_ref().as_ref();
        let is_table = match value.get_ref() {
            DeValue::Table(_) => true,
            DeValue::Array(items) => items.iter().any(|item| item.get_ref().is_table()),
            _ => false,
        };
        if is_table {
            let names = SECTIONS.iter().map(|s| s.name).filter(|n| !n.is_empty());
            let hint = nearest(text, names).map(|n| format!("did you mean [{n}]?"));
            self.report(&name.span(), format!("[{text}]"), "unknown section".to_owned(), hint);
        } else {
            let top = section("").expect("the top level is in the table");
            let hint = Self::hint_for_key(text, top);
            self.report(&name.span(), text.to_owned(), "unknown key".to_owned(), hint);
        }
    }

    fn hint_for_key(name: &str, section: &Section) -> Option<String> {
        if let Some(near) = nearest(name, section.keys.iter().map(|k| k.name)) {
            return Some(format!("did you mean {near:?}?"));
        }
        let homes: Vec<String> = SECTIONS
            .iter()
            .filter(|s| s.key(name).is_some())
            .map(|s| {
                if s.name.is_empty() {
                    "the top of the file".to_owned()
                } else {
                    format!("[{}]", s.name)
                }
            })
            .take(3)
            .collect();
        (!homes.is_empty()).then(|| format!("it is a key of {}", homes.join(", ")))
    }

    fn section(&mut self, section: &'static Section, value: &Spanned<DeValue<'_>>) {
        let mut elements = Vec::new();
        match (section.shape, value.get_ref()) {
            (Shape::Table, DeValue::Table(table)) => {
                let shown = format!("[{}]", section.name);
                let at = At { shown: &shown, path: section.name };
                elements.push(self.element(&at, section, table));
            }
            (Shape::List { single: true, .. }, DeValue::Table(table)) => {
                let (shown, path) = (format!("[{}]", section.name), format!("{}.0", section.name));
                elements.push(self.element(&At { shown: &shown, path: &path }, section, table));
            }
            (Shape::List { .. }, DeValue::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let shown = format!("[[{}]]", section.name);
                    let path = format!("{}.{index}", section.name);
                    self.raw.origins.insert(path.clone(), self.origin(&item.span()));
                    match item.get_ref() {
                        DeValue::Table(table) => {
                            elements.push(self.element(
                                &At { shown: &shown, path: &path },
                                section,
                                table,
                            ));
                        }
                        other => {
                            let text = format!("expected a table, got {}", shape_of(other));
                            self.report(&item.span(), shown, text, None);
                        }
                    }
                }
            }
            (shape, other) => {
                let (written, expected) = match shape {
                    Shape::Table => (format!("[{}]", section.name), "one section"),
                    Shape::List { .. } => (format!("[[{}]]", section.name), "a list of sections"),
                };
                let text = format!("{expected} is expected, got {}", shape_of(other));
                let hint = Some(format!("write {written}"));
                self.report(&value.span(), format!("[{}]", section.name), text, hint);
                return;
            }
        }
        // A list that is mentioned but empty still means its defaults.
        if !elements.is_empty() {
            *self.raw.settings.elements_mut(section.name) = elements;
        }
    }

    fn element(&mut self, at: &At<'_>, section: &'static Section, table: &DeTable<'_>) -> Element {
        let mut element = section.new_element();
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            match section.key(text) {
                Some(key) => self.value(at, key, name.span(), value, &mut element),
                None => {
                    let hint = Self::hint_for_key(text, section);
                    self.report(&name.span(), at.key(text), "unknown key".to_owned(), hint);
                }
            }
        }
        element
    }

    fn nested(&mut self, at: &At<'_>, keys: &'static [Key], table: &DeTable<'_>) -> Element {
        let mut element = new_element(keys);
        for (name, value) in table {
            let text = name.get_ref().as_ref();
            match keys.iter().find(|k| k.name == text) {
                Some(key) => self.value(at, key, name.span(), value, &mut element),
                None => {
                    let hint = nearest(text, keys.iter().map(|k| k.name))
                        .map(|near| format!("did you mean {near:?}?"));
                    self.report(&name.span(), at.key(text), "unknown key".to_owned(), hint);
                }
            }
        }
        element
    }

    fn value(
        &mut self,
        at: &At<'_>,
        key: &'static Key,
        name: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        element: &mut Element,
    ) {
        let path = at.path_of(key.name);
        self.raw.origins.insert(path.clone(), self.origin(&name));
        let inner = |shown: &str| {
            let prefix = shown.trim_start_matches('[').trim_end_matches(']').to_owned();
            format!("[{prefix}.{}]", key.name)
        };
        let result = match (key.kind, value.get_ref()) {
            (Kind::Table(keys), DeValue::Table(table)) => {
                let shown = inner(at.shown);
                Ok(Value::Table(self.nested(&At { shown: &shown, path: &path }, keys, table)))
            }
            (Kind::Tables(keys), DeValue::Table(tables)) => {
                let mut named = BTreeMap::new();
                for (name, value) in tables {
                    let text = name.get_ref().as_ref();
                    let shown = format!("{}.{text}]", inner(at.shown).trim_end_matches(']'));
                    let at = At { shown: &shown, path: &format!("{path}.{text}") };
                    if let DeValue::Table(table) = value.get_ref() {
                        named.insert(text.to_owned(), self.nested(&at, keys, table));
                    } else {
                        let text = format!("expected a table, got {}", shape_of(value.get_ref()));
                        self.report(&name.span(), shown.clone(), text, None);
                    }
                }
                Ok(Value::Tables(named))
            }
            (kind, value) => convert(kind, value),
        };
        match result {
            Ok(value) => {
                element.insert(key.name, value);
            }
            Err(text) => self.report(&value.span(), at.key(key.name), text, None),
        }
    }
}

/// A TOML value as the type the table wants; the error says what was expected and found, never the
/// value of a secret.
fn convert(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
    let wrong = || Err(format!("expected {}, got {}", kind.expected(), shape_of(value)));
    Ok(match (kind, value) {
        (
            Kind::Text(_) | Kind::Secret(_) | Kind::MaybeText | Kind::Loose(_),
            DeValue::String(s),
        ) => Value::Text(s.to_string()),
        (Kind::Choice(_, words), DeValue::String(s)) => Value::Text(choose(words, s)?),
        (Kind::Bool(_), DeValue::Boolean(b)) => Value::Bool(*b),
        (Kind::Int(_) | Kind::MaybeInt, DeValue::Integer(n)) => Value::Int(integer(n)?),
        (Kind::Loose(_), DeValue::Integer(n)) => Value::Text(integer(n)?.to_string()),
        (Kind::Float(_), DeValue::Integer(n)) => Value::Float(integer(n)? as f64),
        (Kind::Float(_), DeValue::Float(x)) => match x.as_str().parse::<f64>() {
            Ok(x) if x.is_finite() => Value::Float(x),
            _ => return Err("expected a finite number".to_owned()),
        },
        (Kind::Duration(default), DeValue::String(s)) => duration(default, s)?,
        (Kind::Duration(_), DeValue::Integer(n)) => {
            return Err(format!("a duration is a string with a unit, write \"{}s\"", n.as_str()));
        }
        (Kind::List(_) | Kind::Secrets(_), DeValue::Array(_)) => Value::List(strings(value)?),
        (Kind::Map, DeValue::Table(table)) => {
            let mut map = BTreeMap::new();
            for (name, value) in table {
                let Some(text) = value.get_ref().as_str() else {
                    return Err(format!(
                        "{:?} must be a string, got {}",
                        name.get_ref(),
                        shape_of(value.get_ref())
                    ));
                };
                map.insert(name.get_ref().to_string(), text.to_owned());
            }
            Value::Map(map)
        }
        (Kind::Lists(_), DeValue::Table(table)) => {
            let mut map = BTreeMap::new();
            for (name, value) in table {
                let list =
                    strings(value.get_ref()).map_err(|e| format!("{:?}: {e}", name.get_ref()))?;
                map.insert(name.get_ref().to_string(), list);
            }
            Value::Lists(map)
        }
        _ => return wrong(),
    })
}

fn strings(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let list = value
        .as_array()
        .ok_or_else(|| format!("expected a list of strings, got {}", shape_of(value)))?;
    list.iter()
        .map(|item| match item.get_ref().as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(format!(
                "expected a list of strings, one of them is {}",
                shape_of(item.get_ref())
            )),
        })
        .collect()
}

fn integer(n: &toml::de::DeInteger<'_>) -> Result<i64, String> {
    i64::from_str_radix(&n.as_str().replace('_', ""), n.radix())
        .map_err(|_| format!("{} is out of range", n.as_str()))
}

/// One of `words`, whatever its case.
pub(crate) fn choose(words: &[&str], text: &str) -> Result<String, String> {
    words
        .iter()
        .find(|word| word.eq_ignore_ascii_case(text))
        .map(|word| (*word).to_owned())
        .ok_or_else(|| format!("must be one of {}, got {text:?}", words.join(", ")))
}

/// Go's spelling, or with days and weeks; an empty text means the default.
pub(crate) fn duration(default: &str, text: &str) -> Result<Value, String> {
    let text = if text.is_empty() { default } else { text };
    Duration::parse_go(text)
        .or_else(|| Duration::parse_influx(text))
        .map(Value::Duration)
        .ok_or_else(|| format!("expected a duration such as \"10s\" or \"1h30m\", got {text:?}"))
}

fn shape_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
