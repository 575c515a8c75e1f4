//! Typed access to one element of the settings while the configuration is built; what is out of
//! range is noted with its place and replaced by something harmless.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::{Advertise, Listen};
use super::problem::{Origin, Problem};
use super::read::Origins;
use super::settings::{Element, Value};
use crate::logging::Secret;

/// One element and where its values came from.
pub(crate) struct Values<'a> {
    pub(crate) element: &'a Element,
    /// `http`, `influxdb.0`; empty at top level.
    pub(crate) path: String,
    /// `[http]`, `[[influxdb]]`; empty at top level.
    pub(crate) shown: String,
    pub(crate) origins: &'a Origins,
    pub(crate) problems: &'a RefCell<Vec<Problem>>,
}

impl Values<'_> {
    fn get(&self, key: &str) -> &Value {
        self.element.get(key).expect("the table of options has every key that is built")
    }

    pub(crate) fn origin(&self, key: &str) -> Origin {
        let path =
            if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.origins
            .get(&path)
            .or_else(|| self.origins.get(&self.path))
            .cloned()
            .unwrap_or(Origin::Default)
    }

    /// Notes what is wrong with `key`, after its name.
    pub(crate) fn wrong(&self, key: &str, text: impl Into<String>) {
        let name = format!("{} {key}", self.shown).trim().to_owned();
        self.problems.borrow_mut().push(Problem::new(self.origin(key), name, text));
    }

    /// Notes a message of the original, which names no key.
    pub(crate) fn original(&self, key: &str, text: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(self.origin(key), "", text));
    }

    pub(crate) fn text(&self, key: &str) -> String {
        match self.get(key) {
            Value::Text(text) => text.clone(),
            _ => String::new(),
        }
    }

    pub(crate) fn secret(&self, key: &str) -> Secret {
        Secret::new(self.text(key))
    }

    pub(crate) fn bool(&self, key: &str) -> bool {
        matches!(self.get(key), Value::Bool(true))
    }

    pub(crate) fn int(&self, key: &str, range: RangeInclusive<i64>) -> i64 {
        let Value::Int(n) = *self.get(key) else { return *range.start() };
        if !range.contains(&n) {
            self.wrong(key, format!("must be {} to {}, got {n}", range.start(), range.end()));
        }
        n.clamp(*range.start(), *range.end())
    }

    pub(crate) fn float(&self, key: &str, range: RangeInclusive<f64>) -> f64 {
        let Value::Float(x) = *self.get(key) else { return *range.start() };
        if !range.contains(&x) {
            self.wrong(key, format!("must be {} to {}, got {x}", range.start(), range.end()));
        }
        x.clamp(*range.start(), *range.end())
    }

    /// A duration within `range`; 0 is taken for `zero` where that is given.
    pub(crate) fn duration(
        &self,
        key: &str,
        zero: Option<Duration>,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Value::Duration(d) = *self.get(key) else { return *range.start() };
        let go = |d: Duration| model::Duration(d.as_nanos() as i64).to_go_string();
        if d.0 < 0 {
            self.wrong(key, format!("must not be negative, got {}", d.to_go_string()));
        }
        let std = d.to_std();
        match zero {
            Some(zero) if d.0 == 0 => return zero,
            _ if d.0 >= 0 && !range.contains(&std) => {
                let text = format!(
                    "must be {} to {}, got {}",
                    go(*range.start()),
                    go(*range.end()),
                    go(std)
                );
                self.wrong(key, text);
            }
            _ => {}
        }
        std.clamp(*range.start(), *range.end())
    }

    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Value::List(list) => list.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn map(&self, key: &str) -> BTreeMap<String, String> {
        match self.get(key) {
            Value::Map(map) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    pub(crate) fn lists(&self, key: &str) -> BTreeMap<String, Vec<String>> {
        match self.get(key) {
            Value::Lists(lists) => lists.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// A path; `None` if it is empty.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key)).filter(|t| !t.is_empty()).map(PathBuf::from)
    }

    /// A path, below `base` if it is relative.
    pub(crate) fn path_below(&self, key: &str, base: &Path) -> PathBuf {
        let text = self.text(key);
        base.join(text.strip_prefix("./").unwrap_or(&text))
    }

    pub(crate) fn listen(&self, key: &str) -> Listen {
        Listen::parse(&self.text(key)).unwrap_or_else(|text| {
            self.wrong(key, text);
            Listen { host: None, port: 0 }
        })
    }

    pub(crate) fn advertise(&self, key: &str) -> Advertise {
        Advertise::parse(&self.text(key)).unwrap_or_else(|text| {
            self.wrong(key, text);
            Advertise::default()
        })
    }

    /// Every item of a list through `parse`.
    pub(crate) fn each<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut parsed = Vec::new();
        for (index, text) in self.list(key).iter().enumerate() {
            match parse(text) {
                Ok(item) => parsed.push(item),
                Err(text) => self.wrong(key, format!("item {} {text}", index + 1)),
            }
        }
        parsed
    }
}
