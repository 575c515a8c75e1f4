//! Every option of `kapacitor.conf` with its effective value, untyped: what file and environment
//! fill in, what [`super::Config`] is built from, and what `GET /config` shows.

use std::collections::BTreeMap;

use model::Duration;

use super::schema::{Key, Kind, SECTIONS, Section, Shape};

/// The value of one option.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Duration(Duration),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
    Lists(BTreeMap<String, Vec<String>>),
    /// A nested table, as `[httppost.basic-auth]`.
    Table(Element),
    /// Nested tables by a name the user chose, as `[udf.functions.NAME]`.
    Tables(BTreeMap<String, Element>),
    /// An option that has no value unless it is set.
    Unset,
}

/// The options of one section, or of one element of a list section; every known key is present.
pub type Element = BTreeMap<&'static str, Value>;

/// All sections; each has its elements, exactly one unless the section is a list. `Debug` shows
/// nothing: there are secrets inside.
#[derive(Clone, PartialEq)]
pub struct Settings {
    sections: BTreeMap<&'static str, Vec<Element>>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        let sections = SECTIONS.iter().map(|s| (s.name, s.default_elements())).collect();
        Self { sections }
    }
}

impl Settings {
    /// The elements of a section; empty for an unknown name.
    pub fn elements(&self, section: &str) -> &[Element] {
        self.sections.get(section).map_or(&[], Vec::as_slice)
    }

    /// The only element of a section that is no list.
    pub fn table(&self, section: &str) -> &Element {
        self.elements(section).first().expect("every section that is no list has one element")
    }

    pub(crate) fn elements_mut(&mut self, section: &'static str) -> &mut Vec<Element> {
        self.sections.entry(section).or_default()
    }
}

impl Section {
    /// One element with the defaults of the table.
    pub fn new_element(&self) -> Element {
        new_element(self.keys)
    }

    /// The elements a file without this section means.
    fn default_elements(&self) -> Vec<Element> {
        match self.shape {
            Shape::Table | Shape::List { filled: true, .. } => vec![self.new_element()],
            Shape::List { filled: false, .. } => Vec::new(),
        }
    }
}

/// The defaults of `keys`.
pub(crate) fn new_element(keys: &'static [Key]) -> Element {
    keys.iter().map(|key| (key.name, key.default_value())).collect()
}

impl Key {
    /// The value when neither file nor environment names the key.
    pub fn default_value(&self) -> Value {
        match self.kind {
            Kind::Text(text) | Kind::Secret(text) => Value::Text(text.to_owned()),
            Kind::Choice(text, _) => Value::Text(text.to_owned()),
            Kind::Int(n) => Value::Int(n),
            Kind::Float(x) => Value::Float(x),
            Kind::Bool(b) => Value::Bool(b),
            Kind::Duration(text) => {
                Value::Duration(Duration::parse_go(text).expect("defaults are durations"))
            }
            Kind::List(items) | Kind::Secrets(items) => {
                Value::List(items.iter().map(|&s| s.to_owned()).collect())
            }
            Kind::Map => Value::Map(BTreeMap::new()),
            Kind::Lists(entries) => Value::Lists(
                entries
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), v.iter().map(|&s| s.to_owned()).collect()))
                    .collect(),
            ),
            Kind::MaybeInt | Kind::MaybeText => Value::Unset,
            Kind::Loose(text) => Value::Text(text.to_owned()),
            Kind::Table(keys) => Value::Table(new_element(keys)),
            Kind::Tables(_) => Value::Tables(BTreeMap::new()),
        }
    }
}
