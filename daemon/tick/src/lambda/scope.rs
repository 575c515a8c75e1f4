//! Where references of an expression find their values.

use model::{Fields, Str, Tags, Time, Value};

use super::LValue;

/// What stands under a name.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// Nothing.
    Missing,
    /// A field.
    Value(&'a Value),
    /// A tag.
    Tag(&'a Str),
    /// A result computed before.
    Computed(&'a LValue),
    /// A field and a tag: `cannot have field and tags with same name`.
    TagAndField,
}

/// The names an expression may refer to.
pub trait Scope {
    /// What stands under `name`, which is never `time`.
    fn lookup(&self, name: &str) -> Found<'_>;

    /// The value of `"time"`.
    fn time(&self) -> Option<Time>;

    /// All names, for messages.
    fn names(&self) -> Vec<String>;

    /// Answers a function of [`super::Extra`].
    fn call(&self, function: &str) -> Option<LValue> {
        let _ = function;
        None
    }
}

/// A point's fields, tags and time.
#[derive(Clone, Copy, Debug)]
pub struct PointScope<'a> {
    /// Fields.
    pub fields: &'a Fields,
    /// Tags; values are strings.
    pub tags: &'a Tags,
    /// Event time.
    pub time: Time,
}

impl Scope for PointScope<'_> {
    fn lookup(&self, name: &str) -> Found<'_> {
        match (self.fields.get(name), self.tags.get(name)) {
            (Some(value), None) => Found::Value(value),
            (None, Some(tag)) => Found::Tag(tag),
            (None, None) => Found::Missing,
            (Some(_), Some(_)) => Found::TagAndField,
        }
    }

    fn time(&self) -> Option<Time> {
        Some(self.time)
    }

    fn names(&self) -> Vec<String> {
        let fields = self.fields.iter().map(|(name, _)| name.to_string());
        let mut names: Vec<_> =
            fields.chain(self.tags.iter().map(|(key, _)| key.to_string())).collect();
        names.sort_unstable();
        names
    }
}

/// No names at all: where a script computes its vars.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

impl Scope for Empty {
    fn lookup(&self, _: &str) -> Found<'_> {
        Found::Missing
    }

    fn time(&self) -> Option<Time> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
